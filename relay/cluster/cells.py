"""Numbers that every process of a relay sees: rows of int64 cells, one cell a process, each written by its own alone.

The memory is anonymous and inherited by fork; it lasts as long as the parent does, whichever of its children dies. A
store of an aligned cell is one instruction: whoever is killed leaves the number before or the number after.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import time
from pathlib import Path
from typing import Final

from relay.errors import RelayError

ROWS: Final = 1_048_576
"""Most are never touched, and so take no memory."""

_CELL_BYTES: Final = 8
_TRIES: Final = 500
_PAUSE_S: Final = 0.0002
"""A tenth of a second in all. The lock is held for some microseconds, unless its holder is stopped meanwhile."""


class CellsHeld(RelayError):
    """Another process holds the lock, and does not let go of it."""

    def __str__(self) -> str:
        return "another process of this relay holds its shared memory"


class SharedMemory:
    """Made by the parent, before it forks."""

    def __init__(self, processes: int, *, rows: int = ROWS) -> None:
        self.processes = processes
        self.rows = rows
        self.bytes = mmap.mmap(-1, rows * processes * _CELL_BYTES)


class ShortLock:
    """A lock among processes, by a file that all of them name; it ends with the process that holds it.

    No context manager of `contextlib`: this one stands in the way of every call, and takes a third of the time.
    """

    def __init__(self, file: Path) -> None:
        self._descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def __enter__(self) -> None:
        """Raises CellsHeld."""
        for _ in range(_TRIES):
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(_PAUSE_S)
            else:
                return
        raise CellsHeld

    def __exit__(self, *_: object) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        os.close(self._descriptor)


class SharedCells:
    """One process's view."""

    def __init__(self, memory: SharedMemory, *, process: int, lock: Path) -> None:
        self.rows = memory.rows
        self._cells = memoryview(memory.bytes).cast("q")
        self._processes = memory.processes
        self._process = process
        self.lock = ShortLock(lock)

    def close(self) -> None:
        self._cells.release()
        self.lock.close()

    def total(self, row: int) -> int:
        """Over all processes. To decide by it, hold the lock."""
        at = row * self._processes
        return sum(self._cells[at : at + self._processes])

    def add(self, row: int, amount: int) -> None:
        """To this process's own cell. What makes others see more needs the lock, what makes them see less does not."""
        self._cells[row * self._processes + self._process] += amount

    def write(self, row: int, amount: int) -> None:
        """Into this process's own cell."""
        self._cells[row * self._processes + self._process] = amount
