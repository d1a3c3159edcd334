"""A link between relay and node as a state machine without I/O.

`relay_session.RelaySession` is one end, `node_session.NodeSession` the other; what they share is here.

`receive(message, now)` takes one binary WebSocket message and returns what happened; every other method returns the
bytes of a message to send, `b""` for nothing (the leg was closed meanwhile: that is no error). `now` is any clock that
only goes forward; randomness comes as bytes. Errors are in `errors`: on a `ProtocolViolation` close the socket with its
`code`; then, as after any loss, `close()` tells which legs went with it.

A relay's link, from socket to socket::

    session = RelaySession(key=relay_key, hosts=["relay.example:443"], nonce=secrets.token_bytes(32))
    send(session.challenge(node_nonce=bytes.fromhex(header[NONCE_HEADER]), time=unix_seconds))
    session.receive(message, now)                       # [HelloBody(node_id=…)]; silent for HELLO_S: close 4401
    verdict = session.judge(Enrolled(public_key, LinkSecrets(newest, previous), epoch), fresh_secret=…)
    #   Rejected: send(session.refuse(verdict.code, verdict.message)), close; with `cloned` also suspend the key
    #   Proven: make verdict.secrets durable, then
    send(session.welcome(session="…", epoch=epoch, heartbeat_s=15))
    session.receive(message, now)                       # [Advertise(…)], [Status(…)]
    leg, message = session.offer(CallHeader(…), body)
    session.receive(message, now)                       # [Accept(…)] or [Decline(…)]
    #   [BodyWanted(leg)] when the body is large: while few parts wait in the socket, send(session.next_part().message)
    session.receive(message, now)                       # [Steps([StepRecord(leg, choice, kind, ids, data), …])]
    session.receive(message, now)                       # [Finish(…)] or [Fail(…)] or [Yield(…)]: the leg is closed
    send(session.cancel(leg, now))                      # at any time: closed on return, later frames are dropped
    send(session.bye(CloseCode.GOING_AWAY))             # no new calls; running ones finish
    session.close()                                     # the legs that were still open: lost

And the node's::

    session = NodeSession(NodeIdentity(node_id, key, "relay.example:443", relay_key, link_secret), nonce=…)
    dial with headers {NONCE_HEADER: nonce.hex()}
    session.receive(message, now)                       # [Challenge(…)], the relay's proof checked
    send(session.hello(app_version="1.0"))
    session.receive(message, now)                       # [Welcome(…)]: keep link_secret; or [Refuse(…)]
    send(session.advertise([AdvertisedModel(…)])); send(session.status(sharing=True, reason="ready", free_slots=8))
    session.receive(message, now)                       # [CallOffered(call, body, ids)]
    send(session.accept(leg, prompt_tokens=7, prompt_digest=…)) or send(session.decline(leg, "busy", now=now))
    #   body is None: the call is large; accept_header(leg), then comes [BodyArrived(leg, body, ids)], then accept
    send(session.step(merger.take(now)))                # see `merge`
    send(session.finish(leg, "stop", usage=…, timings=…, now=now)), or fail, or yield_
    session.receive(message, now)                       # [Cancel(…)]: stop, send nothing more
    send(session.drain("quit"))
"""

from __future__ import annotations

import enum
from typing import Final

import msgspec
from typing_extensions import override

from relay.wire.codec import Steps
from relay.wire.errors import SessionMisuse
from relay.wire.frames import (
    Accept,
    Account,
    Advertise,
    Bye,
    Call,
    Cancel,
    Challenge,
    Decline,
    Drain,
    Fail,
    Finish,
    HelloBody,
    LegId,
    Note,
    Prices,
    Refuse,
    Status,
    Welcome,
    Yield,
)

HELLO_S: Final = 5.0
"""A socket without a valid hello is closed after this long."""
PING_S: Final = 20.0
SILENT_S: Final = 40.0
HANDSHAKE_BYTES: Final = 16 * 1024
"""The longest message before a session is ready."""


class State(enum.Enum):
    """Of a session. `DRAINING`: no new calls, open legs go on."""

    OPEN = "open"
    READY = "ready"
    DRAINING = "draining"
    CLOSED = "closed"


class BodyWanted(msgspec.Struct, frozen=True):
    """The node accepted the header of a large call: its payload goes out by `next_part`."""

    id: LegId


class CallOffered(msgspec.Struct, frozen=True):
    """`body` is `None` when it is large and comes after `accept_header`. `ids` are the delivered tokens of a resume."""

    call: Call
    body: bytes | None
    ids: bytes = b""

    @override
    def __repr__(self) -> str:
        return f"CallOffered({self.call!r}, ***)"


class BodyArrived(msgspec.Struct, frozen=True):
    """The whole payload of a large call is there: now its prompt can be accepted, or the call declined."""

    id: LegId
    body: bytes
    ids: bytes = b""

    @override
    def __repr__(self) -> str:
        return f"BodyArrived({self.id}, ***)"


RelayEvent = HelloBody | Advertise | Status | Accept | Decline | BodyWanted | Steps | Finish | Fail | Yield | Drain
"""What a relay hears from a node."""
NodeEvent = Challenge | Welcome | Refuse | CallOffered | BodyArrived | Cancel | Prices | Note | Account | Bye
"""What a node hears from a relay."""


class Session:
    """The state of one end, and the guard of what may be done in it."""

    def __init__(self) -> None:
        self._state = State.OPEN
        self.message_limit = HANDSHAKE_BYTES
        """The longest message the socket may buffer now, checked on the WebSocket header."""

    @property
    def state(self) -> State:
        return self._state

    def _expect(self, *states: State) -> None:
        if self._state not in states:
            raise SessionMisuse(f"not while {self._state.value}")
