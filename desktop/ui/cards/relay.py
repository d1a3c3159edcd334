"""The relay card: who this PC works for, and how the connection is."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QWidget

from desktop.ui.cards.frame import Card
from desktop.ui.labels import Name, Pill, Prose
from desktop.ui.theme import Type
from desktop.ui.tokens import SPACE_S, SPACE_XS
from desktop.ui.views import RelayView


class RelayCard(Card):
    """Address and state in a line, the sentence below."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(self.tr("Relay"), parent)
        self.address = Name()
        self.word = Pill()
        self.detail = Prose(role=Type.CAPTION, ink="muted")
        line = QHBoxLayout()
        line.setSpacing(SPACE_S)
        line.addWidget(self.address, 1)
        line.addWidget(self.word)
        self.body.addLayout(line)
        self.body.addSpacing(SPACE_XS - SPACE_S)
        self.body.addWidget(self.detail)
        self.body.addStretch(1)

    def show_view(self, view: RelayView) -> None:
        self.address.say(view.address or "—")
        self.word.say(view.word, view.tone)
        self.detail.say(view.detail)
