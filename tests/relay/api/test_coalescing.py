"""Identical calls at once, on real sockets: one call upstream, every caller served, every token paid once."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from relay.settings import CacheSettings, TimerSettings
from relay.usage.reports import CallUsage
from tests.relay.provider import (
    ANSWER,
    CLOSE,
    STREAM_END,
    STREAM_HEAD,
    ScriptedProvider,
    chunk,
    delta,
    plain_answer,
    scripted_provider,
    stream_answer,
    stream_events,
    usage,
)
from tests.relay.running import (
    COMPLETION_PRICE,
    PROMPT_PRICE,
    RunningRelay,
    a_chat,
    as_provider,
    narrow_socket,
    running_relay,
)

PROMPT_NANO, TOKEN_NANO = 17 * PROMPT_PRICE // 1000, COMPLETION_PRICE // 1000
ALWAYS = CacheSettings(on=True)


@pytest.fixture
async def provider() -> AsyncIterator[ScriptedProvider]:
    async with scripted_provider() as running:
        yield running


@pytest.fixture(params=["http", "asgi"])
async def relay(
    request: pytest.FixtureRequest, provider: ScriptedProvider, tmp_path: Path
) -> AsyncIterator[RunningRelay]:
    at = [as_provider(provider)]
    async with running_relay(tmp_path, providers=at, edge=request.param, cache=ALWAYS) as running:
        yield running


def question(**fields: Any) -> dict[str, Any]:
    return a_chat(temperature=0, **fields)


def unchunked(answer: bytes) -> bytes:
    body = answer.partition(b"\r\n\r\n")[2]
    whole = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        whole += body[: int(size, 16)]
        body = body[int(size, 16) + 2 :]
    return whole


def text_of(events: bytes) -> str:
    return "".join(part.decode() for part in re.findall(rb'"content": ?"((?:[^"\\]|\\.)*)"', events))


class Listener:
    """A caller of a stream."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.heard = b""

    @classmethod
    async def asks(cls, relay: RunningRelay, *, narrow: bool = False, **fields: Any) -> Listener:
        """`narrow`: there is little room on the way for what is not read."""
        connection = narrow_socket() if narrow else socket.socket()
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", relay.port))
        reader, writer = await asyncio.open_connection(sock=connection, limit=4096)
        writer.write(relay.chat(question(stream=True, **fields)))
        return cls(reader, writer)

    async def until(self, text: bytes) -> None:
        self.heard += await self.reader.readuntil(text)

    async def rest(self) -> bytes:
        """All events, once the stream has ended."""
        self.heard += await self.reader.read()
        self.writer.close()
        return unchunked(self.heard)

    def hang_up(self) -> None:
        self.writer.transport.abort()


async def settled(relay: RunningRelay, calls: int, *, running: int = 0) -> Sequence[CallUsage]:
    """The usage rows in the order of the calls, once there are so many; the books must be in order."""
    while len(rows := await relay.usage_rows()) < calls:  # noqa: ASYNC110 - the database has no event for it
        await asyncio.sleep(0.01)
    books = await relay.books()
    assert books.in_order
    assert books.open_holds <= running
    return sorted(rows, key=lambda row: row.call)


@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "plain"])
async def test_many_at_once_are_one_call_that_the_first_pays(
    relay: RunningRelay, provider: ScriptedProvider, stream: bool
) -> None:
    provider.plays(stream_answer() if stream else [plain_answer()])
    request = relay.chat(question(stream=stream))

    answers = await asyncio.gather(*(relay.raw(request) for _ in range(10)))

    assert len(provider.requests) == 1
    assert all(ANSWER in (text_of(unchunked(each)) if stream else each.decode()) for each in answers)
    ids = {re.search(rb"x-generation-id: (gen-\w+)", each) for each in answers}
    assert len(ids) == 10
    rows = await settled(relay, 10)
    paying = [row for row in rows if row.cost_nano]
    assert [(row.state, row.cost_nano) for row in paying] == [("completed", PROMPT_NANO + 7 * TOKEN_NANO)]
    free = [row for row in rows if not row.cost_nano]
    assert {(row.state, row.completion_tokens, row.token_source) for row in free} == {("completed", 0, "cache")}


def halves(go_on: asyncio.Event) -> list[Any]:
    """Three words (with the role, three of eight content events), a pause, and the rest."""
    events = stream_events()
    return [STREAM_HEAD, *map(chunk, events[:4]), go_on, *map(chunk, events[4:]), STREAM_END]


async def test_who_comes_late_gets_the_text_so_far_as_one_event(
    relay: RunningRelay, provider: ScriptedProvider
) -> None:
    go_on = asyncio.Event()
    provider.plays(halves(go_on))
    first = await Listener.asks(relay)
    await first.until(b"of ")
    late = await Listener.asks(relay)
    await late.until(b"of ")
    head, _, begun = late.heard.partition(b"\r\n\r\n")
    go_on.set()
    whole, joined = await first.rest(), await late.rest()

    assert b"x-nightjar-cache: joined" in head
    assert begun.count(b"data:") == 1
    assert b'"content":"The capital of ' in begun
    assert text_of(joined) == text_of(whole) == ANSWER
    assert joined.endswith(b"data: [DONE]\n\n")
    assert len(provider.requests) == 1
    assert [row.completion_tokens for row in await settled(relay, 2)] == [7, 0]


async def test_who_stays_pays_what_comes_after_the_one_who_left(
    relay: RunningRelay, provider: ScriptedProvider
) -> None:
    go_on = asyncio.Event()
    provider.plays(halves(go_on))
    first = await Listener.asks(relay)
    await first.until(b"of ")
    second = await Listener.asks(relay)
    await second.until(b"of ")
    first.hang_up()
    await settled(relay, 1, running=1)
    go_on.set()

    assert text_of(await second.rest()) == ANSWER
    gone, stayed = await settled(relay, 2)
    assert (gone.state, gone.error, gone.completion_tokens) == ("cancelled", "caller_gone", 3)
    assert gone.prompt_tokens > 0
    assert (stayed.state, stayed.prompt_tokens, stayed.completion_tokens) == ("completed", 0, 4)
    assert stayed.cost_nano == 4 * TOKEN_NANO
    assert stayed.cached_tokens == 3


async def test_a_second_caller_who_leaves_pays_nothing_and_changes_nothing(
    relay: RunningRelay, provider: ScriptedProvider
) -> None:
    go_on = asyncio.Event()
    provider.plays(halves(go_on))
    first = await Listener.asks(relay)
    await first.until(b"of ")
    second = await Listener.asks(relay)
    await second.until(b"of ")
    second.hang_up()
    (row,) = await settled(relay, 1, running=1)
    assert (row.state, row.cost_nano) == ("cancelled", 0)
    go_on.set()

    assert text_of(await first.rest()) == ANSWER
    assert [row.cost_nano for row in await settled(relay, 2)] == [PROMPT_NANO + 7 * TOKEN_NANO, 0]


async def test_the_last_to_leave_ends_the_call(relay: RunningRelay, provider: ScriptedProvider) -> None:
    provider.plays(halves(asyncio.Event()))
    listeners = [await Listener.asks(relay) for _ in range(3)]
    for each in listeners:
        await each.until(b"of ")
    for each in listeners[:-1]:
        each.hang_up()
    await settled(relay, 2, running=1)
    assert provider.hangups == 0
    listeners[-1].hang_up()
    await asyncio.wait_for(provider.hung_up.wait(), 5)

    rows = await settled(relay, 3)
    assert {row.state for row in rows} == {"cancelled"}
    assert sum(row.completion_tokens for row in rows) == 3
    assert len([row for row in rows if row.prompt_tokens]) == 1


async def test_a_failure_is_told_to_all_and_paid_by_one(relay: RunningRelay, provider: ScriptedProvider) -> None:
    cut = asyncio.Event()
    provider.plays([STREAM_HEAD, chunk(delta("The ")), cut, CLOSE])
    listeners = [await Listener.asks(relay) for _ in range(3)]
    for each in listeners:
        await each.until(b"The")
    cut.set()
    answers = [await each.rest() for each in listeners]

    assert all(b'"finish_reason":"error"' in each and b"[DONE]" not in each for each in answers)
    rows = await settled(relay, 3)
    assert {row.state for row in rows} == {"failed"}
    assert sum(row.completion_tokens for row in rows) == 1


async def test_who_cannot_pay_does_not_join_and_the_others_go_on(provider: ScriptedProvider, tmp_path: Path) -> None:
    go_on = asyncio.Event()
    provider.plays(halves(go_on))
    dear = as_provider(provider, prompt_price=1, completion_price=30_000_000)
    async with running_relay(tmp_path, providers=[dear], cache=ALWAYS) as relay:
        first = await Listener.asks(relay, max_tokens=1_000_000)
        await first.until(b"of ")
        second = await Listener.asks(relay, max_tokens=1_000_000)
        refused = second.heard + await second.reader.read()
        second.writer.close()
        go_on.set()

        assert refused.startswith(b"HTTP/1.1 402 ")
        assert text_of(await first.rest()) == ANSWER
        assert len(await settled(relay, 1)) == 1


async def test_a_slow_caller_is_put_out_alone(provider: ScriptedProvider, tmp_path: Path) -> None:
    more = asyncio.Event()
    words = [chunk(delta("x" * 20_000)) for _ in range(60)]
    end = [chunk(delta(finish="stop")), chunk(usage(completion=61)), chunk(b"data: [DONE]\n\n"), STREAM_END]
    provider.plays([STREAM_HEAD, chunk(delta("The ")), more, *words, *end])
    timers = TimerSettings(slow_caller_bytes=64 * 1024)
    async with running_relay(tmp_path, providers=[as_provider(provider)], cache=ALWAYS, timers=timers) as relay:
        slow = await Listener.asks(relay, narrow=True)
        await slow.until(b"The")
        quick = await Listener.asks(relay)
        await quick.until(b"The")
        more.set()
        whole = await quick.rest()

        assert whole.endswith(b"data: [DONE]\n\n")
        assert len(text_of(whole)) == 4 + 60 * 20_000
        rows = await settled(relay, 2)
        assert [row.error for row in rows] == ["caller_too_slow", None]
        assert sum(row.completion_tokens for row in rows) == 61
        slow.hang_up()


@pytest.mark.parametrize("fields", [{"seed": 1}, {"stream_options": {"include_usage": True}}])
async def test_other_questions_and_other_forms_have_calls_of_their_own(
    relay: RunningRelay, provider: ScriptedProvider, fields: dict[str, Any]
) -> None:
    go_on = asyncio.Event()
    provider.plays(halves(go_on))
    listeners = [await Listener.asks(relay), await Listener.asks(relay, **fields)]
    for each in listeners:
        await each.until(b"of ")
    go_on.set()
    for each in listeners:
        assert text_of(await each.rest()) == ANSWER

    assert len(provider.requests) == 2


async def test_the_operator_can_have_each_call_made(provider: ScriptedProvider, tmp_path: Path) -> None:
    settings = CacheSettings(on=True, coalesce=False)
    go_on = asyncio.Event()
    provider.plays(halves(go_on))
    async with running_relay(tmp_path, providers=[as_provider(provider)], cache=settings) as relay:
        listeners = [await Listener.asks(relay) for _ in range(2)]
        for each in listeners:
            await each.until(b"of ")
        go_on.set()
        for each in listeners:
            assert text_of(await each.rest()) == ANSWER
    assert len(provider.requests) == 2
