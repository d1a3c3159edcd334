"""Cards of rules: fields with their labels, the week, the list of programs; each with a way back to the defaults."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSizePolicy, QVBoxLayout, QWidget

from desktop.agent.sharing.schedule import Schedule
from desktop.system.contention import owners_programs
from desktop.ui.buttons import Button
from desktop.ui.cards.frame import Card
from desktop.ui.fields import Check, Choice, Number
from desktop.ui.labels import Name, Prose, Text
from desktop.ui.program_prompt import ProgramPrompt
from desktop.ui.rules_presenter import NIGHTS
from desktop.ui.rules_views import CardView, ChoiceView, FieldView, NumberView, ProgramsView, SwitchView, WeekView
from desktop.ui.theme import Theme, Type
from desktop.ui.tokens import SPACE_M, SPACE_S, SPACE_XS
from desktop.ui.week_grid import WeekGrid

_FIELD = 150
"""Logical pixels of a field: all stand below each other, as wide."""


class RulesCard(Card):
    """`wished` carries a rule and the value its owner wants; `defaults_asked` that all of the card are to go back."""

    wished = Signal(str, object)
    defaults_asked = Signal()

    def __init__(self, theme: Theme, title: str) -> None:
        super().__init__(title)
        self._theme = theme
        self.note = Prose(role=Type.CAPTION, ink="muted")
        # Not by `tr`: that would look under the name of the class that this card really is.
        back = QCoreApplication.translate("RulesCard", "Back to the defaults")
        whereto = QCoreApplication.translate("RulesCard", "To what settings.toml says, or what Nightjar comes with")
        self.defaults = Button(back, "quiet")
        self.defaults.setProperty("small", "true")
        self.defaults.setAccessibleName(f"{title}: {back}")
        self.defaults.setToolTip(whereto)
        self.defaults.clicked.connect(self.defaults_asked)
        self.heading.addWidget(self.defaults)
        self.body.addWidget(self.note)


class FieldsCard(RulesCard):
    """Rows are made once, by the first view; later ones have the same rules."""

    def __init__(self, theme: Theme, title: str) -> None:
        super().__init__(theme, title)
        self.rows: dict[str, FieldRow] = {}

    def show_view(self, view: CardView) -> None:
        self.note.say(view.note)
        for field in view.fields:
            if field.rule not in self.rows:
                self.rows[field.rule] = self._add(field)
            self.rows[field.rule].show_view(field)

    def _add(self, view: FieldView) -> FieldRow:
        row = FieldRow(self._theme, view)
        row.wished.connect(self.wished)
        self.body.addWidget(row)
        return row


class FieldRow(QWidget):
    """Label and field, and below them what is wrong with the value."""

    wished = Signal(str, object)

    def __init__(self, theme: Theme, view: FieldView) -> None:
        super().__init__()
        self.field = _field(theme, view, lambda value: self.wished.emit(view.rule, value))
        self.label = Prose()
        self.problem = Prose(role=Type.CAPTION, ink="bad")
        line = QHBoxLayout()
        line.setSpacing(SPACE_M)
        if isinstance(self.field, Check):
            line.addWidget(self.field)
            line.addStretch(1)
        else:
            self.field.setFixedWidth(max(_FIELD, self.field.sizeHint().width()))
            line.addWidget(self.label, 1)
            line.addWidget(self.field)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE_XS)
        column.addLayout(line)
        column.addWidget(self.problem)

    def show_view(self, view: FieldView) -> None:
        field = self.field
        field.setAccessibleName(view.label)
        if isinstance(view, SwitchView) and isinstance(field, Check):
            field.setText(view.label)
            field.setChecked(view.on)
        else:
            self.label.say(view.label)
        if isinstance(view, ChoiceView) and isinstance(field, Choice):
            field.show_value(view.options, view.value)
        if isinstance(view, NumberView) and isinstance(field, Number):
            field.show_value(view.value)
            field.setAccessibleDescription(view.problem)
            self.problem.say(view.problem)


def _field(theme: Theme, view: FieldView, wish: Callable[[object], None]) -> Check | Choice | Number:
    if isinstance(view, SwitchView):
        check = Check(theme)
        check.clicked.connect(wish)
        return check
    if isinstance(view, ChoiceView):
        choice = Choice(theme)
        choice.chosen.connect(wish)
        choice.show_value(view.options, view.value)
        return choice
    number = Number(theme, least=view.least, most=view.most, unit=view.unit)
    number.chosen.connect(wish)
    return number


class WeekCard(RulesCard):
    """The grid, three weeks to begin with, and the half hour under the hand in words."""

    painted = Signal(object)

    def __init__(self, theme: Theme, title: str) -> None:
        super().__init__(theme, title)
        self.grid = WeekGrid(theme)
        self.summary = Text()
        self.pointed = Text("", Type.CAPTION, ink="muted")
        # It comes and goes with the hand: the page must not change its width for it.
        self.pointed.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.pointed.setAlignment(Qt.AlignmentFlag.AlignTrailing | Qt.AlignmentFlag.AlignVCenter)
        self.note.say(
            self.tr(
                "Shares only in the hours that are filled. Drag over them to open or to close; with the keyboard, "
                "arrows move, space switches, and Shift with the arrows paints."
            )
        )
        presets = (
            (self.tr("Always"), Schedule()),
            (self.tr("Nights"), NIGHTS),
            (self.tr("Clear"), Schedule(frozenset())),
        )
        self.presets = {text: self._preset(text, schedule) for text, schedule in presets}
        self._lay_out()
        self.grid.painted.connect(self.painted)
        self.grid.pointed.connect(self.pointed.setText)

    def _preset(self, text: str, schedule: Schedule) -> Button:
        button = Button(text)
        button.setProperty("small", "true")
        button.clicked.connect(lambda: self.painted.emit(schedule.slots))
        return button

    def _lay_out(self) -> None:
        words = QHBoxLayout()
        words.addWidget(self.summary)
        words.addWidget(self.pointed, 1)
        buttons = QHBoxLayout()
        buttons.setSpacing(SPACE_S)
        for button in self.presets.values():
            buttons.addWidget(button)
        buttons.addStretch(1)
        self.body.addWidget(self.grid)
        self.body.addLayout(words)
        self.body.addLayout(buttons)

    def show_view(self, view: WeekView) -> None:
        self.grid.show_view(view)
        self.summary.setText(view.summary)


class ProgramsCard(RulesCard):
    """The programs the PC is kept free for. `added` and `removed` carry a name as it was typed, chosen or listed."""

    added = Signal(str)
    removed = Signal(str)

    def __init__(self, theme: Theme, title: str) -> None:
        super().__init__(theme, title)
        self.rows: list[ProgramRow] = []
        self.empty = Prose(ink="muted")
        self.typed = QLineEdit()
        self.add = Button(self.tr("Add"))
        self.choose = Button(self.tr("Choose one that runs…"))
        self.problem = Prose(role=Type.CAPTION, ink="bad")
        self.note.say(self.tr("Nothing is shared while one of them runs, in any mode."))
        self.typed.setPlaceholderText(self.tr("Name of the program's file, like game.exe"))
        self.typed.setAccessibleName(self.tr("Program to keep this PC free for"))
        self.typed.setMaxLength(120)
        self._column = QVBoxLayout()
        self._column.setSpacing(SPACE_XS)
        line = QHBoxLayout()
        line.setSpacing(SPACE_S)
        line.addWidget(self.typed, 1)
        line.addWidget(self.add)
        line.addWidget(self.choose)
        self.body.addLayout(self._column)
        self.body.addWidget(self.empty)
        self.body.addLayout(line)
        self.body.addWidget(self.problem)
        self.add.clicked.connect(self._give)
        self.typed.returnPressed.connect(self._give)
        self.choose.clicked.connect(self._choose)

    def show_view(self, view: ProgramsView) -> None:
        while len(self.rows) < len(view.names):
            self.rows.append(ProgramRow(self.removed.emit))
            self._column.addWidget(self.rows[-1])
        for at, row in enumerate(self.rows):
            row.setVisible(at < len(view.names))
            row.show_name(view.names[at] if at < len(view.names) else "")
        self.empty.say(view.empty)
        self.problem.say(view.problem)

    def _give(self) -> None:
        self.added.emit(self.typed.text())
        if not self.problem.text():
            self.typed.clear()

    def _choose(self) -> None:
        prompt = ProgramPrompt(owners_programs(), self)
        text = self.tr("Nothing is shared while the program you choose here runs.")
        prompt.explain(self.tr("Keep this PC free for a program"), text, self.tr("Add"))
        prompt.named.connect(self.added)
        prompt.open()


class ProgramRow(QWidget):
    """One program, and the button that takes it off the list."""

    def __init__(self, removed: Callable[[str], None]) -> None:
        super().__init__()
        self.name, self.remove = Name(), Button(self.tr("Remove"), "quiet")
        self.remove.setProperty("small", "true")
        self.remove.clicked.connect(lambda: removed(self.name.text()))
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self.name, 1)
        line.addWidget(self.remove)

    def show_name(self, name: str) -> None:
        self.name.say(name)
        self.remove.setAccessibleName(self.tr("Remove %1").replace("%1", name))
