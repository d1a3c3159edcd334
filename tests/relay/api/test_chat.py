"""What an unmodified OpenAI client sees of a relay whose model is at a provider."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import openai
import pytest

from relay.ledger.check import BooksCheck
from relay.settings import TimerSettings
from tests.relay.provider import (
    ANSWER,
    CLOSE,
    DONE,
    STREAM_END,
    STREAM_HEAD,
    ScriptedProvider,
    chunk,
    delta,
    error_answer,
    event,
    plain_answer,
    response,
    scripted_provider,
    stream_answer,
    stream_events,
    usage,
)
from tests.relay.running import COMPLETION_PRICE, MODEL, PROMPT_PRICE, RunningRelay, a_chat, as_provider, running_relay

MESSAGES: Any = a_chat()["messages"]


@pytest.fixture
async def provider() -> AsyncIterator[ScriptedProvider]:
    async with scripted_provider() as running:
        yield running


@pytest.fixture(params=["http", "asgi"])
async def relay(
    request: pytest.FixtureRequest, provider: ScriptedProvider, tmp_path: Path
) -> AsyncIterator[RunningRelay]:
    timers = TimerSettings(first_content_s=1.0, header_s=1.0, gap_s=1.0, plain_s=1.0)
    async with running_relay(tmp_path, providers=[as_provider(provider)], edge=request.param, timers=timers) as running:
        yield running


@pytest.fixture
async def client(relay: RunningRelay) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=relay.base_url, api_key=relay.key, max_retries=0) as made:
        yield made


async def _streamed(client: openai.AsyncOpenAI, **fields: Any) -> list[Any]:
    stream = await client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True, **fields)
    return [each async for each in stream]


def _text(chunks: list[Any]) -> str:
    return "".join(each.choices[0].delta.content or "" for each in chunks if each.choices)


async def test_a_plain_call_gets_the_providers_answer(client: openai.AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(model=MODEL, messages=MESSAGES)

    assert answer.choices[0].message.content == ANSWER
    assert answer.usage is not None
    assert answer.usage.total_tokens == 24


async def test_a_streamed_call_gets_the_same_text_and_no_usage_it_did_not_ask_for(
    client: openai.AsyncOpenAI, provider: ScriptedProvider
) -> None:
    provider.plays(stream_answer())

    chunks = await _streamed(client)

    assert _text(chunks) == ANSWER
    assert all(each.usage is None for each in chunks)
    assert provider.requests[0].json["stream_options"] == {"include_usage": True}


async def test_usage_reaches_a_caller_who_asked_for_it(client: openai.AsyncOpenAI, provider: ScriptedProvider) -> None:
    provider.plays(stream_answer())

    chunks = await _streamed(client, stream_options={"include_usage": True})

    assert [each.usage.total_tokens for each in chunks if each.usage] == [24]


async def test_the_models_are_listed(client: openai.AsyncOpenAI) -> None:
    assert [model.id async for model in client.models.list()] == [MODEL]
    assert (await client.models.retrieve(MODEL)).owned_by == "alpha"


async def test_a_bad_key_is_a_typed_authentication_error(relay: RunningRelay) -> None:
    async with openai.AsyncOpenAI(base_url=relay.base_url, api_key="sk-wrong", max_retries=0) as stranger:
        with pytest.raises(openai.AuthenticationError) as caught:
            await stranger.chat.completions.create(model=MODEL, messages=MESSAGES)
        with pytest.raises(openai.AuthenticationError):
            await stranger.models.list()

    assert caught.value.code == "invalid_api_key"


async def test_an_unknown_model_is_a_typed_not_found_error(client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        await client.chat.completions.create(model="nobody-has-this", messages=MESSAGES)

    assert caught.value.code == "model_not_found"


@pytest.mark.parametrize(
    ("body", "status", "part"),
    [
        (b"{not json", 400, b"could not parse the JSON body"),
        (b"\xff\xfe", 400, b"could not parse the JSON body"),
        (b"[]", 400, b"Expected"),
        (b'{"messages": [{}]}', 400, b'"param":"model"'),
        (b'{"model": "m"}', 400, b'"param":"messages"'),
        (b'{"model": "m", "messages": []}', 400, b"length >= 1"),
        (b'{"model": "m", "messages": [{}], "max_tokens": "many"}', 400, b'"param":"max_tokens"'),
        (b'{"model": "m", "messages": [{}], "max_tokens": 0}', 400, b'"param":"max_tokens"'),
        (b'{"model": "m", "messages": [{}], "n": 99}', 400, b'"param":"n"'),
        (b'{"model": "m", "messages": [{}], "stream_options": {}}', 400, b'"param":"stream_options"'),
        (b'{"model": "m", "messages": [' + b"[" * 40 + b"]" * 40 + b"]}", 400, b"levels deep"),
        (b'{"model": "m", "messages": [' + b"[" * 4000 + b"]" * 4000 + b"]}", 400, b"levels deep"),
        (b"x" * (5 * 2**20), 413, b"request_too_large"),
    ],
)  # fmt: skip
async def test_a_bad_body_is_answered_with_what_is_wrong(
    relay: RunningRelay, body: bytes, status: int, part: bytes
) -> None:
    answer = await relay.raw(relay.chat(body))

    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert part in answer


async def test_the_client_hears_that_a_body_is_too_large(client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        await client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "x" * 5 * 2**20}])

    assert caught.value.status_code == 413


async def test_a_body_beyond_all_bounds_closes_the_connection_after_the_answer(relay: RunningRelay) -> None:
    head = relay.chat(b"", close=False).replace(b"content-length: 0", b"content-length: 90000000")
    answer = await relay.raw(head + b"x" * (33 * 2**20))

    assert answer.startswith(b"HTTP/1.1 413 ")


async def test_a_body_in_chunks_is_read(relay: RunningRelay) -> None:
    whole = relay.chat(a_chat())
    head, body = whole.split(b"\r\n\r\n", 1)
    length = b"content-length: %d" % len(body)
    pieces = b"%x\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (10, body[:10], len(body) - 10, body[10:])

    answer = await relay.raw(head.replace(length, b"transfer-encoding: chunked") + b"\r\n\r\n" + pieces)

    assert ANSWER.encode() in answer


async def test_expect_100_continue_is_answered(relay: RunningRelay) -> None:
    head, body = relay.chat(a_chat()).split(b"\r\n\r\n", 1)

    answer = await relay.raw(head + b"\r\nexpect: 100-continue\r\n\r\n" + body)

    assert answer.startswith(b"HTTP/1.1 100 Continue")
    assert ANSWER.encode() in answer


async def test_pipelined_calls_are_answered_in_order(relay: RunningRelay, provider: ScriptedProvider) -> None:
    provider.plays([plain_answer("first")], [plain_answer("second")])

    answer = await relay.raw(relay.chat(a_chat(), close=False) + relay.chat(a_chat()))

    assert answer.index(b"first") < answer.index(b"second")


async def test_a_wrong_method_or_path_gets_an_error_object(relay: RunningRelay) -> None:
    wrong_method = await relay.raw(b"GET /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    wrong_path = await relay.raw(
        b"POST /v1/nothing HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    )

    assert wrong_method.startswith(b"HTTP/1.1 405 ")
    assert wrong_path.startswith(b"HTTP/1.1 404 ")
    assert b'{"error":{"message":' in wrong_method
    assert b'{"error":{"message":' in wrong_path


async def test_a_provider_that_refuses_the_request_is_quoted(
    client: openai.AsyncOpenAI, provider: ScriptedProvider
) -> None:
    provider.plays([error_answer(400, "temperature is too high", "bad_temperature")])

    with pytest.raises(openai.BadRequestError) as caught:
        await client.chat.completions.create(model=MODEL, messages=MESSAGES)

    assert "temperature is too high" in caught.value.message
    assert len(provider.requests) == 1


async def test_a_provider_that_is_ill_once_is_tried_again(
    client: openai.AsyncOpenAI, provider: ScriptedProvider
) -> None:
    provider.plays([error_answer(500)], [plain_answer()])

    answer = await client.chat.completions.create(model=MODEL, messages=MESSAGES)

    assert answer.choices[0].message.content == ANSWER
    assert len(provider.requests) == 2


async def test_a_silent_provider_becomes_an_error_with_its_cause(
    client: openai.AsyncOpenAI, provider: ScriptedProvider
) -> None:
    provider.plays([asyncio.Event()])

    with pytest.raises(openai.InternalServerError) as caught:
        await client.chat.completions.create(model=MODEL, messages=MESSAGES)

    assert caught.value.status_code == 502
    assert "no response in time" in caught.value.message


async def test_a_stream_that_is_cut_ends_in_an_error_event_and_never_cleanly(
    client: openai.AsyncOpenAI, provider: ScriptedProvider
) -> None:
    provider.plays([STREAM_HEAD, chunk(delta("The capital")), CLOSE])

    with pytest.raises(openai.APIError, match=r"lost|early"):
        await _streamed(client)


@pytest.mark.parametrize(
    "script",
    [
        [STREAM_HEAD, chunk(delta("The capital")), STREAM_END],
        [STREAM_HEAD, chunk(delta("The capital")), chunk(b"data: {oops\n\n")],
        [STREAM_HEAD, chunk(delta("The capital")), chunk(b'data: {"error": {"message": "overloaded"}}\n\n')],
        [STREAM_HEAD, chunk(delta("The capital")), chunk(DONE), STREAM_END],
        [STREAM_HEAD, chunk(delta("The capital")), asyncio.Event()],
    ],
    ids=["no finish reason", "bad event", "error event", "early DONE", "silence"],
)
async def test_a_broken_stream_never_looks_complete(
    relay: RunningRelay, provider: ScriptedProvider, script: list[Any]
) -> None:
    provider.plays(script)

    answer = await relay.raw(relay.chat(a_chat(stream=True)))

    assert b"The capital" in answer
    assert b'"finish_reason":"error"' in answer
    assert b"[DONE]" not in answer
    assert answer.endswith(b"0\r\n\r\n")


async def test_a_stream_without_done_but_with_its_finish_reason_is_complete(
    client: openai.AsyncOpenAI, provider: ScriptedProvider
) -> None:
    provider.plays([STREAM_HEAD, *(chunk(each) for each in stream_events()[:-1]), STREAM_END])

    assert _text(await _streamed(client)) == ANSWER


async def test_events_leave_whole_however_the_provider_cut_them(
    client: openai.AsyncOpenAI, provider: ScriptedProvider
) -> None:
    events = b"".join(stream_events("Grüße aus Malmö — 東京"))
    provider.plays([STREAM_HEAD, *(chunk(events[i : i + 1]) for i in range(len(events))), STREAM_END])

    assert _text(await _streamed(client)) == "Grüße aus Malmö — 東京"


async def test_events_with_cr_lf_are_understood(client: openai.AsyncOpenAI, provider: ScriptedProvider) -> None:
    events = b"".join(stream_events()).replace(b"\n", b"\r\n")
    provider.plays([STREAM_HEAD, *(chunk(events[i : i + 7]) for i in range(0, len(events), 7)), STREAM_END])

    assert _text(await _streamed(client)) == ANSWER


@pytest.mark.parametrize("prefix", [b"id: 7\n", b"event: message\n", b": still here\n", b"\n"])
async def test_content_is_not_lost_with_the_other_fields_of_its_event(
    client: openai.AsyncOpenAI, provider: ScriptedProvider, prefix: bytes
) -> None:
    provider.plays([STREAM_HEAD, *(chunk(prefix + each) for each in stream_events()), STREAM_END])

    assert _text(await _streamed(client)) == ANSWER


async def test_an_event_over_several_lines_of_data_is_one_event(
    client: openai.AsyncOpenAI, provider: ScriptedProvider
) -> None:
    lines = delta("Hi.").replace(b', "choices"', b',\ndata: "choices"')
    provider.plays([STREAM_HEAD, chunk(lines), chunk(delta(finish="stop")), chunk(DONE), STREAM_END])

    assert _text(await _streamed(client)) == "Hi."


async def test_nothing_after_the_end_of_an_answer_reaches_the_caller(
    relay: RunningRelay, provider: ScriptedProvider
) -> None:
    events = [delta("Hi."), delta(finish="stop"), DONE, delta("forged"), DONE]
    provider.plays([STREAM_HEAD + chunk(b"".join(events)) + STREAM_END])

    answer = await relay.raw(relay.chat(a_chat(stream=True)))

    assert b"forged" not in answer
    assert answer.count(b"[DONE]") == 1


async def test_the_end_of_two_choices_is_seen_beside_an_event_of_both(
    relay: RunningRelay, provider: ScriptedProvider
) -> None:
    both = b'data: {"choices":[%b,%b]}\n\n' % (
        b'{"index":0,"delta":{"content":"a"},"finish_reason":null}',
        b'{"index":1,"delta":{"content":"b"},"finish_reason":null}',
    )
    seen = asyncio.Event()
    provider.plays([STREAM_HEAD, chunk(both), seen, chunk(both + delta(finish="stop")), chunk(DONE), STREAM_END])
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
    writer.write(relay.chat(a_chat(stream=True, n=2)))
    await reader.readuntil(b'"b"')
    seen.set()

    assert b"[DONE]" in await reader.read()
    writer.close()


@pytest.mark.parametrize("count", ["-5", "null", "17.5", '"many"', str(2**62), str(10**40)])
@pytest.mark.parametrize("stream", [True, False])
async def test_a_count_that_cannot_be_is_not_booked_and_the_answer_arrives(
    relay: RunningRelay, provider: ScriptedProvider, count: str, stream: bool
) -> None:
    told = f'"prompt_tokens": {count}, "completion_tokens": {count}'.encode()
    counted = event(choices=[], usage={}).replace(b"{}", b"{%b}" % told)
    whole = b'{"choices":[{"message":{"content":"Hi."},"finish_reason":"stop"}],"usage":{%b}}' % told
    events = [delta("Hi."), delta(finish="stop"), counted, DONE]
    provider.plays([STREAM_HEAD, *map(chunk, events), STREAM_END] if stream else [response(whole)])

    answer = await relay.raw(relay.chat(a_chat(stream=stream)))

    [row] = await relay.usage_rows()
    assert b"Hi." in answer
    assert (row.state, row.token_source) == ("completed", "estimate")
    assert (await relay.books()) == BooksCheck((), (), 0)


async def test_what_is_estimated_is_what_was_said_and_not_what_it_was_wrapped_in(
    relay: RunningRelay, provider: ScriptedProvider
) -> None:
    said = {"role": "assistant", "content": "x" * 400}
    provider.plays([response({"choices": [{"message": said, "finish_reason": "stop"}], "padding": "y" * 10_000})])
    request = a_chat()

    await relay.raw(relay.chat(request))

    [row] = await relay.usage_rows()
    assert 100 <= row.completion_tokens <= 120
    assert row.prompt_tokens == len(json.dumps(request)) // 4


async def test_a_list_of_no_tool_calls_is_no_content(relay: RunningRelay, provider: ScriptedProvider) -> None:
    opening = event(choices=[{"index": 0, "delta": {"role": "assistant", "content": "", "tool_calls": []}}])
    failing = [STREAM_HEAD, chunk(opening), chunk(b'data: {"error": {"message": "overloaded"}}\n\n')]
    provider.plays(failing, stream_answer())

    answer = await relay.raw(relay.chat(a_chat(stream=True)))

    assert b"Paris" in answer
    assert b"[DONE]" in answer


async def test_content_in_parts_is_content(client: openai.AsyncOpenAI, provider: ScriptedProvider) -> None:
    parts = event(choices=[{"index": 0, "delta": {"content": [{"type": "text", "text": "Hi."}]}}])
    provider.plays([STREAM_HEAD, chunk(parts), chunk(delta(finish="stop")), chunk(DONE), STREAM_END])

    assert [each.choices[0].finish_reason for each in await _streamed(client)] == [None, "stop"]


async def test_one_connection_carries_many_calls(client: openai.AsyncOpenAI, provider: ScriptedProvider) -> None:
    provider.plays([plain_answer()])
    for _ in range(5):
        await client.chat.completions.create(model=MODEL, messages=MESSAGES)
    provider.plays(stream_answer())
    for _ in range(5):
        await _streamed(client)

    assert len(provider.requests) == 10
    assert provider.connections == 1


async def test_the_call_is_booked_once_and_the_books_balance(
    client: openai.AsyncOpenAI, relay: RunningRelay, provider: ScriptedProvider
) -> None:
    await client.chat.completions.create(model=MODEL, messages=MESSAGES)
    provider.plays(stream_answer())
    await _streamed(client)

    rows = await relay.usage_rows()

    cost = (17 * PROMPT_PRICE + 7 * COMPLETION_PRICE) // 1000
    assert [(row.state, row.prompt_tokens, row.completion_tokens, row.cost_nano) for row in rows] == [
        ("completed", 17, 7, cost)
    ] * 2
    assert all(row.provider_nano == row.cost_nano for row in rows)
    assert (await relay.books()) == BooksCheck((), (), 0)


async def test_a_caller_who_hangs_up_stops_the_provider_and_pays_for_what_was_written(
    relay: RunningRelay, provider: ScriptedProvider
) -> None:
    provider.plays([STREAM_HEAD, chunk(delta("The ")), chunk(delta("capital ")), asyncio.Event()])

    await relay.raw(relay.chat(a_chat(stream=True)), until=b"capital")
    await asyncio.wait_for(provider.hung_up.wait(), 1)

    [row] = await relay.usage_rows()
    assert (row.state, row.completion_tokens) == ("cancelled", 2)
    assert row.cost_nano > 0
    assert (await relay.books()) == BooksCheck((), (), 0)


async def test_a_caller_who_hangs_up_before_any_content_pays_nothing(
    relay: RunningRelay, provider: ScriptedProvider
) -> None:
    provider.plays([asyncio.Event()])
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
    writer.write(relay.chat(a_chat(stream=True)))
    await provider.seen.wait()
    writer.close()
    await asyncio.wait_for(provider.hung_up.wait(), 1)

    [row] = await relay.usage_rows()
    assert (row.state, row.cost_nano) == ("cancelled", 0)
    assert not await reader.read()


async def test_a_silent_stream_gets_heartbeats_and_its_late_failure_in_band(
    provider: ScriptedProvider, tmp_path: Path
) -> None:
    provider.plays([asyncio.Event()])
    timers = TimerSettings(heartbeat_s=0.1, header_s=0.5)
    async with running_relay(tmp_path, providers=[as_provider(provider)], timers=timers) as relay:
        answer = await relay.raw(relay.chat(a_chat(stream=True)))

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.count(b": ping\n\n") >= 2
    assert b'"code":"header_timeout"' in answer
    assert b"[DONE]" not in answer


async def test_a_key_without_credit_is_told_so(provider: ScriptedProvider, tmp_path: Path) -> None:
    dear = as_provider(provider, completion_price=10**12)
    async with running_relay(tmp_path, providers=[dear]) as relay:
        answer = await relay.raw(relay.chat(a_chat(max_tokens=100_000)))

    assert answer.startswith(b"HTTP/1.1 402 ")
    assert b'"code":"insufficient_credit"' in answer
    assert not provider.requests


async def test_without_a_limit_of_the_callers_the_relay_sets_what_the_credit_affords(
    provider: ScriptedProvider, tmp_path: Path
) -> None:
    dear = as_provider(provider, prompt_price=0, completion_price=10**10)
    async with running_relay(tmp_path, providers=[dear]) as relay:
        await relay.raw(relay.chat(a_chat()))

    assert provider.requests[0].json["max_tokens"] == 500


async def test_the_relay_lets_running_calls_finish_before_it_stops(provider: ScriptedProvider, tmp_path: Path) -> None:
    go_on = asyncio.Event()
    provider.plays(
        [STREAM_HEAD, chunk(delta("The ")), go_on, chunk(delta("end.")), chunk(delta(finish="stop")), chunk(DONE)]
    )
    async with running_relay(tmp_path, providers=[as_provider(provider)], drain_s=10) as relay:
        call = asyncio.ensure_future(relay.raw(relay.chat(a_chat(stream=True))))  # noqa: TID251 - outlives the relay's block
        await provider.seen.wait()
        asyncio.get_running_loop().call_later(0.2, go_on.set)
    answer = await call

    assert b"end." in answer
    assert b"[DONE]" in answer


async def test_usage_of_another_shape_is_passed_on_untouched(
    client: openai.AsyncOpenAI, provider: ScriptedProvider
) -> None:
    provider.plays(
        [STREAM_HEAD, chunk(delta("Hi.")), chunk(delta(finish="stop")), chunk(usage(3, 1)), chunk(DONE), STREAM_END]
    )

    assert _text(await _streamed(client)) == "Hi."


@pytest.mark.parametrize(
    "identifier", ["gen-ffffffffffffffff", "gen-0", "gen-zzzzzzzzzzzzzzzz", "x", "gen-" + "1" * 17]
)
async def test_an_id_that_no_call_can_have_is_a_bad_request(relay: RunningRelay, identifier: str) -> None:
    head = f"GET /v1/generation?id={identifier} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {relay.key}\r\n"

    answer = await relay.raw(head.encode() + b"connection: close\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 400 ")
