"""An answer cut anywhere goes on, on a node that has seen nothing of it, as if it had not been cut."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from desktop.inference.engine import LlamaModel
from desktop.inference.generation import Channel, Record, RecordKind, Resume
from tests.desktop.inference.answers import PARIS, STORY
from tests.desktop.inference.bench import Bench, Heard

HELLO = "Say hello in Japanese."
"""The answer's characters are split over several tokens."""

JSON = "Describe the dog as JSON."


def shown(records: Sequence[Record], choice: int = 0) -> bytes:
    heard = Heard(records=list(records))
    return heard.text(choice).encode()


def cut(heard: Heard, at: int, *, n: int = 1) -> Resume:
    """What a relay knows once it has received the first `at` records."""
    assert heard.accept is not None
    before = Heard(records=heard.records[:at])
    ids = tuple(b"".join(token.to_bytes(4, "little") for token in before.ids(choice)) for choice in range(n))
    channels = []
    for choice in range(n):
        for kind, data in said(before, choice).items():
            channels.append(Channel(choice, kind, len(data), hashlib.sha256(data).digest()))
    return Resume(heard.accept.prompt_digest, ids, tuple(channels))


def said(heard: Heard, choice: int = 0) -> dict[int, bytes]:
    """What came through each channel of a choice. Events with log-probabilities are text."""
    channels: dict[int, bytes] = {int(RecordKind.TEXT): heard.text(choice).encode()}
    for record in heard.records:
        plain = record.kind in {RecordKind.TEXT, RecordKind.END} or b'"logprobs"' in record.data
        if record.choice == choice and not plain:
            channels[record.kind] = channels.get(record.kind, b"") + record.data
    return channels


@pytest.fixture
def alone(load: Callable[..., LlamaModel]) -> Callable[[], Bench]:
    """Benches that remember nothing of each other, on one loaded model."""

    def make() -> Bench:
        return Bench(load(context=512, slots=4))

    return make


OBJECT = {
    "type": "object",
    "properties": {
        "animal": {"type": "string", "maxLength": 20},
        "legs": {"type": "integer"},
        "tame": {"type": "boolean"},
    },
    "required": ["animal", "legs", "tame"],
    "additionalProperties": False,
}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "answer", "schema": OBJECT, "strict": True}}
TOOLS = [{"type": "function", "function": {"name": "describe", "parameters": OBJECT}}]

CASES: dict[str, dict[str, Any]] = {
    "greedy": {"question": PARIS},
    "greedy, characters of several tokens": {"question": HELLO},
    "seeded": {"question": STORY, "temperature": 1.3, "seed": 5, "limit": 60},
    "seeded, characters of several tokens": {"question": HELLO, "temperature": 1.0, "seed": 3},
    "seeded, cut by every filter": {
        "question": STORY, "temperature": 1.5, "top_k": 30, "top_p": 0.9, "min_p": 0.02, "typical_p": 0.9, "seed": 8,
        "limit": 40,
    },
    "penalties": {
        "question": STORY, "temperature": 0.8, "frequency_penalty": 0.9, "presence_penalty": 0.4,
        "repetition_penalty": 1.2, "seed": 2, "limit": 60,
    },
    "a stop string that is found": {"question": STORY, "stop": ["upon a time there", "zzz"]},
    "stop strings that are only begun": {"question": STORY, "stop": ["time there wasn't", "upon a timer"], "limit": 60},
    "a stop string that is begun at the end": {"question": PARIS, "stop": ["Paris. And"]},
    "a stop token": {"question": PARIS, "stop_token_ids": [13]},
    "json": {"question": JSON},
    "a schema": {"question": "Describe the dog as JSON.", "response_format": SCHEMA, "temperature": 1.0, "seed": 4},
    "a schema, greedy": {"question": STORY, "response_format": SCHEMA},
    "any JSON, limited": {"question": STORY, "response_format": {"type": "json_object"}, "seed": 9, "limit": 40},
    "calls of tools": {"question": STORY, "tools": TOOLS, "tool_choice": "required", "temperature": 1.0, "limit": 50},
    "a schema with log-probabilities": {
        "question": STORY, "response_format": SCHEMA, "temperature": 1.0, "logprobs": True, "top_logprobs": 2,
    },
    "log-probabilities": {"question": HELLO, "logprobs": True, "top_logprobs": 3},
    "log-probabilities behind a stop string that is begun": {
        "question": STORY, "logprobs": True, "top_logprobs": 2, "stop": ["time there wasn't", "upon a timer"],
        "limit": 40,
    },
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_resumed_answer_is_the_unbroken_one_at_every_cut(alone: Callable[[], Bench], case: dict[str, Any]) -> None:
    whole = alone().ask(**case)
    assert whole.finish is not None
    assert len(whole.records) > 5
    for at in range(len(whole.records)):
        rest = alone().ask(**case, resume=cut(whole, at))
        assert rest.decline is None, (at, rest.decline)
        assert rest.finish is not None
        joined = Heard(records=whole.records[:at] + rest.records)
        assert (joined.ids(), said(joined), joined.end()) == (whole.ids(), said(whole), whole.end()), at
        assert rest.finish.completion_tokens == len(rest.ids())
        assert [told["token"] for told in joined.logprobs()] == [told["token"] for told in whole.logprobs()], at
        for told, expected in zip(joined.logprobs(), whole.logprobs(), strict=True):
            assert told["logprob"] == pytest.approx(expected["logprob"], abs=1e-3)


def test_the_cases_hold_text_back_at_some_cut(alone: Callable[[], Bench]) -> None:
    """Else the cuts would prove less than they seem to."""
    for name in ("greedy, characters of several tokens", "stop strings that are only begun"):
        assert any(r.ids and not r.data for r in alone().ask(**CASES[name]).records)


def test_several_choices_go_on_together(alone: Callable[[], Bench]) -> None:
    case: dict[str, Any] = {"question": STORY, "temperature": 1.2, "n": 3, "limit": 20}
    whole = alone().ask(**case)
    for at in range(0, len(whole.records), 7):
        rest = alone().ask(**case, resume=cut(whole, at, n=3))
        joined = Heard(records=whole.records[:at] + rest.records)
        assert [joined.ids(choice) for choice in range(3)] == [whole.ids(choice) for choice in range(3)]
        assert [joined.text(choice) for choice in range(3)] == [whole.text(choice) for choice in range(3)]


def test_resumed_calls_beside_others_go_on_as_alone(alone: Callable[[], Bench]) -> None:
    case: dict[str, Any] = {"question": STORY, "temperature": 1.1, "limit": 50}
    whole = alone().ask(**case)
    bench = alone()
    for tenant in ("b", "c"):
        bench.submit(PARIS, tenant=tenant)
    bench.step()
    serial = bench.submit(**case, resume=cut(whole, 20))
    bench.run()

    assert bench.calls[serial].ids() == whole.ids()[20:]


def test_text_that_was_held_back_elsewhere_comes_first(alone: Callable[[], Bench]) -> None:
    """As when the relay has the ids of a record but dropped its text."""
    whole = alone().ask()
    resume = cut(whole, 6)
    text = shown(whole.records[:4])
    fewer = Resume(resume.prompt_digest, resume.ids, (Channel(0, 0, len(text), hashlib.sha256(text).digest()),))
    rest = alone().ask(resume=fewer)

    assert not rest.records[0].ids
    assert text + rest.text().encode() == whole.text().encode()
    assert rest.ids() == whole.ids()[6:]


def test_an_answer_whose_end_alone_was_lost_just_ends(alone: Callable[[], Bench]) -> None:
    whole = alone().ask(STORY, limit=12)
    assert whole.records[-1].kind == RecordKind.END
    bench = alone()
    rest = bench.ask(STORY, limit=12, resume=cut(whole, len(whole.records) - 1))

    assert [record.kind for record in rest.records] == [RecordKind.END]
    assert rest.end() == "length"
    assert bench.host.counters.computed == 0


def test_the_limit_of_an_answer_holds_over_all_its_legs(alone: Callable[[], Bench]) -> None:
    whole = alone().ask(STORY, limit=15)
    rest = alone().ask(STORY, limit=15, resume=cut(whole, 9))

    assert len(rest.ids()) == 6
    assert rest.end() == "length"


# --- what is not believed ---


def packed(*ids: int) -> bytes:
    return b"".join(token.to_bytes(4, "little") for token in ids)


def text_of(text: bytes) -> tuple[Channel, ...]:
    return (Channel(0, 0, len(text), hashlib.sha256(text).digest()),)


def refused(bench: Bench, resume: Resume, **body: Any) -> str:
    heard = bench.ask(**body, resume=resume)
    assert heard.decline is not None
    assert heard.decline.reason == "resume_mismatch"
    assert not heard.records
    assert bench.ask().end() == "stop", "the next call is answered"
    return heard.decline.message


@pytest.mark.parametrize("hostile", [2**32 - 1, 2**31, 1024, 5000])
def test_an_id_the_model_does_not_have_is_refused(alone: Callable[[], Bench], hostile: int) -> None:
    whole = alone().ask()
    resume = cut(whole, 3)
    assert "cannot be part" in refused(alone(), Resume(resume.prompt_digest, (resume.ids[0] + packed(hostile),)))


def test_an_end_of_generation_or_another_control_token_is_refused(alone: Callable[[], Bench]) -> None:
    bench = alone()
    digest = cut(bench.ask(), 0).prompt_digest
    control = [token for token in range(bench.model.n_vocab) if bench.model.is_control(token)]
    assert len(control) > 1
    for token in control:
        assert "cannot be part" in refused(bench, Resume(digest, (packed(token),)))


def test_another_prompt_is_refused(alone: Callable[[], Bench]) -> None:
    resume = cut(alone().ask(), 3)

    assert "prompt" in refused(alone(), resume, question=STORY)


@pytest.mark.parametrize("change", ["text", "shorter", "longer", "half", "channel", "negative"])
def test_text_that_is_not_that_of_the_ids_is_refused(alone: Callable[[], Bench], change: str) -> None:
    whole = alone().ask(HELLO)
    at = max(i for i, r in enumerate(whole.records) if r.data and r.kind == RecordKind.TEXT)
    resume, text = cut(whole, at), shown(whole.records[:at])
    claims = {
        "text": text_of(b"x" * len(text)),
        "shorter": (Channel(0, 0, len(text) - 1, hashlib.sha256(text).digest()),),
        "longer": text_of(text + b"!"),
        "half": text_of(next(text[:n] for n in range(1, len(text)) if text[n] & 0xC0 == 0x80)),
        "channel": (*text_of(text), Channel(0, 4, 3, hashlib.sha256(b"abc").digest())),
        "negative": (Channel(0, 0, -1, hashlib.sha256(b"").digest()),),
    }

    refused(alone(), Resume(resume.prompt_digest, resume.ids, claims[change]), question=HELLO)


def test_ids_that_go_on_behind_the_end_are_refused(alone: Callable[[], Bench]) -> None:
    whole = alone().ask(stop=["capital"])
    resume = cut(whole, len(whole.records))
    longer = Resume(resume.prompt_digest, (resume.ids[0] + packed(40),), resume.channels)

    assert "already ended" in refused(alone(), longer, stop=["capital"])
    assert "already ended" in refused(alone(), Resume(resume.prompt_digest, (packed(*([40] * 30)),)), max_tokens=20)


def test_ids_that_do_not_fit_the_context_are_refused(alone: Callable[[], Bench]) -> None:
    digest = cut(alone().ask(), 0).prompt_digest

    refused(alone(), Resume(digest, (packed(*([40] * 600)),)), limit=10_000)


@pytest.mark.parametrize("ids", [(), (b"", b"")])
def test_ids_of_other_choices_are_refused(alone: Callable[[], Bench], ids: tuple[bytes, ...]) -> None:
    digest = cut(alone().ask(), 0).prompt_digest

    refused(alone(), Resume(digest, ids))


def test_a_body_that_was_changed_for_the_resume_is_noticed_by_its_text(alone: Callable[[], Bench]) -> None:
    whole = alone().ask(STORY, limit=30)
    stop = whole.text()[3:9]

    refused(alone(), cut(whole, 25), question=STORY, stop=[stop], limit=30)
