"""The earnings card: today, this month, and all time; less than a cent is told exactly too."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QWidget

from desktop.ui.cards.frame import Card, figure_line
from desktop.ui.labels import Prose, Text
from desktop.ui.theme import Type
from desktop.ui.tokens import SPACE_XS
from desktop.ui.views import EarningsView, Money


class EarningsCard(Card):
    """Figures, or one sentence in their place."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(self.tr("Earned"), parent)
        self.today = Text("", Type.FIGURE)
        self.exact = Text("", Type.CAPTION, ink="muted")
        self.month = Text("", Type.STRONG)
        self.lifetime = Text("", Type.STRONG)
        self.caption = Text("", Type.CAPTION, ink="muted")
        self.empty = Prose(ink="muted")
        self._figures = QWidget()
        self._lay_out(QGridLayout(self._figures))
        self.body.addWidget(self._figures, 1)
        self.body.addWidget(self.empty)
        self.body.addStretch(0)

    def _lay_out(self, grid: QGridLayout) -> None:
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(SPACE_XS)
        grid.setColumnStretch(1, 1)
        grid.addLayout(figure_line(self.today, Text(self.tr("today"), ink="muted")), 0, 0, 1, 3)
        grid.addWidget(self.exact, 1, 0, 1, 3)
        grid.addWidget(self.caption, 2, 0, 1, 3)
        grid.setRowStretch(3, 1)
        longer = (self.tr("This month"), self.month), (self.tr("All time"), self.lifetime)
        for row, (name, value) in enumerate(longer, 4):
            grid.addWidget(Text(name, ink="muted"), row, 0)
            grid.addWidget(value, row, 2, Qt.AlignmentFlag.AlignTrailing)

    def show_view(self, view: EarningsView) -> None:
        self._figures.setVisible(not view.empty)
        self.empty.say(view.empty)
        for label, money in ((self.today, view.today), (self.month, view.month), (self.lifetime, view.lifetime)):
            _show(label, money)
        self.exact.setText(view.exact)
        self.exact.setVisible(bool(view.exact))
        self.caption.setText(view.caption)


def _show(label: Text, money: Money) -> None:
    label.setText(money.rounded)
    label.setToolTip(money.exact)
    label.setAccessibleDescription(money.exact)
