"""A relay comes back, and all its nodes with it: every one is served within a minute and a half."""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Connection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from desktop.agent.retry import Backoff, Parting
from desktop.settings import LinkSettings
from relay.accounts import directory
from relay.nodes import store
from relay.nodes.registry import Registry
from relay.storage.ids import NodeId
from relay.wire.handshake import NodeIdentity
from relay.wire.identity import SigningKey
from tests.relay.nodes.desk import Desk, Refused
from tests.relay.running import MODEL, RunningRelay, a_chat, running_relay

WITHIN_S = 90.0
PER_OWNER = 5

Address = Callable[[int], str]


def one_address(_: int) -> str:
    return "127.0.0.1"


def many_addresses(at: int) -> str:
    return f"127.{1 + at // 250}.0.{1 + at % 250}"


def enrolled(connection: Connection, count: int) -> tuple[Sequence[tuple[str, SigningKey]], bytes]:
    """So many nodes, five to a person, and the relay's public key."""
    organisation, found = directory.first_organisation(connection), []
    for at in range(count):
        if at % PER_OWNER == 0:
            owner = directory.create_person(connection, f"Person {at}", at_ms=0)
        key = SigningKey(secrets.token_bytes(32))
        record = store.add_node(
            connection,
            key.public,
            {},
            organisation=organisation,
            owner=owner,
            name=f"desk {at}",
            pool="organisation",
            at_ms=0,
        )
        found.append((record.id, key))
    return found, store.signing_key(connection, at_ms=0).public


class Stampede:
    """All nodes of a relay at once; who is turned away comes again when the real app would."""

    def __init__(self, relay: RunningRelay, address: Address) -> None:
        self.turned_away = 0
        self._relay = relay
        self._address = address
        self._rng = random.Random(1)
        self._stay = asyncio.Event()
        self._ready = 0
        self._all_ready = asyncio.Event()

    async def run(self, nodes: Sequence[tuple[str, SigningKey]], relay_key: bytes) -> float:
        """Seconds until the last of them was welcomed and shares; then all leave."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for at, (node_id, key) in enumerate(nodes):
                identity = NodeIdentity(NodeId(node_id), key, f"127.0.0.1:{self._relay.port}", relay_key)
                tasks.create_task(self._node(identity, self._address(at), len(nodes)))
            async with asyncio.timeout(WITHIN_S):
                await self._all_ready.wait()
            took = time.monotonic() - began
            self._stay.set()
        return took

    async def _node(self, identity: NodeIdentity, address: str, of: int) -> None:
        backoff = Backoff(first=LinkSettings().retry_first_s, most=LinkSettings().retry_most_s, chance=self._rng.random)
        while (parting := await self._try(identity, address, of)) is not None:
            self.turned_away += 1
            await asyncio.sleep(backoff.wait(parting))

    async def _try(self, identity: NodeIdentity, address: str, of: int) -> Parting | None:
        """How the link ended; None if the node was served, and has left."""
        url = f"ws://127.0.0.1:{self._relay.port}/v1/node"
        try:
            async with Desk(url, identity, local_addr=(address, 0), open_timeout=LinkSettings().open_timeout_s) as desk:
                await desk.open()
                await desk.share()
                self._ready += 1
                if self._ready == of:
                    self._all_ready.set()
                await self._stay.wait()
        except InvalidStatus as refused:
            return Parting("turned away", float(refused.response.headers["Retry-After"]))
        except (Refused, ConnectionClosed, OSError) as error:
            return Parting(str(error))
        return None


async def empty(registry: Registry) -> None:
    """Once all have left."""
    changed = asyncio.Event()
    stop = registry.listen(changed.set)
    async with asyncio.timeout(WITHIN_S):
        while len(registry):
            changed.clear()
            await changed.wait()
    stop()


async def stampede(folder: Path, count: int, address: Address) -> Stampede:
    async with running_relay(folder) as relay:
        nodes, key = await relay.services.database.write(lambda connection: enrolled(connection, count))
        crowd = Stampede(relay, address)
        took = await crowd.run(nodes, key)
        assert took <= WITHIN_S
        await empty(relay.services.registry)
        assert b" 404 " in await relay.raw(relay.chat(a_chat(model=MODEL)))
    return crowd


@pytest.mark.parametrize("address", [one_address, many_addresses])
async def test_a_hundred_nodes_come_back_at_once(address: Address, tmp_path: Path) -> None:
    crowd = await stampede(tmp_path, 100, address)

    assert crowd.turned_away == 0


@pytest.mark.soak
@pytest.mark.timeout(300)
@pytest.mark.parametrize("address", [one_address, many_addresses])
async def test_two_thousand_nodes_come_back_within_a_minute_and_a_half(address: Address, tmp_path: Path) -> None:
    await stampede(tmp_path, 2000, address)
