"""Tokens per second, for the last minute, one figure a second. Pure: whoever owns it calls `tick` once a second."""

from __future__ import annotations

from collections import deque

MINUTE = 60


class RateMeter:
    """Counts tokens between ticks. It is at rest when the whole minute was still; then nobody needs to tick it."""

    def __init__(self) -> None:
        self._since_tick = 0
        self._history: deque[float] = deque(maxlen=MINUTE)

    def add(self, tokens: int) -> None:
        self._since_tick += tokens

    def tick(self, elapsed: float) -> None:
        """Ends one span of `elapsed` seconds, about one."""
        self._history.append(self._since_tick / elapsed if elapsed > 0 else 0.0)
        self._since_tick = 0

    @property
    def tokens_per_s(self) -> float:
        return self._history[-1] if self._history else 0.0

    @property
    def history(self) -> tuple[float, ...]:
        """Oldest first; the values of `Snapshot.rate_history`."""
        return tuple(self._history)

    @property
    def at_rest(self) -> bool:
        return not self._since_tick and not any(self._history)

    def still(self) -> None:
        """The minute passed without a tick, since nothing happened in it."""
        self._history.clear()
