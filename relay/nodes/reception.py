"""Where nodes arrive: from an upgraded socket to a registered link, or to a refusal that says why.

It knows the database, but no HTTP. A hello is judged by what the database says at that moment, so a node revoked or
moved by another process is known here too; sockets already open hear of it by `reload`.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import Callable, Collection
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final, Self

from relay.clock import Clock
from relay.nodes import store
from relay.nodes.handshake import Refused
from relay.nodes.link import NodeLink
from relay.nodes.registry import Registry
from relay.nodes.socket import NodeSocket
from relay.settings import NodeSettings
from relay.storage.engine import Database
from relay.storage.errors import StorageUnavailable
from relay.storage.ids import NodeId
from relay.wire.frames import CloseCode, HelloBody, Limits
from relay.wire.handshake import Enrolled, Proven, Rejected
from relay.wire.identity import LINK_SECRET_BYTES, NONCE_BYTES, SigningKey
from relay.wire.relay_session import RelaySession

logger = logging.getLogger(__name__)

_RETRY_S: Final = 5.0


class Reception:
    """Receives the sockets of nodes. An async context: hellos are judged only while it is open.

    `protocol` is what uvicorn takes as `Config(ws=…)`. `hosts` are this relay's names as host:port. `welcomed` hears of
    each link right after its welcome.
    """

    def __init__(
        self,
        database: Database,
        registry: Registry,
        *,
        key: SigningKey,
        hosts: Collection[str],
        clock: Clock,
        settings: NodeSettings | None = None,
        welcomed: Callable[[NodeLink], None] | None = None,
    ) -> None:
        self.settings = settings or NodeSettings()
        self._database = database
        self._registry = registry
        self._key = key
        self._hosts = tuple(hosts)
        self._clock = clock
        self._welcomed = welcomed
        self._tasks = asyncio.TaskGroup()
        self._pending: Counter[str] = Counter()
        self._waiting: set[NodeSocket] = set()
        self._sockets: set[NodeSocket] = set()
        self._judging: set[NodeId] = set()
        self._closed = True

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._closed = False
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._closed = True
        for socket in list(self._sockets):
            socket.close(CloseCode.GOING_AWAY, "the relay is going away")
        await self._tasks.__aexit__(None, None, None)

    def protocol(self, *, server_state: Any, **_uvicorn: object) -> NodeSocket:
        """A protocol for one upgraded connection; the keywords are uvicorn's."""
        return NodeSocket(self, server_state.connections)

    async def reload(self) -> None:
        """Brings open links in line with the database: barred nodes are hung up on, names and pools are taken over."""
        records = {record.id: record for record in await self._database.read(store.all_nodes)}
        for link in self._registry:
            record = records.get(link.node.node_id)
            if record is None or record.barred is not None:
                why = "revoked" if record is None else record.barred
                link.hang_up(CloseCode.REVOKED, f"this node may not connect any more: {why}")
            elif record.described != link.node:
                link.node = record.described
                self._registry.changed(link)

    # --- Host, for the sockets --------------------------------------------------------------------------------------

    def arrived(self, socket: NodeSocket) -> Refused | None:
        if self._closed:
            wait = (("retry-after", "5"),)
            return Refused(HTTPStatus.SERVICE_UNAVAILABLE, "This relay is starting or stopping.", wait)
        if self._pending[socket.address] >= self.settings.pending_per_address:
            wait = (("retry-after", f"{self.settings.hello_s:.0f}"),)
            return Refused(HTTPStatus.TOO_MANY_REQUESTS, "Too many connections from this address at once.", wait)
        self._pending[socket.address] += 1
        self._waiting.add(socket)
        self._sockets.add(socket)
        return None

    def new_session(self) -> RelaySession:
        settings = self.settings
        limits = Limits(
            frames_per_s=settings.frames_per_s, burst_frames=settings.burst_frames, bytes_per_s=settings.bytes_per_s
        )
        nonce = secrets.token_bytes(NONCE_BYTES)
        return RelaySession(key=self._key, hosts=self._hosts, nonce=nonce, limits=limits)

    def challenge(self, socket: NodeSocket, node_nonce: bytes) -> bytes:
        return socket.session.challenge(node_nonce=node_nonce, time=self._clock.now_ms() // 1000)

    def greeted(self, socket: NodeSocket, hello: HelloBody) -> None:
        if not self._closed:
            self._tasks.create_task(self._answer(socket, hello))

    def left(self, socket: NodeSocket) -> None:
        self._sockets.discard(socket)
        self._no_longer_pending(socket)

    def _no_longer_pending(self, socket: NodeSocket) -> None:
        if socket not in self._waiting:
            return
        self._waiting.remove(socket)
        self._pending[socket.address] -= 1
        if self._pending[socket.address] <= 0:
            del self._pending[socket.address]

    # --- judging a hello --------------------------------------------------------------------------------------------

    async def _answer(self, socket: NodeSocket, hello: HelloBody) -> None:
        """The supervisor of one hello: whatever happens, the node gets an answer and the group of tasks goes on."""
        node = NodeId(hello.node_id)
        if node in self._judging:
            socket.refuse(CloseCode.TOO_MANY, "another socket of this node is just being opened", retry_after=_RETRY_S)
            return
        self._judging.add(node)
        try:
            await self._judge(socket, node)
        except StorageUnavailable as error:
            logger.warning("a node was turned away, the database is not available: %s", error)
            message = "this relay cannot look up nodes just now"
            socket.refuse(CloseCode.GOING_AWAY, message, retry_after=_RETRY_S)
        except Exception:
            logger.exception("judging the hello of node %s failed", node)
            socket.refuse(CloseCode.GOING_AWAY, "this relay has a fault", retry_after=_RETRY_S)
        finally:
            self._judging.discard(node)

    async def _judge(self, socket: NodeSocket, node: NodeId) -> None:
        known = await self._database.read(lambda connection: store.known(connection, node))
        if not socket.waits():
            return
        if known is None:
            socket.refuse(CloseCode.NOT_AUTHENTICATED, "this node is not enrolled here")
            return
        enrolled = Enrolled(known.record.public_key, known.secrets, known.epoch)
        verdict = socket.session.judge(enrolled, fresh_secret=secrets.token_bytes(LINK_SECRET_BYTES))
        if isinstance(verdict, Rejected):
            if verdict.cloned and known.record.barred is None:
                await self._suspend(known.record)
            socket.refuse(verdict.code, verdict.message)
            return
        if known.record.barred is not None:
            socket.refuse(CloseCode.REVOKED, f"this node may not connect any more: {known.record.barred}")
            return
        if not await self._has_room(socket, known.record):
            return
        begin = self._begin(known, verdict)
        epoch = await self._database.write(begin)
        if epoch is None:
            # Another process was faster with a socket of this node; its backed-off return will be judged afresh.
            socket.refuse(CloseCode.TOO_MANY, "another socket of this node was faster", retry_after=_RETRY_S)
        elif socket.waits() and self._registry.get(node) is None:
            self._welcome(socket, known.record, epoch)

    def _begin(self, known: store.Known, proven: Proven) -> Callable[[Any], int | None]:
        at_ms = self._clock.now_ms()
        return lambda connection: store.begin_session(
            connection, known.record.id, shown=known.secrets, remembered=proven.secrets, at_ms=at_ms
        )

    async def _suspend(self, record: store.NodeRecord) -> None:
        """A key with two holders: nobody may use it until its owner has looked at it."""
        logger.warning("node %s is suspended: its key is in use on two computers", record.id)
        at_ms = self._clock.now_ms()
        await self._database.write(
            lambda connection: store.suspend(connection, record.id, reason="cloned", at_ms=at_ms)
        )
        other = self._registry.get(record.id)
        if other is not None:
            other.hang_up(CloseCode.REVOKED, "cloned: this node's key is in use on two computers")

    async def _has_room(self, socket: NodeSocket, record: store.NodeRecord) -> bool:
        """Whether the node may open a link now: its last one is dead, and its owner has not too many."""
        previous = self._registry.get(record.id)
        if previous is not None:
            if await previous.answers(self.settings.replace_s):
                socket.refuse(CloseCode.REPLACED, "this node is connected already", retry_after=_RETRY_S)
                return False
            previous.hang_up(CloseCode.REPLACED, "the node has come back on another socket")
        if self._registry.of_owner(record.owner) >= self.settings.sockets_per_owner:
            limit = self.settings.sockets_per_owner
            socket.refuse(CloseCode.TOO_MANY, f"this owner has {limit} connected nodes, which is the limit")
            return False
        return socket.waits()

    def _welcome(self, socket: NodeSocket, record: store.NodeRecord, epoch: int) -> None:
        session = socket.session
        message = session.welcome(session=secrets.token_hex(8), epoch=epoch, heartbeat_s=self.settings.heartbeat_s)
        link = NodeLink(record.described, session, socket, self._registry)
        self._no_longer_pending(socket)
        socket.welcome(message, link)
        self._registry.add(link)
        if self._welcomed is not None:
            self._welcomed(link)
        logger.info("node %s is connected, epoch %d", record.id, epoch)
