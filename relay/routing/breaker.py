"""When a target that fails is left alone for a while. Pure: the time is given, in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from relay.routing.windows import Tally

FIRST_S: Final = 60.0
LONGEST_S: Final = 3600.0
TRIAL_S: Final = 60.0
"""While one call tries a target that was left alone, others stay away; for so long at most."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Opens at `failures` within `window_s`, if there were at least `attempts` and `share` of them failed."""

    failures: int
    share: float = 0.0
    attempts: int = 0
    window_s: float = 300.0


NODE: Final = Rule(failures=3)
PROVIDER: Final = Rule(failures=10, share=0.5, attempts=20)


class Breaker:
    """Closed: calls go through. Open: none does, for a minute; each time it opens again for twice as long, to an hour.

    Half-open, after that: one call is let through, and decides. `reason` and `count` are for people: why it opened
    last, and how often it has since all was well.
    """

    __slots__ = ("_down", "_recent", "_rule", "_trial_until", "count", "open_until", "reason")

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._recent = Tally(10, rule.window_s / 10)
        self._trial_until = 0.0
        self._down = False
        self.open_until = 0.0
        self.count = 0
        self.reason = ""

    def rests_s(self, now: float) -> float:
        """In how many seconds a call may go through; 0: now."""
        return max(0.0, self.open_until - now, self._trial_until - now)

    def state(self, now: float) -> str:
        """`closed`, `open` or `half-open`."""
        if not self.count:
            return "closed"
        return "open" if self.open_until > now else "half-open"

    def began(self, now: float) -> None:
        """A call goes through."""
        if self.count:
            self._trial_until = now + TRIAL_S

    def succeeded(self, now: float) -> None:
        if self.count:
            self._recent = Tally(10, self._rule.window_s / 10)
            self.count, self._trial_until, self.open_until, self.reason = 0, 0.0, 0.0, ""
        self._recent.add(now, good=1)

    def failed(self, now: float, reason: str) -> None:
        self._recent.add(now, bad=1)
        if self.open_until > now:
            return
        good, bad = self._recent.counts(now)
        rule, attempts = self._rule, good + bad
        if self.count or (bad >= rule.failures and attempts >= rule.attempts and bad >= rule.share * attempts):
            self.open_until = now + min(LONGEST_S, FIRST_S * 2.0**self.count)
            self.count += 1
            self._trial_until = 0.0
            self._down = False
            self.reason = reason

    def looked(self, now: float, *, up: bool) -> None:
        """While it is open: whether the target answers at all. One that did not, and does again, may be tried now.

        Of one that answered all the time and still failed, an answer says nothing new.
        """
        if up and self._down:
            self.open_until = min(self.open_until, now)
        self._down = not up

    def released(self) -> None:
        """The trial ended without telling anything, as when its caller hung up: another may try."""
        self._trial_until = 0.0
