"""A file of fixed size, mapped into memory, whose every byte is really there.

A sparse file would be cheaper to make, but the first store into a hole of it on a full disk kills the process (SIGBUS).
"""

from __future__ import annotations

import mmap
import os
import sys
from pathlib import Path
from typing import Self

_ZEROS = bytes(256 * 1024)
_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


class MappedFile:
    """Writable memory that outlives the process. `bytes` is the whole of it."""

    def __init__(self, descriptor: int, size: int) -> None:
        self._descriptor = descriptor
        self.bytes = mmap.mmap(descriptor, size)

    @classmethod
    def create(cls, path: Path, size: int) -> Self:
        """Makes a file of zeros; there must be none of that name. Raises OSError, and then leaves none."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _FLAGS, 0o600)
        try:
            _allocate(descriptor, size)
            _sync_directory(path.parent)
            return cls(descriptor, size)
        except BaseException:
            os.close(descriptor)
            path.unlink()
            raise

    def sync(self) -> None:
        """Blocks until the disk has it. Releases the interpreter lock meanwhile, which `mmap.flush` does not."""
        if sys.platform == "win32":
            self.bytes.flush()  # there a file's own flush does not know of its mapped pages
        os.fsync(self._descriptor)

    def let_go(self, upto: int) -> None:
        """Takes the pages before `upto` out of this process; they stay in the file, and come back when read."""
        if hasattr(self.bytes, "madvise") and (whole := upto // mmap.PAGESIZE * mmap.PAGESIZE):
            self.bytes.madvise(mmap.MADV_DONTNEED, 0, whole)

    def close(self) -> None:
        self.bytes.close()
        os.close(self._descriptor)


def _allocate(descriptor: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
        return
    for start in range(0, size, len(_ZEROS)):
        os.write(descriptor, _ZEROS[: size - start])


def _sync_directory(directory: Path) -> None:
    """A new file survives a power cut only if the folder that names it does."""
    if sys.platform == "win32":
        return
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
