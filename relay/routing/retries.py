"""How often an organisation's calls may be tried again. Pure: the time is given, in seconds.

When everything fails, retries multiply the load on what is ill already: beyond a share of all calls they end.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

from relay.routing.windows import Tally

SHARE: Final = 0.1
FREE_A_MINUTE: Final = 10
_REMEMBERED: Final = 10_000


class RetryBudget:
    """A tenth of the calls of the last minute, and ten more."""

    def __init__(self) -> None:
        self._counts: dict[Hashable, Tally] = {}

    def called(self, who: Hashable, now: float) -> None:
        """A call was admitted."""
        self._of(who).add(now, good=1)

    def take(self, who: Hashable, now: float) -> bool:
        """Whether one more retry may be made; it then counts."""
        counts = self._of(who)
        calls, retries = counts.counts(now)
        if retries >= FREE_A_MINUTE + SHARE * calls:
            return False
        counts.add(now, bad=1)
        return True

    def _of(self, who: Hashable) -> Tally:
        counts = self._counts.get(who)
        if counts is None:
            if len(self._counts) >= _REMEMBERED:
                self._counts.clear()
            counts = self._counts[who] = Tally(6, 10.0)
        return counts
