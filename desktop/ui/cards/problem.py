"""Why a page cannot say more, in a sentence, and a button that tries again."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout

from desktop.ui.buttons import Button
from desktop.ui.cards.frame import Card
from desktop.ui.labels import Prose
from desktop.ui.tokens import SPACE_M


class ProblemCard(Card):
    """Hidden while there is no problem."""

    def __init__(self, again: str) -> None:
        super().__init__()
        self.text, self.again = Prose(ink="bad"), Button(again)
        row = QHBoxLayout()
        row.setSpacing(SPACE_M)
        row.addWidget(self.text, 1)
        row.addWidget(self.again)
        self.body.addLayout(row)
        self.setVisible(False)

    def show_problem(self, problem: str, *, busy: bool, can_try: bool = True) -> None:
        """`can_try`: the button would do once more what failed."""
        self.text.say(problem)
        self.again.setVisible(can_try)
        self.again.setEnabled(not busy)
        self.setVisible(bool(problem))
