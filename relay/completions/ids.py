"""Ids of calls and requests: rising, never reused, also not after a restart. Pure but for the clock it is given."""

from __future__ import annotations

from relay.clock import Clock
from relay.ledger.entries import CallId
from relay.settings import MOST_WORKERS

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


class WorkerCallIds:
    """As `CallIds`, for one of several processes: no two of them ever make the same."""

    def __init__(self, clock: Clock, *, after: int, worker: int) -> None:
        self._clock = clock
        self._worker = worker
        self._last = after - after % MOST_WORKERS + worker

    def __call__(self) -> CallId:
        self._last = max(self._last + MOST_WORKERS, (self._clock.now_ms() << CALLS_PER_MS_BITS) + self._worker)
        return CallId(self._last)


def maker_of(call: CallId) -> int:
    """Which process of a relay of several made the id."""
    return call % MOST_WORKERS
