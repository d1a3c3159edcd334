"""What each node has earned, in memory, so that a desktop can be told at any moment for nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from relay.ledger.entries import NanoDollars
from relay.storage.ids import NodeId

DAY_MS = 86_400_000

_UNIX_EPOCH = dt.date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Earnings:
    """A node's earnings by UTC; `answers_today` counts calls it delivered something of."""

    today: NanoDollars
    month: NanoDollars
    lifetime: NanoDollars
    answers_today: int


class _Purse:
    """Running sums of one node; `day` and `month` say which ones."""

    __slots__ = ("answers", "day", "lifetime", "month", "this_month", "today")

    def __init__(self) -> None:
        self.day = self.month = -1
        self.today = self.this_month = self.lifetime = self.answers = 0

    def turn_to(self, day: int) -> None:
        """Begins a new day, if it is one; a clock set back does not bring yesterday back."""
        if day > self.day:
            self.day, self.today, self.answers = day, 0, 0
            if (month := _month(day)) != self.month:
                self.month, self.this_month = month, 0


class EarningsBook:
    """Sums of all nodes. Settlements must be added in about the order of their dates."""

    def __init__(self) -> None:
        self._purses: dict[NodeId, _Purse] = {}

    def load(self, days: Iterable[tuple[NodeId, int, NanoDollars, int]]) -> None:
        """Takes in what was earned by node and day (days since 1970), days rising: `(node, day, earned, answers)`."""
        for node, day, earned, answers in days:
            self._add(node, day, earned, answers)

    def add(self, node: NodeId, earned: NanoDollars, at_ms: int) -> None:
        """One answer, or part of one."""
        self._add(node, at_ms // DAY_MS, earned, 1)

    def of(self, node: NodeId, now_ms: int) -> Earnings:
        purse = self._purses.get(node)
        if purse is None:
            return Earnings(NanoDollars(0), NanoDollars(0), NanoDollars(0), 0)
        purse.turn_to(now_ms // DAY_MS)
        return Earnings(
            NanoDollars(purse.today), NanoDollars(purse.this_month), NanoDollars(purse.lifetime), purse.answers
        )

    def _add(self, node: NodeId, day: int, earned: int, answers: int) -> None:
        purse = self._purses.get(node)
        if purse is None:
            purse = self._purses[node] = _Purse()
        if day != purse.day:
            purse.turn_to(day)
        purse.today += earned
        purse.this_month += earned
        purse.lifetime += earned
        purse.answers += answers


def _month(day: int) -> int:
    date = dt.date.fromordinal(_UNIX_EPOCH + day)
    return date.year * 12 + date.month
