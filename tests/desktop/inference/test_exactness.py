"""An answer is the same to the last bit whoever runs beside it, and so is what is computed again to continue it.

It holds for weights in Q8_0, such as the demo model's, and Q4_0. It holds for one thread, and for more as long as a
sequence that is computed alone has less than 512 cells: beyond that llama.cpp shares one row's keys between its
threads. And for memory of their own: where cells are shared, their order depends on the others, and the sums on that.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from desktop.inference.engine import Chunk, LlamaModel
from desktop.inference.sampling import Logits
from desktop.inference.scheduler import BLOCK
from tests.desktop.inference.answers import STORY
from tests.desktop.inference.bench import Bench, Heard
from tests.desktop.inference.test_resume import cut

WORDS = ["lamp", "sea", "door", "bird", "stone", "river", "cloud", "green", "seven", "why"]


def nonsense(words: int) -> str:
    """A prompt that leads the model where every next token is a close call."""
    return " ".join(random.Random(words).choices(WORDS, k=words))


def computed(model: LlamaModel, ids: list[int], parts: list[int], *, beside: bool = False) -> Logits:
    """The logits behind `ids` computed in parts of these sizes, with a neighbour's token before each if asked."""
    for slot in range(model.slots):
        model.truncate(slot, 0)
    at = 0
    for number, size in enumerate(parts):
        if beside:
            model.decode([Chunk(1, number, [ids[number]], wanted=True)])
        model.decode([Chunk(0, at, ids[at : at + size], wanted=True)])
        at += size
    assert at == len(ids)
    row: Logits = model.logits(1)[0].copy()
    return row


def test_parts_below_a_block_and_parts_of_at_least_one_are_each_computed_alike(
    load: Callable[..., LlamaModel],
) -> None:
    model = load(context=512, slots=4)
    ids = np.random.default_rng(1).integers(3, model.n_vocab, 300).tolist()
    small, large = computed(model, ids, [1] * 300), computed(model, ids, [300])

    for size in (7, 32, BLOCK - 1):
        parts = [size] * (300 // size) + ([300 % size] if 300 % size else [])
        assert (computed(model, ids, parts) == small).all()
        assert (computed(model, ids, parts, beside=True) == small).all()
    for parts in ([BLOCK, 236], [100, 100, 100], [236, BLOCK]):
        assert (computed(model, ids, parts) == large).all()
        assert (computed(model, ids, parts, beside=True) == large).all()
    assert not (small == large).all(), "else none of this is needed any more"


CASES: list[dict[str, Any]] = [
    {"question": nonsense(words), "temperature": temperature, "limit": 48, "seed": words}
    for words in (20, 60, 150, 240)
    for temperature in (0, 1.4)
]


@pytest.mark.parametrize("case", CASES, ids=[f"{case['seed']} words, {case['temperature']}" for case in CASES])
def test_close_calls_fall_alike_alone_beside_others_and_resumed(
    load: Callable[..., LlamaModel], case: dict[str, Any]
) -> None:
    whole = Bench(load(context=512)).ask(**case)
    assert whole.finish is not None

    beside = Bench(load(context=512))
    for number, words in enumerate((5, 100, 200)):
        beside.submit(nonsense(words), tenant=f"b{number}", temperature=1, limit=40)
    beside.step()
    serial = beside.submit(**case, tenant="c")
    beside.submit(nonsense(70), tenant="d", limit=30)
    beside.run()
    assert beside.calls[serial].ids() == whole.ids()

    for at in range(0, len(whole.records), 3):
        other = Bench(load(context=512))
        for number in range(at % 3):
            other.submit(nonsense(30 * number + 10), tenant=f"e{number}", limit=60)
            other.step()
        serial = other.submit(**case, resume=cut(whole, at))
        other.run()
        assert Heard(records=whole.records[:at] + other.calls[serial].records).ids() == whole.ids(), at


def test_an_answer_whose_memory_was_taken_goes_on_as_if_it_had_not(load: Callable[..., LlamaModel]) -> None:
    case: dict[str, Any] = {"question": STORY, "temperature": 1.3, "limit": 150, "logit_bias": {"2": -100}}
    whole = Bench(load(context=512)).ask(**case)
    bench = Bench(load(context=512))
    serial = bench.submit(**case)
    while len(bench.calls[serial].ids()) < 120:
        bench.step()
    [choice] = bench.host._calls[serial].choices
    bench.host._forget(choice.slot)
    bench.run()

    assert bench.calls[serial].ids() == whole.ids()
