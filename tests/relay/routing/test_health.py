from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.routing.affinity import Affinity
from relay.routing.breaker import NODE, PROVIDER, TRIAL_S, Breaker
from relay.routing.health import Health
from relay.routing.retries import FREE_A_MINUTE, RetryBudget
from relay.routing.windows import Spread, Tally

# --- windows --------------------------------------------------------------------------------------------------------


def test_a_tally_forgets_what_is_older_than_its_window() -> None:
    tally = Tally(10, 30.0)
    tally.add(0.0, bad=3)
    tally.add(200.0, good=1)

    assert tally.counts(299.0) == (1, 3)
    assert tally.counts(301.0) == (1, 0)
    assert tally.counts(10_000.0) == (0, 0)
    assert tally.share(10_000.0) is None


@given(st.lists(st.tuples(st.floats(0, 50), st.booleans()), max_size=60))
def test_a_tally_counts_what_a_list_of_everything_would(steps: list[tuple[float, bool]]) -> None:
    tally, every, now = Tally(6, 10.0), [], 0.0
    for step, good in steps:
        now += step
        tally.add(now, good=good, bad=not good)
        every.append((int(now / 10), good))
    recent = [good for bucket, good in every if bucket > int(now / 10) - 6]

    assert tally.counts(now) == (sum(recent), len(recent) - sum(recent))


@given(st.lists(st.floats(0.01, 1000), min_size=1, max_size=200), st.sampled_from([0.5, 0.9, 0.99]))
def test_a_percentile_is_right_to_a_quarter(values: list[float], share: float) -> None:
    spread = Spread(900.0)
    for value in values:
        spread.add(0.0, value)
    exact = sorted(values)[max(0, -int(-share * len(values) // 1) - 1)]
    found = spread.percentile(share)

    assert found is not None
    assert exact / 1.3 <= found <= exact * 1.3


def test_what_was_long_ago_counts_less_than_what_is_new() -> None:
    spread, rng = Spread(60.0), random.Random(1)
    for at in range(100):
        spread.add(float(at), 10.0 * rng.uniform(0.9, 1.1))
    for at in range(20):
        spread.add(1000.0 + at, 0.1)

    assert spread.percentile(0.5) == pytest.approx(0.1, rel=0.3)
    assert Spread(60.0).percentile(0.5) is None


# --- breaker --------------------------------------------------------------------------------------------------------


def test_a_node_is_left_alone_after_three_failures_in_five_minutes() -> None:
    breaker = Breaker(NODE)
    for now in (0.0, 100.0, 200.0):
        assert not breaker.rests_s(now)
        breaker.failed(now, "gap_timeout")

    assert breaker.rests_s(200.0) == 60.0
    assert (breaker.state(201.0), breaker.reason, breaker.count) == ("open", "gap_timeout", 1)


def test_three_failures_over_a_longer_time_are_no_reason() -> None:
    breaker = Breaker(NODE)
    for now in (0.0, 200.0, 400.0, 600.0, 800.0):
        breaker.failed(now, "gap_timeout")

    assert breaker.state(800.0) == "closed"


def test_a_provider_is_left_alone_when_half_of_twenty_attempts_fail() -> None:
    breaker = Breaker(PROVIDER)
    for _ in range(11):
        breaker.succeeded(0.0)
    for _ in range(10):
        breaker.failed(1.0, "http_500")
    assert breaker.state(1.0) == "closed"

    breaker.failed(1.0, "http_500")
    assert breaker.state(1.0) == "open"


def test_of_fewer_than_twenty_attempts_nobody_judges_a_provider() -> None:
    breaker = Breaker(PROVIDER)
    for _ in range(19):
        breaker.failed(0.0, "http_500")
    assert breaker.state(0.0) == "closed"

    breaker.failed(0.0, "http_500")
    assert breaker.state(0.0) == "open"


def test_it_rests_twice_as_long_each_time_up_to_an_hour_and_one_call_tries_in_between() -> None:
    breaker, now, rests = Breaker(NODE), 0.0, []
    for _ in range(3):
        breaker.failed(now, "x")
    for _ in range(8):
        rests.append(breaker.rests_s(now))
        now += breaker.rests_s(now)
        assert breaker.state(now) == "half-open"
        breaker.began(now)
        assert breaker.rests_s(now) == TRIAL_S  # for everybody else
        breaker.failed(now, "x")

    assert rests == [60, 120, 240, 480, 960, 1920, 3600, 3600]


def test_one_answer_closes_it_and_an_undecided_trial_lets_another_try() -> None:
    breaker = Breaker(NODE)
    for _ in range(3):
        breaker.failed(0.0, "x")
    breaker.began(60.0)
    breaker.released()
    assert not breaker.rests_s(60.0)

    breaker.began(61.0)
    breaker.succeeded(62.0)
    breaker.failed(63.0, "x")
    assert breaker.state(63.0) == "closed"


# --- health, retries, affinity --------------------------------------------------------------------------------------


def test_uptime_is_told_over_three_spans() -> None:
    health = Health(PROVIDER)
    health.failed(0.0, "http_500")
    health.answered(1000.0, first_token_s=0.2, tokens=22, written_s=1.0)
    health.answered(1400.0, first_token_s=None, tokens=0, written_s=0.0)

    assert health.uptime(1401.0) == (1.0, 2 / 3, 2 / 3)
    assert health.uptime(90_000.0) == (None, None, None)
    assert health.first_token_s.percentile(0.5) == pytest.approx(0.2, rel=0.3)
    assert health.tokens_per_s.percentile(0.5) == pytest.approx(22, rel=0.3)


def test_retries_end_at_ten_a_minute_and_a_tenth_of_the_calls_for_each_organisation() -> None:
    budget = RetryBudget()
    for _ in range(50):
        budget.called("one", 0.0)

    assert sum(budget.take("one", 1.0) for _ in range(100)) == FREE_A_MINUTE + 5
    assert budget.take("other", 1.0)
    assert budget.take("one", 70.0)


def test_affinity_forgets_the_conversation_that_was_silent_longest() -> None:
    affinity = Affinity(remembered=2)
    for conversation in (b"a", b"b", b"a", b"c"):
        affinity.went(conversation, conversation.decode())

    assert [affinity.last(each) for each in (b"a", b"b", b"c")] == ["a", None, "c"]


def opened() -> Breaker:
    breaker = Breaker(NODE)
    for _ in range(NODE.failures):
        breaker.failed(0.0, "http_500")
    return breaker


def test_a_target_that_was_down_and_is_up_again_may_be_tried_at_once() -> None:
    breaker = opened()
    breaker.looked(10.0, up=False)
    breaker.looked(20.0, up=True)
    assert (breaker.state(20.0), breaker.rests_s(20.0)) == ("half-open", 0.0)


def test_a_target_that_answers_and_still_fails_is_left_alone_for_its_time() -> None:
    breaker = opened()
    breaker.looked(10.0, up=True)
    breaker.looked(20.0, up=True)
    assert breaker.rests_s(20.0) == 40.0


def test_a_trial_that_fails_needs_another_outage_to_be_cut_short() -> None:
    breaker = opened()
    breaker.looked(10.0, up=False)
    breaker.looked(20.0, up=True)
    breaker.failed(21.0, "http_500")
    breaker.looked(30.0, up=True)
    assert breaker.rests_s(30.0) == 111.0
