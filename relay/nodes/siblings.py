"""The nodes of all processes of a relay, as each of them sees them.

The process that accepted a node's socket is the node's *home*. It tells the others of the node, and gives each link a
channel on which they speak to it as if to the node. There they have links of their own, which routing takes like any
other: an answer, a cancellation, a yield or a loss comes as the same frames, over one Unix socket for each two
processes.

A node has one session. If it is at home in two processes, since it came back to another one than it left, the older
session ends: epochs, which the database gives out, tell which that is.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from typing import Final

import msgspec
from typing_extensions import override

from relay.cluster.mesh import Mesh, Peer
from relay.nodes.facts import NodeFacts
from relay.nodes.link import NodeLink
from relay.nodes.lodging import Lodging
from relay.nodes.registry import Registry
from relay.wire import codec
from relay.wire.errors import ProtocolViolation
from relay.wire.frames import Advertise, AdvertisedModel, CloseCode, Drain
from relay.wire.relay_session import RelaySession
from relay.wire.session import State

NEWS: Final = 1
"""The channel of what processes tell each other of nodes."""
FIRST_LINK: Final = 16
"""Each link has a channel of its own from here on, whose number no other process gives to another."""

PING_ROOM_S: Final = 0.5
"""For a question on its way to a node's home and back, beside the time that the node itself has."""

_log = logging.getLogger(__name__)


class _Joined(msgspec.Struct, frozen=True, array_like=True, tag="joined"):
    channel: int
    node: NodeFacts
    epoch: int


class _Left(msgspec.Struct, frozen=True, array_like=True, tag="left"):
    channel: int
    reason: str


class _Close(msgspec.Struct, frozen=True, array_like=True, tag="close"):
    channel: int
    code: int
    reason: str


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Joined | _Left | _Close).decode


class AwayLine:
    """What is under a link to a node whose home is another process."""

    link: NodeLink

    def __init__(self, siblings: Siblings, peer: Peer, channel: int) -> None:
        self.peer: Final = peer
        self.channel: Final = channel
        self._siblings = siblings
        self._loop = asyncio.get_running_loop()
        self._stands = True

    def send(self, message: bytes) -> None:
        self.peer.send(self.channel, message)

    def pump(self) -> None:
        """Whole bodies, as long as the other process takes them in; the rest when it has."""
        while not self.peer.is_full:
            part = self.link.session.next_part()
            if part is None:
                return
            self.send(part.message)
        self._siblings.wait_for_room(self)

    def close(self, code: CloseCode, reason: str) -> None:
        if self._stands:
            self.peer.send(NEWS, _encode(_Close(self.channel, code, reason)))
            self.fall(reason)

    async def answers(self, within_s: float) -> bool:
        return self._stands and await self._siblings.answers(self, within_s)

    def now(self) -> float:
        return self._loop.time()

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> object:
        return self._loop.call_later(delay_s, lambda: callback() if self._stands else None)

    def fall(self, reason: str) -> None:
        """The link is lost."""
        if self._stands:
            self._stands = False
            self._siblings.forget(self)
            self.link.lost(reason)


class _Home:
    """A link of this process, as the others know it."""

    def __init__(self, channel: int, link: NodeLink) -> None:
        self.channel = channel
        self.link = link
        self.told = link.models
        """The models that the others were told of."""
        self.drains = False
        self.lodgings: dict[Peer, Lodging] = {}


class Siblings(Registry):
    """The registry of one of several processes: its own links are told to the others, theirs are taken in."""

    def __init__(self, mesh: Mesh, new_session: Callable[[], RelaySession]) -> None:
        super().__init__()
        self._mesh = mesh
        self._new_session = new_session
        self._channels = count(FIRST_LINK + mesh.number, mesh.size)
        self._homes: dict[int, _Home] = {}
        self._home_of: dict[NodeLink, _Home] = {}
        self._away: dict[tuple[Peer, int], AwayLine] = {}
        self._heard: dict[AwayLine, None] = {}
        self._pumping: dict[AwayLine, None] = {}
        mesh.watcher = self
        mesh.answering["answers"] = self._is_answering

    @property
    @override
    def lodgers(self) -> int:
        return sum(len(each) for home in self._homes.values() for each in home.lodgings.values())

    @override
    def here(self) -> Sequence[NodeLink]:
        return [home.link for home in self._homes.values()]

    # --- LinkWatcher, and what the reception does -------------------------------------------------------------------

    @override
    def add(self, link: NodeLink) -> None:
        super().add(link)
        home = _Home(next(self._channels), link)
        self._homes[home.channel] = self._home_of[link] = home
        for peer in self._mesh.peers:
            self._introduce(peer, home)

    @override
    def changed(self, link: NodeLink) -> None:
        super().changed(link)
        if (home := self._home_of.get(link)) is not None:
            for message in _changes(home):
                self._tell(home, message)

    @override
    def told(self, link: NodeLink) -> None:
        home = self._home_of.get(link)
        if home is not None and link.status is not None:
            self._tell(home, codec.encode(link.status))

    @override
    def closed(self, link: NodeLink) -> None:
        super().closed(link)
        home = self._home_of.pop(link, None)
        if home is not None:
            del self._homes[home.channel]
            for peer in self._mesh.peers:
                peer.send(NEWS, _encode(_Left(home.channel, "its connection to another process of this relay ended")))

    # --- MeshWatcher ------------------------------------------------------------------------------------------------

    def met(self, peer: Peer) -> None:
        for home in self._homes.values():
            self._introduce(peer, home)

    def heard(self, peer: Peer, channel: int, payload: bytes) -> None:
        if channel == NEWS:
            self._news(peer, payload)
        elif (line := self._away.get((peer, channel))) is not None:
            self._hear_node(line, payload)
        elif (home := self._homes.get(channel)) is not None:
            lodging = home.lodgings.get(peer)
            if lodging is None:
                lodging = home.lodgings[peer] = Lodging(peer, channel, home.link)
            lodging.hear(payload)

    def caught_up(self, _peer: Peer) -> None:
        heard, self._heard = self._heard, {}
        for line in heard:
            line.link.flush()

    def has_room(self, _peer: Peer) -> None:
        if self._pumping:
            waiting, self._pumping = self._pumping, {}
            for line in waiting:
                line.pump()

    def parted(self, peer: Peer) -> None:
        for line in [line for (at, _), line in self._away.items() if at is peer]:
            line.fall("the process of this relay that it was connected to is gone")
        for home in self._homes.values():
            if (lodging := home.lodgings.pop(peer, None)) is not None:
                lodging.leave()

    # --- nodes of other processes -----------------------------------------------------------------------------------

    def _news(self, peer: Peer, payload: bytes) -> None:
        match _decode(payload):
            case _Joined() as joined:
                self._join(peer, joined)
            case _Left(channel, reason):
                if (line := self._away.get((peer, channel))) is not None:
                    line.fall(reason)
            case _Close(channel, code, reason):
                if (home := self._homes.get(channel)) is not None:
                    home.link.hang_up(CloseCode(code), reason)

    def _join(self, peer: Peer, joined: _Joined) -> None:
        previous = self.get(joined.node.node_id)
        if previous is not None:
            if previous.epoch >= joined.epoch:
                return
            previous.hang_up(CloseCode.REPLACED, "the node has come back on another socket")
        session = self._new_session()
        session.begin(epoch=joined.epoch)
        line = self._away[peer, joined.channel] = AwayLine(self, peer, joined.channel)
        line.link = NodeLink(joined.node, session, line, self)
        super().add(line.link)

    def _hear_node(self, line: AwayLine, message: bytes) -> None:
        self._heard[line] = None
        try:
            line.link.hear(message, line.now())
        except ProtocolViolation as violation:
            _log.error("worker %d said of a node what a node cannot say: %s", line.peer.worker, violation.message)
            line.close(violation.code, violation.message)

    def forget(self, line: AwayLine) -> None:
        """For a line that has fallen."""
        self._away.pop((line.peer, line.channel), None)
        self._heard.pop(line, None)
        self._pumping.pop(line, None)

    def wait_for_room(self, line: AwayLine) -> None:
        """Have it go on with its bodies when the other process has taken in some of what waits."""
        self._pumping[line] = None

    async def answers(self, line: AwayLine, within_s: float) -> bool:
        """Whether the node at the other process's end is there."""
        body = _encode((line.channel, within_s))
        answer = await self._mesh.ask(line.peer.worker, "answers", body, within_s=within_s + PING_ROOM_S)
        return answer == b"yes"

    async def _is_answering(self, _worker: int, body: bytes) -> bytes | None:
        channel, within_s = msgspec.msgpack.decode(body, type=tuple[int, float])
        home = self._homes.get(channel)
        return b"yes" if home is not None and await home.link.answers(within_s) else b"no"

    # --- nodes of this one ------------------------------------------------------------------------------------------

    def _introduce(self, peer: Peer, home: _Home) -> None:
        link = home.link
        peer.send(NEWS, _encode(_Joined(home.channel, link.node, link.epoch)))
        if link.models:
            peer.send(home.channel, _advertise(link.models.values()))
        if link.status is not None:
            peer.send(home.channel, codec.encode(link.status))
        if link.session.state is not State.READY:
            peer.send(home.channel, codec.encode(Drain(reason="leaving")))

    def _tell(self, home: _Home, message: bytes) -> None:
        for peer in self._mesh.peers:
            peer.send(home.channel, message)


def _changes(home: _Home) -> Iterator[bytes]:
    """What the others were not told yet; the status goes its own way."""
    link = home.link
    if link.models is not home.told:
        home.told = link.models
        yield _advertise(link.models.values())
    if not home.drains and link.session.state is State.DRAINING:
        home.drains = True
        yield codec.encode(Drain(reason="leaving"))


def _advertise(models: Iterable[AdvertisedModel]) -> bytes:
    return codec.encode(Advertise(models=list(models)))
