"""Why a relay was not reached, as people hear it: from errors that the system itself makes."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator

import httpx
import pytest
from websockets.asyncio.client import connect

from desktop.agent.unreached import why_unreached


@pytest.fixture
async def plain() -> AsyncIterator[int]:
    """The port of a server that speaks HTTP alone."""

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture
def nobody() -> int:
    """A port where nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


async def asked(url: str) -> str:
    async with httpx.AsyncClient(trust_env=False) as http:
        with pytest.raises(httpx.TransportError) as failed:
            await http.get(url)
    return why_unreached(failed.value)


async def dialled(url: str) -> str:
    with pytest.raises(OSError) as failed:
        await connect(url, proxy=None)
    return why_unreached(failed.value)


async def test_plain_http_where_https_was_meant(plain: int) -> None:
    assert await asked(f"https://127.0.0.1:{plain}") == "what answers there does not speak HTTPS"
    assert await dialled(f"wss://127.0.0.1:{plain}") == "what answers there does not speak HTTPS"


async def test_a_port_where_nothing_listens(nobody: int) -> None:
    assert await asked(f"http://127.0.0.1:{nobody}") == "nothing answers there"
    assert await dialled(f"ws://127.0.0.1:{nobody}") == "nothing answers there"


async def test_a_name_that_nobody_knows() -> None:
    assert await asked("http://no.such.relay.invalid") == "nobody knows this name"
    assert await dialled("ws://no.such.relay.invalid") == "nobody knows this name"


def test_a_certificate_that_is_no_good_says_what_is_wrong_with_it() -> None:
    error = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] …")
    error.verify_message = "certificate has expired"
    assert why_unreached(error) == "its certificate is not to be trusted: certificate has expired"


def test_silence_and_what_else_the_system_says() -> None:
    assert why_unreached(httpx.ReadTimeout("")) == "no answer in time"
    assert why_unreached(OSError(101, "Network is unreachable")) == "network is unreachable"
    assert why_unreached(httpx.RemoteProtocolError("Server disconnected.")) == "server disconnected"
