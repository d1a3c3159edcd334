"""The strip that tells of a long act: what it is, how far it is, and a way to stop it; or how the last one ended."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop.ui.buttons import Button
from desktop.ui.cards.frame import Card
from desktop.ui.labels import Prose
from desktop.ui.library_views import ActView
from desktop.ui.meters import Bar
from desktop.ui.theme import Theme
from desktop.ui.tokens import SPACE_M, SPACE_S
from desktop.ui.views import Tone


class ActCard(Card):
    """Hidden while there is nothing to tell."""

    stopped = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self.text = Prose()
        self.bar = Bar(theme)
        self.stop = Button("")
        self.problem = Prose(ink="bad")
        self.told = Prose()
        words = QVBoxLayout()
        words.setSpacing(SPACE_S)
        for widget in (self.text, self.bar, self.problem, self.told):
            words.addWidget(widget)
        row = QHBoxLayout()
        row.setSpacing(SPACE_M)
        row.addLayout(words, 1)
        row.addWidget(self.stop)
        self.body.addLayout(row)
        self.stop.clicked.connect(self.stopped)
        self.setVisible(False)

    def show_act(self, act: ActView | None, problem: str, told: str) -> None:
        self.text.say(act.text if act else "")
        self.bar.setVisible(act is not None and act.done is not None)
        if act is not None and act.done is not None:
            self.bar.show_share(act.done, Tone.GOOD)
        self.stop.setVisible(act is not None and act.can_stop)
        self.stop.setText(act.stop if act else "")
        self.problem.say(problem)
        self.told.say(told)
        self.setVisible(bool(act or problem or told))
