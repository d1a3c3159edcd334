"""The relay's end of a link: it proves itself, judges the node, allocates legs and hears what becomes of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from relay.wire import codec
from relay.wire.bodies import Outbox, Part
from relay.wire.codec import Sender, Steps
from relay.wire.errors import ProtocolViolation, SessionMisuse
from relay.wire.fields import INLINE_BODY, MAX_TEXT
from relay.wire.frames import (
    Accept,
    Account,
    Advertise,
    Bye,
    Call,
    CallHeader,
    Cancel,
    CloseCode,
    Decline,
    Drain,
    Fail,
    Finish,
    Frame,
    Hello,
    Kind,
    LegId,
    Limits,
    Note,
    Prices,
    Refuse,
    Status,
    StepKind,
    Welcome,
    Yield,
)
from relay.wire.handshake import Enrolled, Proven, Rejected, RelayHandshake
from relay.wire.identity import SigningKey
from relay.wire.legs import LegTable, Stage
from relay.wire.session import BodyWanted, RelayEvent, Session, State
from relay.wire.steps import decode_steps

_STEP: Final = bytes([Kind.STEP])
_END: Final = StepKind.END.value
_READY: Final = State.READY


class RelaySession(Session):
    """The relay's end of one link."""

    def __init__(self, *, key: SigningKey, hosts: Collection[str], nonce: bytes, limits: Limits | None = None) -> None:
        """`hosts` are the relay's configured names, as host:port; `nonce` is 32 random bytes, of this socket only."""
        self.limits: Final = limits or Limits()
        super().__init__()
        self._epoch = 0
        self._handshake = RelayHandshake(key=key, hosts=hosts, nonce=nonce)
        self._verdict: Proven | Rejected | None = None
        self._legs = LegTable()
        self._outbox = Outbox()

    @property
    def epoch(self) -> int:
        """Of this session, 0 before the welcome."""
        return self._epoch

    @property
    def open_legs(self) -> int:
        return len(self._legs.open)

    # --- opening

    def challenge(self, *, node_nonce: bytes, time: int) -> bytes:
        """The first message. `node_nonce` came in the request header, `time` is Unix seconds."""
        self._expect(State.OPEN)
        return self._handshake.challenge(node_nonce=node_nonce, time=time)

    def judge(self, enrolled: Enrolled | None, *, fresh_secret: bytes) -> Proven | Rejected:
        """Weigh the hello against what is known of the node (`None`: nothing). `fresh_secret` is 32 random bytes."""
        self._expect(State.OPEN)
        self._verdict = self._handshake.judge(enrolled, fresh_secret=fresh_secret)
        return self._verdict

    def welcome(self, *, session: str, epoch: int, heartbeat_s: float = 15.0, token: str = "") -> bytes:
        """Begin. Only after `judge` found the node proven, and with an epoch above all before."""
        self._expect(State.OPEN)
        verdict = self._verdict
        if not isinstance(verdict, Proven) or epoch <= verdict.epoch:
            raise SessionMisuse("a welcome for a node that is not proven, or in an old epoch")
        self._state, self._epoch = State.READY, epoch
        self.message_limit = self.limits.frame_bytes
        return codec.encode(
            Welcome(
                session=session,
                epoch=epoch,
                heartbeat_s=heartbeat_s,
                limits=self.limits,
                link_secret=verdict.secrets.newest,
                token=token,
            ),
        )

    def begin(self, *, epoch: int) -> None:
        """Be ready without an opening, over a line to another process of this relay: that one has judged the node."""
        self._expect(State.OPEN)
        self._state, self._epoch = State.READY, epoch
        self.message_limit = self.limits.frame_bytes

    def refuse(self, code: CloseCode, message: str, *, retry_after: float | None = None) -> bytes:
        """No session. Close the socket with the same code. Only after the challenge: a node heeds no stranger."""
        self._expect(State.OPEN)
        if not self._handshake.is_challenged:
            raise SessionMisuse("a refusal before the challenge")
        self._state = State.CLOSED
        return codec.encode(Refuse(code=code, message=message[:MAX_TEXT], retry_after=retry_after))

    # --- calls

    def offer(self, header: CallHeader, body: bytes, *, ids: bytes = b"") -> tuple[LegId, bytes]:
        """Open a leg. `ids` are the delivered tokens, one packed u32 for each position of `header.resume`.

        Raises `SessionMisuse`, and opens none, unless ready, with room for one, and the header within its bounds.
        """
        self._expect(State.READY)
        if len(ids) != (4 * header.resume.position if header.resume else 0):
            raise SessionMisuse("a resume carries exactly the ids up to its position")
        payload = body + ids if ids else body
        leg = self._legs.next_id()
        message = codec.encode_call(_call_of(header, leg, len(body)), payload)
        inline = len(payload) <= INLINE_BODY
        self._legs.admit(leg, choices=header.n, inline=inline)
        if not inline:
            self._outbox.hold(leg, payload)
        return leg, message

    def next_part(self) -> Part | None:
        """The next piece of a large body, of each call in turn, or `None`. Goes out after all control frames."""
        return self._outbox.next()

    def cancel(self, leg: LegId, now: float) -> bytes:
        """Close a leg from this side."""
        return codec.encode(Cancel(id=leg)) if self._bury(leg, now) else b""

    # --- word to the owner, end

    def prices(self, prices: Prices) -> bytes:
        return self._said(prices)

    def note(self, note: Note) -> bytes:
        return self._said(note)

    def account(self, account: Account) -> bytes:
        return self._said(account)

    def bye(self, code: CloseCode = CloseCode.GOING_AWAY, *, retry_after: float | None = None) -> bytes:
        """No new calls from now; the socket closes with `code` once the open legs are done."""
        self._expect(State.READY, State.DRAINING)
        self._state = State.DRAINING
        return codec.encode(Bye(code=code, retry_after=retry_after))

    def close(self) -> list[LegId]:
        """The socket is gone, or is about to be. Returns the legs lost with it."""
        self._state = State.CLOSED
        self._outbox.clear()
        return self._legs.clear()

    # --- receiving

    def receive(self, message: bytes, now: float) -> Sequence[RelayEvent]:
        """What one message of the node means. Raises `ProtocolViolation`, and is closed then."""
        try:
            if len(message) > self.message_limit and self._state is not State.CLOSED:
                raise ProtocolViolation("a message longer than the limit")
            if message[:1] == _STEP and self._state is _READY:
                return self._steps(message, now)
            return self._other(message, now)
        except ProtocolViolation:
            self._state = State.CLOSED
            raise

    def _other(self, message: bytes, now: float) -> Sequence[RelayEvent]:
        if self._state is State.CLOSED:
            return ()
        if self._state is State.OPEN:
            return self._opening(message)
        return self._steps(message, now) if message[:1] == _STEP else self._control(message, now)

    def _opening(self, message: bytes) -> Sequence[RelayEvent]:
        frame = codec.decode(message, Sender.NODE, opening=True)
        return (self._handshake.hear(frame),) if isinstance(frame, Hello) else ()

    def _steps(self, message: bytes, now: float) -> Sequence[RelayEvent]:
        """The hot path: a record's leg is looked up, its choice checked, and a closed leg's records are dropped."""
        records, open_legs, kept = decode_steps(message), self._legs.open, 0
        for record in records:
            leg = open_legs.get(record.leg)
            if leg is None:
                self._legs.find(record.leg, now)
                continue
            if record.choice >= leg.plain or record.kind == _END:
                leg.advance(record)
            kept += 1
        if kept < len(records):
            records = [record for record in records if record.leg in open_legs]
        return (Steps(records),) if kept else ()

    def _control(self, message: bytes, now: float) -> Sequence[RelayEvent]:
        match frame := codec.decode(message, Sender.NODE, opening=False):
            case Advertise() | Status():
                return (frame,)
            case Drain():
                self._state = State.DRAINING
                return (frame,)
            case Accept():
                return self._accepted(frame, now)
            case Decline() | Finish() | Fail() | Yield():
                return self._ended(frame, now)
            case _:
                return ()

    def _accepted(self, frame: Accept, now: float) -> Sequence[RelayEvent]:
        leg = self._legs.find(frame.id, now)
        if leg is None:
            return ()
        if leg.stage is Stage.OFFERED and not leg.inline:
            if frame.prompt_tokens or frame.prompt_digest:
                raise ProtocolViolation("a prompt accepted before its body was sent")
            leg.stage = Stage.SENDING
            self._outbox.release(leg.id)
            return (BodyWanted(leg.id),)
        if leg.stage > Stage.SENDING or leg.id in self._outbox:
            raise ProtocolViolation("an accept that comes twice, or before the body")
        leg.stage = Stage.ACCEPTED
        return (frame,)

    def _ended(self, frame: Decline | Finish | Fail | Yield, now: float) -> Sequence[RelayEvent]:
        leg = self._legs.find(frame.id, now)
        if leg is None:
            return ()
        if isinstance(frame, Decline) is (leg.stage >= Stage.ACCEPTED):
            raise ProtocolViolation("a decline after the accept, or another end before it")
        self._bury(leg.id, now)
        return (frame,)

    def _bury(self, leg: LegId, now: float) -> bool:
        closed = self._legs.close(leg, now) is not None
        if closed:
            self._outbox.discard(leg)
        return closed

    def _said(self, frame: Frame) -> bytes:
        self._expect(State.READY, State.DRAINING)
        return codec.encode(frame)


def _call_of(header: CallHeader, leg: LegId, body_len: int) -> Call:
    return Call(
        id=leg,
        body_len=body_len,
        created=header.created,
        model=header.model,
        kind=header.kind,
        n=header.n,
        deadline_s=header.deadline_s,
        seed=header.seed,
        tenant=header.tenant,
        max_tokens=header.max_tokens,
        resume=header.resume,
    )
