"""The one place where the agent's thread and Qt's meet.

Up: the agent calls back on its own thread with a frozen snapshot, and Qt carries it over. Snapshots that come faster
than the interface can show them are not queued: only the newest waits. Down: a command goes to `Agent.post`, which may
be called from any thread and never blocks.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from PySide6.QtCore import QObject, Qt, Signal

from desktop.agent.commands import Command
from desktop.agent.state import Snapshot


class AgentHandle(Protocol):
    """The agent as the interface sees it. All three may be called from any thread and return at once."""

    def post(self, command: Command, /) -> None: ...

    def subscribe(self, callback: Callable[[Snapshot], None], /) -> Callable[[], None]:
        """Calls `callback`, on any thread, with the present snapshot and every later one. Returns what ends it."""

    def on_ended(self, callback: Callable[[], None], /) -> None:
        """Calls `callback` once, on any thread, when the agent has ended; at once if it has already."""


class Bridge(QObject):
    """Lives on Qt's thread. `arrived` carries the newest Snapshot, `ended` says that there will be none any more."""

    arrived = Signal(object)
    ended = Signal()
    _woken = Signal()
    _stopped = Signal()

    def __init__(self, agent: AgentHandle, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._agent = agent
        self._lock = threading.Lock()
        self._newest: Snapshot | None = None
        self._closed = False
        self._leave: Callable[[], None] | None = None
        self._woken.connect(self._deliver, Qt.ConnectionType.QueuedConnection)
        self._stopped.connect(self.ended, Qt.ConnectionType.QueuedConnection)

    def start(self) -> None:
        """Whoever wants snapshots is connected by now."""
        self._leave = self._agent.subscribe(self._take)
        self._agent.on_ended(self._take_end)

    def close(self) -> None:
        """The agent may live on and speak; it is not heard any more, and this object may be deleted."""
        with self._lock:
            self._closed = True
            leave, self._leave = self._leave, None
        if leave is not None:
            leave()

    def post(self, command: Command) -> None:
        self._agent.post(command)

    def _take(self, snapshot: Snapshot) -> None:
        """On any thread. The lock is kept while Qt is told, so that `close` cannot come in between."""
        with self._lock:
            waiting, self._newest = self._newest is not None, snapshot
            if not waiting and not self._closed:
                self._woken.emit()

    def _take_end(self) -> None:
        with self._lock:
            if not self._closed:
                self._stopped.emit()

    def _deliver(self) -> None:
        with self._lock:
            snapshot, self._newest = self._newest, None
            heard = snapshot is not None and not self._closed
        if heard:
            self.arrived.emit(snapshot)
