"""A head that was read once is not parsed again: what that may change, and what it must not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from relay.api.arrival import ArrivingHttpProtocol, Awaited
from relay.api.edge_http import HotHttpProtocol
from relay.api.heads import MOST_HEAD_BYTES, MOST_HEADS, KnownHeads
from relay.completions.headers import CallHeaders
from tests.relay.provider import ScriptedProvider, plain_answer, response, scripted_provider
from tests.relay.running import RunningRelay, a_chat, as_provider, running_relay

HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nContent-Length: 5\r\nauthorization: Bearer k\r\n\r\n"
KEY = CallHeaders(b"Bearer k")


@pytest.fixture
def heads() -> KnownHeads:
    learnt = KnownHeads()
    learnt.learn(HEAD + b"first", KEY)
    return learnt


# --- the table --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [b"0", b"7", b"4194304"])
def test_a_head_is_known_again_whatever_its_length(heads: KnownHeads, length: bytes) -> None:
    other = HEAD.replace(b" 5\r", b" " + length + b"\r")

    assert heads.find(other + b"body") == (len(other), int(length), KEY)


@pytest.mark.parametrize("length", [b"", b"-1", b"+5", b"5 ", b" 5", b"0x5", b"5, 5", b"1" * 10, b"\xb2"])
def test_a_length_that_is_not_plainly_one_is_left_to_the_parser(heads: KnownHeads, length: bytes) -> None:
    assert heads.find(HEAD.replace(b" 5\r", b" " + length + b"\r")) is None


@pytest.mark.parametrize(
    "head",
    [
        HEAD.replace(b"Bearer k", b"Bearer other"),
        HEAD.replace(b"host", b"Host"),
        HEAD[:-2],
        HEAD[:-4],
        HEAD.replace(b"Content-Length: 5\r\n", b""),
        HEAD.replace(b"\r\n\r\n", b"\r\nContent-Length: 6\r\n\r\n"),
        HEAD.replace(b"\r\n\r\n", b"\r\ntransfer-encoding: chunked\r\n\r\n"),
        b"\r\n" + HEAD,
        b"",
    ],
)
def test_any_other_head_is_not_known(heads: KnownHeads, head: bytes) -> None:
    assert heads.find(head) is None


def test_a_length_inside_a_body_is_no_length(heads: KnownHeads) -> None:
    chunked = HEAD.replace(b"Content-Length: 5\r\n", b"")
    heads.learn(chunked + b"x\r\nContent-Length: 5\r\n\r\n", KEY)

    assert heads.find(chunked + b"x\r\nContent-Length: 9\r\n\r\n") is None


@given(st.binary(max_size=40), st.integers(0, len(HEAD)))
@example(b"\r\nContent-Length: 5", len(HEAD))
def test_no_change_to_a_head_but_of_its_digits_goes_unseen(change: bytes, at: int) -> None:
    heads = KnownHeads()
    heads.learn(HEAD, KEY)
    changed = HEAD[:at] + change + HEAD[at:]

    found = heads.find(changed)

    if found is not None:
        body_at, length, _ = found
        assert changed[:body_at].replace(b"%d" % length, b"5") == HEAD or changed[:body_at] == HEAD


def test_the_table_is_bounded() -> None:
    heads = KnownHeads()
    for number in range(MOST_HEADS + 1):
        heads.learn(HEAD.replace(b"host: x", b"host: %d" % number), KEY)
    assert len(heads) == 1
    heads.learn(HEAD.replace(b"host: x", b"host: " + b"x" * MOST_HEAD_BYTES), KEY)
    assert len(heads) == 1


# --- a running relay --------------------------------------------------------------------------------------------------


@pytest.fixture
async def provider() -> AsyncIterator[ScriptedProvider]:
    async with scripted_provider([plain_answer()]) as running:
        yield running


@pytest.fixture
async def relay(provider: ScriptedProvider, tmp_path: Path) -> AsyncIterator[RunningRelay]:
    async with running_relay(tmp_path, providers=[as_provider(provider)]) as running:
        yield running


class Caller:
    """One kept-alive connection that asks call after call."""

    def __init__(self, relay: RunningRelay, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._relay = relay
        self._reader = reader
        self.writer = writer

    def request(self, question: str, *, key: str | None = None) -> bytes:
        body = a_chat(messages=[{"role": "user", "content": question}], max_tokens=9)
        return self._relay.chat(body, key=key, close=False)

    async def answer(self) -> tuple[int, dict[str, object]]:
        head = await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), 5)
        size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        body: dict[str, object] = json.loads(await self._reader.readexactly(size))
        return int(head.split()[1]), body

    async def ask(self, question: str, *, key: str | None = None) -> int:
        self.writer.write(self.request(question, key=key))
        return (await self.answer())[0]


@pytest.fixture
async def caller(relay: RunningRelay) -> AsyncIterator[Caller]:
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
    yield Caller(relay, reader, writer)
    writer.close()


@pytest.fixture
def protocols(monkeypatch: pytest.MonkeyPatch) -> list[HotHttpProtocol]:
    """The relay's side of every connection."""
    seen: list[HotHttpProtocol] = []
    original = HotHttpProtocol.connection_made

    def connection_made(self: HotHttpProtocol, transport: asyncio.Transport) -> None:
        seen.append(self)
        original(self, transport)

    monkeypatch.setattr(HotHttpProtocol, "connection_made", connection_made)
    return seen


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Requests that went through the parser."""
    seen: list[bytes] = []
    original = HotHttpProtocol.on_message_begin

    def begin(self: HotHttpProtocol) -> None:
        seen.append(b"")
        original(self)

    monkeypatch.setattr(HotHttpProtocol, "on_message_begin", begin)
    return seen


async def test_only_the_first_of_many_calls_is_parsed(parsed: list[bytes], caller: Caller) -> None:
    assert [await caller.ask("x" * length) for length in (1, 20, 300, 0)] == [200] * 4

    assert len(parsed) == 1


async def test_a_head_that_names_its_request_is_not_learnt(parsed: list[bytes], caller: Caller) -> None:
    for number in range(3):
        request = caller.request("x").replace(b"\r\n", b"\r\nIdempotency-Key: %d\r\n" % number, 1)
        caller.writer.write(request)
        assert (await caller.answer())[0] == 200

    assert len(parsed) == 3


async def test_a_head_learnt_on_one_connection_is_known_on_all(
    parsed: list[bytes], relay: RunningRelay, caller: Caller
) -> None:
    await caller.ask("first")
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)

    assert await Caller(relay, reader, writer).ask("second") == 200
    assert len(parsed) == 1
    writer.close()


async def test_head_and_body_may_come_in_pieces(
    parsed: list[bytes], caller: Caller, provider: ScriptedProvider
) -> None:
    first, second = caller.request("first"), caller.request("second " * 50)
    for request in (first, second):
        head, _, body = request.partition(b"\r\n\r\n")
        for piece in (head + b"\r\n\r\n", body[:3], body[3:]):
            caller.writer.write(piece)
            await caller.writer.drain()
            await asyncio.sleep(0)
        assert (await caller.answer())[0] == 200

    assert provider.requests[-1].body == second.partition(b"\r\n\r\n")[2]


async def _begun(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A known head and a part of its body have arrived; returns the rest."""
    begun, original = asyncio.Event(), HotHttpProtocol._begin

    def begin(self: HotHttpProtocol, data: bytes, body_at: int, length: int, headers: CallHeaders) -> None:
        original(self, data, body_at, length, headers)
        begun.set()

    monkeypatch.setattr(HotHttpProtocol, "_begin", begin)
    request = caller.request("second " * 50)
    caller.writer.write(request[:-50])
    await asyncio.wait_for(begun.wait(), 5)
    return request[-50:]


async def test_a_body_that_does_not_come_is_not_waited_for(
    parsed: list[bytes],
    protocols: list[HotHttpProtocol],
    relay: RunningRelay,
    caller: Caller,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await caller.ask("first")
    await _begun(caller, monkeypatch)
    for _ in range(ArrivingHttpProtocol.patience[Awaited.BODY] + 1):
        protocols[0].look()

    assert (await caller.answer())[0] == 408
    assert await asyncio.wait_for(caller._reader.read(), 5) == b""
    assert len(parsed) == len(await relay.usage_rows()) == 1


async def test_a_request_that_is_arriving_when_the_relay_stops_is_answered_and_the_last(
    parsed: list[bytes], protocols: list[HotHttpProtocol], caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    await caller.ask("first")
    rest = await _begun(caller, monkeypatch)
    protocols[0].shutdown()
    caller.writer.write(rest)

    answer = await asyncio.wait_for(caller._reader.read(), 5)

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"connection: close\r\n" in answer
    assert len(parsed) == 1


async def test_what_follows_a_body_in_the_same_read_is_the_next_request(caller: Caller) -> None:
    await caller.ask("first")
    caller.writer.write(caller.request("second") + caller.request("third"))

    assert (await caller.answer())[0] == 200
    assert (await caller.answer())[0] == 200
    assert await caller.ask("fourth") == 200


async def test_any_number_of_requests_may_follow_a_body_in_the_same_read(caller: Caller) -> None:
    """More than Python may nest calls."""
    await caller.ask("first")
    head, _, body = caller.request("second").partition(b"\r\n\r\n")
    empty = head.replace(b"content-length: %d" % len(body), b"content-length: 0") + b"\r\n\r\n"
    caller.writer.write(empty * 600)

    assert [(await caller.answer())[0] for _ in range(600)] == [400] * 600
    assert await caller.ask("third") == 200


async def test_a_known_head_with_a_body_that_is_no_json_is_refused_as_ever(caller: Caller) -> None:
    await caller.ask("first")
    broken = caller.request("second").replace(b'{"model"', b'["model"', 1)
    caller.writer.write(broken)

    status, body = await caller.answer()

    assert status == 400
    assert "error" in body
    assert await caller.ask("third") == 200


async def test_a_key_that_is_gone_no_longer_opens_a_known_head(relay: RunningRelay, caller: Caller) -> None:
    await caller.ask("first")
    relay.services.keyring.load([])

    assert await caller.ask("second") == 401


async def test_heads_of_strangers_are_not_remembered(parsed: list[bytes], caller: Caller) -> None:
    await caller.ask("first", key="sk-nj-wrong")
    await caller.ask("second", key="sk-nj-wrong")

    assert len(parsed) == 2


async def test_a_connection_keeps_nothing_of_what_it_has_read(
    protocols: list[HotHttpProtocol], relay: RunningRelay
) -> None:
    """A prompt is no longer in memory for as long as its caller keeps the connection."""
    for path in (b"/v1/chat/completions", b"/v1/models"):
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        caller = Caller(relay, reader, writer)
        writer.write(caller.request("secret").replace(b"/v1/chat/completions", path, 1))
        await caller.answer()

        assert not [
            name for name, value in vars(protocols[-1]).items() if isinstance(value, bytes) and b"secret" in value
        ]
        writer.close()


async def test_a_connection_that_rests_is_closed(
    relay: RunningRelay, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HotHttpProtocol, "_rested_s", property(lambda _self: 1000, lambda _self, _value: None))
    await caller.ask("first")

    assert await asyncio.wait_for(caller._reader.read(), 5) == b""


UPGRADE = b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAEAAEAA\r\n"


@pytest.mark.parametrize("asks", [b"", UPGRADE], ids=["plain", "asks for HTTP/2"])
async def test_a_connection_that_begins_with_a_known_head_owes_nothing_once_its_body_is_here(
    protocols: list[HotHttpProtocol], relay: RunningRelay, provider: ScriptedProvider, asks: bytes
) -> None:
    """Else the watch over what arrives would end it, in the middle of a long answer too."""
    for go_on in (None, asyncio.Event()):
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        caller = Caller(relay, reader, writer)
        arrived = asyncio.Event()

        async def arrive(arrived: asyncio.Event = arrived) -> None:
            arrived.set()

        provider.plays([arrive, *([go_on] if go_on else []), plain_answer()])
        writer.write(caller.request("x").replace(b"content-type:", asks + b"content-type:", 1))
        await arrived.wait()
        for _ in range(60):
            protocols[-1].look()
        if go_on:
            go_on.set()
        status, _ = await caller.answer()
        for _ in range(60):
            protocols[-1].look()

        assert status == 200
        assert await asyncio.wait_for(reader.read(), 5) == b""  # closed for its rest, without a word of what is missing
        writer.close()


async def test_a_provider_is_asked_with_the_very_body(
    parsed: list[bytes], caller: Caller, provider: ScriptedProvider
) -> None:
    provider.plays([response({"choices": [{"message": {"content": "x"}}]})])
    await caller.ask("first")
    request = caller.request("Grüße")
    caller.writer.write(request)
    await caller.answer()

    assert provider.requests[-1].body == request.partition(b"\r\n\r\n")[2]
    assert len(parsed) == 1
