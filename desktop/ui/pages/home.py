"""The home page: what this PC does now, how fast, for how much, with what and for whom."""

from __future__ import annotations

from PySide6.QtWidgets import QGridLayout, QWidget

from desktop.ui.cards.earnings import EarningsCard
from desktop.ui.cards.enrolment import EnrolmentCard
from desktop.ui.cards.models import ModelsCard
from desktop.ui.cards.relay import RelayCard
from desktop.ui.cards.speed import SpeedCard
from desktop.ui.cards.state import StateCard
from desktop.ui.theme import Theme
from desktop.ui.tokens import SPACE_M
from desktop.ui.views import HomeView

_FEW = 2
"""So many models stand beside the relay; a longer list takes the width of the page, and its sentences fewer lines."""


class HomePage(QWidget):
    """Places the cards. A PC that no relay knows yet sees the way to one instead of meters that stand still."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.state = StateCard(theme)
        self.enrolment = EnrolmentCard()
        self.speed = SpeedCard(theme)
        self.earnings = EarningsCard()
        self.models = ModelsCard(theme)
        self.relay = RelayCard()
        grid = self._grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(SPACE_M)
        grid.addWidget(self.state, 0, 0, 1, 2)
        grid.addWidget(self.enrolment, 1, 0, 1, 2)
        grid.addWidget(self.speed, 2, 0)
        grid.addWidget(self.earnings, 2, 1)
        grid.addWidget(self.models, 3, 0)
        grid.addWidget(self.relay, 3, 1)
        for column in (0, 1):
            grid.setColumnStretch(column, 1)
        grid.setRowStretch(5, 1)

    def show_view(self, view: HomeView) -> None:
        known = view.enrolment is None
        self.state.show_view(view.state)
        self.enrolment.setVisible(not known)
        if view.enrolment is not None:
            self.enrolment.show_view(view.enrolment)
        for card in (self.speed, self.earnings, self.relay):
            card.setVisible(known)
        self.speed.show_view(view.speed)
        self.earnings.show_view(view.earnings)
        self.models.show_views(view.models, view.models_empty)
        self.relay.show_view(view.relay)
        beside = known and len(view.models) <= _FEW
        if beside:
            self._grid.addWidget(self.models, 3, 0)
            self._grid.addWidget(self.relay, 3, 1)
        else:
            self._grid.addWidget(self.models, 3, 0, 1, 2)
            self._grid.addWidget(self.relay, 4, 0, 1, 2)
