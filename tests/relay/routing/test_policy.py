from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.routing.candidate import Candidate
from relay.routing.policy import NEARNESS, PICO_PER_DOLLAR, POLICIES, Ask, Decision, Policy, decide
from relay.routing.preferences import Preferences

EVERYWHERE = frozenset(NEARNESS)
DOLLAR_A_MILLION = 1_000_000
"""In pico-dollars a token."""


def a_candidate(index: int, **changed: Any) -> Candidate:
    values: dict[str, Any] = {
        "name": f"target-{index}",
        "pool": "cloud",
        "prompt_price": DOLLAR_A_MILLION,
        "completion_price": DOLLAR_A_MILLION,
        "context": 8192,
    }
    return Candidate(index, **values | changed)


def an_ask(wishes: dict[str, Any] | None = None, **changed: Any) -> Ask:
    preferences = msgspec.convert(wishes or {}, Preferences)
    return Ask(**{"exposure": EVERYWHERE, "preferences": preferences, "prompt_tokens": 100, **changed})


def decided(*candidates: Candidate, ask: Ask | None = None, policy: Policy | str = "balanced") -> Decision:
    chosen = Policy(policy) if isinstance(policy, str) else policy
    return decide(candidates, ask or an_ask(), chosen, lambda: 0.5)


def order(*candidates: Candidate, ask: Ask | None = None, policy: Policy | str = "balanced") -> list[int]:
    return [each.index for each in decided(*candidates, ask=ask, policy=policy).order]


def reasons(*candidates: Candidate, wishes: dict[str, Any], **ask: Any) -> list[str]:
    return [each.reason for each in decided(*candidates, ask=an_ask(wishes, **ask)).left_out]


# --- policies -------------------------------------------------------------------------------------------------------


def test_own_first_takes_own_machines_before_anybody_elses_whatever_they_cost() -> None:
    dear = [at * DOLLAR_A_MILLION for at in range(5)]
    pools = [a_candidate(at, pool=pool, prompt_price=dear[at]) for at, pool in enumerate(reversed(NEARNESS))]

    assert order(*pools, policy="own-first") == [4, 3, 2, 1, 0]


def test_cheapest_takes_the_cheaper_however_slow() -> None:
    slow = a_candidate(0, completion_price=DOLLAR_A_MILLION // 2, first_token_s=50.0)

    assert order(a_candidate(1, decode_tps=500.0), slow, policy="cheapest") == [0, 1]


def test_fastest_takes_the_faster_however_dear() -> None:
    fast = a_candidate(1, decode_tps=500.0, completion_price=100 * DOLLAR_A_MILLION)

    assert order(a_candidate(0), fast, policy="fastest") == [1, 0]


def test_balanced_pays_twice_as_much_only_for_more_than_twice_the_speed() -> None:
    plain = a_candidate(0, first_token_s=1.0, decode_tps=32.0)
    twice = {"prompt_price": 2 * DOLLAR_A_MILLION, "completion_price": 2 * DOLLAR_A_MILLION}

    assert order(plain, a_candidate(1, first_token_s=0.7, decode_tps=46.0, **twice)) == [0, 1]
    assert order(plain, a_candidate(1, first_token_s=0.3, decode_tps=100.0, **twice)) == [1, 0]


def test_balanced_reckons_that_an_own_machines_pay_mostly_comes_back() -> None:
    own = a_candidate(0, pool="own", prompt_price=2 * DOLLAR_A_MILLION, completion_price=2 * DOLLAR_A_MILLION)

    assert order(a_candidate(1), own) == [0, 1]


def test_a_free_target_is_not_worth_any_wait() -> None:
    free = a_candidate(0, prompt_price=0, completion_price=0, first_token_s=3600.0)

    assert order(free, a_candidate(1)) == [1, 0]


def test_the_named_order_is_kept_and_the_rest_follows() -> None:
    ordered = Policy("order", order=("target-2", "own"))

    assert order(a_candidate(0), a_candidate(1, pool="own"), a_candidate(2), policy=ordered) == [2, 1, 0]


def test_weights_are_shares_of_calls() -> None:
    chance = random.Random(1).random
    policy = Policy("weighted", weights={"target-0": 3.0, "target-2": 0.0})
    firsts = Counter(
        decide([a_candidate(at) for at in range(3)], an_ask(), policy, chance).order[0].index for _ in range(2000)
    )

    assert firsts[0] / firsts[1] == pytest.approx(3.0, rel=0.25)
    assert not firsts[2]


def test_the_last_resort_comes_last_under_every_policy_unless_the_call_names_it() -> None:
    cheap = a_candidate(0, prompt_price=0, completion_price=0, decode_tps=900.0, pool="own")
    for name in POLICIES:
        policy = Policy(name, last_resort=("target-0",))
        assert order(cheap, a_candidate(1), policy=policy) == [1, 0]
        assert order(cheap, a_candidate(1), policy=policy, ask=an_ask({"order": ["target-0"]})) == [0, 1]


def test_among_equals_the_less_loaded_comes_first() -> None:
    full, idle = a_candidate(0, slots=8, free_slots=1), a_candidate(1, slots=8, free_slots=8)

    assert order(full, idle) == [1, 0]


def test_a_warm_model_comes_before_one_that_must_be_loaded() -> None:
    assert order(a_candidate(0, warm=False), a_candidate(1)) == [1, 0]


def test_a_conversation_stays_where_it_was_among_equals_but_not_at_any_price() -> None:
    assert order(a_candidate(0), a_candidate(1, affine=True, first_token_s=1.0)) == [1, 0]
    assert order(a_candidate(0), a_candidate(1, affine=True, completion_price=20 * DOLLAR_A_MILLION)) == [0, 1]


def test_near_ties_are_taken_in_turn_by_chance() -> None:
    draws = iter([0.9, 0.1, 0.1, 0.9])
    pair = [a_candidate(0), a_candidate(1)]

    firsts = [decide(pair, an_ask(), Policy(), lambda: next(draws)).order[0].index for _ in range(2)]
    assert firsts == [1, 0]


# --- who is left out ------------------------------------------------------------------------------------------------


def test_a_busy_node_is_left_out_and_said_to_be_busy() -> None:
    decision = decided(a_candidate(0, slots=8, free_slots=0), a_candidate(1))

    assert [each.index for each in decision.order] == [1]
    assert [each.index for each in decision.held_up("busy")] == [0]


def test_a_target_at_rest_is_left_out_with_the_reason() -> None:
    (out,) = decided(a_candidate(0, rests_s=3.0, rests_for="it asked for fewer calls")).left_out

    assert (out.reason, out.detail) == ("resting", "it asked for fewer calls")


def test_a_pool_the_key_may_not_reach_is_left_out() -> None:
    ask = an_ask(exposure=frozenset({"cloud"}))

    assert order(a_candidate(0), a_candidate(1, pool="community"), ask=ask) == [0]
    assert order(a_candidate(0), ask=an_ask(exposure=frozenset())) == []


@pytest.mark.parametrize(
    ("wishes", "kept"),
    [
        ({"only": ["Target-1"]}, [1]),
        ({"only": ["own"]}, [2]),
        ({"only": ["node"]}, [2]),
        ({"ignore": ["target-1", "own"]}, [0]),
        ({"order": ["target-1"], "allow_fallbacks": False}, [1]),
        ({"pools": ["own"]}, [2]),
        ({"pools": []}, []),
        ({"region": ["EU"]}, [1]),
        ({"quantizations": ["q8_0"]}, [2]),
        ({"data_collection": "deny"}, [2]),
        ({"zdr": True}, [2]),
        ({"max_price": {"prompt": 0.5}}, [1]),
        ({"max_price": {"completion": 1.5}}, [0, 2]),
        ({"require_parameters": True}, [1]),
    ],
    ids=str,
)
def test_a_call_gets_what_it_asks_for_and_nothing_else(wishes: dict[str, Any], kept: list[int]) -> None:
    candidates = [
        a_candidate(0),
        a_candidate(
            1,
            region="eu",
            prompt_price=DOLLAR_A_MILLION // 2,
            completion_price=2 * DOLLAR_A_MILLION,
            parameters=frozenset({"tools", "seed"}),
        ),
        a_candidate(2, pool="own", slots=4, free_slots=4, quantisation="Q8_0", collects_data=False, keeps_nothing=True),
    ]
    decision = decided(*candidates, ask=an_ask(wishes, parameters=frozenset({"tools"})))

    assert sorted(each.index for each in decision.order) == kept
    assert {each.reason for each in decision.left_out} <= set(wishes)
    assert all(each.detail for each in decision.left_out)


def test_a_call_with_images_goes_to_who_takes_them() -> None:
    candidates = [a_candidate(0, sees=False), a_candidate(1)]
    seen, plain = (decided(*candidates, ask=replace(an_ask({}), images=images)) for images in (True, False))

    assert [each.index for each in seen.order] == [1]
    assert [(each.candidate.index, each.reason) for each in seen.left_out] == [(0, "images")]
    assert len(plain.order) == 2


def test_a_target_that_may_cost_more_than_the_call_allows_is_left_out() -> None:
    bounds = {"prompt_bound": 1000, "completion_bound": 1000, "max_cost": PICO_PER_DOLLAR // 1000}

    assert reasons(a_candidate(0), a_candidate(1, prompt_price=0), wishes={}, **bounds) == ["max_cost"]


def test_a_wish_for_speed_puts_others_last_and_leaves_none_out() -> None:
    slow, fast = a_candidate(0, decode_tps=10.0, completion_price=0), a_candidate(1, decode_tps=90.0)

    for wish, expected in ((50, [1, 0]), ({"p90": 50}, [1, 0]), (5, [0, 1])):
        ask = an_ask({"preferred_min_throughput": wish})
        assert order(slow, fast, ask=ask, policy="cheapest") == expected
    late = a_candidate(0, first_token_s=9.0, completion_price=0)
    assert order(late, fast, ask=an_ask({"preferred_max_latency": 2}), policy="cheapest") == [1, 0]
    by_rule = an_ask({"preferred_max_latency": 2}, rules=(Preferences(sort="price"),))
    assert order(late, fast, ask=by_rule) == [1, 0]


@pytest.mark.parametrize(
    ("sort", "first"), [("price", 0), ("throughput", 1), ("latency", 2), ({"by": "latency"}, 2)], ids=str
)
def test_a_call_can_say_what_to_sort_by(sort: Any, first: int) -> None:
    candidates = [
        a_candidate(0, completion_price=0, first_token_s=5.0, decode_tps=10.0),
        a_candidate(1, first_token_s=5.0, decode_tps=200.0),
        a_candidate(2, first_token_s=0.1, decode_tps=10.0),
    ]

    assert order(*candidates, ask=an_ask({"sort": sort}))[0] == first


_candidates = st.lists(
    st.builds(
        Candidate,
        st.just(0),
        st.sampled_from(NEARNESS),
        st.integers(0, 10**12),
        st.integers(0, 10**12),
        st.integers(1, 10**6),
        name=st.sampled_from(["alpha", "beta", "node/x"]),
        slots=st.integers(0, 4),
        free_slots=st.integers(0, 4),
        rests_s=st.sampled_from([0.0, 0.0, 5.0]),
        warm=st.booleans(),
        first_token_s=st.floats(0, 1e4),
        prefill_tps=st.floats(0, 1e6),
        decode_tps=st.floats(0, 1e6),
    ),
    max_size=6,
)


@given(_candidates, st.sampled_from(POLICIES), st.floats(0, 0.999), st.sets(st.sampled_from(NEARNESS)))
def test_every_candidate_is_either_tried_or_left_out_and_nobody_beyond_the_keys_pools(
    candidates: list[Candidate], policy: str, draw: float, exposure: set[str]
) -> None:
    decision = decide(candidates, an_ask(exposure=frozenset(exposure)), Policy(policy), lambda: draw)

    assert len(decision.order) + len(decision.left_out) == len(candidates)
    assert all(each.pool in exposure and not each.is_busy and not each.rests_s for each in decision.order)
    again = decide(candidates, an_ask(exposure=frozenset(exposure)), Policy(policy), lambda: draw)
    assert again == decision
