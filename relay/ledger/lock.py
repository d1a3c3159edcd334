"""One relay a data folder: two would write the same journal."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from relay.ledger.errors import LedgerInUse


class DirectoryLock:
    """Held from construction to `close`, or to the end of the process however it ends. Raises LedgerInUse, OSError."""

    def __init__(self, directory: Path) -> None:
        self._descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
        try:
            _lock(self._descriptor)
        except OSError as error:
            os.close(self._descriptor)
            raise LedgerInUse(directory) from error

    def close(self) -> None:
        os.close(self._descriptor)


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
