"""The clock hand of all running calls: it looks at each ten times a second, so that no chunk sets a timer.

It sleeps while nothing runs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from relay.completions.refusal import Refusal

TICK_S = 0.1

_log = logging.getLogger(__name__)


class Watched(Protocol):
    """A running call, as the watch sees it."""

    def tick(self, now: float) -> None:
        """Look at the time: expire, or send a heartbeat."""

    def fail(self, error: Refusal) -> None:
        """End with an error."""

    def break_off(self) -> None:
        """End at once: something is wrong with this call that nobody foresaw."""


class TimerLoop(Protocol):
    """The two functions of an event loop that the watch needs."""

    def time(self) -> float: ...

    def call_later(self, delay: float, callback: Callable[[], None], /) -> object: ...


class Watch:
    """Calls `tick` on everything added to it until it is removed; `now` is at most a tick old while anything runs."""

    __slots__ = ("_loop", "_running", "_scheduled", "now")

    def __init__(self, loop: TimerLoop) -> None:
        self._loop = loop
        self._running: dict[Watched, None] = {}
        self._scheduled = False
        self.now = loop.time()

    def __len__(self) -> int:
        return len(self._running)

    def add(self, call: Watched) -> None:
        self._running[call] = None
        if not self._scheduled:
            self._scheduled = True
            self.now = self._loop.time()
            self._loop.call_later(TICK_S, self._tick)

    def remove(self, call: Watched) -> None:
        self._running.pop(call, None)

    def running(self) -> list[Watched]:
        """A copy: its members may leave while it is walked."""
        return list(self._running)

    def broken(self, call: Watched, error: Exception) -> None:
        """One call's fault must not stop the clock of all the others: it alone is broken off."""
        _log.error("a call was broken off", exc_info=error)
        self.remove(call)
        call.break_off()

    def _tick(self) -> None:
        self.now = now = self._loop.time()
        for call in self.running():
            try:
                call.tick(now)
            except Exception as error:  # noqa: BLE001 - the supervisor of the calls
                self.broken(call, error)
        self._scheduled = bool(self._running)
        if self._scheduled:
            self._loop.call_later(TICK_S, self._tick)
