"""How often strangers may try: a count per key and period, in memory, bounded."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

MAX_KEYS: Final = 20_000
"""Keys remembered at once; the longest unheard are forgotten first, so that many addresses cannot fill memory."""


class Throttle:
    """At most `limit` takes per key and period; the period starts with the first take."""

    def __init__(self, limit: int, period_s: float) -> None:
        self._limit = limit
        self._period_s = period_s
        self._windows: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def take(self, key: str, now: float) -> float | None:
        """None if it may, else the seconds until it may again. A refused take does not count."""
        wait = self.wait(key, now)
        if wait is None:
            start, taken = self._windows.pop(key, (now, 0))
            self._windows[key] = (start, taken + 1)
            if len(self._windows) > MAX_KEYS:
                self._windows.popitem(last=False)
        return wait

    def wait(self, key: str, now: float) -> float | None:
        """What `take` would answer, without taking."""
        start, taken = self._windows.get(key, (now, 0))
        if now - start >= self._period_s:
            self._windows.pop(key, None)
            return None
        return None if taken < self._limit else start + self._period_s - now
