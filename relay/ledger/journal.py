"""The journal: what has happened to calls, written so that neither SIGKILL nor a full disk can lose it.

A record goes straight into a memory-mapped, fully allocated file: no system call, and the page cache keeps it when the
process dies. `sync`, off the event loop's thread, makes it survive a power cut as well. A record is `length u32,
crc32 u32, kind u8, payload`; reading stops at the first that is not whole. A segment that is full ends in a `SEAL`,
without which no later segment is believed: a hole in the middle must not be skipped.

Threads: `append` belongs to the event loop, everything else to the carrier; both read `position`.
"""

from __future__ import annotations

import enum
import re
import struct
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias
from zlib import crc32

from relay.ledger.mapped import MappedFile

Position: TypeAlias = int
"""A place in the journal: segment number in the high bits, offset in the low 32. Compares in writing order.

No `NewType`, whose call would cost as much as the packing of a record.
"""

SEGMENT_BYTES: Final = 16 * 1024 * 1024
MAX_SEGMENTS: Final = 4
"""Backlog that is kept when the database does not answer; then there is no room, and admission ends."""

MAX_RECORD_BYTES: Final = 4096

LET_GO_BYTES: Final = 1024 * 1024
"""So much is written before it leaves the process's memory: what is in the file is read again only after a crash."""

_MAGIC = b"NJLEDG1\0"
_START = len(_MAGIC)
_HEAD = struct.Struct("<IIB")
_HEAD_BYTES = _HEAD.size
_pack_head = _HEAD.pack
_NAME = re.compile(r"journal-(\d{10})\.log")


class RecordKind(enum.IntEnum):
    """What a record says, see `records`; `SEAL` is the journal's own and never reaches a reader."""

    ADMIT = 1
    LEG = 2
    SETTLE = 3
    SEAL = 255


_SEAL = int(RecordKind.SEAL)


class Record(NamedTuple):
    """One record as read back. `end` is the position after it."""

    start: Position
    end: Position
    kind: int
    payload: bytes


def position(segment: int, offset: int = _START) -> Position:
    return segment << 32 | offset


def segment_of(at: Position) -> int:
    return at >> 32


class Journal:
    """An append-only log over segment files, with the next segment always ready."""

    def __init__(self, directory: Path, *, first: int, segment_bytes: int = SEGMENT_BYTES) -> None:
        self._directory = directory
        self._segment_bytes = segment_bytes
        self._number = first
        self._limit = segment_bytes - _HEAD_BYTES
        self._file = self._create(first)
        self._begin()
        self._spare: MappedFile | None = None
        self._retired: list[MappedFile] = []
        self._let_go = 0
        self._oldest = first

    def _begin(self) -> None:
        self._bytes = self._file.bytes
        self._base = self._number << 32
        self._offset = _START
        self.position: Position = self._base + _START
        """Where the next record goes."""

    def has_room(self, records_bytes: int) -> bool:
        """Whether so many bytes can be appended without allocating anything: disk full cannot stop those."""
        left = self._limit - self._offset
        return left >= records_bytes or (self._spare is not None and left + self._segment_bytes >= records_bytes)

    def append(self, kind: int, payload: bytes) -> Position:
        """Writes one record and returns the position after it. ValueError for one over MAX_RECORD_BYTES."""
        size = len(payload)
        if size > MAX_RECORD_BYTES:
            raise ValueError(f"a journal record of {size} bytes")
        start = self._offset
        end = start + _HEAD_BYTES + size
        if end > self._limit:
            self._rotate()
            start = _START
            end = start + _HEAD_BYTES + size
        self._bytes[start:end] = _pack_head(size, crc32(payload, kind), kind) + payload
        self._offset = end
        self.position = position = self._base + end
        return position

    def prepare(self) -> None:
        """Allocates the segment after the current one, unless the backlog is too long. Raises OSError."""
        if self._spare is None and self._number + 1 - self._oldest < MAX_SEGMENTS:
            self._spare = self._create(self._number + 1)

    def sync(self) -> None:
        """Makes everything appended before this call survive a power cut. Raises OSError."""
        current, written = self._file, self._offset  # before the retired: one that is retired now is in one of the two
        retired = tuple(self._retired)
        for file in {*retired, current}:
            file.sync()
        if written - self._let_go >= LET_GO_BYTES or written < self._let_go:
            current.let_go(written)
            self._let_go = written
        for file in retired:
            file.close()
        del self._retired[: len(retired)]

    def forget_before(self, at: Position) -> None:
        """Deletes segments that end before `at`."""
        while self._oldest < min(segment_of(at), self._number):
            _path(self._directory, self._oldest).unlink(missing_ok=True)
            self._oldest += 1

    def close(self) -> None:
        for file in (*self._retired, self._file, self._spare):
            if file is not None:
                file.close()

    def _rotate(self) -> None:
        self._bytes[self._offset : self._offset + _HEAD_BYTES] = _HEAD.pack(0, crc32(b"", _SEAL), _SEAL)
        spare, self._spare = self._spare, None
        self._retired.append(self._file)
        self._number += 1
        self._file = spare if spare is not None else self._create(self._number)
        self._begin()

    def _create(self, number: int) -> MappedFile:
        path = _path(self._directory, number)
        path.unlink(missing_ok=True)
        file = MappedFile.create(path, self._segment_bytes)
        file.bytes[:_START] = _MAGIC
        return file


def segments(directory: Path) -> list[int]:
    """Numbers of the segment files there are, rising."""
    names = (_NAME.fullmatch(path.name) for path in directory.iterdir())
    return sorted(int(name[1]) for name in names if name)


def replay(directory: Path, since: Position) -> Iterator[Record]:
    """Every whole record from `since` on, in writing order, up to the first that is not."""
    number, offset = segment_of(since), max(since & 0xFFFFFFFF, _START)
    while True:
        try:
            data = _path(directory, number).read_bytes()
        except FileNotFoundError:
            return
        if data[:_START] != _MAGIC or not (yield from _records(data, number, offset)):
            return
        number, offset = number + 1, _START


def remove_segments(directory: Path) -> None:
    for number in segments(directory):
        _path(directory, number).unlink()


def _records(data: bytes, number: int, offset: int) -> Generator[Record, None, bool]:
    """Yields a segment's records; returns whether it was sealed, so that the next one may be believed."""
    while offset + _HEAD_BYTES <= len(data):
        size, checksum, kind = _HEAD.unpack_from(data, offset)
        begin, end = offset + _HEAD_BYTES, offset + _HEAD_BYTES + size
        payload = data[begin:end]
        if size > MAX_RECORD_BYTES or len(payload) != size or crc32(payload, kind) != checksum or not kind:
            return False
        if kind == _SEAL:
            return True
        yield Record(position(number, offset), position(number, end), kind, payload)
        offset = end
    return False


def _path(directory: Path, number: int) -> Path:
    return directory / f"journal-{number:010}.log"
