"""One Unix socket between each two processes of a relay, and what travels on it.

A message is `length u32, channel u32, payload`. Channel 0 carries questions and answers of the mesh itself; every other
one belongs to whoever gave it out. Messages of one turn of the loop leave in one write.

The process of the lower number calls. A socket that breaks is called again at once: if the other process has died, the
call waits for its successor. Only processes of the same user are listened to.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import struct
from collections.abc import Awaitable, Callable
from itertools import count
from typing import TYPE_CHECKING, Final, Protocol, cast

import msgspec
from typing_extensions import override

if TYPE_CHECKING:
    from relay.cluster.crew import Worker

CONTROL: Final = 0
NOBODY: Final = -1
ASK_S: Final = 1.0
"""How long another process may take to answer a question: it is on the same machine."""
RECALL_S: Final = 0.2
ENOUGH_QUEUED: Final = 256 * 1024
MOST_UNSENT: Final = 64 * 1024 * 1024
"""Bytes for a process that does not read: it is stopped, and what it waits for is lost anyway."""

_HEAD: Final = struct.Struct("<II")
_PEER: Final = struct.Struct("3i")

_log = logging.getLogger(__name__)


class _Hello(msgspec.Struct, frozen=True, array_like=True, tag="h"):
    worker: int


class _Question(msgspec.Struct, frozen=True, array_like=True, tag="q"):
    number: int
    topic: str
    body: bytes


class _Answer(msgspec.Struct, frozen=True, array_like=True, tag="a"):
    number: int
    body: bytes | None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Hello | _Question | _Answer).decode

Answering = Callable[[int, bytes], Awaitable[bytes | None]]
"""Answers a question of a worker; None: it has no answer."""


class MeshWatcher(Protocol):
    """Hears what the other processes say on channels of their own and ours."""

    def met(self, peer: Peer) -> None:
        """A socket to another process stands, perhaps once more."""

    def heard(self, peer: Peer, channel: int, payload: bytes) -> None:
        """A message on a channel."""

    def caught_up(self, peer: Peer) -> None:
        """All that one read of the socket brought was heard."""

    def has_room(self, peer: Peer) -> None:
        """More can be sent without much waiting."""

    def parted(self, peer: Peer) -> None:
        """The socket is gone, and with it all that was said on it and not heard."""


class Peer(asyncio.Protocol):
    """This process's end of the socket to one other."""

    def __init__(self, mesh: Mesh, *, called: int = NOBODY) -> None:
        """`called`: which worker this process has called; it may take a while until that one is there."""
        self.called = called
        self.worker = NOBODY
        """Which it is, once it has said so."""
        self._mesh: Final = mesh
        self._loop: Final = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._out: list[bytes] = []
        self._queued = 0
        self._paused = False

    @property
    def is_full(self) -> bool:
        """Whether so much waits to be sent that more should wait elsewhere."""
        return self._paused or self._queued > ENOUGH_QUEUED

    def send(self, channel: int, payload: bytes) -> None:
        """Queue a message; nothing if the socket is gone."""
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out += (_HEAD.pack(len(payload), channel), payload)
        self._queued += len(payload)

    def drop(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.abort()

    # --- what the transport calls -----------------------------------------------------------------------------------

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if _user_of(transport.get_extra_info("socket")) != os.geteuid():
            self._transport.abort()
            return
        self.send(CONTROL, _encode(_Hello(self._mesh.number)))

    @override
    def data_received(self, data: bytes) -> None:
        if self._buffer:
            data = self._buffer + data
        at, end = 0, len(data)
        while end - at >= _HEAD.size:
            size, channel = _HEAD.unpack_from(data, at)
            start = at + _HEAD.size
            if end - start < size:
                break
            at = start + size
            self._mesh.heard(self, channel, data[start:at])
        self._buffer = data[at:]
        if self.worker != NOBODY:
            self._mesh.watcher.caught_up(self)

    @override
    def pause_writing(self) -> None:
        self._paused = True

    @override
    def resume_writing(self) -> None:
        self._paused = False
        self._mesh.watcher.has_room(self)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._mesh.parted(self)

    def _flush(self) -> None:
        out, self._out, self._queued = self._out, [], 0
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(b"".join(out))
        if self._transport.get_write_buffer_size() > MOST_UNSENT:
            _log.warning("worker %d does not read what worker %d sends", self.worker, self._mesh.number)
            self._transport.abort()
        elif not self._paused:
            self._mesh.watcher.has_room(self)


class Mesh:
    """This process's sockets to all others. An async context; `answering` has who answers questions, by topic."""

    def __init__(self, worker: Worker, tasks: asyncio.TaskGroup) -> None:
        self.number = worker.number
        self.watcher: MeshWatcher
        self.answering: dict[str, Answering] = {}
        self.channels: dict[int, Callable[[Peer, bytes], None]] = {}
        """Who hears what comes on a channel instead of the watcher."""
        self.partings: list[Callable[[Peer], None]] = []
        """Who hears of a socket's end beside the watcher."""
        self._worker = worker
        self._tasks = tasks
        self._peers: dict[int, Peer] = {}
        self._asked: dict[int, tuple[Peer, asyncio.Future[bytes | None]]] = {}
        self._numbers = count(1)
        self._closing = False
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Be there for the others, and call them."""
        loop = asyncio.get_running_loop()
        listener = self._worker.socket.dup()  # closing the server must leave the one that the parent gave
        self._server = await loop.create_unix_server(lambda: Peer(self), sock=listener)
        for other in range(self.number + 1, self._worker.crew.size):
            self._tasks.create_task(self._call(other))

    def close(self) -> None:
        self._closing = True
        if self._server is not None:
            self._server.close()
        for peer in list(self._peers.values()):
            peer.drop()

    @property
    def size(self) -> int:
        """How many processes there are, this one included."""
        return self._worker.crew.size

    @property
    def peers(self) -> list[Peer]:
        """Those that can be spoken to now."""
        return list(self._peers.values())

    def peer(self, worker: int) -> Peer | None:
        return self._peers.get(worker)

    async def ask(self, worker: int, topic: str, body: bytes = b"", *, within_s: float = ASK_S) -> bytes | None:
        """What another process answers; None if it has no answer, does not answer, or is not there."""
        peer = self._peers.get(worker)
        if peer is None:
            return None
        number = next(self._numbers)
        answer: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        self._asked[number] = peer, answer
        peer.send(CONTROL, _encode(_Question(number, topic, body)))
        try:
            async with asyncio.timeout(within_s):
                return await answer
        except TimeoutError:
            return None
        finally:
            del self._asked[number]

    async def ask_all(self, topic: str, body: bytes = b"", *, within_s: float = ASK_S) -> dict[int, bytes]:
        """What each other process answers that does."""
        workers = list(self._peers)
        answers = await asyncio.gather(*(self.ask(each, topic, body, within_s=within_s) for each in workers))
        return {worker: answer for worker, answer in zip(workers, answers, strict=True) if answer is not None}

    # --- for the peers ----------------------------------------------------------------------------------------------

    def heard(self, peer: Peer, channel: int, payload: bytes) -> None:
        if channel != CONTROL:
            if (hearer := self.channels.get(channel)) is None:
                self.watcher.heard(peer, channel, payload)
            else:
                hearer(peer, payload)
            return
        match _decode(payload):
            case _Hello(worker):
                peer.worker = worker
                self._met(peer)
            case _Question() as question:
                self._tasks.create_task(self._answer(peer, question))
            case _Answer(number, body):
                if (asked := self._asked.get(number)) is not None and not asked[1].done():
                    asked[1].set_result(body)

    def parted(self, peer: Peer) -> None:
        if self._peers.get(peer.worker) is peer:
            del self._peers[peer.worker]
            self._tell_parting(peer)
        if peer.called != NOBODY and not self._closing:
            self._tasks.create_task(self._call(peer.called))

    def _met(self, peer: Peer) -> None:
        previous, self._peers[peer.worker] = self._peers.get(peer.worker), peer
        if previous is not None:
            self._tell_parting(previous)
            previous.drop()
        self.watcher.met(peer)

    def _tell_parting(self, peer: Peer) -> None:
        for asked, answer in self._asked.values():
            if asked is peer and not answer.done():
                answer.set_result(None)
        self.watcher.parted(peer)
        for hearer in self.partings:
            hearer(peer)

    async def _answer(self, peer: Peer, question: _Question) -> None:
        try:
            body = await self.answering[question.topic](peer.worker, question.body)
        except Exception:  # noqa: BLE001 - the supervisor of other processes' questions
            _log.exception("a question of worker %d about %s has no answer", peer.worker, question.topic)
            body = None
        peer.send(CONTROL, _encode(_Answer(question.number, body)))

    async def _call(self, other: int) -> None:
        loop = asyncio.get_running_loop()
        while not self._closing:
            caller = socket.socket(socket.AF_UNIX)
            caller.settimeout(0)
            try:
                caller.connect(self._worker.address_of(other))
                await loop.create_unix_connection(lambda: Peer(self, called=other), sock=caller)
                return
            except OSError:
                caller.close()
                await asyncio.sleep(RECALL_S)


def _user_of(connection: socket.socket) -> int:
    """Of the process at the other end, as the kernel knows it."""
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
    return int(_PEER.unpack(found)[1])
