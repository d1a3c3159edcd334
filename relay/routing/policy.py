"""In which order targets are tried. Pure: the same facts and the same chance give the same order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from relay.routing.candidate import Candidate

NEARNESS = ("own", "organisation", "trusted", "community", "cloud")
"""Pools from the nearest to the farthest."""


def order(candidates: Sequence[Candidate], exposure: frozenset[str], chance: Callable[[], float]) -> list[Candidate]:
    """Own machines first, then the cheaper, then the less loaded; random among equals. Busy ones are left out.

    `exposure` are the pools the caller's key may reach; an empty set reaches nothing.
    """
    usable = [each for each in candidates if each.pool in exposure and not each.is_busy]
    if len(usable) < 2:
        return usable
    return sorted(usable, key=lambda each: (*_rank(each), chance()))


def _rank(candidate: Candidate) -> tuple[int, int, float]:
    price = candidate.prompt_price + candidate.completion_price
    return NEARNESS.index(candidate.pool), price, candidate.load
