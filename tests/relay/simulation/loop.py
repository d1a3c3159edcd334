"""An event loop whose time passes only when nothing is left to do at its present."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

from relay.clock import Clock

Callback = Callable[[], None]


class VirtualLoop:
    """What the relay's core needs of an event loop. Callbacks of one instant run in the order in which they came."""

    def __init__(self) -> None:
        self._now = 1000.0
        self._order = itertools.count()
        self._due: list[tuple[float, int, Callback]] = []

    def time(self) -> float:
        return self._now

    def call_soon(self, callback: Callback, /) -> None:
        self.call_later(0.0, callback)

    def call_later(self, delay: float, callback: Callback, /) -> None:
        heapq.heappush(self._due, (self._now + delay, next(self._order), callback))

    def run(self, *, longest_s: float) -> None:
        """Until nothing is left to do. Raises AssertionError if that takes longer than so many seconds of its time."""
        end = self._now + longest_s
        while self._due:
            self._now, _, callback = heapq.heappop(self._due)
            assert self._now <= end, f"something still goes on after {longest_s:g} s"
            callback()


class VirtualClock(Clock):
    """The loop's time, as both of the relay's clocks."""

    def __init__(self) -> None:
        self.loop = VirtualLoop()

    def now_ms(self) -> int:
        return 1_767_225_600_000 + round(self.loop.time() * 1000)

    def now(self) -> float:
        return self.loop.time()


class Pipe:
    """Carries things one way, each after a while, never one past another."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self._free_at = 0.0
        self.broken = False

    def carry(self, after_s: float, arrive: Callback) -> None:
        """`arrive` is called then, unless the pipe is broken by that time."""
        at = max(self._loop.time() + after_s, self._free_at)
        self._free_at = at
        self._loop.call_later(at - self._loop.time(), lambda: None if self.broken else arrive())
