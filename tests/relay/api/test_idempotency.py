"""`Idempotency-Key` on real sockets: one call and one bill, however often and however badly a client repeats itself."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import openai
import pytest
from sqlalchemy import Connection, select

from relay.completions.repeats import claims
from relay.settings import IdempotencySettings, TimerSettings
from relay.storage.errors import StorageProblem, StorageUnavailable
from relay.storage.tables import idempotency_claims
from tests.relay.provider import (
    ANSWER,
    CLOSE,
    STREAM_HEAD,
    ScriptedProvider,
    chunk,
    delta,
    error_answer,
    plain_answer,
    scripted_provider,
    stream_answer,
    stream_events,
)
from tests.relay.running import (
    COMPLETION_PRICE,
    MODEL,
    PROMPT_PRICE,
    RunningRelay,
    a_chat,
    as_provider,
    narrow_socket,
    running_relay,
)

MESSAGES: Any = a_chat()["messages"]
COST_NANO = (17 * PROMPT_PRICE + 7 * COMPLETION_PRICE) // 1000
KEYED = {"Idempotency-Key": "order-4711"}


@pytest.fixture
async def provider() -> AsyncIterator[ScriptedProvider]:
    async with scripted_provider() as running:
        yield running


@pytest.fixture(params=["http", "asgi"])
async def relay(
    request: pytest.FixtureRequest, provider: ScriptedProvider, tmp_path: Path
) -> AsyncIterator[RunningRelay]:
    settings = IdempotencySettings(answer_bytes=20_000)
    at = [as_provider(provider, keeps_nothing=True)]
    async with running_relay(tmp_path, providers=at, edge=request.param, idempotency=settings) as running:
        yield running


@pytest.fixture
async def client(relay: RunningRelay) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=relay.base_url, api_key=relay.key, max_retries=0) as made:
        yield made


def keyed(relay: RunningRelay, body: dict[str, Any], key: str = "order-4711") -> bytes:
    """The bytes of a chat request with a key."""
    return relay.chat(body).replace(b"\r\n", b"\r\nIdempotency-Key: %b\r\n" % key.encode(), 1)


async def _one_bill(relay: RunningRelay, cost: int = COST_NANO) -> None:
    rows = await relay.usage_rows()
    assert [(row.state, row.cost_nano) for row in rows] == [("completed", cost)]
    books = await relay.books()
    assert books.in_order
    assert books.open_holds == 0


def _body(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


# --- afterwards -------------------------------------------------------------------------------------------------------


async def test_a_retry_of_a_plain_call_gets_the_first_answer_and_no_second_bill(
    client: openai.AsyncOpenAI, relay: RunningRelay, provider: ScriptedProvider
) -> None:
    create = client.chat.completions.with_raw_response.create
    first = await create(model=MODEL, messages=MESSAGES, extra_headers=KEYED)
    again = await create(model=MODEL, messages=MESSAGES, extra_headers=KEYED)

    assert again.parse() == first.parse()
    assert again.parse().choices[0].message.content == ANSWER
    assert again.headers["x-generation-id"] == first.headers["x-generation-id"]
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert len(provider.requests) == 1
    await _one_bill(relay)


async def test_a_retry_of_a_stream_gets_the_same_events(
    client: openai.AsyncOpenAI, relay: RunningRelay, provider: ScriptedProvider
) -> None:
    provider.plays(stream_answer())
    got = []
    for _ in range(2):
        stream = await client.chat.completions.create(
            model=MODEL, messages=MESSAGES, stream=True, extra_headers=KEYED, stream_options={"include_usage": True}
        )
        got.append([each async for each in stream])

    assert got[0] == got[1]
    assert "".join(each.choices[0].delta.content or "" for each in got[1] if each.choices) == ANSWER
    assert len(provider.requests) == 1
    await _one_bill(relay)


async def test_another_body_under_a_used_key_is_refused(client: openai.AsyncOpenAI, relay: RunningRelay) -> None:
    await client.chat.completions.create(model=MODEL, messages=MESSAGES, extra_headers=KEYED)
    with pytest.raises(openai.UnprocessableEntityError) as caught:
        await client.chat.completions.create(model=MODEL, messages=MESSAGES, extra_headers=KEYED, seed=1)

    assert caught.value.code == "idempotency_key_reused"
    await _one_bill(relay)


async def test_another_key_is_another_call(client: openai.AsyncOpenAI, relay: RunningRelay) -> None:
    for number in range(2):
        await client.chat.completions.create(
            model=MODEL, messages=MESSAGES, extra_headers={"Idempotency-Key": f"order-{number}"}
        )

    assert len(await relay.usage_rows()) == 2


@pytest.mark.parametrize("key", ["", "x" * 256, "smile \u263a", "tab\tbed"])
async def test_what_can_be_no_key_is_refused(relay: RunningRelay, key: str) -> None:
    answer = await relay.raw(keyed(relay, a_chat(), key))

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert json.loads(_body(answer))["error"]["code"] == "invalid_idempotency_key"
    assert not await relay.usage_rows()


async def test_a_failed_call_frees_its_key(
    client: openai.AsyncOpenAI, relay: RunningRelay, provider: ScriptedProvider
) -> None:
    provider.plays([error_answer(400, "no such thing", "bad")], [plain_answer()])
    with pytest.raises(openai.BadRequestError):
        await client.chat.completions.create(model=MODEL, messages=MESSAGES, extra_headers=KEYED)
    answer = await client.chat.completions.create(model=MODEL, messages=MESSAGES, extra_headers=KEYED)

    assert answer.choices[0].message.content == ANSWER
    assert sorted(row.state for row in await relay.usage_rows()) == ["completed", "failed"]


async def test_a_refused_call_frees_its_key(client: openai.AsyncOpenAI, relay: RunningRelay) -> None:
    for _ in range(2):
        with pytest.raises(openai.NotFoundError):
            await client.chat.completions.create(model="nobody", messages=MESSAGES, extra_headers=KEYED)

    assert not await relay.usage_rows()


async def _claims(relay: RunningRelay) -> list[Any]:
    def rows(connection: Connection) -> list[Any]:
        return list(connection.execute(select(idempotency_claims)))

    await relay.services.database.write(lambda _: None)  # behind all that is on its way
    return await relay.services.database.read(rows)


async def test_nothing_of_prompt_or_answer_lies_readable_in_the_database(
    client: openai.AsyncOpenAI, relay: RunningRelay
) -> None:
    await client.chat.completions.create(model=MODEL, messages=MESSAGES, extra_headers=KEYED)
    (row,) = await _claims(relay)

    assert row.fate == "kept"
    kept = b"".join(bytes(value) for value in row if isinstance(value, bytes))
    assert len(kept) > 64
    assert b"Paris" not in kept
    assert b"capital" not in kept
    assert b"order" not in kept


@pytest.mark.parametrize(
    ("fields", "why"), [({"provider": {"zdr": True}}, "zero data retention"), ({"seed": 1}, "too long")]
)
async def test_an_answer_that_was_not_kept_is_not_run_or_billed_again(
    client: openai.AsyncOpenAI, relay: RunningRelay, provider: ScriptedProvider, fields: dict[str, Any], why: str
) -> None:
    provider.plays([plain_answer("word " * 5000 if "seed" in fields else ANSWER)])
    asking: Any = {"model": MODEL, "messages": MESSAGES, "extra_headers": KEYED, "extra_body": fields}
    await client.chat.completions.create(**asking)
    await relay.services.ledger.flush()
    with pytest.raises(openai.APIStatusError) as caught:
        await client.chat.completions.create(**asking)

    assert caught.value.status_code == 410
    assert caught.value.code == "idempotency_answer_gone"
    assert why in caught.value.message
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["metadata"]["cost_nano_dollars"] == COST_NANO
    assert [row.answer for row in await _claims(relay)] == [None]
    assert len(provider.requests) == 1
    await _one_bill(relay)


# --- meanwhile --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "plain"])
async def test_many_copies_at_once_are_one_call(relay: RunningRelay, provider: ScriptedProvider, stream: bool) -> None:
    provider.plays(stream_answer() if stream else [plain_answer()])
    request = keyed(relay, a_chat(stream=stream))

    answers = await asyncio.gather(*(relay.raw(request) for _ in range(12)))

    assert all(answer.startswith(b"HTTP/1.1 200 ") for answer in answers)
    assert sum(b"idempotent-replayed: true" in answer for answer in answers) == 11
    whole = stream_events() if stream else [ANSWER.encode()]
    assert all(each in _unchunked(answer) for answer in answers for each in whole if b"usage" not in each)
    assert len(provider.requests) == 1
    await _one_bill(relay)


def _unchunked(answer: bytes) -> bytes:
    head, _, body = answer.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" not in head:
        return body
    whole = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        whole += body[: int(size, 16)]
        body = body[int(size, 16) + 2 :]
    return whole


async def _open(relay: RunningRelay, request: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
    writer.write(request)
    return reader, writer


def _halves(go_on: asyncio.Event) -> list[Any]:
    events = stream_events()
    first, rest = events[:3], events[3:]
    return [STREAM_HEAD, *map(chunk, first), go_on, *map(chunk, rest), b"0\r\n\r\n"]


async def test_a_retry_during_a_stream_reads_it_from_its_beginning(
    relay: RunningRelay, provider: ScriptedProvider
) -> None:
    go_on = asyncio.Event()
    provider.plays(_halves(go_on))
    request = keyed(relay, a_chat(stream=True))
    first, writer = await _open(relay, request)
    begun = await first.readuntil(b"capital")
    second, other = await _open(relay, request)
    missed = await second.readuntil(b"capital")
    go_on.set()
    texts = [_unchunked(begun + await first.read()) for first, begun in ((first, begun), (second, missed))]
    writer.close()
    other.close()

    assert texts[0] == texts[1]
    assert texts[0].endswith(b"data: [DONE]\n\n")
    await _one_bill(relay)


async def _hung_up(relay: RunningRelay, request: bytes, until: bytes) -> None:
    """Asks, reads a little, and is gone for sure."""
    reader, writer = await _open(relay, request)
    await reader.readuntil(until)
    writer.transport.abort()
    (watched,) = [each for each in relay.services.completions.watch.running() if type(each).__name__ == "Call"]
    await asyncio.sleep(0)
    while len(relay.services.completions.watch) < 2:  # noqa: ASYNC110 - the flight joins the watch when all have left
        await asyncio.sleep(0.005)
    assert watched in relay.services.completions.watch.running()


async def test_a_call_goes_on_after_a_hang_up_and_its_retry_gets_all_of_it(
    relay: RunningRelay, provider: ScriptedProvider
) -> None:
    go_on = asyncio.Event()
    provider.plays(_halves(go_on))
    request = keyed(relay, a_chat(stream=True))
    await _hung_up(relay, request, b"capital")
    go_on.set()

    answer = _unchunked(await relay.raw(request))

    assert answer.endswith(b"data: [DONE]\n\n")
    assert all(each in answer for each in stream_events() if b"usage" not in each)
    assert provider.hangups == 0
    assert len(provider.requests) == 1
    await _one_bill(relay)


async def test_a_plain_answer_that_nobody_waited_for_is_there_for_the_retry(
    relay: RunningRelay, provider: ScriptedProvider
) -> None:
    go_on = asyncio.Event()
    provider.plays([go_on, plain_answer()])
    request = keyed(relay, a_chat())
    _, writer = await _open(relay, request)
    await provider.seen.wait()
    writer.transport.abort()
    while len(relay.services.completions.watch) < 2:  # noqa: ASYNC110 - the flight joins the watch when all have left
        await asyncio.sleep(0.005)
    go_on.set()

    assert ANSWER.encode() in await relay.raw(request)
    assert len(provider.requests) == 1
    await _one_bill(relay)


async def test_a_retry_that_never_comes_is_awaited_for_a_while_and_what_was_written_is_billed(
    provider: ScriptedProvider, tmp_path: Path
) -> None:
    provider.plays(_halves(asyncio.Event()))
    settings = IdempotencySettings(linger_s=0.2)
    async with running_relay(tmp_path, providers=[as_provider(provider)], idempotency=settings) as relay:
        request = keyed(relay, a_chat(stream=True))
        await _hung_up(relay, request, b"capital")
        await asyncio.wait_for(provider.hung_up.wait(), 5)

        (row,) = await relay.usage_rows()
        assert (row.state, row.completion_tokens) == ("cancelled", 2)
        assert not await _claims(relay)
        provider.plays(stream_answer())
        assert _unchunked(await relay.raw(request)).endswith(b"data: [DONE]\n\n")
        assert [each.state for each in await relay.usage_rows()] == ["completed", "cancelled"]


async def test_a_stream_that_breaks_tells_all_of_its_callers_and_frees_its_key(
    relay: RunningRelay, provider: ScriptedProvider
) -> None:
    cut = asyncio.Event()
    provider.plays([STREAM_HEAD, chunk(delta("The ")), cut, CLOSE], stream_answer())
    request = keyed(relay, a_chat(stream=True))
    readers = [await _open(relay, request) for _ in range(2)]
    begun = [await reader.readuntil(b"The") for reader, _ in readers]
    cut.set()
    answers = [some + await reader.read() for some, (reader, _) in zip(begun, readers, strict=True)]
    for _, writer in readers:
        writer.close()

    assert all(b'"finish_reason":"error"' in answer and b"[DONE]" not in answer for answer in answers)
    assert _unchunked(await relay.raw(request)).endswith(b"data: [DONE]\n\n")


async def test_a_retry_may_have_much_to_catch_up_with(provider: ScriptedProvider, tmp_path: Path) -> None:
    go_on, end = asyncio.Event(), asyncio.Event()
    words = [chunk(delta("x" * 20_000)) for _ in range(60)]
    rest = [chunk(delta(finish="stop")), chunk(b"data: [DONE]\n\n"), b"0\r\n\r\n"]
    provider.plays([STREAM_HEAD, chunk(delta("The ")), go_on, *words, end, *rest])
    timers = TimerSettings(slow_caller_bytes=64 * 1024)
    async with running_relay(tmp_path, providers=[as_provider(provider)], timers=timers) as relay:
        request = keyed(relay, a_chat(stream=True))
        await _hung_up(relay, request, b"The")
        go_on.set()
        connection = narrow_socket()
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", relay.port))
        reader, writer = await asyncio.open_connection(sock=connection, limit=4096)
        writer.write(request)
        heard = await reader.readexactly(100_000)
        end.set()
        whole = _unchunked(heard + await reader.read())
        writer.close()

        assert whole.count(b"x" * 20_000) == 60
        assert whole.endswith(b"data: [DONE]\n\n")
        assert [row.state for row in await relay.usage_rows()] == ["completed"]


async def test_who_hangs_up_before_the_key_is_claimed_has_asked_for_nothing(
    relay: RunningRelay, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, gone, original = threading.Event(), threading.Event(), claims.claim

    def claim(*given: Any, **named: Any) -> Any:
        asked.set()
        gone.wait(5)
        return original(*given, **named)

    monkeypatch.setattr(claims, "claim", claim)
    request = keyed(relay, a_chat())
    _, writer = await _open(relay, request)
    assert await asyncio.to_thread(asked.wait, 5)
    (flight,) = relay.services.chat._repeats._idempotency._running.values()
    writer.transport.abort()
    while flight.callers:  # noqa: ASYNC110 - an edge has no event for it
        await asyncio.sleep(0.005)
    gone.set()

    assert ANSWER.encode() in await relay.raw(request)
    assert len(provider.requests) == 1
    await _one_bill(relay)


async def test_without_the_database_nothing_is_run_under_a_key(
    relay: RunningRelay, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def claim(*_: Any, **__: Any) -> Any:
        raise StorageUnavailable("relay.db", StorageProblem.FULL)

    with monkeypatch.context() as patched:
        patched.setattr(claims, "claim", claim)
        answer = await relay.raw(keyed(relay, a_chat()))

    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 2" in answer
    assert b"the disk is full" in answer
    assert not provider.requests
    assert ANSWER.encode() in await relay.raw(keyed(relay, a_chat()))


# --- another relay ----------------------------------------------------------------------------------------------------


async def test_an_answer_outlives_the_relay_and_a_lost_key_costs_only_the_answer(
    provider: ScriptedProvider, tmp_path: Path
) -> None:
    at = [as_provider(provider)]
    async with running_relay(tmp_path, providers=at) as relay:
        key = relay.key
        first = await relay.raw(keyed(relay, a_chat()))
    for lost in (False, True):
        if lost:
            (tmp_path / "answers.key").unlink()
        async with running_relay(tmp_path, providers=at, key=key) as relay_again:
            again = await relay_again.raw(keyed(relay_again, a_chat()))
            if lost:
                assert again.startswith(b"HTTP/1.1 410 ")
            else:
                assert _body(again) == _body(first)
            await _one_bill(relay_again)
    assert len(provider.requests) == 1


async def test_a_key_is_forgotten_after_its_time_and_the_oldest_answers_when_there_are_too_many(
    provider: ScriptedProvider, tmp_path: Path
) -> None:
    settings = IdempotencySettings(keep_s=0.0, stored_bytes=300)
    async with running_relay(tmp_path, providers=[as_provider(provider)], idempotency=settings) as relay:
        for _ in range(2):
            assert ANSWER.encode() in await relay.raw(keyed(relay, a_chat()))
        assert len(await relay.usage_rows()) == 2
