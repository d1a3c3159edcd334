"""The board: how far every running call has come, in memory that survives the process.

A line per call, 64 bytes, eight cells of 64 bits. What a crash settles by is one cell, `leg << 48 | tokens`, written by
one aligned store: a process killed between any two instructions leaves either the count before or the count after,
never half of one, and never the tokens of one leg under the number of another.

Threads: lines belong to the event loop, `sync` to the carrier.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from relay.ledger.entries import CallId
from relay.ledger.mapped import MappedFile

CELL_CALL: Final = 0
CELL_DELIVERED: Final = 1
CELL_BYTES: Final = 2
CELL_PROMPT: Final = 3

LEG_SHIFT: Final = 48
"""Room for 2^48 tokens and 65,535 legs."""

PAGE_LINES: Final = 4096

_CELLS = 8
_CELL_BYTES = 8
_NAME = re.compile(r"board-(\d{4})\.map")
_TOKENS_MASK = (1 << LEG_SHIFT) - 1


class Line(NamedTuple):
    """A line as read back after a crash."""

    call: CallId
    leg: int
    tokens: int
    bytes_: int
    prompt_tokens: int


class Seat(NamedTuple):
    """A line in use: the cells of its page and where it begins among them."""

    cells: memoryview
    at: int


class Board:
    """Lines for any number of calls, by the page. A call takes one when it first has something to show."""

    def __init__(self, directory: Path, *, page_lines: int = PAGE_LINES) -> None:
        self._directory = directory
        self._page_lines = page_lines
        self._files: list[MappedFile] = []
        self._cells: list[memoryview] = []
        self._free: list[Seat] = []
        self.lines = 0
        """How many calls there are lines for; the event loop never lets more be open."""
        self._grow()

    def reserve(self, lines: int) -> None:
        """Sees to it that there are so many lines in all. Raises OSError when a new page finds no room on the disk."""
        while self.lines < lines:
            self._grow()

    def take(self, call: CallId, delivered: int, bytes_: int, prompt_tokens: int) -> Seat:
        """Gives a line to a call; there must be a free one, see `reserve`.

        The call's id is written last: a process killed before that has no such line, not one of somebody else's counts.
        """
        seat = self._free.pop()
        cells, at = seat
        cells[at + CELL_DELIVERED] = delivered
        cells[at + CELL_BYTES] = bytes_
        cells[at + CELL_PROMPT] = prompt_tokens
        cells[at] = call
        return seat

    def give_back(self, seat: Seat) -> None:
        cells, at = seat
        cells[at] = 0
        self._free.append(seat)

    def sync(self) -> None:
        """Makes all lines survive a power cut. Raises OSError."""
        for file in tuple(self._files):
            file.sync()

    def close(self) -> None:
        self._free.clear()
        for cells in self._cells:
            cells.release()
        for file in self._files:
            file.close()

    def _grow(self) -> None:
        path = self._directory / f"board-{len(self._files):04}.map"
        file = MappedFile.create(path, self._page_lines * _CELLS * _CELL_BYTES)
        cells = memoryview(file.bytes).cast("Q")
        self._files.append(file)
        self._cells.append(cells)
        self.lines += self._page_lines
        self._free.extend(Seat(cells, line * _CELLS) for line in reversed(range(self._page_lines)))


def read_lines(directory: Path) -> Iterator[Line]:
    """The lines in use on the boards a process left behind."""
    for path in _pages(directory):
        data = path.read_bytes()
        cells = memoryview(data[: len(data) // _CELL_BYTES * _CELL_BYTES]).cast("Q")
        for at in range(0, len(cells) - _CELLS + 1, _CELLS):
            if call := cells[at]:
                yield Line(
                    call=CallId(call),
                    leg=cells[at + CELL_DELIVERED] >> LEG_SHIFT,
                    tokens=cells[at + CELL_DELIVERED] & _TOKENS_MASK,
                    bytes_=cells[at + CELL_BYTES],
                    prompt_tokens=cells[at + CELL_PROMPT],
                )


def remove_boards(directory: Path) -> None:
    for path in _pages(directory):
        path.unlink()


def _pages(directory: Path) -> list[Path]:
    return sorted(path for path in directory.iterdir() if _NAME.fullmatch(path.name))
