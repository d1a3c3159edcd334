"""SIGTERM and SIGINT as a Qt signal: without this the process dies without a goodbye, or hears it seconds late.

Python only runs a signal handler between bytecodes, and Qt's loop runs none. The interpreter's wake-up descriptor does
get a byte at once; a notifier on its other end wakes Qt, and with it Python.
"""

from __future__ import annotations

import contextlib
import signal
import socket
from types import FrameType

from PySide6.QtCore import QObject, QSocketNotifier, Signal

_STOPPING = (signal.SIGTERM, signal.SIGINT)


class StopSignals(QObject):
    """`came` for each signal, from `__init__` until `close`, which puts everything back. Main thread only."""

    came = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._heard = False
        self._ours, theirs = socket.socketpair()
        self._theirs = theirs
        for end in (self._ours, theirs):
            end.setblocking(False)
        self._notifier = QSocketNotifier(self._ours.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._drain)
        self._before_descriptor = signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
        self._before = {number: signal.signal(number, self._handle) for number in _STOPPING}

    def close(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._before_descriptor)
        self._notifier.setEnabled(False)
        self._ours.close()
        self._theirs.close()

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        """May run between any two bytecodes, so it only takes a note; the byte in the socket brings `_drain`."""
        self._heard = True

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._ours.recv(64):
                pass
        if self._heard:
            self._heard = False
            self.came.emit()
