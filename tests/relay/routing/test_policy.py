from __future__ import annotations

from typing import Any

from relay.routing.candidate import Candidate
from relay.routing.policy import NEARNESS, order

EVERYWHERE = frozenset(NEARNESS)


def a_candidate(index: int, **changed: Any) -> Candidate:
    values: dict[str, Any] = {"pool": "cloud", "prompt_price": 1, "completion_price": 1, "context": 8192}
    return Candidate(index, **values | changed)


def _order(*candidates: Candidate, exposure: frozenset[str] = EVERYWHERE) -> list[int]:
    return [each.index for each in order(candidates, exposure, lambda: 0.5)]


def test_own_machines_come_before_anybody_elses() -> None:
    pools = [a_candidate(index, pool=pool) for index, pool in enumerate(reversed(NEARNESS))]

    assert _order(*pools) == [4, 3, 2, 1, 0]


def test_within_a_pool_the_cheaper_comes_first() -> None:
    assert _order(a_candidate(0, completion_price=9), a_candidate(1, completion_price=3)) == [1, 0]


def test_among_equals_the_less_loaded_comes_first() -> None:
    full, idle = a_candidate(0, slots=8, free_slots=1), a_candidate(1, slots=8, free_slots=8)

    assert _order(full, idle) == [1, 0]


def test_a_busy_node_is_left_out() -> None:
    assert _order(a_candidate(0, slots=8, free_slots=0), a_candidate(1)) == [1]


def test_a_pool_the_key_may_not_reach_is_left_out() -> None:
    assert _order(a_candidate(0), a_candidate(1, pool="community"), exposure=frozenset({"cloud"})) == [0]


def test_an_empty_exposure_reaches_nothing() -> None:
    assert _order(a_candidate(0), a_candidate(1), exposure=frozenset()) == []


def test_chance_decides_among_equals() -> None:
    draws = iter([0.9, 0.1])

    assert [each.index for each in order([a_candidate(0), a_candidate(1)], EVERYWHERE, lambda: next(draws))] == [1, 0]
