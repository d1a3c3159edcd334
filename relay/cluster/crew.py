"""The processes of one relay, as their parent made them before it forked the first."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from relay.cluster.cells import SharedCells, SharedMemory

BACKLOG = 64


@dataclass(frozen=True, slots=True)
class Crew:
    """What every worker inherits. `sockets` has one listening Unix socket for each.

    The parent keeps them all open: who calls a worker that has just died waits in its queue for the next one.
    """

    sockets: tuple[socket.socket, ...]
    taken: SharedMemory
    before: Mapping[int, int]
    """Credit of organisations when the relay began, less what they had deposited by then."""

    @property
    def size(self) -> int:
        return len(self.sockets)

    @classmethod
    def gather(cls, size: int, before: Mapping[int, int]) -> Self:
        return cls(tuple(_listening() for _ in range(size)), SharedMemory(size), before)


@dataclass(frozen=True, slots=True)
class Worker:
    """One of them; `number` counts from 0."""

    number: int
    crew: Crew

    @property
    def socket(self) -> socket.socket:
        """Where the others call this one."""
        return self.crew.sockets[self.number]

    def cells(self, lock: Path) -> SharedCells:
        """The shared numbers, for this process to write its own."""
        return SharedCells(self.crew.taken, process=self.number, lock=lock)

    def address_of(self, other: int) -> bytes:
        """Where to call another."""
        name: bytes = self.crew.sockets[other].getsockname()
        return name


def _listening() -> socket.socket:
    """In the abstract namespace, under a name the kernel picks: no file is left behind, and no path is too long."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("")
    listener.listen(BACKLOG)
    listener.settimeout(0)
    return listener
