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
from typing import Literal

from typing_extensions import override
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from desktop.agent.connection import Connection, LinkOwner
from desktop.agent.enrolment import tls_context
from desktop.agent.membership import Member
from desktop.agent.outbox import LinkTooSlowError
from desktop.agent.retry import SETTLED_S, Backoff, Parting, parting
from desktop.agent.serving import Floor
from desktop.agent.state import LinkState
from desktop.agent.unreached import why_unreached
from desktop.errors import DesktopError
from desktop.models.limiter import SpeedLimit
from desktop.settings import LinkSettings
from desktop.system.hardware import Facts
from relay.wire.errors import ProtocolViolation, RelayNotProven
from relay.wire.frames import Challenge, Limits, Refuse, Welcome
from relay.wire.node_session import NodeSession
from relay.wire.session import HELLO_S
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


class Link:
    """One member's link, over as many connections as it takes."""

    def __init__(
        self,
        member: Member,
        owner: LinkOwner,
        floor: Floor,
        *,
        introduction: Introduction,
        settings: LinkSettings,
        upload: SpeedLimit | None = None,
    ) -> None:
        self._member = member
        self._owner = owner
        self._floor = floor
        self._introduction = introduction
        self._settings = settings
        self._upload = upload or SpeedLimit()
        self._current: Connection | None = None
        self._hurried = asyncio.Event()
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
            self._say("waiting", retry_at=time.time() + wait, ended=ended)
            await self._pause(wait, most=ended.retry_after is None and not ended.refused)

    async def _pause(self, seconds: float, *, most: bool) -> None:
        """Sleeps so long; if only at `most`, until somebody is in a hurry."""
        self._hurried.clear()
        if not most:
            await asyncio.sleep(seconds)
            return
        try:
            async with asyncio.timeout(seconds):
                await self._hurried.wait()
        except TimeoutError:
            pass
        else:
            self._backoff.good()

    def hurry(self) -> None:
        """The network is another, or is back: the wait ends, and a link that may be dead proves that it is not."""
        self._hurried.set()
        if self._current is not None:
            self._current.probe()

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
            return Parting(why_unreached(error))
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
        connection = Connection(socket, session, self._owner, self._floor, upload=self._upload)
        try:
            async with asyncio.timeout(HELLO_S):
                opened = await self._open(connection)
            if isinstance(opened, Refuse):
                return parting(opened.code, opened.message, retry_after=opened.retry_after)
            # Before the session is used, or the next hello looks like that of a copy. A keystore may take its time.
            self._member = await self._owner.keep_link_secret(opened.link_secret) or self._member
            self._current = connection
            self._say("ready")
            await connection.serve(opened.heartbeat_s)
        except TimeoutError:
            return Parting("the relay did not greet in time")
        except DesktopError as error:
            return Parting(str(error).rstrip("."), least_wait=self._settings.retry_most_s)
        except RelayNotProven as error:
            return Parting(error.message, least_wait=self._settings.retry_most_s, refused=True)
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

    async def _open(self, connection: Connection) -> Welcome | Refuse:
        """Challenge, hello, and the relay's verdict."""
        session, hello = connection.session, self._introduction
        while True:
            for event in session.receive(await connection.receive(), connection.now()):
                match event:
                    case Challenge():
                        message = session.hello(app_version=hello.app_version, os=hello.os, hardware=hello.hardware)
                        await connection.socket.send(message)
                    case Welcome():
                        return event
                    case Refuse():
                        return event
                    case _:
                        log.debug("an event before the welcome was ignored")

    def _say(
        self,
        kind: Literal["connecting", "ready", "waiting"],
        *,
        retry_at: float | None = None,
        ended: Parting = Parting(""),  # noqa: B008 -- frozen
    ) -> None:
        relay = self._member.relay.url
        self._owner.link_changed(LinkState(kind, relay, time.time(), retry_at, ended.problem, ended.refused))


class _Dial(connect):
    """`connect` without redirects."""

    @override
    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


def _of_status(error: InvalidStatus) -> Parting:
    """An HTTP answer instead of a WebSocket."""
    response = error.response
    after = response.headers.get("Retry-After", "")
    return Parting(
        f"it answered {response.status_code} {response.reason_phrase}".strip(),
        float(after) if after.isdigit() else None,
    )
