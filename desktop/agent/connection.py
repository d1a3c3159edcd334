"""One open socket with its session: hears the relay, sends what waits, and tells it each thing once.

How a link is opened, and what follows its end, is `link`'s part.
"""

from __future__ import annotations

import asyncio
import logging
from typing import NoReturn, Protocol

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from desktop.agent.membership import Member
from desktop.agent.outbox import Outbox
from desktop.agent.retry import Parting, parting
from desktop.agent.serving import Floor, Serving
from desktop.agent.state import LinkState, Reason, Sharing
from desktop.models.limiter import SpeedLimit
from relay.wire.errors import ProtocolViolation
from relay.wire.frames import Account, AdvertisedModel, Bye, Cancel, Note
from relay.wire.node_session import NodeSession
from relay.wire.session import BodyArrived, CallOffered, NodeEvent, State

log = logging.getLogger(__name__)

_PROOF_S = 5.0
"""From a change of network to giving up a link that does not answer: relays answer pings within a round trip."""


_Gist = tuple[bool, str, float | None, int | None]


class LinkOwner(Protocol):
    """What a link tells and asks the agent."""

    def link_changed(self, state: LinkState) -> None: ...

    def earned(self, account: Account) -> None: ...

    async def keep_link_secret(self, secret: bytes) -> Member | None:
        """Makes it durable; returns the member as it is now."""
        ...

    def sharing(self) -> Sharing: ...

    def models(self) -> list[AdvertisedModel]: ...


class Connection:
    """One open socket with its session."""

    def __init__(
        self, socket: ClientConnection, session: NodeSession, owner: LinkOwner, floor: Floor, *, upload: SpeedLimit
    ) -> None:
        self.socket = socket
        self.session = session
        self.outbox = Outbox(socket.send, upload)
        self.serving = Serving(session, floor, send=self.outbox.add)
        self._owner = owner
        self._told_models: list[AdvertisedModel] = []
        self._floor = floor
        self._told: _Gist | None = None
        self._bye: Bye | None = None
        self._doubted = asyncio.Event()

    def now(self) -> float:
        return self.serving.now()

    async def receive(self) -> bytes:
        message = await self.socket.recv()
        if isinstance(message, str):
            raise ProtocolViolation("a text message from the relay")
        return message

    async def serve(self, heartbeat_s: float) -> NoReturn:
        """The ready phase; lasts until something breaks it, and raises that."""
        self.refresh()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.outbox.run(), name="link sender")
                group.create_task(self._beat(heartbeat_s), name="link heartbeat")
                group.create_task(self._prove(), name="link proof")
                await self._listen()
        except BaseExceptionGroup as group:
            # One broken socket breaks every task of the group: the first to notice tells it all.
            raise _first(group) from None

    async def _listen(self) -> NoReturn:
        while True:
            for event in self.session.receive(await self.receive(), self.now()):
                self._take(event)

    def _take(self, event: NodeEvent) -> None:
        match event:
            case CallOffered():
                self.serving.offered(event)
            case BodyArrived():
                self.serving.arrived(event)
            case Cancel():
                self.serving.cancelled(event.id)
            case Account():
                self._owner.earned(event)
            case Bye():
                self._bye = event
            case Note():
                log.info("a note from the relay", extra={"level": event.level, "note": event.text})
            case _:
                log.debug("an event without use here", extra={"event": type(event).__name__})

    def probe(self) -> None:
        """The network may have changed underneath: asks the relay for a sign of life, and hangs up if there is none."""
        self._doubted.set()

    async def _prove(self) -> None:
        while True:
            await self._doubted.wait()
            self._doubted.clear()
            try:
                async with asyncio.timeout(_PROOF_S):
                    await (await self.socket.ping())
            except TimeoutError:
                log.info("the link did not survive a change of network")
                self.socket.transport.abort()

    async def _beat(self, heartbeat_s: float) -> None:
        while True:
            await asyncio.sleep(heartbeat_s)
            self._tell(self._owner.sharing())

    # --- telling

    def refresh(self) -> None:
        """Models and status, each only if the relay does not know them yet."""
        if self.session.state not in (State.READY, State.DRAINING):
            return
        models = self._owner.models()
        if models != self._told_models or self._told is None:
            self._told_models = models
            self.outbox.add(self.session.advertise(models))
        sharing = self._owner.sharing()
        if _gist(sharing, self._floor.most()) != self._told:
            self._tell(sharing)

    def _tell(self, sharing: Sharing) -> None:
        self._told = _gist(sharing, self._floor.most())
        free = self.serving.free_slots if sharing.sharing else 0
        reason, until = sharing.reason.value, sharing.until
        self.outbox.add(self.session.status(sharing=sharing.sharing, reason=reason, free_slots=free, until=until))

    def drain(self, reason: str) -> None:
        if self.session.state is State.READY:
            self.outbox.add(self.session.drain(reason))

    def parting(self, closed: ConnectionClosed) -> Parting:
        """What the close frame, or the lack of one, means."""
        retry_after = self._bye.retry_after if self._bye else None
        if closed.rcvd is None:
            return Parting("the connection was lost", retry_after)
        return parting(closed.rcvd.code, closed.rcvd.reason, retry_after=retry_after)


def _gist(sharing: Sharing, most: int | None) -> _Gist:
    """What of a sharing state is news at once. How busy a node is the relay knows itself, and heartbeats say it too."""
    reason = Reason.READY if sharing.reason is Reason.SERVING else sharing.reason
    return sharing.sharing, reason.value, sharing.until, most


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
