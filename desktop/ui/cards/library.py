"""Rows of models with what can be done with each: on the Models page, in its library, its queue and its catalogue."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from desktop.ui.buttons import Button
from desktop.ui.cards.frame import Card
from desktop.ui.labels import Name, Pill, Prose, Text, as_tip
from desktop.ui.library_views import ActionView, RowView, Wanted
from desktop.ui.meters import Bar
from desktop.ui.theme import Theme, Type, restyle
from desktop.ui.tokens import SPACE_M, SPACE_S, SPACE_XS
from desktop.ui.views import Tone

_TOP = Qt.AlignmentFlag.AlignTop


class LibraryRow(QWidget):
    """`asked` carries what the owner wants and the model's name."""

    asked = Signal(object, str)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._view: RowView | None = None
        self.name, self.state = Name(), Pill()
        self.detail = Prose(role=Type.CAPTION, ink="muted")
        self.note = Prose(role=Type.CAPTION, ink="muted")
        self.bar = Bar(theme)
        self.figure = Text("", Type.STRONG)
        self.unit = Text("", Type.CAPTION, ink="muted")
        self.buttons: dict[Wanted, Button] = {}
        self.side = QWidget()
        self._actions = QHBoxLayout(self.side)
        self._actions.setContentsMargins(0, 0, 0, 0)
        self._actions.setSpacing(SPACE_XS)
        self._actions.addStretch(1)
        self._lay_out()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(SPACE_S)
        head.addWidget(self.name, 1)
        head.addWidget(self.state)
        words = QVBoxLayout()
        words.setSpacing(SPACE_XS + 2)
        words.addLayout(head)
        for widget in (self.bar, self.detail, self.note):
            words.addWidget(widget)
        worth = QVBoxLayout()
        worth.setSpacing(0)
        for label in (self.figure, self.unit):
            label.setAlignment(Qt.AlignmentFlag.AlignTrailing)
            worth.addWidget(label)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, SPACE_S, 0, SPACE_S)
        row.setSpacing(SPACE_M)
        row.addLayout(words, 1)
        row.addLayout(worth)
        row.addWidget(self.side)
        row.setAlignment(worth, _TOP)
        row.setAlignment(self.side, _TOP)

    def show_view(self, view: RowView) -> None:
        if view == self._view:
            return
        self._view = view
        self.name.say(view.shown)
        self.state.setVisible(bool(view.state))
        self.state.say(view.state, view.tone)
        self.detail.say(view.detail)
        self.note.say(view.note)
        restyle(self.note, "ink", "bad" if view.note_tone is Tone.BAD else "muted")
        self.bar.setVisible(view.done is not None)
        if view.done is not None:
            self.bar.show_share(view.done, view.tone)
            self.bar.setAccessibleName(view.spoken)
        for label, text in ((self.figure, view.figure), (self.unit, view.figure_unit)):
            label.setText(text)
            label.setVisible(bool(text))
        self._show_actions(view.actions)

    def _show_actions(self, actions: tuple[ActionView, ...]) -> None:
        """Buttons are made once each; one that goes away keeps no focus."""
        for wanted, button in self.buttons.items():
            button.setVisible(any(action.wanted is wanted for action in actions))
        for action in actions:
            button = self.buttons.get(action.wanted) or self._add(action.wanted)
            button.setText(action.text)
            button.setAccessibleName(action.spoken)
            button.setEnabled(action.enabled)
            button.setToolTip(as_tip(action.why_not))
            button.setAccessibleDescription(action.why_not)
            button.setVisible(True)

    def _add(self, wanted: Wanted) -> Button:
        kind = "quiet" if wanted in {Wanted.REMOVE, Wanted.CANCEL} else "plain"
        button = self.buttons[wanted] = Button("", kind)  # type: ignore[arg-type]
        button.setProperty("small", "true")
        button.clicked.connect(lambda: self._press(wanted))
        self._actions.addWidget(button)
        return button

    def _press(self, wanted: Wanted) -> None:
        if self._view is not None:
            self.asked.emit(wanted, self._view.name)


class RowsCard(Card):
    """Rows with hairlines between them, or a sentence where there are none. Rows are made once and reused."""

    asked = Signal(object, str)

    def __init__(self, theme: Theme, title: str, parent: QWidget | None = None) -> None:
        super().__init__(title, parent)
        self._theme = theme
        self.rows: list[LibraryRow] = []
        self._lines: list[QFrame] = []
        self.empty = Prose(ink="muted")
        self._column = QVBoxLayout()
        self._column.setSpacing(0)
        self.body.addLayout(self._column)
        self.body.addWidget(self.empty)

    def show_rows(self, views: tuple[RowView, ...], empty: str = "") -> None:
        while len(self.rows) < len(views):
            self._add()
        for at, (line, row) in enumerate(zip(self._lines, self.rows, strict=True)):
            line.setVisible(0 < at < len(views))
            row.setVisible(at < len(views))
            if at < len(views):
                row.show_view(views[at])
        self._align([row.side for row in self.rows[: len(views)]])
        self.empty.say("" if views else empty)

    def _align(self, columns: list[QWidget]) -> None:
        """All rows give their buttons the same room, so that signs and figures stand below each other."""
        for column in columns:
            column.setMinimumWidth(0)
            column.ensurePolished()
        widest = max((column.sizeHint().width() for column in columns), default=0)
        for column in columns:
            column.setMinimumWidth(widest)

    def _add(self) -> None:
        line = QFrame()
        line.setProperty("line", "true")
        line.setFixedHeight(1)
        row = LibraryRow(self._theme)
        row.asked.connect(self.asked)
        self._lines.append(line)
        self.rows.append(row)
        self._column.addWidget(line)
        self._column.addWidget(row)
