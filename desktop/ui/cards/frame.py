"""The card: a framed group with a quiet title. All cards share its edges and spaces."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from desktop.ui.labels import Text
from desktop.ui.theme import Type
from desktop.ui.tokens import SPACE_L, SPACE_S


class Card(QFrame):
    """Holds `body`, a column. The title is the card's accessible name too."""

    def __init__(self, title: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("card", "true")
        self.setAccessibleName(title)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(SPACE_L, SPACE_L, SPACE_L, SPACE_L)
        self.body.setSpacing(SPACE_S)
        self.heading = QHBoxLayout()
        self.heading.setSpacing(SPACE_S)
        if title:
            self.heading.addWidget(Text(title, Type.CAPTION, ink="muted"))
            self.heading.addStretch(1)
            self.body.addLayout(self.heading)


def figure_line(figure: Text, unit: Text) -> QHBoxLayout:
    """A large number and what it counts, on one base line."""
    line = QHBoxLayout()
    line.setSpacing(SPACE_S)
    line.addWidget(figure, 0, Qt.AlignmentFlag.AlignBottom)
    # The unit stands on the figure's base line: the difference of the two descents is added below it.
    unit.setContentsMargins(0, 0, 0, figure.fontMetrics().descent() - unit.fontMetrics().descent())
    line.addWidget(unit, 0, Qt.AlignmentFlag.AlignBottom)
    line.addStretch(1)
    return line
