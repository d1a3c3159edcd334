"""Time, given to whoever needs it, so that tests own it.

Two clocks, because they answer different questions: `now_ms` is the date, for what is written down; `now` never jumps,
for measuring and for timers.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod

from mypy_extensions import mypyc_attr


@mypyc_attr(allow_interpreted_subclasses=True)
class Clock(ABC):
    """What the relay may know about time."""

    @abstractmethod
    def now_ms(self) -> int:
        """Unix time in whole milliseconds; may jump when the machine's clock is set."""

    @abstractmethod
    def now(self) -> float:
        """Seconds since an arbitrary start; never goes backwards."""


class SystemClock(Clock):
    """The machine's clocks."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def now(self) -> float:
        return time.monotonic()


class ManualClock(Clock):
    """A clock that stands still until it is told to move."""

    def __init__(self, *, unix_ms: int = 1_767_225_600_000, seconds: float = 1000.0) -> None:
        self._unix_ms = unix_ms
        self._seconds = seconds

    def now_ms(self) -> int:
        return self._unix_ms

    def now(self) -> float:
        return self._seconds

    def advance(self, seconds: float) -> None:
        """Moves both clocks on together."""
        self._seconds += seconds
        self._unix_ms += round(seconds * 1000)
