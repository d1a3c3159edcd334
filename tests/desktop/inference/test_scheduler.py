from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.inference.scheduler import (
    BLOCK,
    Budget,
    Placement,
    Slot,
    Waiting,
    cache_to_drop,
    common_prefix,
    fits,
    passed_by,
    place,
    plan_step,
    reserve,
)

PROMPT = list(range(100))
BUDGET = Budget(prefill=128, step=512)


def a_slot(index: int, **changed: object) -> Slot:
    return Slot(index, **({"tenant": "a", "used": index} | changed))  # type: ignore[arg-type]


@given(st.lists(st.integers(0, 2), max_size=30), st.lists(st.integers(0, 2), max_size=30))
def test_the_common_prefix_is_the_longest(left: list[int], right: list[int]) -> None:
    length = common_prefix(left, right)

    assert left[:length] == right[:length]
    assert length == min(len(left), len(right)) or left[length] != right[length]


def test_a_prompt_continues_the_cache_it_fits_best_but_computes_at_least_one_id() -> None:
    slots = [a_slot(0, ids=PROMPT[:30]), a_slot(1, ids=PROMPT), a_slot(2)]

    assert place(PROMPT, "a", slots, sharing=True) == Placement(1, 1, 99)


def test_nothing_is_kept_of_another_tenants_cache() -> None:
    slots = [a_slot(0, ids=PROMPT, tenant="b"), a_slot(1)]

    assert place(PROMPT, "a", slots, sharing=True) == Placement(1, 1, 0)


def test_nothing_is_shared_from_another_tenants_running_call() -> None:
    slots = [a_slot(0, ids=PROMPT, tenant="b", busy=True), a_slot(1)]

    assert place(PROMPT, "a", slots, sharing=True) == Placement(1, 1, 0)


def test_a_busy_slot_of_the_same_tenant_lends_its_prefix() -> None:
    slots = [a_slot(0, ids=PROMPT, busy=True), a_slot(1)]

    assert place([*PROMPT[:60], 7, 7, 7], "a", slots, sharing=True) == Placement(1, 0, 60)


def test_a_long_conversation_is_not_cut_down_for_a_short_common_start() -> None:
    slots = [a_slot(0, ids=PROMPT), a_slot(1)]

    assert place([*PROMPT[:20], 7, 7], "a", slots, sharing=True) == Placement(1, 0, 20)


def test_it_is_cut_if_there_is_no_other_slot() -> None:
    slots = [a_slot(0, ids=PROMPT), a_slot(1, busy=True)]

    assert place([*PROMPT[:20], 7, 7], "a", slots, sharing=True) == Placement(0, 0, 20)


def test_without_a_match_empty_slots_go_first_and_then_the_oldest_cache() -> None:
    assert place(PROMPT, "a", [a_slot(0, ids=[1], used=5), a_slot(1, used=9)], sharing=True) == Placement(1, 1, 0)
    assert place(PROMPT, "a", [a_slot(0, ids=[1], used=5), a_slot(1, ids=[1], used=4)], sharing=True) == Placement(
        1, 1, 0
    )


def test_a_model_that_cannot_keep_parts_starts_anew() -> None:
    assert place(PROMPT, "a", [a_slot(0, ids=PROMPT)], sharing=False) == Placement(0, 0, 0)


def test_there_is_no_place_when_all_are_busy() -> None:
    assert place(PROMPT, "a", [a_slot(0, busy=True)], sharing=True) is None


def fresh(*pending: int) -> list[Waiting]:
    """Prompts of which nothing is computed; 1 is a sequence that generates."""
    return [Waiting(count, 0 if count == 1 else count) for count in pending]


@pytest.mark.parametrize(
    ("pending", "counts"),
    [
        ([1, 1, 1], [1, 1, 1]),
        ([2000], [512]),
        ([1, 2000], [1, 128]),
        ([160, 1], [160, 1]),
        ([161, 1], [97, 1]),
        ([100, 100, 1], [100, 0, 1]),
        ([50, 60, 300], [50, 60, 0]),
        ([300, 50, 1], [0, 50, 1]),
        ([300, 200, 1], [0, 128, 1]),
        ([540], [540 - BLOCK]),
        ([], []),
    ],
)
def test_generating_calls_go_on_while_prompts_take_turns(pending: list[int], counts: list[int]) -> None:
    assert plan_step(fresh(*pending), BUDGET) == counts


def test_what_was_generated_is_computed_again_in_small_parts_behind_its_prompt() -> None:
    assert plan_step([Waiting(400, 100)], BUDGET) == [100]
    assert plan_step([Waiting(300, 0)], BUDGET) == [BLOCK - 1]
    assert plan_step([Waiting(20, 0), Waiting(1, 0)], BUDGET) == [20, 1]


sequences = st.lists(
    st.integers(1, 3000).flatmap(
        lambda pending: st.builds(Waiting, st.just(pending), st.integers(0, pending), st.integers(0, 5000))
    ),
    max_size=64,
)


@given(sequences)
def test_a_step_never_exceeds_the_batch_and_always_gets_on(waiting: list[Waiting]) -> None:
    counts = plan_step(waiting, BUDGET)

    assert sum(counts) <= BUDGET.step
    assert all(count <= each.pending for count, each in zip(counts, waiting, strict=True))
    assert not waiting or sum(counts) > 0
    assert all(count == 1 for count, each in zip(counts, waiting, strict=True) if each.pending == 1)


@given(st.integers(2, 2000), st.integers(0, 500), sequences)
def test_the_size_of_a_part_says_nothing_about_who_runs_beside_it(
    prompt: int, written: int, others: list[Waiting]
) -> None:
    """Whether it is below a block depends on the sequence alone, step after step until all is computed."""
    left, generated = prompt, written
    while left + generated > 1:
        count = plan_step([Waiting(left + generated, left), *others], BUDGET)[0] if others else 0
        count = count or plan_step([Waiting(left + generated, left)], BUDGET)[0]
        assert count > 0
        if left:
            assert count <= left
            assert (count >= BLOCK) is (prompt >= BLOCK)
            left -= count
        else:
            assert count < BLOCK
            generated -= count


def test_a_budget_below_a_block_still_gets_on() -> None:
    assert plan_step(fresh(300, 1), Budget(prefill=16, step=512)) == [BLOCK, 1]


def run(prompts: list[int], arrivals: list[list[int]]) -> tuple[list[int], list[int]]:
    """In which step each prompt is done, and how much of younger ones passed it; those of `arrivals` join one step
    after another, and a neighbour that generates keeps every step small."""
    arrivals = list(arrivals)
    pending, passed, done = [1, *prompts], [0] * (1 + len(prompts)), [1] + [0] * len(prompts)
    step = 0
    while arrivals or not all(done):
        step += 1
        waiting = [Waiting(left, left, by) for left, by in zip(pending, passed, strict=True)]
        counts = plan_step(waiting, BUDGET)
        passed = [one + other for one, other in zip(passed, passed_by(waiting, counts), strict=True)]
        pending = [max(left - count, 1) for left, count in zip(pending, counts, strict=True)]
        done = [at or (step if left == 1 else 0) for at, left in zip(done, pending, strict=True)]
        joining = arrivals.pop(0) if arrivals else []
        pending, passed, done = pending + joining, passed + [0] * len(joining), done + [0] * len(joining)
    return done[1:], passed[1:]


def test_a_short_prompt_does_not_wait_for_a_long_one() -> None:
    done, _ = run([3000], [[40]])

    assert done == [25, 2]


def test_a_long_prompt_is_not_starved_by_short_ones_that_keep_coming() -> None:
    done, passed = run([1000], [[120]] * 60)

    assert passed[0] <= 1000
    assert done[0] <= 2 * 1000 / BUDGET.prefill + 2, "its own work, and as much of others'"


@given(
    st.lists(st.integers(2, 600), min_size=1, max_size=6),
    st.lists(st.lists(st.integers(2, 600), max_size=2), max_size=20),
)
def test_no_prompt_is_passed_by_more_than_its_own_work_and_a_step(
    prompts: list[int], arrivals: list[list[int]]
) -> None:
    _, passed = run(prompts, arrivals)
    lengths = [*prompts, *(length for joining in arrivals for length in joining)]

    assert all(by <= length + BUDGET.step for length, by in zip(lengths, passed, strict=True))


def test_admission_counts_the_worst_case() -> None:
    assert reserve(100, 50, 3, sharing=True) == 250
    assert reserve(100, 50, 3, sharing=False) == 450
    assert fits([400, 300], 300, 1000)
    assert not fits([400, 300], 301, 1000)


def test_the_cache_that_goes_is_the_idle_one_used_longest_ago() -> None:
    slots = [a_slot(0, ids=[1], busy=True), a_slot(1, ids=[1], used=7), a_slot(2, ids=[1], used=6), a_slot(3, used=1)]

    assert cache_to_drop(slots) is slots[2]
    assert cache_to_drop(slots[:1]) is None
