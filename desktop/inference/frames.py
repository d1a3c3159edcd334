"""What keeper and worker say through two pipes: `length u32, kind u8, payload`, integers little-endian.

Control frames are one JSON object, a struct here. `CALL` carries the caller's body after its header, and `STEP` is
packed, since there is one for every step of the model: records of `serial u32, choice u8, kind u8, n_ids u16,
len u32, ids u32[n_ids], bytes[len]`, of all running calls together.

`serial` is the keeper's own number of a call, never used twice in one worker's life: what a worker still says of a call
that was cancelled can so never reach another. Sans-I/O; both ends trust each other no further than the length cap.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Iterator
from typing import ClassVar, Literal, TypeVar

import msgspec

from desktop.errors import DesktopError
from desktop.inference.generation import (
    CallKind,
    Channel,
    DeclineReason,
    FinishReason,
    GenerateCall,
    Record,
    Resume,
)

MAX_PAYLOAD = 33 * 1024 * 1024
"""The largest body the relay lets through, and room for its header."""

PARENT_VARIABLE = "NIGHTJAR_PARENT"
"""Environment variable with the keeper's process id: a worker whose parent is already dead by then still notices."""

HEAD = struct.Struct("<IB")
_RECORD = struct.Struct("<IBBHI")


class PipeBroken(DesktopError):
    """What came through the pipe is not ours: something else wrote to it, or the two ends differ in version."""


class Kind(enum.IntEnum):
    """Kind of a frame."""

    LOAD = 1
    CALL = 2
    CANCEL = 3
    PING = 4
    READY = 11
    UNUSABLE = 12
    ACCEPT = 13
    DECLINE = 14
    STEP = 15
    FINISH = 16
    FAIL = 17
    PONG = 18


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A control frame."""

    KIND: ClassVar[Kind]


class Room(msgspec.Struct, frozen=True):
    """Bytes of main memory and of each graphics card."""

    ram: int
    cards: tuple[int, ...] = ()


class Known(msgspec.Struct, frozen=True):
    """What was measured of this model on this PC before; `factor`: true memory as a multiple of the estimate.

    Speeds are 0 if they have to be measured again.
    """

    prefill_tps: float
    decode_tps: float
    factor: float


class Load(Message, frozen=True, kw_only=True):
    """First frame to a worker: which model, and how. `pool` is the number of cells all running calls share.

    `context`, `slots` and `gpu_layers` are wishes; the worker finds what of them fits into `room`, which is free now.
    `template` is the SHA-256 of the only chat template that may be rendered, if one was approved. `projector` is
    the file of the model's picture part, if it has one.
    `most` is what could be free at best. Zero, and None for `gpu_layers`: as it fits.
    """

    KIND = Kind.LOAD
    path: str
    context: int
    slots: int
    pool: int
    threads: int
    gpu_layers: int | None
    prefill_budget: int
    nice: int
    room: Room
    most: Room
    known: Known | None = None
    template: str = ""
    projector: str = ""


class Delivered(msgspec.Struct, frozen=True, kw_only=True):
    """A `Resume` without its ids, which follow the body: `positions` are their numbers, choice by choice."""

    prompt_digest: bytes
    positions: tuple[int, ...]
    channels: tuple[Channel, ...]


class CallHead(Message, frozen=True, kw_only=True):
    """Header of `CALL`; the caller's body of `body_len` bytes follows, and behind it delivered ids as u32."""

    KIND = Kind.CALL
    serial: int
    created: int
    seed: int
    max_tokens: int
    tenant: str
    n: int
    kind: CallKind
    body_len: int
    delivered: Delivered | None = None


class Cancel(Message, frozen=True, kw_only=True):
    """Forget this call; nothing more is said of it than what is already in the pipe."""

    KIND = Kind.CANCEL
    serial: int


class Ping(Message, frozen=True):
    """Answered at once, whatever the model is doing."""

    KIND = Kind.PING


class Pong(Message, frozen=True):
    """The answer to a ping."""

    KIND = Kind.PONG


class Loaded(Message, frozen=True, kw_only=True):
    """The model is ready. `template` is the SHA-256 of its chat template, `parser` the version of our pipeline.

    `unconfined` names what nothing keeps this worker from: `files`, `network`, `programs`. `expected` and `taken` are
    the bytes of all buffers, as estimated and as llama.cpp told (0: it did not); `badge` is how well they fit.
    `projector` is the SHA-256 of its picture part, if it looks at pictures; `blind` says why it does not, though it has
    one.
    """

    KIND = Kind.READY
    name: str
    context: int
    slots: int
    quantisation: str
    prefill_tps: float
    decode_tps: float
    numerics: str
    template: str
    parser: int
    unconfined: tuple[str, ...] = ()
    expected: int = 0
    taken: int = 0
    projector: str = ""
    projector_bytes: int = 0
    blind: str = ""
    badge: Literal["", "roomy", "tight", "partial"] = ""


class Unusable(Message, frozen=True, kw_only=True):
    """This model cannot be loaded here. `again`: later it may, when there is more memory; else never."""

    KIND = Kind.UNUSABLE
    reason: str
    again: bool = False


class Accept(Message, frozen=True, kw_only=True):
    """The call has its place."""

    KIND = Kind.ACCEPT
    serial: int
    prompt_tokens: int
    prompt_digest: bytes


class Decline(Message, frozen=True, kw_only=True):
    """Not this call."""

    KIND = Kind.DECLINE
    serial: int
    reason: DeclineReason
    message: str


class Finish(Message, frozen=True, kw_only=True):
    """All choices have ended."""

    KIND = Kind.FINISH
    serial: int
    reason: FinishReason
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    queued_ms: float
    prefill_ms: float
    decode_ms: float


class Fail(Message, frozen=True, kw_only=True):
    """The call cannot go on."""

    KIND = Kind.FAIL
    serial: int
    code: str
    message: str
    at_fault: Literal["node", "request"]


M = TypeVar("M", bound=Message)

_encode_json = msgspec.json.Encoder().encode


def encode(message: Message) -> bytes:
    payload = _encode_json(message)
    return HEAD.pack(len(payload), message.KIND) + payload


def decode(payload: bytes, kind: type[M]) -> M:
    try:
        return msgspec.json.decode(payload, type=kind)
    except msgspec.DecodeError as error:
        raise PipeBroken(f"A {kind.__name__} frame cannot be read: {error}.") from error


def encode_call(serial: int, call: GenerateCall) -> bytes:
    resume = call.resume
    head = CallHead(
        serial=serial,
        created=call.created,
        seed=call.seed,
        max_tokens=call.max_tokens,
        tenant=call.tenant,
        n=call.n,
        kind=call.kind,
        body_len=len(call.body),
        delivered=_delivered(resume) if resume else None,
    )
    header = _encode_json(head)
    parts = (header, call.body, *(resume.ids if resume else ()))
    return b"".join((HEAD.pack(4 + sum(map(len, parts)), Kind.CALL), len(header).to_bytes(4, "little"), *parts))


def _delivered(resume: Resume) -> Delivered:
    positions = tuple(len(ids) >> 2 for ids in resume.ids)
    return Delivered(prompt_digest=resume.prompt_digest, positions=positions, channels=resume.channels)


def decode_call(payload: bytes) -> tuple[CallHead, bytes, Resume | None]:
    """The header, the body, and where to go on, with as many choices of ids as the header claims."""
    at = 4 + int.from_bytes(payload[:4], "little")
    head = decode(payload[4:at], CallHead)
    body = payload[at : (at := at + head.body_len)]
    delivered = head.delivered
    if delivered is None:
        return head, body, None
    ids = tuple(payload[at : (at := at + 4 * count)] for count in delivered.positions)
    return head, body, Resume(delivered.prompt_digest, ids, delivered.channels)


def pack_record(serial: int, choice: int, kind: int, ids: bytes, data: bytes) -> bytes:
    return _RECORD.pack(serial, choice, kind, len(ids) >> 2, len(data)) + ids + data


def encode_step(records: list[bytes]) -> bytes:
    """One `STEP` of records made by `pack_record`."""
    payload = b"".join(records)
    return HEAD.pack(len(payload), Kind.STEP) + payload


def decode_step(payload: bytes) -> Iterator[tuple[int, Record]]:
    """The records of a `STEP`, each with its call's serial."""
    at, end = 0, len(payload)
    unpack = _RECORD.unpack_from
    try:
        while at < end:
            serial, choice, kind, n_ids, length = unpack(payload, at)
            ids = at + 12
            data = ids + 4 * n_ids
            at = data + length
            yield serial, Record(choice, kind, payload[ids:data], payload[data:at])
    except struct.error as error:
        raise PipeBroken("A step ends inside a record.") from error
    if at != end:
        raise PipeBroken("A step ends inside a record.")


class FrameReader:
    """Cuts a byte stream into frames."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Every (kind, payload) that is whole after `data`. Raises PipeBroken if a length is beyond the cap."""
        buffer = self._buffer + data if self._buffer else data
        frames = []
        at, end = 0, len(buffer)
        while end - at >= HEAD.size:
            length, kind = HEAD.unpack_from(buffer, at)
            if length > MAX_PAYLOAD:
                raise PipeBroken(f"A frame claims {length} bytes.")
            if end - at < HEAD.size + length:
                break
            at += HEAD.size
            frames.append((kind, buffer[at : at + length]))
            at += length
        self._buffer = buffer[at:]
        return frames
