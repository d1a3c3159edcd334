"""What each node has earned, in memory."""

from __future__ import annotations

from dataclasses import dataclass

from relay.ledger.entries import NanoDollars


@dataclass(frozen=True, slots=True)
class Earnings:
    """A node's earnings by UTC; `answers_today` counts calls it delivered something of."""

    today: NanoDollars
    month: NanoDollars
    lifetime: NanoDollars
    answers_today: int
