from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest
import uvicorn

from relay.accounts import directory
from relay.clock import SystemClock
from relay.nodes import store
from relay.nodes.link import NodeLink
from relay.nodes.reception import Reception
from relay.nodes.registry import Registry
from relay.nodes.upgrade import UpgradingHttpProtocol
from relay.settings import NodeSettings
from relay.storage.engine import Database
from relay.wire.handshake import NodeIdentity
from relay.wire.identity import SigningKey
from tests.relay.nodes.desk import Desk

T = TypeVar("T")
LoopFactory = Callable[[], asyncio.AbstractEventLoop]
NOW_MS = 1_767_225_600_000
QUICK = NodeSettings(hello_s=1.0, replace_s=0.3, drain_s=1.0, close_s=0.2)
"""Short enough for a test to wait out, long enough for a busy machine."""


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, LoopFactory]:
    """The relay runs on uvloop where there is one, and on asyncio's own loop on Windows."""
    factories: dict[str, LoopFactory] = {"asyncio": asyncio.new_event_loop}
    if sys.platform != "win32":
        import uvloop

        factories["uvloop"] = uvloop.new_event_loop
    return factories


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database.open(tmp_path / "relay.db") as opened:
        yield opened


@pytest.fixture
def first(database: Database) -> directory.Bootstrap:
    """The first person, organisation and key."""
    made = database.write_sync(lambda connection: directory.bootstrap(connection, at_ms=NOW_MS))
    assert made is not None
    return made


@dataclass
class Relay:
    """A relay that is nothing but its node sockets, on a real server."""

    database: Database
    first: directory.Bootstrap
    key: SigningKey
    registry: Registry
    reception: Reception
    server: uvicorn.Server
    port: int

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"ws://{self.host}/v1/node"

    def enrol(self, seed: int = 1, name: str = "desk") -> NodeIdentity:
        key = SigningKey(bytes([seed]) * 32)
        record = self.database.write_sync(
            lambda connection: store.add_node(
                connection,
                key.public,
                {},
                organisation=self.first.organisation,
                owner=self.first.person,
                name=name,
                pool="own",
                at_ms=NOW_MS,
            )
        )
        return NodeIdentity(record.id, key, self.host, self.key.public)

    def desk(self, identity: NodeIdentity, **dial: object) -> Desk:
        return Desk(self.url, identity, **dial)

    @asynccontextmanager
    async def ready(self, identity: NodeIdentity | None = None) -> AsyncIterator[tuple[Desk, NodeLink]]:
        """A node that shares the model `demo` on 4 slots, and its link."""
        identity = identity or self.enrol()
        async with self.desk(identity) as desk:
            await desk.open()
            await desk.share()
            yield desk, await self.link_of(identity)

    async def link_of(self, identity: NodeIdentity) -> NodeLink:
        """Waits until the node's link takes calls."""

        def find() -> NodeLink | None:
            links = self.registry.links_for("demo")
            return next((link for link in links if link.node.node_id == identity.node_id), None)

        return await self.when(find)

    async def when(self, look: Callable[[], T | None]) -> T:
        """Waits for the change of the registry after which `look` finds something."""
        changed = asyncio.Event()
        stop = self.registry.listen(changed.set)
        try:
            while (found := look()) is None:
                changed.clear()
                await changed.wait()
            return found
        finally:
            stop()


@asynccontextmanager
async def serving(
    database: Database,
    first: directory.Bootstrap,
    settings: NodeSettings,
    *,
    home: Registry | None = None,
    seen_in: Registry | None = None,
) -> AsyncIterator[Relay]:
    """`home` is the registry that nodes arrive in, `seen_in` the one that the test looks at."""
    listener = socket.create_server(("127.0.0.1", 0))
    port: int = listener.getsockname()[1]
    key = database.write_sync(lambda connection: store.signing_key(connection, at_ms=NOW_MS))
    registry = Registry() if home is None else home
    hosts = [f"127.0.0.1:{port}"]
    async with Reception(database, registry, key=key, hosts=hosts, clock=SystemClock(), settings=settings) as reception:
        config = uvicorn.Config(
            _answer_404,
            http=UpgradingHttpProtocol,
            ws=cast("Any", reception.protocol),
            lifespan="off",
            log_config=None,
            timeout_graceful_shutdown=5,
        )
        server = uvicorn.Server(config)
        relay = Relay(database, first, key, registry if seen_in is None else seen_in, reception, server, port)
        async with asyncio.TaskGroup() as group:
            group.create_task(server._serve(sockets=[listener]))
            while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
                await asyncio.sleep(0.005)
            try:
                yield relay
            finally:
                server.should_exit = True


async def _answer_404(_scope: Any, _receive: Any, send: Any) -> None:
    """The rest of the relay, as far as these tests need it."""
    await send({"type": "http.response.start", "status": 404, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def settings() -> NodeSettings:
    return QUICK


@pytest.fixture
async def relay(
    database: Database, first: directory.Bootstrap, settings: NodeSettings, request: pytest.FixtureRequest
) -> AsyncIterator[Relay]:
    """With the parameter `away`: as another process of the relay sees the nodes that arrive in one."""
    if getattr(request, "param", "home") == "home":
        async with serving(database, first, settings) as relay:
            yield relay
        return
    if sys.platform != "linux":
        pytest.skip("a relay of several processes needs Linux")
    from tests.relay.nodes.processes import two_processes

    async with (
        two_processes() as (home, away),
        serving(database, first, settings, home=home, seen_in=away) as relay,
    ):
        yield relay
