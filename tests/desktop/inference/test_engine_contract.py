"""What the agent may rely on, whoever writes the answers: run on the worker with its demo model, and on the fake."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import msgspec
import pytest

from desktop.inference.generation import Channel, Engine, Ready, RecordKind, Resume, Stopped
from tests.desktop.inference.answers import PARIS, PARIS_ANSWER, STORY, Answer, a_call, ask
from tests.desktop.inference.conftest import Watch


async def test_a_question_is_answered_in_the_order_of_the_protocol(engine: Engine) -> None:
    answer = await ask(engine, a_call(PARIS))

    assert answer.text() == PARIS_ANSWER
    assert answer.reason == "stop"
    assert answer.prompt_tokens is not None
    assert answer.prompt_tokens > 0
    assert len(answer.prompt_digest) == 32
    assert [record.kind for record in answer.records_][-1] == RecordKind.END
    assert answer.ends() == ["stop"]
    assert engine.running == 0


async def test_every_token_is_reported_once_and_counted(engine: Engine) -> None:
    answer = await ask(engine, a_call(PARIS))

    assert answer.usage is not None
    assert answer.usage.completion_tokens == len(answer.ids())
    assert answer.usage.prompt_tokens == answer.prompt_tokens
    assert all(not record.ids for record in answer.records_ if record.kind == RecordKind.END)


async def test_the_body_limits_the_answer(engine: Engine) -> None:
    answer = await ask(engine, a_call(PARIS, max_tokens=5))

    assert len(answer.ids()) == 5
    assert answer.ends() == ["length"]
    assert answer.reason == "length"


async def test_the_call_limits_the_answer_even_if_the_body_does_not(engine: Engine) -> None:
    answer = Answer()
    call = a_call(PARIS, max_completion_tokens=50)
    limited = type(call)(call.id, call.body, call.created, call.seed, 3, call.tenant)
    engine.submit(limited, answer)
    await asyncio.wait_for(answer.over.wait(), 20)

    assert len(answer.ids()) == 3
    assert answer.reason == "length"


async def test_a_stop_string_and_what_follows_are_not_shown_but_its_tokens_are_reported(engine: Engine) -> None:
    whole = await ask(engine, a_call(PARIS))
    answer = await ask(engine, a_call(PARIS, stop=["France is"]))

    assert answer.text() == "The capital of "
    assert answer.ends() == ["stop"]
    assert answer.ids() == whole.ids()[: len(answer.ids())]
    held = [record for record in answer.records_ if record.ids and not record.data]
    assert held, "tokens of the stop string are reported in the steps that sampled them"


async def test_text_that_only_looked_like_a_stop_string_is_shown_in_the_end(engine: Engine) -> None:
    answer = await ask(engine, a_call(PARIS, stop=["Paris. And"]))

    assert answer.text() == PARIS_ANSWER


async def test_each_of_several_choices_has_its_own_text_and_end(engine: Engine) -> None:
    answer = await ask(engine, a_call(PARIS, n=3))

    assert [answer.text(choice) for choice in range(3)] == [PARIS_ANSWER] * 3
    assert [answer.ends(choice) for choice in range(3)] == [["stop"]] * 3
    assert answer.usage is not None
    assert answer.usage.completion_tokens == sum(len(answer.ids(choice)) for choice in range(3))


async def test_calls_at_once_do_not_mix(engine: Engine) -> None:
    answers = await asyncio.gather(*(ask(engine, a_call(PARIS, id=number)) for number in range(8)))

    assert [answer.text() for answer in answers] == [PARIS_ANSWER] * 8


async def test_more_choices_than_there_are_slots_left_are_declined(engine: Engine, watch: Watch) -> None:
    state = await watch.ready()
    running = Answer()
    engine.submit(a_call(STORY, id=1, n=state.facts.slots), running)
    late = await ask(engine, a_call(PARIS, id=2))

    assert late.decline is not None
    assert late.decline[0] == "busy"
    engine.cancel(1)


async def test_a_cancelled_call_says_nothing_more_and_leaves_its_slot(engine: Engine, watch: Watch) -> None:
    state = await watch.ready()
    answer = Answer()
    answer.on_records = lambda: engine.cancel(1)
    engine.submit(a_call(STORY, id=1, n=state.facts.slots), answer)
    await asyncio.wait_for(answer.begun.wait(), 20)
    heard = len(answer.records_)
    assert engine.running == 0

    after = await ask(engine, a_call(PARIS, id=1))

    assert after.text() == PARIS_ANSWER
    assert len(answer.records_) == heard
    assert not answer.over.is_set()


async def test_cancelling_what_is_not_there_is_no_fault(engine: Engine) -> None:
    engine.cancel(99)

    assert (await ask(engine, a_call(PARIS))).text() == PARIS_ANSWER


async def test_log_probabilities_come_as_events_whose_tokens_are_the_text(engine: Engine) -> None:
    answer = await ask(engine, a_call(PARIS, logprobs=True, top_logprobs=2))
    events = [msgspec.json.decode(record.data) for record in answer.records_ if record.kind == RecordKind.DELTA]
    told = [entry for event in events for entry in event["logprobs"]]

    assert "".join(event.get("content", "") for event in events) == PARIS_ANSWER
    assert "".join(entry["token"] for entry in told) == PARIS_ANSWER
    assert len(told) == len(answer.ids())
    assert all(len(entry["top_logprobs"]) == 2 for entry in told)


async def test_a_stop_token_ends_an_answer(engine: Engine) -> None:
    whole = await ask(engine, a_call(PARIS))
    answer = await ask(engine, a_call(PARIS, stop_token_ids=[whole.ids()[-1]]))

    at = whole.ids().index(whole.ids()[-1])
    assert answer.ids() == whole.ids()[: at + 1]
    assert answer.ends() == ["stop"]


async def test_an_answer_goes_on_behind_ids_that_were_written_elsewhere(engine: Engine) -> None:
    whole = await ask(engine, a_call(PARIS))
    for at in (0, 3, len(whole.ids())):
        begun = Answer(records_=whole.records_[:at])
        text = begun.text().encode()
        ids = b"".join(record.ids for record in begun.records_)
        channel = Channel(0, RecordKind.TEXT, len(text), hashlib.sha256(text).digest())
        rest = await ask(engine, a_call(PARIS, resume=Resume(whole.prompt_digest, (ids,), (channel,))))

        assert begun.text() + rest.text() == PARIS_ANSWER
        assert begun.ids() + rest.ids() == whole.ids()
        assert rest.usage is not None
        assert rest.usage.completion_tokens == len(rest.ids())


async def test_ids_that_lead_elsewhere_are_declined_before_a_word_is_said(engine: Engine) -> None:
    whole = await ask(engine, a_call(PARIS))
    ids = b"".join(record.ids for record in whole.records_[:4])
    channel = Channel(0, RecordKind.TEXT, 5, bytes(32))
    for resume in (
        Resume(whole.prompt_digest, (ids,), (channel,)),
        Resume(bytes(32), (ids,)),
        Resume(whole.prompt_digest, (b"\xff\xff\xff\xff",)),
    ):
        answer = await ask(engine, a_call(PARIS, resume=resume))

        assert answer.decline is not None
        assert answer.decline[0] == "resume_mismatch"
        assert not answer.records_


async def test_a_call_for_no_token_only_counts_its_prompt(engine: Engine) -> None:
    whole = await ask(engine, a_call(PARIS))
    counted = await ask(engine, a_call(PARIS, limit=0))

    assert counted.prompt_tokens == whole.prompt_tokens
    assert counted.ids() == []
    assert counted.reason == "length"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tools", {}),
        ("logprobs", 1),
        ("stop_token_ids", [-1]),
        ("response_format", "json"),
        ("temperature", 3),
        ("top_p", -0.1),
        ("top_k", -1),
        ("n", 0),
        ("max_tokens", 0),
        ("stop", [""]),
        ("logit_bias", {"x": 1}),
    ],
)
async def test_a_request_that_cannot_be_served_is_declined_with_the_name_of_the_field(
    engine: Engine, field: str, value: Any
) -> None:
    answer = await ask(engine, a_call(PARIS, **{field: value}))

    assert answer.decline is not None
    assert answer.decline[0] == "parameter"
    assert f"'{field}'" in answer.decline[1]


async def test_a_prompt_longer_than_the_context_is_declined(engine: Engine, watch: Watch) -> None:
    state = await watch.ready()
    answer = await ask(engine, a_call("lamp " * state.facts.context))

    assert answer.decline is not None
    assert answer.decline[0] == "context"
    assert str(state.facts.context) in answer.decline[1]


async def test_stopping_fails_what_runs_and_declines_what_comes(engine: Engine) -> None:
    answer, late = Answer(), Answer()
    engine.submit(a_call(STORY, id=1), answer)
    await engine.stop()
    engine.submit(a_call(PARIS, id=2), late)

    assert isinstance(engine.state, Stopped)
    assert answer.failure is not None
    assert answer.failure[0] == "stopped"
    assert late.decline is not None
    assert late.decline[0] == "model"
    assert engine.running == 0


async def test_a_stopped_engine_can_be_started_again(engine: Engine, watch: Watch) -> None:
    await engine.stop()
    await engine.start()
    await watch.until(lambda state: isinstance(state, Ready))

    assert (await ask(engine, a_call(PARIS))).text() == PARIS_ANSWER
