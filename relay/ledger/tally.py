"""Sums over the calls of this process, for who watches over it. No organisation, no key, no text is in them.

The carrier adds to them after each batch, off the event loop; a relay that nobody watches has none.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from relay.ledger.calls import Closed, LegTerms, ProviderPayee

MOST_MODELS: Final = 500
"""Names told apart; a node's owner invents names, and each is kept for good. The rest is counted as `OTHER`."""

OTHER: Final = "other"
NODES: Final = "nodes"
"""Stands for all nodes: each by its name would be as many series as there are nodes."""

NOBODY: Final = "none"
"""No target was tried."""

DURATION_S: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
FIRST_TOKEN_S: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Spread:
    """How many values fell under each bound; the last place is for those above all of them."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def copy(self) -> Spread:
        other = Spread(self.bounds)
        other.counts, other.total = list(self.counts), self.total
        return other


@dataclass(slots=True)
class OfModel:
    """One model's calls; money in nano-dollars, times in seconds."""

    calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By target and state."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    cost: int = 0
    duration: Spread = field(default_factory=lambda: Spread(DURATION_S))
    first_token: Spread = field(default_factory=lambda: Spread(FIRST_TOKEN_S))

    def add(self, closed: Closed) -> None:
        outcome, settlement = closed.outcome, closed.settlement
        self.calls[_target(closed), outcome.state] += 1
        self.prompt_tokens += settlement.prompt_tokens
        self.completion_tokens += settlement.completion_tokens
        self.cached_tokens += outcome.cached_tokens
        self.cost += settlement.cost
        self.duration.add(outcome.duration_ms / 1000)
        if outcome.ttft_ms is not None:
            self.first_token.add(outcome.ttft_ms / 1000)

    def copy(self) -> OfModel:
        numbers = (self.prompt_tokens, self.completion_tokens, self.cached_tokens, self.cost)
        return OfModel(Counter(self.calls), *numbers, self.duration.copy(), self.first_token.copy())


@dataclass(slots=True)
class Sums:
    """Everything, at one moment."""

    models: dict[str, OfModel] = field(default_factory=dict)
    attempts: Counter[str] = field(default_factory=Counter)
    """Legs begun, by target."""

    errors: Counter[str] = field(default_factory=Counter)
    """Calls that ended in an error, by its code."""

    owner_share: int = 0
    operator_share: int = 0
    provider_share: int = 0
    operator_loss: int = 0


class Tally:
    """Written on the carrier's thread, read on another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sums = Sums()

    def add(self, calls: Iterable[Closed]) -> None:
        with self._lock:
            for each in calls:
                self._add(each)

    def read(self) -> Sums:
        """A copy."""
        with self._lock:
            sums = self._sums
            models = {name: each.copy() for name, each in sums.models.items()}
            shares = (sums.owner_share, sums.operator_share, sums.provider_share, sums.operator_loss)
            return Sums(models, Counter(sums.attempts), Counter(sums.errors), *shares)

    def _add(self, closed: Closed) -> None:
        sums, settlement = self._sums, closed.settlement
        name = closed.model
        if name not in sums.models and len(sums.models) >= MOST_MODELS:
            name = OTHER
        if (of_model := sums.models.get(name)) is None:
            of_model = sums.models[name] = OfModel()
        of_model.add(closed)
        for leg in closed.legs.values():
            sums.attempts[_name(leg)] += 1
        if closed.outcome.error is not None:
            sums.errors[closed.outcome.error] += 1
        sums.owner_share += settlement.owner_share
        sums.operator_share += settlement.operator_share
        sums.provider_share += settlement.provider_share
        sums.operator_loss += settlement.operator_loss


def _target(closed: Closed) -> str:
    """Who delivered last, else who was tried last."""
    parts = closed.settlement.legs
    number = parts[-1].leg if parts else max(closed.legs, default=0)
    return _name(closed.legs[number]) if number else NOBODY


def _name(leg: LegTerms) -> str:
    return leg.payee.provider if isinstance(leg.payee, ProviderPayee) else NODES
