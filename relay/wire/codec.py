"""Frames to bytes and back, the same for both sides.

`decode` refuses on sight what the sender may not send, and by length what cannot be right, before anything is parsed;
the bounds of single fields are in the structs (`fields`). It knows no state: `session` says which frame may come when.
Only `ProtocolViolation` escapes, whatever the bytes.
"""

from __future__ import annotations

import enum
import struct
from typing import Final, TypeVar, cast

import msgspec
from typing_extensions import override

from relay.wire import frames
from relay.wire.errors import ProtocolViolation, SessionMisuse
from relay.wire.fields import BODY_PART, FRAME_BYTES, INLINE_BODY
from relay.wire.frames import Call, Frame, HelloBody, Kind, LegId
from relay.wire.steps import StepRecord, decode_steps

_U32: Final = struct.Struct("<I")
_HEAD: Final = struct.Struct("<BI")
_IGNORABLE: Final = 0x80
_KIB: Final = 1024
_S = TypeVar("_S", bound=msgspec.Struct)


class Sender(enum.Enum):
    """Which side a message comes from."""

    RELAY = "relay"
    NODE = "node"


class OfferedCall(msgspec.Struct, frozen=True):
    """A `CALL` with its payload, which is `None` when the payload comes later in parts."""

    call: Call
    payload: bytes | None

    @override
    def __repr__(self) -> str:
        return f"OfferedCall({self.call!r}, ***)"


class BodyPart(msgspec.Struct, frozen=True):
    """A `BODY`: the next piece of a call's payload, never empty."""

    leg: LegId
    data: bytes

    @override
    def __repr__(self) -> str:
        return f"BodyPart({self.leg}, {len(self.data)} bytes)"


class Steps(msgspec.Struct, frozen=True, gc=False):
    """The records of one `STEP`, never none."""

    records: list[StepRecord]


class Ignored(msgspec.Struct, frozen=True):
    """A frame of a later version that may be ignored."""

    kind: int


Message = Frame | OfferedCall | BodyPart | Steps | Ignored

_FROM_RELAY: Final[dict[int, tuple[type[Frame], int]]] = {
    frame.KIND.value: (frame, kib * _KIB)
    for frame, kib in (
        (frames.Challenge, 4),
        (frames.Welcome, 4),
        (frames.Refuse, 8),
        (frames.Cancel, 1),
        (frames.Bye, 1),
        (frames.Prices, FRAME_BYTES // _KIB),
        (frames.Note, 8),
        (frames.Account, 1),
    )
}
"""Control frames of the relay, each with the longest message (KiB) that can be right."""

_FROM_NODE: Final[dict[int, tuple[type[Frame], int]]] = {
    frame.KIND.value: (frame, kib * _KIB)
    for frame, kib in (
        (frames.Hello, 16),
        (frames.Advertise, FRAME_BYTES // _KIB),
        (frames.Status, 2),
        (frames.Accept, 1),
        (frames.Decline, 8),
        (frames.Finish, 96),
        (frames.Fail, 8),
        (frames.Yield, 2),
        (frames.Drain, 1),
    )
}

_CONTROL: Final = {Sender.RELAY: _FROM_RELAY, Sender.NODE: _FROM_NODE}
_KNOWN: Final = frozenset(kind.value for kind in Kind)
_MAX_CALL_HEADER: Final = 96 * _KIB

OPENING: Final = {
    Sender.RELAY: frozenset({Kind.CHALLENGE.value, Kind.WELCOME.value, Kind.REFUSE.value}),
    Sender.NODE: frozenset({Kind.HELLO.value}),
}
"""The kinds that belong to the opening, and to nothing after it."""

_encoder: Final = msgspec.json.Encoder()
_decoders: Final = {
    struct_: msgspec.json.Decoder(struct_)
    for struct_ in (HelloBody, Call, *(frame for side in _CONTROL.values() for frame, _ in side.values()))
}


def encode(frame: Frame) -> bytes:
    """A control frame; a `Call` goes by `encode_call`. Raises `SessionMisuse` if a field is out of its bounds."""
    return bytes([frame.KIND]) + _sound(frame)


def encode_hello_body(body: HelloBody) -> bytes:
    """The very bytes that are signed and sent inside `Hello`."""
    return _sound(body)


def encode_call(call: Call, payload: bytes) -> bytes:
    """A `CALL`, with its payload if that is small enough to travel inline."""
    header = _sound(call)
    inline = payload if call.payload_len <= INLINE_BODY else b""
    return b"".join((_HEAD.pack(Kind.CALL, len(header)), header, inline))


def encode_body(leg: LegId, part: bytes | memoryview) -> bytes:
    """A `BODY`: the next piece of a payload, at most `BODY_PART` bytes."""
    return b"".join((_HEAD.pack(Kind.BODY, leg), part))


def decode(message: bytes, sender: Sender, *, opening: bool) -> Message:
    """Whatever one side may send, in the opening or after it. Raises `ProtocolViolation`."""
    if not message:
        raise ProtocolViolation("an empty message")
    kind = message[0]
    if kind & _IGNORABLE and kind not in _KNOWN:
        return Ignored(kind)
    if (kind in OPENING[sender]) is not opening:
        raise ProtocolViolation(f"frame kind 0x{kind:02x} {'during' if opening else 'after'} the opening")
    control = _CONTROL[sender].get(kind)
    if control is not None:
        frame, longest = control
        if len(message) > longest:
            raise ProtocolViolation(f"a {frame.__name__.lower()} longer than it can be")
        return _parse(memoryview(message)[1:], frame)
    if sender is Sender.NODE and kind == Kind.STEP:
        return Steps(decode_steps(message))
    if sender is Sender.RELAY and kind == Kind.CALL:
        return _decode_call(message)
    if sender is Sender.RELAY and kind == Kind.BODY:
        return _decode_body(message)
    raise ProtocolViolation(f"frame kind 0x{kind:02x} is not for this side to send")


def decode_hello_body(body: bytes) -> HelloBody:
    """What was signed inside a `Hello`. Raises `ProtocolViolation`."""
    return _parse(body, HelloBody)


def _sound(struct_: msgspec.Struct) -> bytes:
    """What we say keeps the bounds we hold others to: better a call of ours fails here than the link over there."""
    data = _encoder.encode(struct_)
    try:
        _parse(data, type(struct_))
    except ProtocolViolation as violation:
        raise SessionMisuse(violation.message) from None
    return data


def _parse(data: bytes | memoryview, struct_: type[_S]) -> _S:
    try:
        parsed = _decoders[struct_].decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        # Only the field's name: the text before it may quote what the other side wrote.
        _, at, field = str(error).rpartition(" - at ")
        where = at + field[:80] if at else ""
        raise ProtocolViolation(f"a malformed {struct_.__name__.lower()}{where}") from None
    return cast("_S", parsed)


def _decode_call(message: bytes) -> OfferedCall:
    if len(message) < _HEAD.size:
        raise ProtocolViolation("a call ends inside its head")
    header_at, length = _HEAD.size, _U32.unpack_from(message, 1)[0]
    payload_at = header_at + length
    if length > _MAX_CALL_HEADER or payload_at > len(message):
        raise ProtocolViolation("a call's header is longer than its frame or its limit")
    call = _parse(memoryview(message)[header_at:payload_at], Call)
    inline = call.payload_len <= INLINE_BODY
    if len(message) - payload_at != (call.payload_len if inline else 0):
        raise ProtocolViolation("a call's payload has not the length its header says")
    return OfferedCall(call, message[payload_at:] if inline else None)


def _decode_body(message: bytes) -> BodyPart:
    if not _HEAD.size < len(message) <= _HEAD.size + BODY_PART:
        raise ProtocolViolation("a body part is empty or longer than its limit")
    return BodyPart(LegId(_U32.unpack_from(message, 1)[0]), message[_HEAD.size :])
