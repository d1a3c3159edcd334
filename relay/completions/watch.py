"""The clock hand of all running calls: it looks at each ten times a second, so that no chunk sets a timer.

It sleeps while nothing runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from relay.completions.refusal import Refusal

TICK_S = 0.1


class Watched(Protocol):
    """A running call, as the watch sees it."""

    def tick(self, now: float) -> None:
        """Look at the time: expire, or send a heartbeat."""

    def fail(self, error: Refusal) -> None:
        """End with an error."""


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

    def _tick(self) -> None:
        self.now = now = self._loop.time()
        for call in self.running():
            call.tick(now)
        self._scheduled = bool(self._running)
        if self._scheduled:
            self._loop.call_later(TICK_S, self._tick)
