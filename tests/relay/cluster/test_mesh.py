"""The sockets between the processes of a relay, real ones, here with both ends in one process."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator

import pytest

if sys.platform != "linux":
    pytest.skip("a relay of several processes needs Linux", allow_module_level=True)

from relay.cluster.mesh import Mesh, Peer
from tests.relay.nodes.processes import joined, two_meshes

CHANNEL = 16


class Ear:
    """Keeps what it hears, in order."""

    def __init__(self, mesh: Mesh) -> None:
        self.notes: asyncio.Queue[object] = asyncio.Queue()
        mesh.watcher = self

    def met(self, peer: Peer) -> None:
        self.notes.put_nowait(("met", peer.worker))

    def heard(self, _peer: Peer, channel: int, payload: bytes) -> None:
        self.notes.put_nowait((channel, payload))

    def caught_up(self, peer: Peer) -> None:
        """Nothing to do."""

    def has_room(self, peer: Peer) -> None:
        """Nothing to do."""

    def parted(self, peer: Peer) -> None:
        self.notes.put_nowait(("parted", peer.worker))


@pytest.fixture
async def both() -> AsyncIterator[tuple[Mesh, Mesh]]:
    async with two_meshes() as (one, two):
        Ear(one)
        Ear(two)
        await joined(one, two)
        yield one, two


def ear(mesh: Mesh) -> Ear:
    assert isinstance(mesh.watcher, Ear)
    return mesh.watcher


async def test_messages_of_any_size_arrive_whole_and_in_order(both: tuple[Mesh, Mesh]) -> None:
    one, two = both
    sent = [bytes([number]) * size for number, size in enumerate((0, 1, 70_000, 3, 5_000_000, 9))]
    for here, there, number in ((one, two, 1), (two, one, 0)):
        peer = here.peer(number)
        assert peer is not None
        for each in sent:
            peer.send(CHANNEL, each)
        assert await ear(there).notes.get() == ("met", here.number)
        assert [await ear(there).notes.get() for _ in sent] == [(CHANNEL, each) for each in sent]


async def test_a_question_gets_the_answer_of_the_process_it_was_put_to(both: tuple[Mesh, Mesh]) -> None:
    one, two = both

    async def twice(worker: int, body: bytes) -> bytes | None:
        return body * 2 if worker == 0 else None

    for mesh in both:
        mesh.answering["twice"] = twice
    assert await one.ask(1, "twice", b"ab") == b"abab"
    assert await one.ask_all("twice", b"c") == {1: b"cc"}
    assert await two.ask(0, "twice", b"d") is None


async def test_a_question_that_is_not_understood_or_put_to_nobody_has_no_answer(both: tuple[Mesh, Mesh]) -> None:
    one, _ = both
    assert await one.ask(1, "nonsense") is None
    assert await one.ask(7, "nonsense") is None


async def test_a_question_to_a_process_that_ends_is_not_waited_for(both: tuple[Mesh, Mesh]) -> None:
    one, two = both

    async def end(_worker: int, _body: bytes) -> bytes | None:
        two.close()
        return b"too late"

    two.answering["end"] = end
    async with asyncio.timeout(10):
        assert await one.ask(1, "end", within_s=60) is None


@pytest.mark.parametrize("dropping", [0, 1])
async def test_a_socket_that_breaks_is_made_again_whoever_broke_it(both: tuple[Mesh, Mesh], dropping: int) -> None:
    mesh = both[dropping]
    for peer in mesh.peers:
        peer.drop()
    for number, each in enumerate(both):
        notes = [await ear(each).notes.get() for _ in range(3)]
        assert notes == [("met", 1 - number), ("parted", 1 - number), ("met", 1 - number)]
