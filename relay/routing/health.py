"""How one target has done of late: what routing goes by, and what people are shown. Pure, of a fixed size."""

from __future__ import annotations

from typing import Final

from relay.routing.breaker import Breaker, Rule
from relay.routing.windows import Spread, Tally

HALF_LIFE_S: Final = 900.0
"""Latency and throughput are asked for over half an hour; an observation then counts a quarter."""
SLOT_S: Final = 30.0
LEAST_TOKENS: Final = 16
"""Of a shorter answer the speed says little."""


class Health:
    """One target's: its breaker, its uptime over three spans, and percentiles of latency and throughput."""

    __slots__ = ("_bad", "_good", "_slot", "_windows", "breaker", "first_token_s", "tokens_per_s")

    def __init__(self, rule: Rule) -> None:
        self.breaker = Breaker(rule)
        self.first_token_s = Spread(HALF_LIFE_S)
        self.tokens_per_s = Spread(HALF_LIFE_S)
        self._windows = (Tally(10, SLOT_S), Tally(15, 120.0), Tally(24, 3600.0))
        self._slot = self._good = self._bad = 0

    def answered(self, now: float, *, first_token_s: float | None, tokens: int, written_s: float) -> None:
        """An answer came to its end. `tokens` were written in `written_s`, from the first content to the last."""
        self._turn_to(now)
        self._good += 1
        self.breaker.succeeded(now)
        if first_token_s is not None:
            self.first_token_s.add(now, first_token_s)
        if tokens >= LEAST_TOKENS and written_s > 0:
            self.tokens_per_s.add(now, tokens / written_s)

    def failed(self, now: float, reason: str) -> None:
        """An attempt failed by the target's own fault."""
        self._turn_to(now)
        self._bad += 1
        self.breaker.failed(now, reason)

    def uptime(self, now: float) -> tuple[float | None, float | None, float | None]:
        """Share of attempts that did not fail, over 5 minutes, 30 minutes and a day; None where there were none."""
        self._pour()
        five, thirty, day = self._windows
        return five.share(now), thirty.share(now), day.share(now)

    def _turn_to(self, now: float) -> None:
        """What is counted is poured into the windows once a slot, so that counting costs next to nothing."""
        slot = int(now / SLOT_S)
        if slot != self._slot:
            self._pour()
            self._slot = slot

    def _pour(self) -> None:
        if self._good or self._bad:
            for window in self._windows:
                window.add(self._slot * SLOT_S, good=self._good, bad=self._bad)
            self._good = self._bad = 0
