"""The node's end of a link: it makes the relay prove itself, then hears calls and says what becomes of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from relay.wire import codec
from relay.wire.bodies import Inbox
from relay.wire.codec import BodyPart, OfferedCall, Sender
from relay.wire.errors import ProtocolViolation, RelayNotProven, SessionMisuse
from relay.wire.fields import FRAME_BYTES, MAX_TEXT, MAX_WORD
from relay.wire.frames import (
    Accept,
    Account,
    Advertise,
    AdvertisedModel,
    Bye,
    Cancel,
    Challenge,
    Decline,
    Drain,
    Fail,
    Finish,
    FinishReason,
    Frame,
    HelloBody,
    LegId,
    Limits,
    Note,
    Prices,
    Refuse,
    Status,
    Timings,
    Usage,
    Welcome,
    Yield,
)
from relay.wire.handshake import NodeHandshake, NodeIdentity
from relay.wire.legs import LegTable, Stage
from relay.wire.session import BodyArrived, CallOffered, NodeEvent, Session, State
from relay.wire.steps import StepRecord, encode_steps


class NodeSession(Session):
    """The node's end of one link."""

    def __init__(self, identity: NodeIdentity, *, nonce: bytes) -> None:
        """`nonce` is 32 random bytes of this socket only, sent in the request header `NONCE_HEADER` as hexadecimal."""
        super().__init__()
        self._identity = identity
        self._handshake = NodeHandshake(identity, nonce=nonce)
        self._greeted = False
        self._welcome: Welcome | None = None
        self._legs = LegTable()
        self._inbox = Inbox()
        self._bye = False

    @property
    def epoch(self) -> int:
        """Of this session, 0 before the welcome."""
        return self._welcome.epoch if self._welcome else 0

    @property
    def limits(self) -> Limits:
        """What this node may send, as the relay said in its welcome."""
        return self._welcome.limits if self._welcome else Limits()

    @property
    def open_legs(self) -> int:
        return len(self._legs.open)

    # --- opening

    def hello(
        self,
        *,
        app_version: str = "",
        os: str = "",
        hardware: dict[str, str | int | float] | None = None,
        features: Sequence[str] = (),
        parted: Sequence[int] = (),
    ) -> bytes:
        """Answer the challenge, once its event has come. `parted` are the legs lost within 2 s of a yield."""
        self._expect(State.OPEN)
        if self._greeted or not self._handshake.is_challenged:
            raise SessionMisuse("a hello answers one challenge")
        self._greeted = True
        body = HelloBody(
            node_id=self._identity.node_id,
            key_id=self._identity.key.fingerprint,
            version=self._handshake.version,
            app_version=app_version,
            os=os,
            hardware=hardware or {},
            features=list(features),
            parted=[LegId(leg) for leg in parted],
        )
        return self._handshake.hello(body)

    # --- ready

    def advertise(self, models: Sequence[AdvertisedModel]) -> bytes:
        """Replaces everything advertised before."""
        return self._said(Advertise(models=list(models)))

    def status(
        self,
        *,
        sharing: bool,
        reason: str,
        free_slots: int,
        until: float | None = None,
        load: float = 0.0,
    ) -> bytes:
        """On every change, and each `heartbeat_s` of the welcome."""
        return self._said(
            Status(sharing=sharing, reason=reason[:MAX_WORD], free_slots=free_slots, until=until, load=load)
        )

    def drain(self, reason: str) -> bytes:
        """No new calls, please. One that is on its way still comes as `CallOffered`: decline it."""
        message = self._said(Drain(reason=reason[:MAX_WORD]))
        self._state = State.DRAINING
        return message

    # --- calls

    def accept_header(self, leg: LegId) -> bytes:
        """Ask for the body of a large call."""
        entry = self._legs.open.get(leg)
        if entry is None:
            return b""
        if entry.inline or entry.stage is not Stage.OFFERED:
            raise SessionMisuse("only the header of a large call is accepted, and once")
        entry.stage = Stage.SENDING
        return codec.encode(Accept(id=leg, prompt_tokens=0, prompt_digest=b""))

    def accept(self, leg: LegId, *, prompt_tokens: int, prompt_digest: bytes) -> bytes:
        """The call will be answered. `prompt_digest` is the SHA-256 of the prompt's ids, or nothing without ids."""
        entry = self._legs.open.get(leg)
        if entry is None:
            return b""
        if entry.stage is not (Stage.OFFERED if entry.inline else Stage.SENDING) or leg in self._inbox:
            raise SessionMisuse("a prompt is accepted once, when its body is there")
        entry.stage = Stage.ACCEPTED
        return codec.encode(Accept(id=leg, prompt_tokens=prompt_tokens, prompt_digest=prompt_digest))

    def decline(
        self,
        leg: LegId,
        reason: str,
        *,
        now: float,
        message: str = "",
        retry_after: float | None = None,
    ) -> bytes:
        """Not this call. Only before its prompt is accepted; after that, `fail`."""
        entry = self._legs.open.get(leg)
        if entry is not None and entry.stage >= Stage.ACCEPTED:
            raise SessionMisuse("an accepted call cannot be declined")
        return self._end(
            Decline(id=leg, reason=reason[:MAX_WORD], message=message[:MAX_TEXT], retry_after=retry_after), now
        )

    def step(self, records: Iterable[StepRecord]) -> bytes:
        """One `STEP`. Records of legs that were closed meanwhile are left out."""
        open_legs = self._legs.open
        kept = [record for record in records if record.leg in open_legs]
        try:
            for record in kept:
                open_legs[record.leg].advance(record)
        except ProtocolViolation as violation:
            raise SessionMisuse(violation.message) from violation
        return encode_steps(kept) if kept else b""

    def finish(
        self,
        leg: LegId,
        reason: FinishReason,
        *,
        usage: Usage,
        now: float,
        timings: Timings | None = None,
    ) -> bytes:
        """The answer is whole. `reason` is that of choice 0."""
        if not self._is_accepted(leg) and leg in self._legs.open:
            raise SessionMisuse("a call is accepted before it is finished")
        return self._end(Finish(id=leg, reason=reason, usage=usage, timings=timings or Timings()), now)

    def fail(
        self,
        leg: LegId,
        code: str,
        message: str,
        *,
        now: float,
        at_fault: Literal["node", "request"] = "node",
    ) -> bytes:
        """The answer cannot go on. A call not yet accepted is declined instead."""
        if not self._is_accepted(leg):
            return self.decline(leg, code, message=message, now=now)
        return self._end(Fail(id=leg, code=code[:MAX_WORD], message=message[:MAX_TEXT], at_fault=at_fault), now)

    def yield_(self, leg: LegId, *, delivered_tokens: int, reason: str, now: float) -> bytes:
        """The owner needs the PC. A call not yet accepted is declined instead."""
        if not self._is_accepted(leg):
            return self.decline(leg, reason, now=now)
        return self._end(Yield(id=leg, delivered_tokens=delivered_tokens, reason=reason[:MAX_WORD]), now)

    def close(self) -> list[LegId]:
        """The socket is gone. Returns the legs lost with it."""
        self._state = State.CLOSED
        self._inbox.clear()
        return self._legs.clear()

    # --- receiving

    def receive(self, message: bytes, now: float) -> Sequence[NodeEvent]:
        """What one message of the relay means. Raises `ProtocolViolation`, and is closed then."""
        if self._state is State.CLOSED:
            return ()
        try:
            if len(message) > self.message_limit:
                raise ProtocolViolation("a message longer than the limit")
            return self._opening(message) if self._state is State.OPEN else self._ready(message, now)
        except ProtocolViolation:
            self._state = State.CLOSED
            raise

    def _opening(self, message: bytes) -> Sequence[NodeEvent]:
        match frame := codec.decode(message, Sender.RELAY, opening=True):
            case Challenge():
                self._handshake.hear(frame, message)
            case Welcome():
                self._welcomed(frame)
            case Refuse():
                self._refused()
            case _:
                return ()
        return (frame,)

    def _refused(self) -> None:
        """Only the pinned relay may tell a node that it is revoked, and be believed."""
        if not self._handshake.is_challenged:
            raise RelayNotProven("a refusal by a relay that has not proven itself")
        self._state = State.CLOSED

    def _welcomed(self, welcome: Welcome) -> None:
        if not self._greeted:
            raise ProtocolViolation("a welcome before the hello")
        self._welcome = welcome
        self._state = State.READY
        self.message_limit = FRAME_BYTES

    def _ready(self, message: bytes, now: float) -> Sequence[NodeEvent]:
        match frame := codec.decode(message, Sender.RELAY, opening=False):
            case OfferedCall():
                return self._offered(frame)
            case BodyPart():
                return self._body(frame, now)
            case Cancel():
                return (frame,) if self._legs.find(frame.id, now) and self._bury(frame.id, now) else ()
            case Prices() | Note() | Account():
                return (frame,)
            case Bye():
                self._bye = True
                self._state = State.DRAINING
                return (frame,)
            case _:
                return ()

    def _offered(self, frame: OfferedCall) -> Sequence[NodeEvent]:
        call, payload = frame.call, frame.payload
        if self._bye:
            raise ProtocolViolation("a call after the bye")
        self._legs.admit(call.id, choices=call.n, inline=payload is not None)
        if payload is None:
            self._inbox.expect(call)
            return (CallOffered(call, None),)
        return (CallOffered(call, payload[: call.body_len], payload[call.body_len :]),)

    def _body(self, part: BodyPart, now: float) -> Sequence[NodeEvent]:
        leg = self._legs.find(part.leg, now)
        if leg is None:
            return ()
        if leg.stage is not Stage.SENDING:
            raise ProtocolViolation("a body part that was not asked for")
        whole = self._inbox.take(part)
        return () if whole is None else (BodyArrived(leg.id, *whole),)

    def _is_accepted(self, leg: LegId) -> bool:
        entry = self._legs.open.get(leg)
        return entry is not None and entry.stage >= Stage.ACCEPTED

    def _end(self, frame: Decline | Finish | Fail | Yield, now: float) -> bytes:
        return codec.encode(frame) if self._bury(frame.id, now) else b""

    def _bury(self, leg: LegId, now: float) -> bool:
        closed = self._legs.close(leg, now) is not None
        if closed:
            self._inbox.discard(leg)
        return closed

    def _said(self, frame: Frame) -> bytes:
        self._expect(State.READY, State.DRAINING)
        return codec.encode(frame)
