"""Step records: the packed pieces of answers, and the only frame that comes thousands of times a second.

A record is `leg u32, choice u8, kind u8, n_ids u16, len u32, ids u32[n_ids], bytes[len]`. Decoding checks everything
that can be known without the leg: bounds, kinds, UTF-8, finish reasons, the struct of a delta. What depends on the leg
(does it exist, has it that many choices) is the session's part.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Final

import msgspec
from typing_extensions import override

from relay.wire.deltas import Delta
from relay.wire.errors import ProtocolViolation, SessionMisuse
from relay.wire.frames import FINISH_REASONS, Kind, LegId, StepKind

HEAD: Final = struct.Struct("<IBBHI")
MAX_RECORDS: Final = 1024
"""Records in one frame: 4 ms of every stream a node can run, many times over."""
MAX_RECORD_IDS: Final = 4096
MAX_RECORD_BYTES: Final = 64 * 1024

_PLAIN_KINDS: Final = frozenset({StepKind.TEXT.value, StepKind.REASONING.value, StepKind.TOOL_ARGUMENTS.value})
_END_TEXTS: Final = frozenset(reason.encode() for reason in FINISH_REASONS)
_RECORDS: Final = range(MAX_RECORDS)
_STEP: Final = bytes([Kind.STEP])
_delta: Final = msgspec.json.Decoder(Delta)


class StepRecord(msgspec.Struct, frozen=True, gc=False):
    """A piece of one choice of one leg. `ids` are the sampled tokens as packed little-endian u32, `data` the bytes.

    Its repr tells sizes only: it is a piece of somebody's answer.
    """

    leg: LegId
    choice: int
    kind: int
    ids: bytes
    data: bytes

    @property
    def n_ids(self) -> int:
        return len(self.ids) >> 2

    @property
    def size(self) -> int:
        """Bytes on the wire."""
        return HEAD.size + len(self.ids) + len(self.data)

    @override
    def __repr__(self) -> str:
        return f"StepRecord({self.leg}, {self.choice}, {self.kind}, {self.n_ids} ids, {len(self.data)} bytes)"


def encode_steps(records: Iterable[StepRecord]) -> bytes:
    """One `STEP` message. Raises `SessionMisuse` for a record that is out of bounds."""
    parts = [_STEP]
    for record in records:
        if len(record.ids) > 4 * MAX_RECORD_IDS or len(record.data) > MAX_RECORD_BYTES:
            raise SessionMisuse("a step record is larger than the protocol allows")
        head = HEAD.pack(record.leg, record.choice, record.kind, len(record.ids) >> 2, len(record.data))
        parts += (head, record.ids, record.data)
    return b"".join(parts)


def decode_steps(message: bytes) -> list[StepRecord]:
    """The records of a `STEP` message, in order; never empty. Raises `ProtocolViolation`.

    About 0.6 µs a record: everything a plain record does not need is in `_check_special`.
    """
    records: list[StepRecord] = []
    unpack, plain, append = HEAD.unpack_from, _PLAIN_KINDS, records.append
    at, end = 1, len(message)
    try:
        for _ in _RECORDS:
            leg, choice, kind, n_ids, length = unpack(message, at)
            ids_at = at + 12
            data_at = ids_at + 4 * n_ids
            at = data_at + length
            if at > end or n_ids > MAX_RECORD_IDS or length > MAX_RECORD_BYTES:
                raise ProtocolViolation("a step record is longer than its frame or its limit")
            data = message[data_at:at]
            if kind not in plain:
                _check_special(kind, data)
            elif not data.isascii():
                data.decode()
            append(StepRecord(leg, choice, kind, message[ids_at:data_at], data))
            if at == end:
                return records
    except struct.error:
        raise ProtocolViolation("a step frame ends inside a record, or has none") from None
    except UnicodeDecodeError:
        raise ProtocolViolation("the text of a step is not whole code points of UTF-8") from None
    raise ProtocolViolation("a step frame of too many records")


def decode_delta(data: bytes) -> Delta:
    """The event in a `DELTA` record. Raises `ProtocolViolation`."""
    try:
        return _delta.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise ProtocolViolation("a delta record is not the JSON of one event") from None


def _check_special(kind: int, data: bytes) -> None:
    if kind == StepKind.END:
        if data not in _END_TEXTS:
            raise ProtocolViolation("a choice ends for no known reason")
    elif kind == StepKind.DELTA:
        decode_delta(data)
    elif kind == StepKind.VECTOR:
        if len(data) < 8 or len(data) % 4:
            raise ProtocolViolation("a vector record is not an index and numbers")
    else:
        raise ProtocolViolation(f"unknown kind of step record {kind}")
