"""Ids of calls and requests: rising, never reused, also not after a restart. Pure but for the clock it is given."""

from __future__ import annotations

from relay.clock import Clock
from relay.ledger.entries import CallId

CALLS_PER_MS_BITS = 20


class CallIds:
    """63-bit ids that begin with the time in milliseconds, so they rise over restarts as long as the clock does."""

    def __init__(self, clock: Clock, *, after: int = 0) -> None:
        """`after` is the highest id ever used, as far as the books know."""
        self._clock = clock
        self._last = after

    def __call__(self) -> CallId:
        self._last = max(self._last + 1, self._clock.now_ms() << CALLS_PER_MS_BITS)
        return CallId(self._last)
