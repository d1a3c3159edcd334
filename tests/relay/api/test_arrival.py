"""Requests that do not arrive as they should, and callers who leave in the middle: on both edges, byte by byte."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from relay.api.arrival import HEAD_BYTES, HEADERS, ArrivingHttpProtocol, Awaited
from relay.ledger.check import BooksCheck
from relay.usage.reports import CallUsage
from tests.relay.provider import (
    ANSWER,
    DONE,
    STREAM_END,
    STREAM_HEAD,
    ScriptedProvider,
    chunk,
    delta,
    plain_answer,
    scripted_provider,
)
from tests.relay.running import RunningRelay, a_chat, as_provider, running_relay

POST = b"POST /v1/chat/completions HTTP/1.1\r\n"
BIG = 8_000_000
"""More than all buffers between two sockets of one machine."""


@pytest.fixture
async def provider() -> AsyncIterator[ScriptedProvider]:
    async with scripted_provider() as running:
        yield running


@pytest.fixture(params=["http", "asgi"])
async def relay(
    request: pytest.FixtureRequest, provider: ScriptedProvider, tmp_path: Path
) -> AsyncIterator[RunningRelay]:
    async with running_relay(tmp_path, providers=[as_provider(provider)], edge=request.param) as running:
        yield running


@pytest.fixture
async def fast_relay(provider: ScriptedProvider, tmp_path: Path) -> AsyncIterator[RunningRelay]:
    """Edge A, which knows how a connection ended."""
    async with running_relay(tmp_path, providers=[as_provider(provider)]) as running:
        yield running


@pytest.mark.parametrize(
    "lines",
    [
        b"x-filler: " + b"a" * HEAD_BYTES + b"\r\n",
        b"x-filler: a\r\n" * HEADERS,
        b"x-filler: " + b"a" * 600_000,
    ],
    ids=["long", "many", "endless"],
)
async def test_a_head_over_its_bounds_is_refused(relay: RunningRelay, lines: bytes) -> None:
    request = relay.chat(a_chat()).replace(b"content-type:", lines + b"content-type:", 1)

    answer = await relay.raw(request)

    assert answer.startswith(b"HTTP/1.1 431 ")
    assert b'"code":"head_too_large"' in answer


async def test_a_head_is_not_weighed_together_with_the_body_before_it(relay: RunningRelay) -> None:
    large = a_chat(messages=[{"role": "user", "content": "x" * 300_000}])
    first, second = relay.chat(large, close=False), relay.chat(a_chat())
    cut = len(first) + 20
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
    writer.write((first + second)[:cut])
    await reader.readuntil(ANSWER.encode())
    writer.write((first + second)[cut:])

    assert ANSWER.encode() in await reader.read()
    writer.close()


@pytest.mark.parametrize(
    ("awaited", "part"), [(Awaited.HEAD, b"POST /v1/chat"), (Awaited.HEAD, b""), (Awaited.BODY, b"")]
)
async def test_a_request_that_does_not_arrive_is_turned_away(
    relay: RunningRelay, monkeypatch: pytest.MonkeyPatch, awaited: Awaited, part: bytes
) -> None:
    monkeypatch.setattr(ArrivingHttpProtocol, "patience", {Awaited.HEAD: 1000, Awaited.BODY: 1000, awaited: 0})
    request = part if awaited is Awaited.HEAD else relay.chat(a_chat())[:-5]

    answer = await asyncio.wait_for(relay.raw(request), 5)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"request_timeout"' in answer


async def test_a_long_answer_is_not_cut_by_the_wait_for_the_next_request(
    relay: RunningRelay, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ArrivingHttpProtocol, "patience", {Awaited.HEAD: 0, Awaited.BODY: 0})
    go_on = asyncio.Event()
    provider.plays(
        [STREAM_HEAD, chunk(delta("The ")), go_on, chunk(delta("end.", finish="stop")), chunk(DONE), STREAM_END]
    )
    asyncio.get_running_loop().call_later(2.5, go_on.set)

    assert b"[DONE]" in await relay.raw(relay.chat(a_chat(stream=True)) + b"POST /v1")


@pytest.mark.parametrize(
    "request_",
    [
        b"\x00\x01\x02 garbage\r\n\r\n",
        POST + b"host: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"host: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n{}{}{}",
        POST + b"host: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n",
        POST + b"host : x\r\ncontent-length: 0\r\n\r\n",
        POST + b"host: x\r\n folded: y\r\nx\0y: z\r\n\r\n",
    ],
    ids=["garbage", "both lengths", "two lengths", "bad chunk", "space before colon", "nul in a name"],
)
async def test_what_two_servers_could_read_differently_is_refused_and_the_connection_ends(
    relay: RunningRelay, request_: bytes
) -> None:
    answer = await relay.raw(request_ + relay.chat(a_chat()))

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'{"error":{"message":' in answer
    assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize(
    "path", [b"/v1/chat%2fcompletions", b"/v1//chat/completions", b"/v1/chat/completions/", b"//v1"]
)
async def test_only_the_path_itself_is_the_path(relay: RunningRelay, path: bytes) -> None:
    answer = await relay.raw(relay.chat(a_chat()).replace(b"/v1/chat/completions", path, 1))

    assert answer.startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize("cut", [0, 10_000])
async def test_a_client_that_would_rather_speak_http_2_is_answered_all_the_same(relay: RunningRelay, cut: int) -> None:
    """Java's does, with its first request over plain TCP."""
    asks = b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAEAAEAA\r\ncontent-type:"
    chat = a_chat(messages=[{"role": "user", "content": "x" * 20_000}])
    first = relay.chat(chat, close=False).replace(b"content-type:", asks, 1)
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
    writer.write(first[: len(first) - cut])
    await writer.drain()
    writer.write(first[len(first) - cut :])
    head = await reader.readuntil(ANSWER.encode())
    writer.write(relay.chat(chat))

    assert head.startswith(b"HTTP/1.1 200 ")
    assert ANSWER.encode() in await reader.read()
    writer.close()


async def test_garbage_behind_a_running_call_ends_it_without_a_second_answer_inside_the_first(
    relay: RunningRelay, provider: ScriptedProvider
) -> None:
    provider.plays([STREAM_HEAD, chunk(delta("The ")), asyncio.Event()])
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
    writer.write(relay.chat(a_chat(stream=True), close=False))
    await reader.readuntil(b"The ")
    writer.write(b"\x00\x01\r\n\r\n")

    assert b"HTTP/1.1 400" not in await _rest(reader)
    await asyncio.wait_for(provider.hung_up.wait(), 1)
    [row] = await relay.usage_rows()
    assert (row.state, row.completion_tokens) == ("cancelled", 1)
    writer.close()


async def test_a_caller_who_resets_pays_nothing_for_a_plain_answer_that_never_left(
    fast_relay: RunningRelay, provider: ScriptedProvider
) -> None:
    provider.plays([plain_answer("x" * BIG)])
    caller = await _slow_caller(fast_relay, fast_relay.chat(a_chat(), close=False))

    _reset(caller)

    [row] = await _ended(fast_relay, 1)
    assert (row.state, row.cost_nano) == ("cancelled", 0)
    assert (await fast_relay.books()) == BooksCheck((), (), 0)


async def test_a_second_request_does_not_make_the_relay_forget_whom_the_first_answer_was_for(
    fast_relay: RunningRelay, provider: ScriptedProvider
) -> None:
    arrived = asyncio.Event()

    async def arrive() -> None:
        arrived.set()

    provider.plays([plain_answer("x" * BIG)], [arrive, asyncio.Event()])
    caller = await _slow_caller(fast_relay, fast_relay.chat(a_chat(), close=False))
    await asyncio.get_running_loop().sock_sendall(caller, fast_relay.chat(a_chat(), close=False))
    await arrived.wait()

    _reset(caller)

    rows = await _ended(fast_relay, 2)
    assert [(row.state, row.cost_nano) for row in rows] == [("cancelled", 0)] * 2


async def test_a_caller_who_half_closes_in_the_middle_of_a_stream_is_gone_at_once(
    fast_relay: RunningRelay, provider: ScriptedProvider
) -> None:
    provider.plays([STREAM_HEAD, *(chunk(delta("x" * 100_000)) for _ in range(100)), asyncio.Event()])
    caller = await _slow_caller(fast_relay, fast_relay.chat(a_chat(stream=True), close=False))

    caller.shutdown(socket.SHUT_WR)

    await asyncio.wait_for(provider.hung_up.wait(), 1)
    [row] = await _ended(fast_relay, 1)
    assert row.state == "cancelled"
    assert row.completion_tokens < 100
    caller.close()


async def _slow_caller(relay: RunningRelay, request: bytes) -> socket.socket:
    """Sends a request and reads no more of the answer than its first byte."""
    caller = socket.socket()
    caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    caller.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(caller, ("127.0.0.1", relay.port))
    await loop.sock_sendall(caller, request)
    assert await loop.sock_recv(caller, 1)
    return caller


def _reset(caller: socket.socket) -> None:
    """Close without a goodbye: what is on its way is lost."""
    caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    caller.close()


async def _ended(relay: RunningRelay, calls: int) -> Sequence[CallUsage]:
    """The usage rows, once there are so many."""
    async with asyncio.timeout(5):
        while len(rows := await relay.usage_rows()) < calls:
            pass
    return rows


async def _rest(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionError:
        return b""
