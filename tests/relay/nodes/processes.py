"""Two processes of one relay, as far as its nodes go: here both in this one, but what joins them is real."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from relay.cluster.crew import Crew, Worker
from relay.cluster.mesh import Mesh
from relay.nodes.siblings import Siblings
from relay.wire.identity import SigningKey
from relay.wire.relay_session import RelaySession


@asynccontextmanager
async def two_meshes() -> AsyncIterator[tuple[Mesh, Mesh]]:
    """Not open yet: whoever listens must be there first."""
    crew = Crew.gather(2, {})
    async with asyncio.TaskGroup() as tasks:
        one, two = (Mesh(Worker(number, crew), tasks) for number in range(2))
        yield one, two
        one.close()
        two.close()
    for each in crew.sockets:
        each.close()


async def joined(*meshes: Mesh) -> None:
    """Opens them, and waits until they know each other."""
    for mesh in meshes:
        await mesh.open()
    while not all(mesh.peers for mesh in meshes):  # noqa: ASYNC110 - a matter of some turns of the loop
        await asyncio.sleep(0)


@asynccontextmanager
async def two_processes() -> AsyncIterator[tuple[Siblings, Siblings]]:
    """Their registries."""
    async with two_meshes() as meshes:
        one, two = (Siblings(mesh, a_session) for mesh in meshes)
        await joined(*meshes)
        yield one, two


def a_session() -> RelaySession:
    return RelaySession(key=SigningKey(bytes(32)), hosts=(), nonce=bytes(32))
