"""How long a pause can be, and the menu of it that the tray and the window share."""

from __future__ import annotations

import enum

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from desktop.ui.figures import tomorrow

_MINUTE = 60.0


class Pause(enum.Enum):
    """The lengths on offer. Each becomes an end time when it is chosen, so that it survives a restart."""

    HALF_HOUR = 30 * _MINUTE
    ONE_HOUR = 60 * _MINUTE
    FOUR_HOURS = 240 * _MINUTE
    UNTIL_TOMORROW = 0.0

    def until(self, now: float) -> float:
        return tomorrow(now) if self is Pause.UNTIL_TOMORROW else now + self.value


class PauseMenu(QMenu):
    """One row a length. `chosen` carries the Pause."""

    chosen = Signal(Pause)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTitle(self.tr("Pause"))
        self._add(self.tr("30 minutes"), Pause.HALF_HOUR)
        self._add(self.tr("1 hour"), Pause.ONE_HOUR)
        self._add(self.tr("4 hours"), Pause.FOUR_HOURS)
        self._add(self.tr("Until tomorrow"), Pause.UNTIL_TOMORROW)

    def _add(self, text: str, pause: Pause) -> None:
        row = QAction(text, self)
        row.triggered.connect(lambda: self.chosen.emit(pause))
        self.addAction(row)
