"""The card of the private relay: a switch, how it is, and where and with which key programs reach it."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QWidget

from desktop.ui.buttons import Button
from desktop.ui.cards.frame import Card
from desktop.ui.fields import Check
from desktop.ui.labels import Name, Pill, Prose, Text
from desktop.ui.private_relay_presenter import PrivateRelayView
from desktop.ui.theme import Theme, Type
from desktop.ui.tokens import SPACE_L, SPACE_S


class PrivateRelayCard(Card):
    """Only shows and asks. Hidden until it is shown something."""

    wished = Signal(bool)
    endpoint_wanted = Signal()
    key_wanted = Signal()
    connect_asked = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(self.tr("A private relay"), parent)
        self.wish = Check(theme, self.tr("Run a private relay on this PC"))
        self.word = Pill()
        self.told = Prose(role=Type.CAPTION, ink="muted")
        self.endpoint, self.key = _Line(self.tr("Address")), _Line(self.tr("API key"))
        self.connected, self.problem = Prose(ink="muted"), Prose(ink="bad")
        self.connect_button = Button("")
        self._lay_out()
        self.wish.clicked.connect(self.wished)
        self.endpoint.copy.clicked.connect(self.endpoint_wanted)
        self.key.copy.clicked.connect(self.key_wanted)
        self.connect_button.clicked.connect(self.connect_asked)
        self.setVisible(False)

    def _lay_out(self) -> None:
        switch, connect, lines = QHBoxLayout(), QHBoxLayout(), QGridLayout()
        switch.setSpacing(SPACE_S)
        switch.addWidget(self.wish)
        switch.addStretch(1)
        switch.addWidget(self.word)
        lines.setHorizontalSpacing(SPACE_L)
        lines.setVerticalSpacing(SPACE_S)
        lines.setColumnStretch(1, 1)
        for row, line in enumerate((self.endpoint, self.key)):
            for column, widget in enumerate((line.title, line.value, line.copy)):
                lines.addWidget(widget, row, column)
        connect.addWidget(self.connect_button)
        connect.addStretch(1)
        self.body.addLayout(switch)
        self.body.addWidget(self.told)
        self.body.addLayout(lines)
        self.body.addWidget(self.connected)
        self.body.addLayout(connect)
        self.body.addWidget(self.problem)

    def show_view(self, view: PrivateRelayView) -> None:
        self.setVisible(True)
        self.wish.setVisible(view.can_run)
        self.wish.setChecked(view.runs)
        self.wish.setEnabled(view.can_choose)
        self.word.say(view.word, view.tone)
        self.word.setVisible(bool(view.word))
        self.told.say(view.told)
        self.endpoint.show_value(view.endpoint, view.copy_endpoint)
        self.key.show_value(view.key, view.copy_key)
        self.connected.say(view.connected)
        self.connect_button.setText(view.connect)
        self.connect_button.setVisible(bool(view.connect))
        self.problem.say(view.problem)


class _Line:
    """A name, what it is, and a button that copies it."""

    def __init__(self, title: str) -> None:
        self.title, self.value, self.copy = Text(title, ink="muted"), Name(), Button("")
        self.copy.setProperty("small", "true")

    def show_value(self, value: str, copy: str) -> None:
        self.value.say(value)
        self.copy.setText(copy)
        self.copy.setAccessibleName(f"{copy}: {self.title.text()}")
        for widget in (self.title, self.value, self.copy):
            widget.setVisible(bool(value))
