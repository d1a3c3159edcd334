"""What was observed of late, in memory of a fixed size. Pure: the time is given, in seconds, and only goes forward."""

from __future__ import annotations

import math
from typing import Final

_FIRST: Final = 0.001
"""Upper end of the first bucket; each next one is a quarter larger, which bounds the error of a percentile."""
_GROWTH: Final = 1.25
_BUCKETS: Final = 72
"""Up to 9,000 s, or tokens a second."""
_BOUNDS: Final = tuple(_FIRST * math.pow(_GROWTH, at) for at in range(_BUCKETS))
_HALF_STEP: Final = math.sqrt(_GROWTH)
_NEGLIGIBLE: Final = 1e-3


class Tally:
    """How many things went well and how many did not, over the last `buckets` times `width_s` seconds."""

    __slots__ = ("_bad", "_good", "_latest", "_width")

    def __init__(self, buckets: int, width_s: float) -> None:
        self._good = [0] * buckets
        self._bad = [0] * buckets
        self._width = width_s
        self._latest = 0

    def add(self, now: float, *, good: int = 0, bad: int = 0) -> None:
        at = self._turn_to(now)
        self._good[at] += good
        self._bad[at] += bad

    def counts(self, now: float) -> tuple[int, int]:
        """Good and bad."""
        self._turn_to(now)
        return sum(self._good), sum(self._bad)

    def share(self, now: float) -> float | None:
        """Of the good, 0 to 1; None if there was nothing."""
        good, bad = self.counts(now)
        return good / (good + bad) if good + bad else None

    def _turn_to(self, now: float) -> int:
        size, bucket = len(self._good), int(now / self._width)
        for stale in range(max(self._latest + 1, bucket - size + 1), bucket + 1):
            self._good[stale % size] = self._bad[stale % size] = 0
        self._latest = max(self._latest, bucket)
        return self._latest % size


class Spread:
    """Percentiles of positive values, the later of which count more: a value's weight halves every `half_life_s`."""

    __slots__ = ("_at", "_half_life", "_known", "_weights", "total")

    def __init__(self, half_life_s: float) -> None:
        self._weights = [0.0] * _BUCKETS
        self._half_life = half_life_s
        self._at = 0.0
        self._known: dict[float, float] = {}
        self.total = 0.0

    def add(self, now: float, value: float) -> None:
        # Instead of making all older values lighter at each new one, the new one is made heavier.
        weight: float = 2.0 ** ((now - self._at) / self._half_life)
        if weight > 1e6:
            self._settle(now)
            weight = 1.0
        self._weights[_bucket(value)] += weight
        self.total += weight
        self._known.clear()

    def percentile(self, share: float) -> float | None:
        """The value that `share` (0 to 1) of all are at or below, to a quarter; None if there was none."""
        if self.total <= 0:
            return None
        known = self._known.get(share)
        if known is None:
            known = self._known[share] = self._find(share)
        return known

    def _find(self, share: float) -> float:
        wanted, seen = share * self.total, 0.0
        for bound, weight in zip(_BOUNDS, self._weights, strict=True):
            seen += weight
            if seen >= wanted and weight:
                return bound / _HALF_STEP
        return _BOUNDS[-1]

    def _settle(self, now: float) -> None:
        factor = 0.5 ** ((now - self._at) / self._half_life)
        self._at = now
        self._weights = [each * factor if each * factor > _NEGLIGIBLE else 0.0 for each in self._weights]
        self.total = sum(self._weights)


def _bucket(value: float) -> int:
    low, high = 0, _BUCKETS - 1
    while low < high:
        middle = (low + high) // 2
        if _BOUNDS[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low
