"""What goes wrong at a provider, thing by thing, and what the unmodified OpenAI client sees of it.

Every fault is met in plain and in streamed mode, alone and with a second provider that is well. Whatever happens: a
truncated answer is never presented as whole, a fault before the first content is mended where it can be, the second
provider is left alone where the request is at fault, and the books balance.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai
import pytest

from relay.settings import TimerSettings
from tests.relay.provider import (
    ANSWER,
    CLOSE,
    DONE,
    STREAM_END,
    STREAM_HEAD,
    ScriptedProvider,
    Step,
    chunk,
    delta,
    error_answer,
    event,
    plain_answer,
    response,
    scripted_provider,
    stream_answer,
    stream_events,
)
from tests.relay.running import COMPLETION_PRICE, MODEL, RunningRelay, a_chat, as_provider, running_relay

MESSAGES: Any = a_chat()["messages"]
TIMERS = TimerSettings(header_s=0.3, first_content_s=0.3, gap_s=0.3, plain_s=0.3)
BEGUN = "The capital"


@dataclass(frozen=True)
class Seen:
    """What a caller saw: the text, and the error it ended in, if it did."""

    text: str
    error: openai.APIError | None
    finish_reason: str | None


@dataclass(frozen=True)
class Fault:
    """What a provider does again and again, and the error that a caller of it alone gets."""

    script: Sequence[Step]
    error: type[openai.APIStatusError]
    status: int
    code: str | None = None
    passed_on: bool = True
    """Whether another provider may be asked."""


def begun(*more: Step) -> list[Step]:
    """A stream that has shown something."""
    return [STREAM_HEAD, chunk(delta("", role="assistant")), chunk(delta(BEGUN)), *more]


HTML = response(b"<html><h1>Bad gateway</h1></html>", 502, content_type="text/html")
CONTEXT = error_answer(400, "This model's maximum context length is 8192 tokens.", "context_length_exceeded")
POLICY = error_answer(400, "Your request was rejected.", "content_policy_violation")
RATE, INTERNAL = openai.RateLimitError, openai.InternalServerError

REFUSALS: dict[str, Fault] = {
    "429 with Retry-After": Fault([error_answer(429, "slow down", "rate_limit", retry_after="7")], RATE, 429),
    "429 without Retry-After": Fault([error_answer(429, "slow down", "rate_limit")], RATE, 429),
    "401": Fault([error_answer(401, "bad key sk-secret", "invalid_api_key")], INTERNAL, 502, "key_refused"),
    "402": Fault([error_answer(402, "no money")], INTERNAL, 502, "key_refused"),
    "404 of the model": Fault([error_answer(404, "no such model", "model_not_found")], INTERNAL, 503),
    "500": Fault([error_answer(500, "oops")], INTERNAL, 502),
    "503": Fault([error_answer(503, "overloaded")], INTERNAL, 502),
    "200 with an error": Fault([response({"error": {"message": "overloaded"}})], INTERNAL, 502),
    "200 with nothing": Fault([response({})], INTERNAL, 502),
    "HTML": Fault([HTML], INTERNAL, 502),
    "HTML that claims success": Fault([response(b"<html></html>", content_type="text/html")], INTERNAL, 502),
    "a reset before the head": Fault([CLOSE], INTERNAL, 502, "connection_lost"),
    "a reset after the head": Fault([b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", CLOSE], INTERNAL, 502),
    "silence": Fault([asyncio.Event()], INTERNAL, 502),
    "a head that never ends": Fault([b"HTTP/1.1 200 OK\r\nx: ", asyncio.Event()], INTERNAL, 502),
    "no HTTP": Fault([b"SSH-2.0-OpenSSH_9.2\r\n\r\n", CLOSE], INTERNAL, 502),
    "a prompt too long": Fault([CONTEXT], openai.BadRequestError, 400, "context_length_exceeded"),
    "a policy": Fault([POLICY], openai.BadRequestError, 400, "content_policy_violation", passed_on=False),
    "a bad parameter": Fault(
        [error_answer(400, "temperature is too high", "bad_temperature")],
        openai.BadRequestError,
        400,
        "bad_temperature",
        passed_on=False,
    ),
}
"""Nothing of an answer has been said, in either mode."""

UNBEGUN_STREAMS: dict[str, Fault] = {
    "an error as first event": Fault(
        [STREAM_HEAD, chunk(b'data: {"error": {"message": "overloaded"}}\n\n'), STREAM_END], INTERNAL, 502
    ),
    "a role and then silence": Fault([STREAM_HEAD, chunk(delta("", role="assistant")), asyncio.Event()], INTERNAL, 502),
    "an event that is no JSON": Fault([STREAM_HEAD, chunk(b"data: {oops\n\n"), STREAM_END], INTERNAL, 502),
    "an end before anything": Fault([STREAM_HEAD, chunk(DONE), STREAM_END], INTERNAL, 502),
    "a head and a reset": Fault([STREAM_HEAD, CLOSE], INTERNAL, 502),
}
BEGUN_STREAMS: dict[str, Sequence[Step]] = {
    "a cut": begun(CLOSE),
    "an end without a reason": begun(STREAM_END),
    "an early DONE": begun(chunk(DONE), STREAM_END),
    "a bad event": begun(chunk(b"data: {oops\n\n")),
    "an error event": begun(chunk(b'data: {"error": {"message": "overloaded"}}\n\n')),
    "a stall": begun(asyncio.Event()),
}
SAID = [chunk(each) for each in stream_events()[:-2]]
"""Everything up to the finish reason; what is missing are counts and the word that it was all."""

HARMLESS_STREAMS: dict[str, Sequence[Step]] = {
    "a bad event after the end": [STREAM_HEAD, *SAID, chunk(b"data: {oops\n\n"), STREAM_END],
    "an error after the end": [
        STREAM_HEAD,
        *SAID,
        chunk(b'data: {"error": {"message": "overloaded"}}\n\n'),
        STREAM_END,
    ],
    "a stall after the end": [STREAM_HEAD, *SAID, asyncio.Event()],
    "a cut after the end": [STREAM_HEAD, *SAID, CLOSE],
    "no DONE": [STREAM_HEAD, *(chunk(each) for each in stream_events()[:-1]), STREAM_END],
    "a reset after the last event": [STREAM_HEAD, *(chunk(each) for each in stream_events()), CLOSE],
}


async def ask(relay: RunningRelay, *, stream: bool) -> Seen:
    async with openai.AsyncOpenAI(base_url=relay.base_url, api_key=relay.key, max_retries=0) as client:
        text, reason = "", None
        try:
            if not stream:
                answer = await client.chat.completions.create(model=MODEL, messages=MESSAGES)
                choice = answer.choices[0]
                return Seen(choice.message.content or "", None, choice.finish_reason)
            async for each in await client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True):
                for part in each.choices:
                    text += part.delta.content or ""
                    reason = part.finish_reason or reason
        except openai.APIError as error:
            return Seen(text, error, reason)
        return Seen(text, None, reason)


async def judged(relay: RunningRelay, *, cost: bool) -> None:
    """The books balance, and nothing is charged where nothing was answered."""
    books = await relay.books()
    assert books.in_order
    assert books.open_holds == 0
    (row,) = await relay.usage_rows()
    assert (row.cost_nano > 0) is cost


def assert_is(error: openai.APIError | None, fault: Fault) -> None:
    assert type(error) is fault.error
    assert isinstance(error, openai.APIStatusError)
    assert error.status_code == fault.status
    assert "sk-secret" not in str(error.body)
    if fault.code:
        assert error.code == fault.code


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("name", REFUSALS)
async def test_a_provider_that_answers_nothing_is_an_error_of_the_right_kind(
    name: str, stream: bool, tmp_path: Path
) -> None:
    fault = REFUSALS[name]
    async with (
        scripted_provider(fault.script) as alpha,
        running_relay(tmp_path, providers=[as_provider(alpha)], timers=TIMERS) as relay,
    ):
        seen = await ask(relay, stream=stream)
        assert_is(seen.error, fault)
        assert (seen.text, seen.finish_reason) == ("", None)
        await judged(relay, cost=False)


async def test_how_long_to_wait_is_passed_on(tmp_path: Path) -> None:
    async with (
        scripted_provider(REFUSALS["429 with Retry-After"].script) as alpha,
        running_relay(tmp_path, providers=[as_provider(alpha)]) as relay,
    ):
        seen = await ask(relay, stream=True)
        assert isinstance(seen.error, openai.APIStatusError)
        assert seen.error.response.headers["retry-after"] == "7"


async def asked_with_another(
    script: Sequence[Step], tmp_path: Path, *, stream: bool
) -> tuple[Seen, ScriptedProvider, RunningRelay]:
    """A provider that does as the script says, and one that is well but dearer."""
    async with (
        scripted_provider(script) as alpha,
        scripted_provider(stream_answer() if stream else [plain_answer()]) as beta,
    ):
        providers = [as_provider(alpha, "alpha", completion_price=COMPLETION_PRICE // 4), as_provider(beta, "beta")]
        async with running_relay(tmp_path, providers=providers, timers=TIMERS) as relay:
            seen = await ask(relay, stream=stream)
            assert alpha.requests
            await judged(relay, cost=bool(seen.text))
            return seen, beta, relay


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("name", REFUSALS)
async def test_another_provider_answers_unless_the_request_is_at_fault(name: str, stream: bool, tmp_path: Path) -> None:
    fault = REFUSALS[name]
    seen, beta, _ = await asked_with_another(fault.script, tmp_path, stream=stream)
    if fault.passed_on:
        assert seen == Seen(ANSWER, None, "stop")
        assert len(beta.requests) == 1
    else:
        assert_is(seen.error, fault)
        assert not beta.requests


@pytest.mark.parametrize("name", UNBEGUN_STREAMS)
async def test_a_stream_that_never_begins_is_an_error(name: str, tmp_path: Path) -> None:
    fault = UNBEGUN_STREAMS[name]
    async with (
        scripted_provider(fault.script) as alpha,
        running_relay(tmp_path, providers=[as_provider(alpha)], timers=TIMERS) as relay,
    ):
        seen = await ask(relay, stream=True)
        assert_is(seen.error, fault)
        assert (seen.text, seen.finish_reason) == ("", None)
        await judged(relay, cost=False)


@pytest.mark.parametrize("name", UNBEGUN_STREAMS)
async def test_a_stream_that_never_begins_is_another_providers(name: str, tmp_path: Path) -> None:
    seen, beta, _ = await asked_with_another(UNBEGUN_STREAMS[name].script, tmp_path, stream=True)
    assert seen == Seen(ANSWER, None, "stop")
    assert len(beta.requests) == 1


@pytest.mark.parametrize("name", BEGUN_STREAMS)
async def test_a_stream_that_breaks_off_is_never_presented_as_whole(name: str, tmp_path: Path) -> None:
    """Two providers of unknown ways of going on: what has been shown cannot be continued, and is not begun anew."""
    seen, beta, _ = await asked_with_another(BEGUN_STREAMS[name], tmp_path, stream=True)
    assert seen.text == BEGUN
    assert isinstance(seen.error, openai.APIError)
    assert seen.finish_reason is None
    assert not beta.requests


async def test_a_first_token_that_takes_long_is_waited_for(tmp_path: Path) -> None:
    """Whoever waits hears heartbeats, of which an OpenAI client takes no notice."""
    said = asyncio.Event()
    script: list[Step] = [STREAM_HEAD, said, *(chunk(each) for each in stream_events()), STREAM_END]
    timers = TimerSettings(heartbeat_s=0.1)
    async with (
        scripted_provider(script) as alpha,
        running_relay(tmp_path, providers=[as_provider(alpha)], timers=timers) as relay,
        asyncio.TaskGroup() as group,
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        writer.write(relay.chat(a_chat(stream=True)))
        assert await reader.readuntil(b": ping\n\n")
        asking = group.create_task(ask(relay, stream=True))
        while len(alpha.requests) < 2:
            alpha.seen.clear()
            await alpha.seen.wait()
        said.set()
        assert await asking == Seen(ANSWER, None, "stop")
        assert b"Paris" in await reader.read()
        writer.close()


@pytest.mark.parametrize("name", HARMLESS_STREAMS)
async def test_what_does_no_harm_is_no_fault(name: str, tmp_path: Path) -> None:
    seen, beta, _ = await asked_with_another(HARMLESS_STREAMS[name], tmp_path, stream=True)
    assert seen == Seen(ANSWER, None, "stop")
    assert not beta.requests


async def test_the_end_of_one_choice_is_not_that_of_the_other(tmp_path: Path) -> None:
    def said(choice: int, **fields: Any) -> bytes:
        return chunk(event(choices=[{"index": choice, "delta": {"content": "One."}, "finish_reason": None} | fields]))

    script = [STREAM_HEAD, said(0), said(1), said(0, finish_reason="stop"), CLOSE]
    async with (
        scripted_provider(script) as alpha,
        running_relay(tmp_path, providers=[as_provider(alpha)], timers=TIMERS) as relay,
    ):
        answer = await relay.raw(relay.chat(a_chat(stream=True, n=2)))
        assert b'"finish_reason":"error"' in answer
        assert b"[DONE]" not in answer


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
async def test_a_provider_that_is_ill_once_answers_itself(stream: bool, tmp_path: Path) -> None:
    well: list[Step] = stream_answer() if stream else [plain_answer()]
    async with (
        scripted_provider([error_answer(500)], well) as alpha,
        running_relay(tmp_path, providers=[as_provider(alpha)], timers=TIMERS) as relay,
    ):
        assert await ask(relay, stream=stream) == Seen(ANSWER, None, "stop")
        assert len(alpha.requests) == 2


@pytest.mark.parametrize("counted", [0, 5_000, 10**9], ids=["nothing", "too much", "absurd"])
async def test_a_provider_that_counts_wrongly_changes_no_answer_and_never_costs_more_than_was_held(
    counted: int, tmp_path: Path
) -> None:
    async with (
        scripted_provider([plain_answer(completion=counted, prompt=counted)]) as alpha,
        running_relay(tmp_path, providers=[as_provider(alpha)], timers=TIMERS) as relay,
    ):
        assert await ask(relay, stream=False) == Seen(ANSWER, None, "stop")
        (row,) = await relay.usage_rows()
        assert 0 <= row.cost_nano <= 5_000_000_000
        assert (await relay.books()).in_order
