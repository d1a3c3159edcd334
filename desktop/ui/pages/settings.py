"""The Settings page: start at login, colours, the relay, the models' folder, privacy, and what this program is."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from desktop.ui.buttons import Button
from desktop.ui.cards.frame import Card
from desktop.ui.cards.private_relay import PrivateRelayCard
from desktop.ui.fields import Check
from desktop.ui.labels import Prose, Text
from desktop.ui.settings_presenter import ChoiceView, SettingsView
from desktop.ui.theme import Theme, Type
from desktop.ui.tokens import SPACE_L, SPACE_M, SPACE_S


class SettingsPage(QWidget):
    """Only shows and asks. `start_wished` carries yes or no, the signals of choices a word."""

    start_wished = Signal(bool)
    look_chosen = Signal(str)
    language_chosen = Signal(str)
    notices_chosen = Signal(str)
    folder_asked = Signal()
    forget_asked = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.start = _StartCard(theme, self.tr("Start"))
        self.looks = _ChoiceCard(self.tr("Colours"))
        self.languages = _ChoiceCard(self.tr("Language"))
        self.notices = _ChoiceCard(self.tr("Notifications"))
        self.relay = _RelayCard(self.tr("Relay"))
        self.private_relay = PrivateRelayCard(theme)
        self.models = _ModelsCard(self.tr("Models’ folder"))
        self.privacy = _PrivacyCard(self.tr("Privacy"))
        self.about = _AboutCard(self.tr("About Nightjar"))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE_L)
        choices, relays = (self.looks, self.languages, self.notices), (self.relay, self.private_relay)
        for card in (self.start, *choices, *relays, self.models, self.privacy, self.about):
            column.addWidget(card)
        column.addStretch(1)
        self.start.wish.clicked.connect(self.start_wished)
        self.looks.chosen.connect(self.look_chosen)
        self.languages.chosen.connect(self.language_chosen)
        self.notices.chosen.connect(self.notices_chosen)
        self.models.open.clicked.connect(self.folder_asked)
        self.privacy.forget.clicked.connect(self.forget_asked)

    def show_view(self, view: SettingsView) -> None:
        self.looks.show_view(view.looks)
        self.languages.show_view(view.languages)
        self.notices.show_view(view.notices)
        for card in (self.start, self.relay, self.models, self.privacy, self.about):
            card.show_view(view)


class _StartCard(Card):
    def __init__(self, theme: Theme, title: str) -> None:
        super().__init__(title)
        self.wish = Check(theme, self.tr("Start Nightjar when I log in"))
        self.told, self.problem = Prose(role=Type.CAPTION, ink="muted"), Prose(ink="bad")
        for widget in (self.wish, self.told, self.problem):
            self.body.addWidget(widget)

    def show_view(self, view: SettingsView) -> None:
        self.wish.setChecked(view.starts)
        self.wish.setEnabled(view.can_start)
        self.told.say(view.start_told)
        self.problem.say(view.start_problem)


class _ChoiceCard(Card):
    """One of a few words, each a button that stays down."""

    chosen = Signal(str)

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self.told, self.problem = Prose(role=Type.CAPTION, ink="muted"), Prose(ink="bad")
        self.buttons: dict[str, Button] = {}
        self._group = QButtonGroup(self)
        self._row = QHBoxLayout()
        self._row.setSpacing(SPACE_S)
        self._row.addStretch(1)
        self.body.addLayout(self._row)
        self.body.addWidget(self.told)
        self.body.addWidget(self.problem)

    def show_view(self, view: ChoiceView) -> None:
        for at, (word, text) in enumerate(view.options):
            if word not in self.buttons:
                self._add(at, word, text)
            self.buttons[word].setText(text)
        self.buttons[view.chosen].setChecked(True)
        self.told.say(view.told)
        self.problem.say(view.problem)

    def _add(self, at: int, word: str, text: str) -> None:
        button = self.buttons[word] = Button(text)
        button.setCheckable(True)
        button.setProperty("small", "true")
        button.clicked.connect(lambda: self.chosen.emit(word))
        self._group.addButton(button)
        self._row.insertWidget(at, button)


class _RelayCard(Card):
    def __init__(self, title: str) -> None:
        super().__init__(title)
        self.name, self.detail = Prose(role=Type.STRONG), Prose(role=Type.CAPTION, ink="muted")
        self.body.addWidget(self.name)
        self.body.addWidget(self.detail)

    def show_view(self, view: SettingsView) -> None:
        self.name.say(view.relay)
        self.detail.say(view.relay_detail)


class _ModelsCard(Card):
    def __init__(self, title: str) -> None:
        super().__init__(title)
        self.folder, self.told = Prose(role=Type.STRONG), Prose()
        self.problem = Prose(ink="bad")
        self.hint = Prose(self.tr("It can be moved on the page Models."), role=Type.CAPTION, ink="muted")
        self.open = Button(self.tr("Open the folder"))
        for widget in (self.folder, self.told, self.problem):
            self.body.addWidget(widget)
        row = QHBoxLayout()
        row.addWidget(self.open)
        row.addStretch(1)
        self.body.addLayout(row)
        self.body.addWidget(self.hint)

    def show_view(self, view: SettingsView) -> None:
        self.folder.say(view.models_folder)
        self.told.say(view.models)
        self.problem.say(view.models_problem)
        self.open.setEnabled(bool(view.models_folder))


class _PrivacyCard(Card):
    def __init__(self, title: str) -> None:
        super().__init__(title)
        self.lines: list[Prose] = []
        self.traces, self.told = Prose(role=Type.STRONG), Prose(ink="muted")
        self.problem = Prose(ink="bad")
        self.forget = Button(self.tr("Remove log and history…"))
        self._said = QVBoxLayout()
        self._said.setSpacing(SPACE_S)
        self.body.addLayout(self._said)
        self.body.addSpacing(SPACE_S)
        for widget in (self.traces, self.told, self.problem):
            self.body.addWidget(widget)
        row = QHBoxLayout()
        row.addWidget(self.forget)
        row.addStretch(1)
        self.body.addLayout(row)

    def show_view(self, view: SettingsView) -> None:
        while len(self.lines) < len(view.kept):
            self.lines.append(Prose())
            self._said.addWidget(self.lines[-1])
        for line, text in zip(self.lines, view.kept, strict=True):
            line.say(text)
        self.traces.say(view.forget)
        self.told.say(view.forgotten)
        self.problem.say(view.forget_problem)
        self.forget.setEnabled(view.can_forget)


class _AboutCard(Card):
    """Pairs of a name and what it is, one below the other."""

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self.pairs: list[tuple[Text, Prose]] = []
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(SPACE_L)
        self._grid.setVerticalSpacing(SPACE_M)
        self._grid.setColumnStretch(1, 1)
        self.body.addLayout(self._grid)

    def show_view(self, view: SettingsView) -> None:
        while len(self.pairs) < len(view.about):
            pair = Text(ink="muted"), Prose()
            for column, widget in enumerate(pair):
                self._grid.addWidget(widget, len(self.pairs), column)
            self.pairs.append(pair)
        for (name, value), (says, what) in zip(self.pairs, view.about, strict=True):
            name.setText(says)
            value.say(what)
