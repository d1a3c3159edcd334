from __future__ import annotations

import hashlib
import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.inference.sampling import (
    TOP_K_CAP,
    Draws,
    Logits,
    NotFinite,
    Sampler,
    SamplingParameters,
    candidates,
)

rows = st.lists(st.sampled_from([-3.0, -1.0, 0.0, 0.5, 1.0, 2.0, 2.5]), min_size=1, max_size=40)


def a_row(values: list[float]) -> Logits:
    return np.array(values, np.float32)


def a_sampler(seed: int = 7, choice: int = 0, **parameters: object) -> Sampler:
    return Sampler(SamplingParameters(**parameters), seed, choice)  # type: ignore[arg-type]


def by_the_book(logits: Logits, parameters: SamplingParameters, u: float) -> int:
    """The protocol's words, one after another, slowly."""
    order = sorted(range(len(logits)), key=lambda i: (-logits[i], i))[: min(parameters.top_k or TOP_K_CAP, TOP_K_CAP)]
    if parameters.typical_p < 1:
        order = typical(order, [float(logits[i]) for i in order], parameters.typical_p)
    scores = [float(logits[i]) - float(logits[order[0]]) for i in order]
    weights = [math.exp(score) for score in scores]
    keep, mass = len(order), 0.0
    if parameters.top_p < 1:
        for index, weight in enumerate(weights):
            mass += weight
            if mass >= parameters.top_p * sum(weights):
                keep = index + 1
                break
    keep = max(1, sum(1 for weight in weights[:keep] if weight >= parameters.min_p))
    tempered = [math.exp(score / parameters.temperature) for score in scores[:keep]]
    target, mass = u * sum(tempered), 0.0
    for index, weight in zip(order, tempered, strict=False):
        mass += weight
        if mass > target:
            return index
    return order[keep - 1]


def typical(order: list[int], logits: list[float], share: float) -> list[int]:
    """Those whose surprise is nearest to the mean surprise, until they have more than `share`."""
    total = sum(map(math.exp, logits))
    chances = [math.exp(value) / total for value in logits]
    entropy = -sum(chance * math.log(chance) for chance in chances)
    nearest = sorted(range(len(order)), key=lambda at: (round(abs(-math.log(chances[at]) - entropy), 12), at))
    kept, mass = [], 0.0
    for at in nearest:
        kept.append(at)
        mass += chances[at]
        if mass > share:
            break
    return [order[at] for at in sorted(kept)]


def test_a_draw_is_the_protocols_function_of_seed_choice_position_and_draw() -> None:
    expected = hashlib.blake2b(struct.pack("<HIB", 3, 9, 1), key=struct.pack("<q", -5)).digest()[:8]

    assert Draws(-5, 3).u(9, 1) == (int.from_bytes(expected, "little") >> 11) / 2**53


def test_draws_do_not_depend_on_what_was_drawn_before() -> None:
    forward, jump = Draws(1, 0), Draws(1, 0)
    drawn = [forward.u(position) for position in range(50)]

    assert jump.u(31) == drawn[31]
    assert len(set(drawn)) == 50
    assert all(0 <= u < 1 for u in drawn)


def test_seed_choice_and_position_each_change_the_draw() -> None:
    assert len({Draws(1, 0).u(0), Draws(2, 0).u(0), Draws(1, 1).u(0), Draws(1, 0).u(1), Draws(1, 0).u(0, 1)}) == 5


@given(
    rows,
    st.builds(
        SamplingParameters,
        temperature=st.sampled_from([0.3, 0.8, 1.0, 1.7]),
        top_k=st.integers(2, 50),
        top_p=st.sampled_from([1.0, 0.95, 0.5, 0.1]),
        min_p=st.sampled_from([0.0, 0.05, 0.4, 1.0]),
        typical_p=st.sampled_from([1.0, 0.93, 0.6, 0.21, 0.0]),
    ),
    st.integers(0, 2**32),
)
def test_the_fast_sampler_draws_what_the_protocol_says(
    values: list[float], parameters: SamplingParameters, seed: int
) -> None:
    row = a_row(values)

    assert Sampler(parameters, seed, 0).sample(row, 5) == by_the_book(row, parameters, Draws(seed, 0).u(5))


@pytest.mark.parametrize("size", [300, 5_000, 32_768, 151_936])
@pytest.mark.parametrize("k", [1, 40, 256])
def test_the_candidates_of_a_long_row_are_the_k_best_with_ties_by_id(size: int, k: int) -> None:
    row = np.random.default_rng(size).normal(0, 3, size).round(1).astype(np.float32)
    ids, values = candidates(row, k)
    expected = np.lexsort((np.arange(size), -row))[:k]

    assert ids.tolist() == expected.tolist()
    assert values.tolist() == row[expected].tolist()


def test_a_greedy_tie_goes_to_the_lowest_id() -> None:
    assert a_sampler(temperature=0).sample(a_row([0, 2, 2, 1]), 0) == 1


def test_top_k_is_capped() -> None:
    row = np.zeros(1000, np.float32)
    drawn = {a_sampler(seed=seed, top_k=1000).sample(row, 0) for seed in range(2000)}

    assert max(drawn) == TOP_K_CAP - 1


def test_penalties_count_generated_tokens_of_this_choice() -> None:
    sampler = a_sampler(temperature=0, frequency_penalty=0.6)
    row = a_row([1.0, 0.0, 0.0])
    assert sampler.sample(row, 0) == 0
    sampler.accept(0)
    assert sampler.sample(row, 1) == 0
    sampler.accept(0)

    assert sampler.sample(row, 2) == 1
    assert row.tolist() == [1.0, 0.0, 0.0], "the model's own logits stay as they are"


def test_presence_is_penalised_once_and_repetition_by_a_factor() -> None:
    present = a_sampler(temperature=0, presence_penalty=0.5)
    repeated = a_sampler(temperature=0, repetition_penalty=2.0)
    for sampler in (present, repeated):
        sampler.accept(0)
        sampler.accept(0)

    assert present.sample(a_row([1.0, 0.6]), 2) == 1
    assert present.sample(a_row([1.0, 0.4]), 2) == 0
    assert repeated.sample(a_row([1.0, 0.6]), 2) == 1
    assert repeated.sample(a_row([-1.0, -1.5]), 2) == 1


def test_a_bias_moves_a_token_before_anything_else() -> None:
    assert a_sampler(temperature=0, bias={2: 100.0}).sample(a_row([5, 4, 0]), 0) == 2
    assert a_sampler(temperature=0, bias={0: -100.0}).sample(a_row([5, 4, 0]), 0) == 1


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("values", [[math.nan] * 4, [-math.inf] * 4, [math.inf, 0, 0, 0]])
def test_logits_that_mean_nothing_are_noticed(temperature: float, values: list[float]) -> None:
    with pytest.raises(NotFinite):
        a_sampler(temperature=temperature).sample(a_row(values), 0)


def test_shares_follow_the_probabilities() -> None:
    row = a_row([math.log(0.5), math.log(0.3), math.log(0.2)])
    drawn = [a_sampler(seed=seed).sample(row, 0) for seed in range(20_000)]

    assert [round(drawn.count(token) / 20_000, 1) for token in range(3)] == [0.5, 0.3, 0.2]


def test_the_coldest_temperatures_are_greedy_and_overflow_nothing() -> None:
    assert a_sampler(temperature=5e-324).sample(a_row([1, 3, 3]), 0) == 1
    assert a_sampler(temperature=2e-5).sample(a_row([1, 3, 2]), 0) == 1


def test_what_a_grammar_forbids_is_never_drawn() -> None:
    row = np.full(300, -np.inf, np.float32)
    row[[7, 290]] = [0.0, 1.0]
    drawn = {a_sampler(seed=seed, typical_p=0.9, top_p=0.99).sample(row, 0, 1) for seed in range(200)}

    assert drawn == {7, 290}
