"""Continuous batching on the demo model itself, step by step, without a process in between."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from desktop.inference.engine import Chunk, LlamaModel, ModelUnusable, Outcome
from tests.desktop.inference.answers import PARIS, PARIS_ANSWER, STORY
from tests.desktop.inference.bench import QUESTIONS, Bench

# --- answers ---


def test_eight_calls_at_once_are_answered_as_each_alone(bench: Bench) -> None:
    alone = [bench.ask(question) for question in QUESTIONS]
    serials = [bench.submit(question, tenant=f"other-{number}") for number, question in enumerate(QUESTIONS)]
    bench.run()

    assert alone[0].text() == PARIS_ANSWER
    assert [bench.calls[serial].text() for serial in serials] == [heard.text() for heard in alone]


def test_a_seed_gives_the_same_draws_alone_and_beside_others(bench: Bench) -> None:
    alone = bench.ask(STORY, temperature=0.9, top_p=0.95, seed=11, tenant="x")
    for question in QUESTIONS[:5]:
        bench.submit(question, tenant="y")
    beside = bench.submit(STORY, temperature=0.9, top_p=0.95, seed=11, tenant="z")
    other = bench.submit(STORY, temperature=0.9, top_p=0.95, seed=12, tenant="z")
    bench.run()

    assert bench.calls[beside].ids() == alone.ids()
    assert bench.calls[other].ids() != alone.ids()


def test_choices_share_the_prompt_and_draw_for_themselves(bench: Bench) -> None:
    heard = bench.ask(STORY, temperature=1.0, n=3, limit=20)

    assert heard.finish is not None
    assert heard.finish.completion_tokens == sum(len(heard.ids(choice)) for choice in range(3))
    assert len({tuple(heard.ids(choice)) for choice in range(3)}) > 1
    alone = bench.ask(STORY, temperature=1.0, limit=20)
    assert alone.ids() == heard.ids(0)


def test_the_prompt_digest_is_that_of_the_ids(bench: Bench) -> None:
    heard = bench.ask()
    prompt = f"<|im_start|>user\n{PARIS}<|im_end|>\n<|im_start|>assistant\n"
    ids = bench.model.tokenize(prompt)

    assert heard.accept is not None
    assert ids is not None
    assert heard.accept.prompt_tokens == len(ids)
    assert heard.accept.prompt_digest == hashlib.sha256(np.array(ids, "<u4").tobytes()).digest()


def test_a_full_context_ends_with_length(load: Callable[..., LlamaModel]) -> None:
    bench = Bench(load(context=40, slots=2))
    heard = bench.ask(STORY, limit=10_000)

    assert heard.finish is not None
    assert heard.accept is not None
    assert heard.finish.reason == "length"
    assert heard.accept.prompt_tokens + len(heard.ids()) == 40


def test_a_banned_token_is_never_drawn(bench: Bench) -> None:
    first = bench.ask().ids()[0]

    assert first not in bench.ask(logit_bias={str(first): -100}).ids()


def test_a_bias_on_a_token_the_model_does_not_have_is_declined(bench: Bench) -> None:
    heard = bench.ask(logit_bias={"999999": 1})

    assert heard.decline is not None
    assert "'logit_bias'" in heard.decline.message


def test_more_choices_than_slots_are_declined_by_name(bench: Bench) -> None:
    heard = bench.ask(n=9)

    assert heard.decline is not None
    assert heard.decline.reason == "parameter"
    assert "'n'" in heard.decline.message


# --- memory ---


def test_the_second_turn_of_a_conversation_computes_only_what_is_new(bench: Bench) -> None:
    first = bench.ask(STORY, tenant="a")
    messages = [
        {"role": "user", "content": STORY},
        {"role": "assistant", "content": first.text()},
        {"role": "user", "content": PARIS},
    ]
    second = bench.ask(tenant="a", messages=messages)

    assert first.finish is not None
    assert second.finish is not None
    assert second.finish.cached_tokens >= first.finish.prompt_tokens + first.finish.completion_tokens - 2
    assert second.text() == Bench(bench.model).ask(tenant="b", messages=messages).text()


BANNED: dict[str, Any] = {"logit_bias": {"2": -100}}
"""Without its end an answer goes on to its limit."""

LONG = f"{STORY} Tell me what the cow says and what color the sky is."


def test_tenants_never_share_a_prefix(bench: Bench) -> None:
    bench.ask(LONG, tenant="a")
    running = bench.submit(LONG, tenant="a")
    bench.step()
    other = bench.ask(LONG, tenant="b")
    own = bench.ask(LONG, tenant="a")

    assert other.finish is not None
    assert own.finish is not None
    assert other.finish.cached_tokens == 0
    assert own.finish.cached_tokens > 0
    assert bench.calls[running].text() == other.text() == own.text()


def test_what_another_tenant_has_in_memory_saves_no_work(bench: Bench) -> None:
    """Counted in ids that went through the model, whatever is said in `cached_tokens`."""
    work = []
    for tenant in ("a", "b", "a"):
        before = bench.host.counters.computed
        heard = bench.ask(LONG, tenant=tenant, limit=1)
        assert heard.finish is not None
        work.append((bench.host.counters.computed - before, heard.finish.prompt_tokens))

    assert work[0][0] == work[0][1]
    assert work[1][0] == work[1][1]
    assert work[2][0] == 1


def test_a_running_call_of_the_same_tenant_lends_its_prompt(bench: Bench) -> None:
    lender = bench.submit(LONG, tenant="a")
    bench.step()
    borrower = bench.submit(LONG, tenant="a")
    bench.run()

    finish = bench.calls[borrower].finish
    assert finish is not None
    assert finish.cached_tokens == finish.prompt_tokens - 1
    assert bench.calls[borrower].text() == bench.calls[lender].text()


def test_a_full_pool_drops_idle_caches_and_goes_on(load: Callable[..., LlamaModel]) -> None:
    bench = Bench(load(context=256, slots=4, pool=256))
    answers = [bench.ask(STORY, tenant=f"t{number}", limit=40) for number in range(8)]

    assert len({heard.text() for heard in answers}) == 1
    assert all(heard.finish for heard in answers)


def test_a_call_that_might_not_fit_beside_others_is_declined_as_busy(load: Callable[..., LlamaModel]) -> None:
    bench = Bench(load(context=256, slots=4, pool=256))
    running = bench.submit(STORY, limit=150)
    late = bench.submit(STORY, limit=150, tenant="b")
    bench.run()

    decline = bench.calls[late].decline
    assert decline is not None
    assert decline.reason == "busy"
    assert bench.calls[running].finish is not None


def test_memory_that_is_fuller_than_promised_makes_the_longest_wait_and_keep_its_text(
    load: Callable[..., LlamaModel],
) -> None:
    model = load(context=256, slots=4, pool=256)
    alone = [Bench(model).ask(STORY, limit=90, tenant=tenant, **body) for tenant, body in (("x", {}), ("y", BANNED))]
    bench = Bench(load(context=256, slots=4, pool=256))
    stolen = [at % model.n_vocab for at in range(150)]
    assert model.decode([Chunk(3, 0, stolen, wanted=False)]) is Outcome.DONE
    elder = bench.submit(STORY, limit=90)
    younger = bench.submit(STORY, limit=90, tenant="b", **BANNED)
    bench.run()

    assert bench.host.counters.requeued > 0
    assert [bench.calls[serial].ids() for serial in (elder, younger)] == [heard.ids() for heard in alone]


def test_an_answer_that_does_not_fit_even_alone_fails_alone(load: Callable[..., LlamaModel]) -> None:
    model = load(context=256, slots=4, pool=256)
    bench = Bench(model)
    assert model.decode([Chunk(3, 0, [1] * 220, wanted=False)]) is Outcome.DONE
    heard = bench.ask(STORY, limit=90, **BANNED)

    assert heard.fail is not None
    assert heard.fail.code == "memory_full"
    model.truncate(3, 0)
    assert bench.ask(PARIS).text() == PARIS_ANSWER


def test_a_cancelled_call_leaves_between_two_steps(bench: Bench) -> None:
    gone = bench.submit(STORY, tenant="a")
    stays = bench.submit(PARIS, tenant="b")
    bench.step()
    bench.host.cancel(gone)
    heard = len(bench.calls[gone].records)
    bench.run()

    assert bench.calls[stays].text() == PARIS_ANSWER
    assert len(bench.calls[gone].records) == heard
    assert bench.calls[gone].finish is None


def test_an_aborted_step_is_as_if_it_had_not_been(bench: Bench) -> None:
    serial = bench.submit(STORY)
    bench.step()
    bench.model.abort.set()
    before = len(bench.calls[serial].records)
    bench.step()
    assert len(bench.calls[serial].records) == before
    bench.run()

    assert bench.calls[serial].text() == Bench(bench.model).ask(STORY, tenant="fresh").text()


def test_prompts_are_computed_in_parts_while_others_generate(bench: Bench) -> None:
    talking = bench.submit(STORY, tenant="a")
    bench.step()
    waiting = bench.submit("lamp " * 300, tenant="b", limit=3)
    steps = 0
    while not bench.calls[waiting].records and not bench.calls[talking].over:
        before = len(bench.calls[talking].ids())
        bench.step()
        steps += 1
        assert len(bench.calls[talking].ids()) == before + 1 or bench.calls[talking].over

    assert steps > 1


# --- the engine under it ---


def test_rows_of_logits_come_in_the_order_of_the_batch(load: Callable[..., LlamaModel]) -> None:
    model = load()
    prompts = [model.tokenize(text) or [] for text in ("The capital of", "Once upon a time there", "2 + 2")]
    alone = []
    for ids in prompts:
        model.decode([Chunk(0, 0, ids, wanted=True)])
        alone.append(model.logits(1)[0].argmax())
        model.truncate(0, 0)
    chunks = [Chunk(sequence, 0, ids, wanted=True) for sequence, ids in zip((5, 2, 7), prompts, strict=True)]
    model.decode([*chunks[:2], Chunk(1, 0, prompts[0], wanted=False), chunks[2]])

    assert model.logits(3).argmax(axis=1).tolist() == alone


def test_a_file_that_is_no_model_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"GGUF" + bytes(100))

    with pytest.raises(ModelUnusable, match="cannot read"):
        LlamaModel(str(path), context=0, slots=1, pool=0, threads=1, gpu_layers=0)


def test_llama_cpp_is_heard_when_something_is_wrong_and_not_otherwise(
    model_path: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    LlamaModel(str(model_path), context=64, slots=1, pool=0, threads=1, gpu_layers=0).close()
    quiet = capfd.readouterr().err
    with pytest.raises(ModelUnusable):
        LlamaModel(str(tmp_path / "gone.gguf"), context=64, slots=1, pool=0, threads=1, gpu_layers=0)

    assert "llama_model_loader: - kv" not in quiet
    assert "gone.gguf" in capfd.readouterr().err
