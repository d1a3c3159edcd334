"""The thin HTTP client against a real server that plays scripts: what it makes of every way a response can go."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest

from relay.clock import Clock
from relay.upstreams.http import IDLE_S, Lane, Origin, Pool
from relay.upstreams.port import Attempt, ResponseSink
from relay.upstreams.reach import PUBLIC, Reach, networks
from tests.relay.provider import CLOSE, ScriptedProvider, response, scripted_provider

LOOPBACK = Reach(networks(["127.0.0.0/8"]))
REQUEST = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}"
OPEN_STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


class Heard(ResponseSink):
    """A sink that keeps what it hears."""

    def __init__(self) -> None:
        self.status = 0
        self.content_type = b""
        self.data = b""
        self.over = ""
        self.arrived = asyncio.Event()
        self.ended = asyncio.Event()
        self.at_body: Callable[[], object] = bool

    def connected(self) -> None:
        pass

    def head(self, status: int, content_type: bytes, retry_after: float | None) -> None:
        self.status, self.content_type = status, content_type

    def body(self, data: bytes) -> None:
        self.data += data
        self.arrived.set()
        self.at_body()

    def end(self) -> None:
        self.over = "end"
        self.ended.set()

    def lost(self, reason: str, *, fast: bool) -> None:
        self.over = f"lost: {reason}"
        self.ended.set()


class Later(Clock):
    """A clock that a test can set forward."""

    def __init__(self) -> None:
        self.by = 0.0

    def now(self) -> float:
        return time.monotonic() + self.by

    def now_ms(self) -> int:
        return round(self.now() * 1000)


class Client:
    """A lane to the provider."""

    def __init__(
        self,
        tasks: asyncio.TaskGroup,
        port: int,
        *,
        tls: bool = False,
        host: str = "127.0.0.1",
        reach: Reach = LOOPBACK,
    ) -> None:
        self.clock = Later()
        self.pool = Pool(self.clock, tasks.create_task, reach)
        self.lane: Lane = self.pool.lane(Origin(host, port, tls=tls))

    def ask(self) -> tuple[Heard, Attempt]:
        heard = Heard()
        return heard, self.lane.request(REQUEST, heard)

    async def answer(self) -> Heard:
        heard, _ = self.ask()
        await heard.ended.wait()
        return heard


@pytest.fixture
async def provider() -> AsyncIterator[ScriptedProvider]:
    async with scripted_provider([response(b"{}")]) as running:
        yield running


@pytest.fixture
async def client(provider: ScriptedProvider) -> AsyncIterator[Client]:
    async with asyncio.TaskGroup() as tasks:
        made = Client(tasks, provider.port)
        yield made
        made.pool.close()


async def test_a_connection_is_used_again(client: Client, provider: ScriptedProvider) -> None:
    for _ in range(3):
        assert (await client.answer()).data == b"{}"

    assert provider.connections == 1


async def test_a_connection_that_lay_idle_for_long_is_not_trusted(client: Client, provider: ScriptedProvider) -> None:
    await client.answer()
    client.clock.by = IDLE_S

    assert (await client.answer()).over == "end"
    assert provider.connections == 2


async def test_the_headers_of_an_interim_answer_are_not_those_of_the_response(
    client: Client, provider: ScriptedProvider
) -> None:
    interim = b"HTTP/1.1 103 Early Hints\r\ncontent-type: text/x\r\ntransfer-encoding: chunked\r\n\r\n"
    provider.plays([interim + b"HTTP/1.1 200 OK\r\n\r\nto the end", CLOSE])

    heard = await client.answer()

    assert (heard.status, heard.content_type, heard.data, heard.over) == (200, b"", b"to the end", "end")


@pytest.mark.parametrize("before", [b"\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n\r\n\r\n"])
async def test_empty_lines_before_a_response_do_not_hide_its_headers(
    client: Client, provider: ScriptedProvider, before: bytes
) -> None:
    """Or a response that was cut off would count as whole."""
    cut = b"HTTP/1.1 200 OK\r\nContent-Type:text/x\t\r\nCONTENT-LENGTH: 9\r\n\r\nabc"
    provider.plays([before + cut, CLOSE])

    heard = await client.answer()

    assert (heard.content_type, heard.data) == (b"text/x", b"abc")
    assert heard.over.startswith("lost")


@pytest.mark.parametrize("more", [b"\r\n\r\nnot HTTP", response(b"second")])
async def test_what_follows_a_response_does_not_spoil_it_and_ends_its_connection(
    client: Client, provider: ScriptedProvider, more: bytes
) -> None:
    provider.plays([response(b"first") + more], [response(b"next")])

    assert (await client.answer()).data == b"first"
    assert (await client.answer()).data == b"next"
    assert provider.connections == 2


async def test_a_provider_that_wants_another_protocol_is_lost(client: Client, provider: ScriptedProvider) -> None:
    provider.plays([b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nhello"])

    assert (await client.answer()).over.startswith("lost: the response is not HTTP")


async def test_a_connection_paused_by_its_last_call_reads_again_for_the_next(
    client: Client, provider: ScriptedProvider
) -> None:
    provider.plays([response(b"first")], [response(b"next")])
    heard, attempt = client.ask()
    heard.at_body = attempt.pause
    await heard.ended.wait()

    assert (await asyncio.wait_for(client.answer(), 5)).data == b"next"
    assert provider.connections == 1


async def test_a_response_that_goes_on_after_its_answer_is_whole_is_cut_off(
    client: Client, provider: ScriptedProvider
) -> None:
    provider.plays([OPEN_STREAM, b"1\r\na\r\n", asyncio.Event()])
    heard, attempt = client.ask()
    await heard.arrived.wait()

    attempt.finish()

    await asyncio.wait_for(provider.hung_up.wait(), 5)
    assert not heard.over


async def test_one_dead_connection_takes_the_idle_ones_with_it(client: Client, provider: ScriptedProvider) -> None:
    provider.plays([response(b"a")], [response(b"b")], [CLOSE], [response(b"fresh")])
    first, second = client.ask()[0], client.ask()[0]
    await first.ended.wait()
    await second.ended.wait()

    assert (await client.answer()).over.startswith("lost")
    assert (await client.answer()).data == b"fresh"
    assert provider.connections == 3


async def test_a_name_that_no_dns_can_have_is_a_lost_connection() -> None:
    async with asyncio.TaskGroup() as tasks:
        heard = await Client(tasks, 80, host="a..b").answer()

    assert heard.over.startswith("lost: no connection to a..b:80")


async def test_cancelling_while_dialling_closes_the_half_open_connection(provider: ScriptedProvider) -> None:
    """The other end speaks no TLS and never answers, as one does that a firewall swallows."""
    arrived = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.set()
        while await reader.read(4096):
            pass
        provider.hung_up.set()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server, asyncio.TaskGroup() as tasks:
        heard, attempt = Client(tasks, server.sockets[0].getsockname()[1], tls=True).ask()
        await arrived.wait()

        attempt.cancel()

        await asyncio.wait_for(provider.hung_up.wait(), 2)
    assert not heard.over


async def test_a_provider_at_an_address_that_is_not_public_is_not_dialled(provider: ScriptedProvider) -> None:
    for host in ("127.0.0.1", "localhost", "2130706433"):
        async with asyncio.TaskGroup() as tasks:
            heard = await Client(tasks, provider.port, host=host, reach=PUBLIC).answer()

        assert "upstreams.private_addresses" in heard.over
        assert provider.requests == []


async def test_the_address_that_was_looked_at_is_the_one_that_is_dialled(
    provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever answers for the name may say something else when asked a second time."""
    answers = [["127.0.0.1"], ["127.0.0.2"]]
    asked = []

    async def lookup(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        asked.append(host)
        return [(0, 0, 0, "", (each, port)) for each in answers.pop(0)]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", lookup)
    provider.plays([response(b"{}")])
    async with asyncio.TaskGroup() as tasks:
        heard = await Client(tasks, provider.port, host="rebinding.test", reach=Reach(networks(["127.0.0.1"]))).answer()

    assert (heard.over, heard.status) == ("end", 200)
    assert asked == ["rebinding.test"]


async def test_a_redirect_is_an_answer_and_never_followed(provider: ScriptedProvider) -> None:
    provider.plays([response(b"{}", status=307, location="http://169.254.169.254/latest/meta-data")])
    async with asyncio.TaskGroup() as tasks:
        heard = await Client(tasks, provider.port).answer()

    assert (heard.status, provider.connections) == (307, 1)
