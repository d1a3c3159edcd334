"""How long a pause can be or what ends it, and the menu of it that the tray and the window share."""

from __future__ import annotations

import enum
from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from desktop.agent.sharing.decision import PLUGGED_IN
from desktop.system.power import unplugged
from desktop.ui.figures import tomorrow

_MINUTE = 60.0

AT_MOST_S = 7 * 86_400.0
"""A pause that waits for something ends by itself at last, as on the command line: nobody should find out in spring."""


class Pause(enum.Enum):
    """The lengths on offer. Each becomes an end time when it is chosen, so that it survives a restart."""

    HALF_HOUR = 30 * _MINUTE
    ONE_HOUR = 60 * _MINUTE
    FOUR_HOURS = 240 * _MINUTE
    UNTIL_TOMORROW = 0.0
    UNTIL_PLUGGED_IN = AT_MOST_S

    def until(self, now: float) -> float:
        return tomorrow(now) if self is Pause.UNTIL_TOMORROW else now + self.value

    @property
    def ends_with(self) -> str:
        """What ends it before its time, in the words of `Snooze`."""
        return PLUGGED_IN if self is Pause.UNTIL_PLUGGED_IN else ""


class PauseMenu(QMenu):
    """One row a length. `chosen` carries the Pause; `program_asked`: until a program closes, still to be named.

    A PC that is plugged in cannot wait for that: the row is there all the same, since a menu is never rebuilt.
    """

    chosen = Signal(Pause)
    program_asked = Signal()

    def __init__(self, parent: QWidget | None = None, *, on_battery: Callable[[], bool] = unplugged) -> None:
        super().__init__(parent)
        self._on_battery = on_battery
        self._allowed = True
        self.setTitle(self.tr("Pause"))
        self._add(self.tr("30 minutes"), Pause.HALF_HOUR)
        self._add(self.tr("1 hour"), Pause.ONE_HOUR)
        self._add(self.tr("4 hours"), Pause.FOUR_HOURS)
        self._add(self.tr("Until tomorrow"), Pause.UNTIL_TOMORROW)
        self._plugged = self._add(self.tr("Until plugged in"), Pause.UNTIL_PLUGGED_IN)
        self.program = QAction(self.tr("Until a program closes…"), self)
        self.program.triggered.connect(lambda _checked: self.program_asked.emit())
        self.addAction(self.program)
        self.lengths = self.actions()
        self.aboutToShow.connect(self._look)
        self._look()

    def _add(self, text: str, pause: Pause) -> QAction:
        row = QAction(text, self)
        row.triggered.connect(lambda _checked: self.chosen.emit(pause))
        self.addAction(row)
        return row

    def allow(self, *, allowed: bool) -> None:
        """Whether there is anything to pause."""
        self._allowed = allowed
        for row in self.lengths:
            row.setEnabled(allowed)
        self._look()

    def _look(self) -> None:
        self._plugged.setEnabled(self._allowed and self._on_battery())
