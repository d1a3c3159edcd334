"""The link to the relay: dials, proves both sides, keeps the session alive, dials again when it ends.

Everything the two sides say goes through `relay.wire.NodeSession`; here are only the socket, the clock and the waits.
Redirects are refused: the address that was enrolled at is the one that is dialled, and signatures are bound to it.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import time
from dataclasses import dataclass
from typing import Literal, NoReturn, Protocol

from typing_extensions import override
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from desktop.agent.enrolment import tls_context
from desktop.agent.membership import Member
from desktop.agent.outbox import LinkTooSlowError, Outbox
from desktop.agent.retry import SETTLED_S, Backoff, Parting, parting
from desktop.agent.serving import Floor, Serving
from desktop.agent.state import LinkState, Reason, Sharing
from desktop.settings import LinkSettings
from desktop.system.hardware import Facts
from relay.wire.errors import ProtocolViolation, RelayNotProven
from relay.wire.frames import Account, AdvertisedModel, Bye, Cancel, Challenge, Limits, Note, Refuse, Welcome
from relay.wire.node_session import NodeSession
from relay.wire.session import HELLO_S, BodyArrived, CallOffered, NodeEvent, State
from relay.wire.version import NONCE_HEADER, PATH, SUBPROTOCOL

log = logging.getLogger(__name__)

_LEAVING = 1001
"""RFC 6455: an endpoint is going away."""

_RETRY_LIMIT_S = 3600.0
"""The longest wait a relay can ask for."""


@dataclass(frozen=True, slots=True)
class Introduction:
    """What a hello says of this PC."""

    app_version: str
    os: str
    hardware: Facts


class LinkOwner(Protocol):
    """What a link tells and asks the agent."""

    def link_changed(self, state: LinkState) -> None: ...

    def earned(self, account: Account) -> None: ...

    async def keep_link_secret(self, secret: bytes) -> Member | None:
        """Makes it durable; returns the member as it is now."""
        ...

    def sharing(self) -> Sharing: ...

    def models(self) -> list[AdvertisedModel]: ...


class Link:
    """One member's link, over as many connections as it takes."""

    def __init__(
        self, member: Member, owner: LinkOwner, floor: Floor, *, introduction: Introduction, settings: LinkSettings
    ) -> None:
        self._member = member
        self._owner = owner
        self._floor = floor
        self._introduction = introduction
        self._settings = settings
        self._current: _Connection | None = None
        self._backoff = Backoff(first=settings.retry_first_s, most=settings.retry_most_s, chance=random.random)

    async def run(self) -> Parting:
        """Until the relay no longer knows this node (how, is returned) or the task is cancelled."""
        while True:
            self._say("connecting")
            began = time.monotonic()
            ended = await self._connect()
            if ended.gone:
                return ended
            if time.monotonic() - began >= SETTLED_S:
                self._backoff.good()
            wait = min(self._backoff.wait(ended), _RETRY_LIMIT_S)
            log.info("link ended", extra={"problem": ended.problem, "retry_in_s": round(wait, 1)})
            self._say("waiting", retry_at=time.time() + wait, problem=ended.problem)
            await asyncio.sleep(wait)

    def refresh(self) -> None:
        """Something the relay should know has changed."""
        if self._current is not None:
            self._current.refresh()

    def drain(self, reason: str) -> None:
        """Announces that no new call is wanted."""
        if self._current is not None:
            self._current.drain(reason)

    def yield_all(self, reason: str) -> None:
        """Gives every running answer back to the relay."""
        if self._current is not None:
            self._current.serving.yield_all(reason)

    async def flushed(self) -> None:
        """Returns when everything queued so far is with the operating system, or can no longer get there."""
        if self._current is not None:
            await self._current.outbox.flushed()

    async def _connect(self) -> Parting:
        """One connection, from dialling to its end."""
        session = NodeSession(self._member.identity(), nonce=(nonce := secrets.token_bytes(32)))
        try:
            async with self._dial(nonce) as socket:
                return await self._converse(socket, session)
        except InvalidStatus as error:
            return _of_status(error)
        except (OSError, TimeoutError, InvalidHandshake) as error:
            return Parting(_reason(error))
        finally:
            session.close()

    def _dial(self, nonce: bytes) -> connect:
        relay = self._member.relay
        return _Dial(
            relay.socket_url(PATH),
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            additional_headers={NONCE_HEADER: nonce.hex()},
            user_agent_header=f"nightjar/{self._introduction.app_version}",
            compression=None,
            max_size=Limits().frame_bytes,
            max_queue=None,
            open_timeout=self._settings.open_timeout_s,
            ping_interval=self._settings.ping_s,
            ping_timeout=self._settings.ping_s,
            close_timeout=2.0,
            proxy=None if relay.is_near else True,
            ssl=tls_context() if relay.scheme == "https" else None,
        )

    async def _converse(self, socket: ClientConnection, session: NodeSession) -> Parting:
        connection = _Connection(socket, session, self._owner, self._floor)
        try:
            async with asyncio.timeout(HELLO_S):
                opened = await self._open(connection)
            if isinstance(opened, Refuse):
                return parting(opened.code, opened.message, retry_after=opened.retry_after)
            self._current = connection
            self._say("ready")
            await connection.serve(opened.heartbeat_s)
        except TimeoutError:
            return Parting("the relay did not greet in time")
        except RelayNotProven as error:
            return Parting(error.message, least_wait=self._settings.retry_most_s)
        except ProtocolViolation as error:
            log.warning("the relay broke the protocol", extra={"why": error.message})
            await socket.close(error.code, error.message[:100])
            return parting(error.code)
        except ConnectionClosed as closed:
            return connection.parting(closed)
        except LinkTooSlowError:
            return Parting("the connection was too slow")
        except asyncio.CancelledError:
            # Left to itself the library would call our leaving an internal error.
            await socket.close(_LEAVING)
            raise
        finally:
            self._current = None
            connection.serving.lost()

    async def _open(self, connection: _Connection) -> Welcome | Refuse:
        """Challenge, hello, welcome. The link secret is durable before the session is used."""
        session, hello = connection.session, self._introduction
        while True:
            for event in session.receive(await connection.receive(), connection.now()):
                match event:
                    case Challenge():
                        message = session.hello(app_version=hello.app_version, os=hello.os, hardware=hello.hardware)
                        await connection.socket.send(message)
                    case Welcome():
                        member = await self._owner.keep_link_secret(event.link_secret)
                        self._member = member or self._member
                        return event
                    case Refuse():
                        return event
                    case _:
                        log.debug("an event before the welcome was ignored")

    def _say(
        self, kind: Literal["connecting", "ready", "waiting"], *, retry_at: float | None = None, problem: str = ""
    ) -> None:
        self._owner.link_changed(LinkState(kind, self._member.relay.url, time.time(), retry_at, problem))


class _Connection:
    """One open socket with its session."""

    def __init__(self, socket: ClientConnection, session: NodeSession, owner: LinkOwner, floor: Floor) -> None:
        self.socket = socket
        self.session = session
        self.outbox = Outbox(socket.send)
        self.serving = Serving(session, floor, send=self.outbox.add)
        self._owner = owner
        self._told_models: list[AdvertisedModel] = []
        self._told: tuple[bool, str, float | None] | None = None
        self._bye: Bye | None = None

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
        if _gist(sharing) != self._told:
            self._tell(sharing)

    def _tell(self, sharing: Sharing) -> None:
        self._told = _gist(sharing)
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


class _Dial(connect):
    """`connect` without redirects."""

    @override
    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


def _gist(sharing: Sharing) -> tuple[bool, str, float | None]:
    """What of a sharing state is news at once. How busy a node is the relay knows itself, and heartbeats say it too."""
    reason = Reason.READY if sharing.reason is Reason.SERVING else sharing.reason
    return sharing.sharing, reason.value, sharing.until


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error


def _of_status(error: InvalidStatus) -> Parting:
    """An HTTP answer instead of a WebSocket."""
    response = error.response
    after = response.headers.get("Retry-After", "")
    return Parting(
        f"it answered {response.status_code} {response.reason_phrase}".strip(),
        float(after) if after.isdigit() else None,
    )


def _reason(error: Exception) -> str:
    """A short fact for people from what the operating system or the library says."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "it does not answer"
    if isinstance(error, OSError):
        return (error.strerror or str(error)).lower()
    return str(error).rstrip(".").lower() or type(error).__name__
