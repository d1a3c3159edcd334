"""A whole relay inside a test: real services, real server, real sockets, on a free port of loopback."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from relay.app import Services, services
from relay.clock import Clock, SystemClock
from relay.ledger.check import BooksCheck, check
from relay.server import RelayServer, certificate_of, listen, node_hosts, server_config
from relay.settings import ModelSettings, ProviderSettings, RelaySettings, ServerSettings, UpstreamSettings
from relay.storage.ids import OrganisationId
from relay.usage import reports
from tests.relay.provider import ScriptedProvider

MODEL = "test-model"
PROMPT_PRICE, COMPLETION_PRICE = 1_000_000, 2_000_000
"""$1 and $2 per million tokens: 1,000 and 2,000 nano-dollars a token."""


@dataclass
class RunningRelay:
    """A relay and what a caller needs to speak to it."""

    services: Services
    port: int
    key: str
    certificate: Any = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def raw(self, request: bytes, *, until: bytes | None = None) -> bytes:
        """Everything the relay says to these bytes, up to the end of the connection or to `until`."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request)
            return await (_rest(reader) if until is None else reader.readuntil(until))
        finally:
            writer.close()

    async def get(self, path: str, *, key: str | None = None, method: str = "GET") -> tuple[int, Any]:
        """Status and JSON of a rare route."""
        headers = f"host: x\r\nauthorization: Bearer {self.key if key is None else key}\r\nconnection: close\r\n"
        head, _, body = (await self.raw(f"{method} {path} HTTP/1.1\r\n{headers}\r\n".encode())).partition(b"\r\n\r\n")
        return int(head.split(b" ", 2)[1]), json.loads(body)

    def chat(self, body: dict[str, Any] | bytes, *, key: str | None = None, close: bool = True) -> bytes:
        """The bytes of a chat request."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [
            "POST /v1/chat/completions HTTP/1.1",
            f"host: 127.0.0.1:{self.port}",
            f"authorization: Bearer {self.key if key is None else key}",
            "content-type: application/json",
            f"content-length: {len(data)}",
        ]
        if close:
            lines.append("connection: close")
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + data

    async def usage_rows(self) -> Sequence[reports.CallUsage]:
        """Every usage row of the first organisation, once all that was settled is in the database."""
        await self.services.ledger.flush()
        return await self.services.database.read(lambda connection: reports.rows(connection, OrganisationId(1)))

    async def books(self) -> BooksCheck:
        """The check of the whole ledger."""
        await self.services.ledger.flush()
        return await self.services.database.read(check)


async def _rest(reader: asyncio.StreamReader) -> bytes:
    """All there is to read; a connection that is reset has ended too."""
    parts = []
    try:
        while part := await reader.read(65536):
            parts.append(part)
    except ConnectionError:
        pass
    return b"".join(parts)


def narrow_socket() -> socket.socket:
    """Not connected yet; with little room on its way for what is not read."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
    connection.setblocking(False)
    return connection


def a_chat(**fields: Any) -> dict[str, Any]:
    return {"model": MODEL, "messages": [{"role": "user", "content": "What is the capital of France?"}], **fields}


def as_provider(provider: ScriptedProvider, name: str = "alpha", /, **model: Any) -> ProviderSettings:
    fields = {"name": MODEL, "prompt_price": PROMPT_PRICE, "completion_price": COMPLETION_PRICE, **model}
    return ProviderSettings(
        name=name, base_url=provider.base_url, api_key=f"key-of-{name}", models=(ModelSettings(**fields),)
    )


@asynccontextmanager
async def running_relay(
    folder: Path,
    *,
    providers: Iterable[ProviderSettings] = (),
    edge: str = "http",
    clock: Clock | None = None,
    drain_s: float = 0.0,
    key: str | None = None,
    server_settings: dict[str, Any] | None = None,
    **settings: Any,
) -> AsyncIterator[RunningRelay]:
    """Start a relay with $5 of credit; stop it in order. `key`: one that an earlier relay made on the same folder."""
    made = ServerSettings(port=0, edge=edge, drain_s=drain_s)
    server = replace(made, **server_settings or {})
    near = UpstreamSettings(private_addresses=("127.0.0.1",))
    base = RelaySettings(data=folder, demo=True, server=server, upstreams=near)
    chosen = replace(base, providers=tuple(providers), **settings)
    listener = listen(chosen.server)
    port = listener.getsockname()[1]
    async with services(chosen, clock or SystemClock(), hosts=node_hosts(chosen.server, port)) as built:
        certificate = certificate_of(chosen.server)
        running = RelayServer(server_config(chosen, built, certificate), built, certificate)
        ready = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(running.serve_announced(listener, ready.set))
            await ready.wait()
            if key is None:
                assert built.first_key is not None
                key = built.first_key.reveal()
            try:
                yield RunningRelay(built, port, key, certificate)
            finally:
                running.should_exit = True
