"""A stream that one provider breaks off goes on at another that knows how to, by its text, as its client sees it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai
import pytest

from relay.settings import TimerSettings
from tests.relay.provider import (
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
    scripted_provider,
    stream_answer,
)
from tests.relay.running import COMPLETION_PRICE, MODEL, RunningRelay, a_chat, as_provider, running_relay

MESSAGES: Any = a_chat()["messages"]
TIMERS = TimerSettings(header_s=1.0, first_content_s=1.0, gap_s=1.0, plain_s=1.0)
BEGUN = "Once upon a time there was a lighthouse. Its keeper knew "
REST = "each ship by her horn, and every gull by name, though he would never have said so to anybody."
BROKEN: Sequence[Step] = [
    STREAM_HEAD,
    chunk(delta("", role="assistant")),
    *(chunk(delta(word)) for word in BEGUN.split(" ")[:1]),
    chunk(delta(BEGUN.partition(" ")[1] + BEGUN.partition(" ")[2])),
    CLOSE,
]


def goes_on(*pieces: str, usage: int = 7) -> list[Step]:
    """A stream of another id that says these pieces and ends."""
    said = [chunk(delta(piece)) for piece in pieces]
    end = chunk(event(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}]))
    counted = chunk(event(choices=[], usage={"prompt_tokens": 40, "completion_tokens": usage, "total_tokens": 47}))
    return [STREAM_HEAD, chunk(delta("", role="assistant")), *said, end, counted, chunk(DONE), STREAM_END]


@dataclass
class Pair:
    """Two providers of one model: `alpha` is the cheaper, and breaks off; `beta` can go on."""

    relay: RunningRelay
    alpha: ScriptedProvider
    beta: ScriptedProvider

    def sent_on(self) -> dict[str, Any]:
        """What `beta` was asked."""
        found: dict[str, Any] = json.loads(self.beta.requests[-1].body)
        return found


@asynccontextmanager
async def pair(
    folder: Path,
    beta: Sequence[Step],
    *,
    alpha: Sequence[Step] = BROKEN,
    method: str = "prefix",
    timers: TimerSettings = TIMERS,
) -> AsyncIterator[Pair]:
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(scripted_provider(alpha))
        other = await stack.enter_async_context(scripted_provider(beta))
        providers = [
            as_provider(one, "alpha", completion_price=COMPLETION_PRICE // 4),
            as_provider(other, "beta", continues=method),
        ]
        relay = await stack.enter_async_context(running_relay(folder, providers=providers, timers=timers))
        yield Pair(relay, one, other)


@dataclass
class Seen:
    text: str = ""
    reason: str | None = None
    ids: tuple[str, ...] = ()
    completion_tokens: int = 0
    error: openai.APIError | None = None


async def ask(relay: RunningRelay, **fields: Any) -> Seen:
    seen, ids = Seen(), set()
    async with openai.AsyncOpenAI(base_url=relay.base_url, api_key=relay.key, max_retries=0) as client:
        try:
            stream = await client.chat.completions.create(
                model=MODEL, messages=MESSAGES, stream=True, stream_options={"include_usage": True}, **fields
            )
            async for each in stream:
                ids.add(each.id)
                seen.completion_tokens = each.usage.completion_tokens if each.usage else seen.completion_tokens
                for choice in each.choices:
                    seen.text += choice.delta.content or ""
                    seen.reason = choice.finish_reason or seen.reason
        except openai.APIError as error:
            seen.error = error
    seen.ids = tuple(ids)
    return seen


@pytest.mark.parametrize(
    ("method", "message", "fields"),
    [
        ("prefix", {"prefix": True}, {}),
        ("continue_final_message", {}, {"continue_final_message": True, "add_generation_prompt": False}),
        ("prefill", {}, {}),
    ],
)
async def test_the_caller_sees_one_unbroken_answer(
    method: str, message: dict[str, Any], fields: dict[str, Any], tmp_path: Path
) -> None:
    async with pair(tmp_path, goes_on(*REST.split(" ", 1)[:1], " " + REST.split(" ", 1)[1]), method=method) as each:
        seen = await ask(each.relay, max_tokens=100)
        assert (seen.text, seen.reason, seen.error) == (BEGUN + REST, "stop", None)
        assert len(seen.ids) == 1
        sent = each.sent_on()
        assert sent["messages"] == [*MESSAGES, {"role": "assistant", "content": BEGUN.rstrip(), **message}]
        assert sent["max_tokens"] == 98  # of which two came from alpha
        assert {name: sent[name] for name in fields} == fields


async def test_both_are_paid_for_what_they_gave_and_the_prompt_once(tmp_path: Path) -> None:
    async with pair(tmp_path, goes_on(REST)) as each:
        seen = await ask(each.relay)
        assert seen.completion_tokens == 2 + 7
        (row,) = await each.relay.usage_rows()
        assert (row.state, row.attempts, row.completion_tokens) == ("completed", 2, 9)
        prompt = row.prompt_tokens
        assert row.cost_nano == prompt * 1000 + 2 * COMPLETION_PRICE // 4000 + 7 * COMPLETION_PRICE // 1000
        books = await each.relay.books()
        assert books.in_order
        assert books.open_holds == 0


@pytest.mark.parametrize(
    "again", [[BEGUN + "each ship"], [BEGUN[-30:], REST], ["\n\n", REST]], ids=["anew", "overlap", "white space"]
)
async def test_nothing_is_said_twice(again: list[str], tmp_path: Path) -> None:
    async with pair(tmp_path, goes_on(*again)) as each:
        seen = await ask(each.relay)
        assert seen.text.count("lighthouse") == 1
        if again[0].startswith(BEGUN):  # begun anew: nobody else is left, and that is said
            assert (seen.text, seen.reason) == (BEGUN, None)
            assert seen.error is not None
        else:
            assert (seen.text, seen.reason) == (BEGUN + REST, "stop")


async def test_a_provider_that_rejects_the_unfinished_answer_is_an_honest_error(tmp_path: Path) -> None:
    async with pair(tmp_path, [error_answer(400, "the last message must be from the user", "bad_messages")]) as each:
        seen = await ask(each.relay)
        assert seen.text == BEGUN
        assert seen.reason is None
        assert seen.error is not None
        assert "connection" in str(seen.error)  # the first cause
        assert len(each.beta.requests) == 1
        assert (await each.relay.books()).in_order


@pytest.mark.parametrize("how", ["stall", "error event", "bad event"])
async def test_however_it_broke_off_another_goes_on(how: str, tmp_path: Path) -> None:
    ends: dict[str, Step] = {
        "stall": asyncio.Event(),
        "error event": chunk(b'data: {"error": {"message": "overloaded"}}\n\n'),
        "bad event": chunk(b"data: {oops\n\n"),
    }
    async with pair(tmp_path, goes_on(REST), alpha=[*BROKEN[:-1], ends[how]]) as each:
        seen = await ask(each.relay)
        assert (seen.text, seen.reason, seen.error) == (BEGUN + REST, "stop", None)


@pytest.mark.parametrize(
    "fields",
    [
        {"n": 2},
        {"logprobs": True},
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"response_format": {"type": "json_object"}},
    ],
    ids=str,
)
async def test_what_text_alone_cannot_carry_over_is_not_tried(fields: dict[str, Any], tmp_path: Path) -> None:
    async with pair(tmp_path, goes_on(REST)) as each:
        seen = await ask(each.relay, **fields)
        assert seen.text == BEGUN
        assert seen.error is not None
        assert not each.beta.requests


@pytest.mark.parametrize(
    "said",
    [
        [chunk(event(choices=[{"index": 0, "delta": {"reasoning_content": "Hm."}, "finish_reason": None}]))],
        [chunk(event(choices=[{"index": 0, "delta": {"tool_calls": [{"index": 0}]}, "finish_reason": None}]))],
    ],
    ids=["reasoning", "tool call"],
)
async def test_thoughts_and_tool_calls_are_no_text(said: list[Step], tmp_path: Path) -> None:
    """Neither before the cut, nor in place of going on."""
    async with pair(tmp_path, goes_on(REST), alpha=[STREAM_HEAD, *said, *BROKEN[1:]]) as each:
        seen = await ask(each.relay)
        assert seen.error is not None
        assert not each.beta.requests
    async with pair(tmp_path / "b", [STREAM_HEAD, *said, *goes_on(REST)[1:]]) as each:
        seen = await ask(each.relay)
        assert (seen.text, seen.reason) == (BEGUN, None)
        assert seen.error is not None


async def test_a_provider_that_crawls_is_left_if_another_can_go_on(tmp_path: Path) -> None:
    timers = TimerSettings(crawl_s=0.1)
    async with pair(tmp_path, goes_on(REST), alpha=[*BROKEN[:-1], asyncio.Event()], timers=timers) as each:
        seen = await ask(each.relay)
        assert (seen.text, seen.reason, seen.error) == (BEGUN + REST, "stop", None)
        assert len(each.beta.requests) == 1


async def test_a_provider_that_crawls_is_waited_for_if_nobody_can_go_on(tmp_path: Path) -> None:
    goes = asyncio.Event()
    script = [*BROKEN[:-1], goes, *goes_on(REST)[1:]]
    timers = TimerSettings(crawl_s=0.0, heartbeat_s=0.2)
    async with (
        scripted_provider(script) as alpha,
        running_relay(tmp_path, providers=[as_provider(alpha, continues="prefix")], timers=timers) as relay,
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        writer.write(relay.chat(a_chat(stream=True)))
        await reader.readuntil(b": ping")  # by then its speed was looked at, more than once
        goes.set()
        rest = await reader.read()
        assert b"[DONE]" in rest
        writer.close()


async def test_what_has_not_begun_is_begun_anew_elsewhere(tmp_path: Path) -> None:
    async with pair(tmp_path, stream_answer(), alpha=[STREAM_HEAD, CLOSE]) as each:
        seen = await ask(each.relay)
        assert (seen.reason, seen.error) == ("stop", None)
        assert each.sent_on()["messages"] == MESSAGES


async def test_a_caller_who_hangs_up_while_another_goes_on_stops_it(tmp_path: Path) -> None:
    waits = asyncio.Event()
    async with pair(tmp_path, [STREAM_HEAD, chunk(delta(REST)), waits]) as each:
        _, writer = await asyncio.open_connection("127.0.0.1", each.relay.port)
        writer.write(each.relay.chat(a_chat(stream=True)))
        async with asyncio.timeout(10):
            await each.beta.seen.wait()
            writer.transport.abort()
            await each.beta.hung_up.wait()
        assert (await each.relay.books()).in_order
        (row,) = await each.relay.usage_rows()
        assert row.state == "cancelled"
