"""A file on its way here: its bytes, and beside them what proves them.

`NAME.part` holds the bytes, as long as the whole file from the start where the system can set them aside.
`NAME.part.state` holds one line of JSON (whose file this is, what the server called it) and then a record for every
piece that was written: its length and its SHA-256. What the records prove is kept over any end of the process, also a
power cut that left zeros where bytes were thought to be: on opening, every piece is read again, up to the first that
does not fit. The running hash of the whole file is rebuilt by the same reading, so with its last piece it is proven.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from desktop.models.disk import FULL, Disk
from desktop.models.errors import DiskFull, DownloadStopped, FileInUse, Interrupted, SourceChanged
from desktop.system.lock import FileLock

PIECE: Final = 1024 * 1024
"""Bytes of a piece at most; also what a kill may cost at most."""

_RECORD: Final = struct.Struct("<I32s")
_LONGEST_HEAD: Final = 16 * 1024


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """Whose bytes these are. `etag` is the server's strong one for the file they came from, empty if it gave none."""

    url: str
    size: int
    sha256: str
    etag: str = ""


class PartFile:
    """The one writer of one file that is being downloaded, from `acquire` to `close`. Blocks; for a thread.

    Raises DiskFull wherever it writes.
    """

    def __init__(self, target: Path, head: Head, disk: Disk) -> None:
        self._target = target
        self._path, self._state_path = part_paths(target)
        self._disk = disk
        self._lock = writer_lock(target)
        self._files = contextlib.ExitStack()
        self._bytes: BinaryIO
        self._state: BinaryIO
        self._hash = hashlib.sha256()
        self.head = head
        self.proven = 0
        """Bytes from the start of the file that are on the disk and proven by a record."""

    def acquire(self) -> None:
        """Becomes the one writer. Raises FileInUse if another process is."""
        with _disk_told(self._target.parent, self.head.size):
            self._target.parent.mkdir(parents=True, exist_ok=True)
            if not self._lock.acquire():
                raise FileInUse(self._target)

    def open(self, stop: Callable[[], bool] = lambda: False) -> None:
        """Takes the file over where it was left, or begins it; only its one writer may.

        Reading it again may take a minute; `stop` ends that. Raises Interrupted.
        """
        with _disk_told(self._target.parent, self.head.size):
            self._bytes = self._files.enter_context(_opened(self._path))
            self._state = self._files.enter_context(_opened(self._state_path))
            kept = _read_head(self._state)
            if kept is not None and (kept.size, kept.sha256) == (self.head.size, self.head.sha256):
                self._take_over(kept, stop)
            else:
                self._begin(self.head)

    @property
    def complete(self) -> bool:
        return self.proven == self.head.size

    def write(self, piece: bytes | memoryview) -> None:
        """The next bytes of the file, at most PIECE of them."""
        if self.proven + len(piece) > self.head.size:
            raise SourceChanged("the server sends more than the catalogue says the file has")
        with _disk_told(self._target.parent, self.head.size - self.proven):
            self._disk.write(self._bytes, self.proven, piece)
            record = _RECORD.pack(len(piece), hashlib.sha256(piece).digest())
            self._disk.write(self._state, self._state.seek(0, os.SEEK_END), record)
        self._hash.update(piece)
        self.proven += len(piece)

    def restart(self, *, etag: str) -> None:
        """Forgets the bytes: what comes next is the file from its start, which the server calls `etag`."""
        self._begin(msgspec.structs.replace(self.head, etag=etag))

    def finish(self) -> None:
        """Makes the complete file active under its own name.

        Raises SourceChanged if its hash is not the one it should have; nothing is kept then.
        """
        if self._hash.hexdigest() != self.head.sha256:
            self.close()
            discard(self._target)
            raise SourceChanged(
                "the content is not what the catalogue names (its SHA-256 differs); it was deleted",
                "Try again later, or tell the relay's operator.",
            )
        with _disk_told(self._target.parent, 0):
            self._bytes.truncate(self.head.size)
            os.fsync(self._bytes.fileno())
            self._files.close()
            self._path.replace(self._target)
            self._state_path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Lets go; what is proven stays for the next time. May be called twice."""
        self._files.close()
        self._lock.release()

    # --- on opening

    def _take_over(self, kept: Head, stop: Callable[[], bool]) -> None:
        # Another address may have another name for the same bytes.
        self.head = msgspec.structs.replace(self.head, etag=kept.etag if kept.url == self.head.url else "")
        start = self._state.tell()
        records = 0
        for piece in self._proven_pieces():
            self._hash.update(piece)
            self.proven += len(piece)
            records += 1
            if stop():
                raise Interrupted
        self._state.truncate(start + records * _RECORD.size)
        self._reserve()

    def _proven_pieces(self) -> Iterator[bytes]:
        """The pieces that are what their records say, in order, up to the first that is not."""
        while len(record := self._state.read(_RECORD.size)) == _RECORD.size:
            length, digest = _RECORD.unpack(record)
            if not 0 < length <= PIECE or self.proven + length > self.head.size:
                return
            self._bytes.seek(self.proven)
            piece = self._bytes.read(length)
            if len(piece) != length or hashlib.sha256(piece).digest() != digest:
                return
            yield piece

    def _begin(self, head: Head) -> None:
        self.head, self.proven, self._hash = head, 0, hashlib.sha256()
        with _disk_told(self._target.parent, head.size):
            self._state.truncate(0)
            self._disk.write(self._state, 0, msgspec.json.encode(head) + b"\n")
            self._reserve()

    def _reserve(self) -> None:
        try:
            self._disk.reserve(self._bytes, self.head.size)
        except OSError:
            self._bytes.truncate(self.proven)  # what could be had of the room is of no use
            raise


def part_paths(target: Path) -> tuple[Path, Path]:
    """Where the bytes and the state of an unfinished `target` lie."""
    return target.with_name(f"{target.name}.part"), target.with_name(f"{target.name}.part.state")


def received(target: Path) -> int:
    """How many bytes of an unfinished `target` are recorded, without reading them again; for any process."""
    _, state = part_paths(target)
    try:
        data = state.read_bytes()
    except OSError:
        return 0
    records = data[data.find(b"\n") + 1 :] if b"\n" in data else b""
    whole = len(records) - len(records) % _RECORD.size
    return sum(length for length, _ in _RECORD.iter_unpack(records[:whole]))


def set_aside(target: Path) -> int:
    """How many bytes of the disk an unfinished `target` has taken already."""
    path, _ = part_paths(target)
    try:
        status = path.stat()
    except OSError:
        return 0
    blocks = getattr(status, "st_blocks", None)
    return status.st_size if blocks is None else min(blocks * 512, status.st_size)


def discard(target: Path) -> None:
    """Removes what there is of an unfinished `target`. Raises FileInUse if another process writes it."""
    lock = writer_lock(target)
    if not target.parent.is_dir():
        return
    if not lock.acquire():
        raise FileInUse(target)
    try:
        for path in part_paths(target):
            path.unlink(missing_ok=True)
    finally:
        lock.release()


@contextlib.contextmanager
def _disk_told(folder: Path, needed: int) -> Iterator[None]:
    """Says of a full disk what people need to know of it; every other trouble with the disk stops a download too."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise DiskFull(folder, needed) from error
        why = (error.strerror or str(error)).lower()
        raise DownloadStopped(f"{folder} cannot be written ({why})") from error


def writer_lock(target: Path) -> FileLock:
    """Between processes; the file stays, since removing it would let two of them in."""
    return FileLock(target.with_name(f".{target.name}.lock"))


def _opened(path: Path) -> BinaryIO:
    """For reading and writing, unbuffered, made if it is not there; only its owner may read it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0), 0o600)
    return os.fdopen(descriptor, "r+b", buffering=0)


def _read_head(state: BinaryIO) -> Head | None:
    """Leaves `state` at the first record; None if there is no head, or a damaged one."""
    line, end, _ = state.read(_LONGEST_HEAD).partition(b"\n")
    try:
        head = msgspec.json.decode(line, type=Head) if end else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    state.seek(len(line) + 1)
    return head
