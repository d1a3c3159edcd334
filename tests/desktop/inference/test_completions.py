"""Plain completions, counts and embeddings, with the demo model."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pytest

from desktop.inference.engine import LlamaModel
from desktop.inference.generation import RecordKind, Resume
from tests.desktop.inference.answers import PARIS, PARIS_ANSWER, STORY
from tests.desktop.inference.bench import Bench, Heard
from tests.desktop.inference.test_resume import cut

PROMPT = f"<|im_start|>user\n{PARIS}<|im_end|>\n<|im_start|>assistant\n"


def complete(bench: Bench, prompt: Any = PROMPT, *, resume: Resume | None = None, **fields: Any) -> Heard:
    raw = msgspec.json.encode({"prompt": prompt, "temperature": 0, "max_tokens": 40} | fields)
    return bench.ask(kind="completion", raw=raw, resume=resume, n=fields.get("n", 1))


def embed(bench: Bench, value: Any, **fields: Any) -> int:
    return bench.submit(kind="embedding", raw=msgspec.json.encode({"input": value} | fields))


def vectors(heard: Heard) -> list[npt.NDArray[np.float32]]:
    found = [record.data for record in heard.records if record.kind == RecordKind.VECTOR]
    assert [struct.unpack("<I", data[:4])[0] for data in found] == list(range(len(found)))
    return [np.frombuffer(data[4:], "<f4") for data in found]


# --- completions ---


def test_a_completion_goes_on_from_its_text(bench: Bench) -> None:
    heard = complete(bench)

    assert heard.text() == PARIS_ANSWER
    assert heard.end() == "stop"
    assert heard.ids() == bench.ask(PARIS).ids()


def test_a_prompt_of_ids_is_the_same_as_its_text(bench: Bench) -> None:
    ids = bench.model.tokenize(PROMPT)
    by_text, by_ids = complete(bench), complete(bench, ids)

    assert by_ids.text() == by_text.text()
    assert by_ids.accept is not None
    assert by_text.accept is not None
    assert by_ids.accept.prompt_digest == by_text.accept.prompt_digest


def test_an_echo_comes_first_and_counts_as_no_token(bench: Bench) -> None:
    heard = complete(bench, echo=True)

    assert heard.text() == PROMPT + PARIS_ANSWER
    assert not heard.records[0].ids
    assert complete(bench, bench.model.tokenize(PROMPT), echo=True).text() == PROMPT + PARIS_ANSWER


def test_an_echo_without_an_answer_computes_nothing(bench: Bench) -> None:
    heard = complete(bench, echo=True, max_tokens=0)

    assert (heard.text(), heard.end(), heard.ids()) == (PROMPT, "length", [])
    assert bench.host.counters.computed == 0


def test_each_choice_has_its_echo(bench: Bench) -> None:
    heard = complete(bench, "Once upon a time", echo=True, n=2, temperature=1.2)

    assert all(heard.text(choice).startswith("Once upon a time") for choice in range(2))
    assert heard.ids(0) != heard.ids(1)


def test_a_completion_without_a_limit_has_sixteen_tokens(bench: Bench) -> None:
    heard = complete(bench, "Once upon a time", max_tokens=None)

    assert len(heard.ids()) == 16
    assert heard.end() == "length"


def test_log_probabilities_of_a_completion(bench: Bench) -> None:
    heard = complete(bench, logprobs=2)

    assert len(heard.logprobs()) == len(heard.ids())
    assert all(len(entry["top_logprobs"]) == 2 for entry in heard.logprobs())


def test_a_resumed_completion_does_not_echo_again(load: Callable[..., LlamaModel]) -> None:
    whole = complete(Bench(load(context=512)), echo=True)
    for at in range(len(whole.records)):
        rest = complete(Bench(load(context=512)), echo=True, resume=cut(whole, at))
        assert Heard(records=whole.records[:at] + rest.records).text() == whole.text()


@pytest.mark.parametrize(
    ("fields", "reason", "named"),
    [
        ({"suffix": "end"}, "parameter", "'suffix'"),
        ({"prompt": [5000]}, "parameter", "'prompt'"),
        ({"prompt": "lamp " * 3000}, "context", "512"),
        ({"prompt": [1] * 600}, "context", "512"),
        ({"prompt": ["a", "b"]}, "parameter", "'prompt'"),
    ],
)
def test_a_completion_that_cannot_be_served_is_declined(
    bench: Bench, fields: dict[str, Any], reason: str, named: str
) -> None:
    heard = complete(bench, **fields)

    assert heard.decline is not None
    assert heard.decline.reason == reason
    assert named in heard.decline.message


@pytest.fixture
def filling(model_path: Path, tmp_path: Path) -> Iterator[Bench]:
    """The demo model, declared to fill in the middle by three of its ordinary tokens."""
    path = tmp_path / "filling.gguf"
    path.write_bytes(with_numbers(model_path.read_bytes(), {f"tokenizer.ggml.fim_{n}_token_id": t for n, t in FIM}))
    model = LlamaModel(str(path), context=256, slots=2, pool=0, threads=1, gpu_layers=0)
    yield Bench(model)
    model.close()


FIM = (("pre", 100), ("suf", 101), ("mid", 102))


def with_numbers(gguf: bytes, numbers: dict[str, int]) -> bytes:
    """A GGUF with more metadata. What is added keeps the alignment of the tensors behind it."""
    size = sum(16 + len(key) for key in numbers) + 16
    numbers = numbers | {"x" * (-size % 32): 0}
    added = b"".join(
        struct.pack("<Q", len(key)) + key.encode() + struct.pack("<II", 4, value) for key, value in numbers.items()
    )
    count = struct.unpack_from("<Q", gguf, 16)[0] + len(numbers)
    return gguf[:16] + struct.pack("<Q", count) + added + gguf[24:]


def test_a_suffix_is_put_behind_the_prompt_by_the_models_own_tokens(filling: Bench) -> None:
    model = filling.model
    before, after = model.tokenize("def f(x):"), model.tokenize("return y <|im_end|>")
    assert before is not None
    assert after is not None
    ids = model.fill_in("def f(x):", "return y <|im_end|>")

    assert ids is not None
    assert ids[: 2 + len(before)] == [100, *before, 101]
    assert ids[-1] == 102
    assert len(ids) > 3 + len(before) + len(after), "what a caller writes is text, never a control token"
    heard = complete(filling, "def f(x):", suffix="return y <|im_end|>", max_tokens=3)
    assert heard.accept is not None
    assert heard.accept.prompt_tokens == len(ids)
    assert len(heard.ids()) <= 3


def test_a_suffix_wants_a_prompt_of_text(filling: Bench) -> None:
    heard = complete(filling, [1, 2], suffix="x")

    assert heard.decline is not None
    assert "'prompt'" in heard.decline.message


# --- counting ---


def test_a_call_for_no_token_counts_its_prompt_and_takes_no_slot(bench: Bench) -> None:
    for number in range(bench.model.slots):
        bench.submit(STORY, tenant=str(number))
    counted = bench.calls[bench.submit(PARIS, limit=0)]

    assert counted.accept is not None
    assert counted.accept.prompt_tokens == len(bench.model.tokenize(PROMPT) or [])
    assert counted.finish is not None
    assert (counted.finish.completion_tokens, counted.end()) == (0, "length")
    bench.run()


# --- embeddings ---


def test_texts_become_vectors_of_length_one_that_know_likeness(bench: Bench) -> None:
    serial = embed(bench, ["What color is the sky?", "What color is the grass?", "Count from 1 to 20."])
    bench.run()
    sky, grass, count = vectors(bench.calls[serial])

    assert all(float(np.linalg.norm(vector)) == pytest.approx(1, abs=1e-5) for vector in (sky, grass, count))
    assert float(sky @ grass) > float(sky @ count)


def test_a_vector_does_not_depend_on_who_runs_beside_it_nor_on_how_it_is_cut(load: Callable[..., LlamaModel]) -> None:
    text = "lamp forest ring " * 20
    alone, beside = Bench(load(context=512)), Bench(load(context=512), prefill_budget=16)
    serial = embed(alone, text)
    alone.run()
    expected = vectors(alone.calls[serial])[0]
    talking = beside.submit(STORY, tenant="b")
    beside.step()
    serial = embed(beside, [text, text])
    beside.run()

    for vector in vectors(beside.calls[serial]):
        assert np.allclose(vector, expected, atol=1e-3)
    assert beside.calls[talking].text() == Bench(load(context=512)).ask(STORY).text()


def test_those_who_write_go_on_while_a_text_is_embedded(load: Callable[..., LlamaModel]) -> None:
    bench = Bench(load(context=512), prefill_budget=16)
    talking = bench.submit(STORY)
    bench.step()
    serial = embed(bench, "lamp " * 100)
    steps = 0
    while not bench.calls[serial].over:
        before = len(bench.calls[talking].ids())
        bench.step()
        steps += 1
        assert len(bench.calls[talking].ids()) == before + 1

    assert steps > 3
    bench.run()


def test_an_embedding_counts_its_tokens_and_writes_none(bench: Bench) -> None:
    ids = [bench.model.tokenize(text) or [] for text in ("a lamp", "the sea")]
    serial = embed(bench, ids)
    bench.run()
    finish = bench.calls[serial].finish

    assert finish is not None
    assert (finish.prompt_tokens, finish.completion_tokens) == (sum(map(len, ids)), 0)
    assert len(vectors(bench.calls[serial])) == 2


def test_a_cancelled_embedding_leaves_the_others_whole(bench: Bench) -> None:
    gone, stays = embed(bench, "lamp " * 200), embed(bench, "the sea")
    bench.host.cancel(gone)
    bench.run()

    assert not bench.calls[gone].records
    assert len(vectors(bench.calls[stays])) == 1
    assert bench.host.idle


@pytest.mark.parametrize(
    ("value", "fields", "named"),
    [
        ("a", {"dimensions": 3}, "'dimensions'"),
        ([5000], {}, "'input'"),
        (["a", "lamp " * 600], {}, "'input[1]'"),
    ],
)
def test_a_text_that_cannot_be_embedded_is_declined(
    bench: Bench, value: Any, fields: dict[str, Any], named: str
) -> None:
    decline = bench.calls[embed(bench, value, **fields)].decline

    assert decline is not None
    assert named in decline.message
