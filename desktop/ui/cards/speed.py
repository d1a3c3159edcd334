"""The speed card: tokens a second now, and over the last minute."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from desktop.ui.cards.frame import Card, figure_line
from desktop.ui.labels import Prose, Text
from desktop.ui.meters import Sparkline
from desktop.ui.theme import Theme, Type
from desktop.ui.views import SpeedView


class SpeedCard(Card):
    """A number, a line, and what makes them."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(self.tr("Speed now"), parent)
        self.figure = Text("0", Type.FIGURE)
        self.unit = Text("", ink="muted")
        self.line = Sparkline(theme)
        self.caption = Prose(role=Type.CAPTION, ink="muted")
        self.body.addLayout(figure_line(self.figure, self.unit))
        self.body.addStretch(1)
        self.body.addWidget(self.line)
        self.body.addWidget(self.caption)

    def show_view(self, view: SpeedView) -> None:
        self.figure.setText(view.figure)
        self.unit.setText(view.unit)
        self.line.show_values(view.history)
        self.line.setAccessibleName(view.spoken)
        self.caption.say(view.caption)
