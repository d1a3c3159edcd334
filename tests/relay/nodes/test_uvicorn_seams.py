"""What the node socket relies on in uvicorn, pinned to the locked version. A failure means: read its new source."""

from __future__ import annotations

import asyncio
import base64
import inspect
import json
import os
from typing import cast

import httptools
import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from websockets.exceptions import InvalidStatus

from relay.nodes.socket import NodeSocket
from relay.nodes.websocket import Opcode
from relay.wire import version
from relay.wire.frames import Bye, Challenge, Kind
from relay.wire.session import CallOffered
from tests.relay.nodes.conftest import Relay
from tests.relay.nodes.desk import NONCE, Desk, Recorder, a_header
from tests.relay.nodes.test_websocket import a_frame


def a_request(path: str = "/v1/node", **changed: str | None) -> bytes:
    headers: dict[str, str | None] = {
        "Host": "relay.example",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Protocol": version.SUBPROTOCOL,
        version.NONCE_HEADER: NONCE.hex(),
    }
    headers |= {name.replace("_", "-"): value for name, value in changed.items()}
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items() if value is not None)]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


async def exchange(relay: Relay, data: bytes) -> bytes:
    """Everything the relay answers until it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
    writer.write(data)
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return answer


def test_uvicorn_is_the_version_whose_source_was_read() -> None:
    assert uvicorn.__version__ == "0.54.0"


def test_the_method_that_upgrading_overrides_is_as_it_was_read() -> None:
    source = inspect.getsource(HttpToolsProtocol.data_received)
    assert source.count("except") == 2
    for line in (
        "_unset_keepalive_if_required()",
        "feed_data(data)",
        "handle_websocket_upgrade()",
        "_should_upgrade()",
    ):
        assert line in source


def test_httptools_says_where_the_upgraded_bytes_begin() -> None:
    parser = httptools.HttpRequestParser(object())
    head = a_request()
    with pytest.raises(httptools.HttpParserUpgrade) as upgrade:
        parser.feed_data(head + b"rest")
    assert upgrade.value.args[0] == len(head)


async def test_an_upgraded_socket_is_among_the_servers_connections_until_it_is_lost(relay: Relay) -> None:
    async with relay.ready():
        assert len(relay.server.server_state.connections) == 1
    async with asyncio.timeout(5):
        while relay.server.server_state.connections:  # noqa: ASYNC110 - a set of uvicorn's, without an event
            await asyncio.sleep(0.005)


async def test_the_socket_stays_the_transports_protocol_after_the_upgrade(relay: Relay) -> None:
    async with relay.ready() as (_, link):
        connection = cast("NodeSocket", link._line)
        assert connection in cast("set[object]", relay.server.server_state.connections)
        assert connection._transport.get_protocol() is connection


async def test_bytes_that_came_with_the_head_are_not_lost(relay: Relay) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
    writer.write(a_request() + a_frame(b"early", opcode=Opcode.PING) + a_frame(b"\x13{}")[:4])
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    writer.write(a_frame(b"\x13{}")[4:])
    answers = FrameReaderOfServer().feed(await asyncio.wait_for(reader.read(), 5))
    assert [opcode for opcode, _ in answers] == [Opcode.BINARY, Opcode.PONG, Opcode.CLOSE]
    assert answers[1][1] == b"early"
    assert answers[2][1][:2] == (4400).to_bytes(2, "big")
    writer.close()


class FrameReaderOfServer:
    """Unmasked frames, small ones only."""

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        frames = []
        while data:
            size, start = data[1], 2
            if size == 126:
                size, start = int.from_bytes(data[2:4], "big"), 4
            frames.append((data[0] & 0x0F, data[start : start + size]))
            data = data[start + size :]
        return frames


async def test_a_head_in_many_pieces_opens_the_socket(relay: Relay) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
    request = a_request()
    for start in range(0, len(request), 7):
        writer.write(request[start : start + 7])
        await writer.drain()
        await asyncio.sleep(0)
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
    writer.close()


@pytest.mark.parametrize("path", ["/", "/v1/chat/completions", "/v1/node/", "/v1/%6eode"])
async def test_an_upgrade_of_another_path_gets_a_clear_answer_and_the_connection_closes(
    relay: Relay, path: str
) -> None:
    head, _, body = (await exchange(relay, a_request(path))).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404 Not Found\r\n")
    assert "/v1/node" in json.loads(body)["error"]["message"]


async def test_a_browsers_origin_is_refused(relay: Relay) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with relay.desk(relay.enrol(), origin="https://evil.example"):
            pass
    assert refused.value.response.status_code == 403


async def test_a_get_without_an_upgrade_is_left_to_the_application(relay: Relay) -> None:
    answer = await exchange(relay, b"GET /v1/node HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 404 ")


async def test_an_upgrade_to_something_else_is_left_to_the_application(relay: Relay) -> None:
    answer = await exchange(relay, a_request(Upgrade="h2c", Connection="Upgrade, close"))
    assert answer.startswith(b"HTTP/1.1 404 ")


async def test_a_shutdown_says_goodbye_to_idle_nodes_and_ends(relay: Relay) -> None:
    async with relay.ready() as (desk, _):
        relay.server.should_exit = True
        assert (await desk.hear(Bye)).code == 4503
        assert await desk.closed() == 4503


async def test_a_shutdown_lets_running_calls_finish_within_limits(relay: Relay) -> None:
    async with relay.ready() as (desk, link):
        sink = Recorder()
        link.open(a_header(), b"{}", sink)
        await desk.hear(CallOffered)
        relay.server.should_exit = True
        assert (await desk.hear(Bye)).retry_after == 5.0
        assert sink.words() == []
        assert await desk.closed() == 4503
        assert sink.words() == ["lost"]


async def test_a_shutdown_closes_sockets_that_have_not_said_hello(relay: Relay) -> None:
    async with Desk(relay.url, relay.enrol(), additional_headers={version.NONCE_HEADER: NONCE.hex()}) as desk:
        await desk.hear(Challenge)
        relay.server.should_exit = True
        assert await desk.closed() == 4503


@pytest.mark.parametrize(
    ("data", "code"),
    [
        pytest.param(a_frame(mask_bit=0), 1002, id="unmasked"),
        pytest.param(a_frame(first=0x81), 4400, id="text"),
        pytest.param(a_frame(first=0x02), 4400, id="a fragment"),
        pytest.param(a_frame(bytes(16 * 1024 + 1)), 1009, id="larger than anything before the welcome"),
        pytest.param(a_frame(bytes([Kind.ADVERTISE]) + b"{}"), 4400, id="the wrong frame"),
        pytest.param(a_frame(b""), 4400, id="an empty message"),
    ],
)
async def test_what_is_not_the_protocol_closes_a_real_socket_with_its_code(
    relay: Relay, data: bytes, code: int
) -> None:
    answer = await exchange(relay, a_request() + data)
    frames = FrameReaderOfServer().feed(answer.partition(b"\r\n\r\n")[2])
    assert frames[-1][0] == Opcode.CLOSE
    assert frames[-1][1][:2] == code.to_bytes(2, "big")
