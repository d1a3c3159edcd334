"""Room on a disk: how much there is, and taking it before it is needed. A port, so that a test can fill a disk."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from pathlib import Path
from typing import BinaryIO, Protocol

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What systems say when there is no room: on the disk, in the quota, in one file of this file system (FAT32: 4 GiB)."""


class Disk(Protocol):
    """What a download needs of the disk. Every method may raise OSError."""

    def free(self, folder: Path) -> int:
        """Bytes this user can still write there."""
        ...

    def reserve(self, file: BinaryIO, size: int) -> None:
        """Makes `file` at least `size` bytes long, and has the system set them aside where it can."""
        ...

    def write(self, file: BinaryIO, at: int, data: bytes | memoryview) -> None:
        """All of `data`, at offset `at`. `file` is unbuffered."""
        ...


class RealDisk:
    """The disk of this PC."""

    def free(self, folder: Path) -> int:
        return shutil.disk_usage(folder).free

    def reserve(self, file: BinaryIO, size: int) -> None:
        if hasattr(os, "posix_fallocate"):
            try:
                os.posix_fallocate(file.fileno(), 0, size)
            except OSError as error:
                # Some file systems (NFS, ZFS) cannot; the file then grows as it is written.
                if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOTSUP):
                    raise
        elif sys.platform == "win32" and os.fstat(file.fileno()).st_size < size:
            file.truncate(size)

    def write(self, file: BinaryIO, at: int, data: bytes | memoryview) -> None:
        view = memoryview(data)
        file.seek(at)
        while view:
            view = view[file.write(view) :]


def nearest(folder: Path) -> Path:
    """`folder`, or the closest one above it that exists: where its room will come from."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder
