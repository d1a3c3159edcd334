"""The Activity page: the answers this PC gave, and the last switches between sharing and not. Never what was said."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from desktop.ui.activity_presenter import ActivityView
from desktop.ui.buttons import Button
from desktop.ui.cards.frame import Card
from desktop.ui.cards.problem import ProblemCard
from desktop.ui.labels import Prose
from desktop.ui.table import Table
from desktop.ui.theme import Type
from desktop.ui.tokens import SPACE_L


class ActivityPage(QWidget):
    """`again_asked`: the relay is to be asked anew; `more_asked`: for older answers too."""

    again_asked = Signal()
    more_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.problem = ProblemCard(self.tr("Try again"))
        self.answers = _AnswersCard(self.tr("Answers of this PC"))
        self.switches = _SwitchesCard(self.tr("When this PC began and ceased to share"))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE_L)
        for card in (self.problem, self.answers, self.switches):
            column.addWidget(card)
        column.addStretch(1)
        self.problem.again.clicked.connect(self.again_asked)
        self.answers.more.clicked.connect(self.more_asked)

    def show_view(self, view: ActivityView) -> None:
        self.problem.show_problem(view.problem, busy=view.busy)
        self.answers.show_view(view)
        self.answers.setVisible(view.answers is not None or bool(view.empty))
        self.switches.show_view(view)


class _AnswersCard(Card):
    def __init__(self, title: str) -> None:
        super().__init__(title)
        self.table = Table(title)
        self.empty = Prose(ink="muted")
        self.reasons = Prose()
        self.more = Button(self.tr("Show more"))
        self.older = Prose(role=Type.CAPTION, ink="muted")
        self.privacy = Prose(
            self.tr("What was asked and answered is kept nowhere on this PC, so it cannot be shown."),
            role=Type.CAPTION,
            ink="muted",
        )
        self.more.setProperty("small", "true")
        foot = QHBoxLayout()
        foot.addWidget(self.more)
        foot.addStretch(1)
        for widget in (self.table, self.empty, self.reasons):
            self.body.addWidget(widget)
        self.body.addLayout(foot)
        self.body.addWidget(self.older)
        self.body.addWidget(self.privacy)

    def show_view(self, view: ActivityView) -> None:
        self.table.setVisible(view.answers is not None)
        if view.answers is not None:
            self.table.show_view(view.answers)
        self.empty.say(view.empty)
        self.reasons.say("\n".join(view.reasons))
        self.more.setVisible(view.can_show_more)
        self.more.setEnabled(not view.busy)
        self.older.say(view.older)


class _SwitchesCard(Card):
    def __init__(self, title: str) -> None:
        super().__init__(title)
        self.table = Table(title, wraps=True)
        self.empty = Prose(ink="muted")
        self.body.addWidget(self.table)
        self.body.addWidget(self.empty)

    def show_view(self, view: ActivityView) -> None:
        self.table.setVisible(view.switches is not None)
        if view.switches is not None:
            self.table.show_view(view.switches)
        self.empty.say(view.switches_empty)
