"""A prompt as the scheduler and the caches see it: ids, also of its pictures.

In lists of ids a picture is a run of numbers that no token has, one for each position it takes. They are a digest of
the projector and of the pixels, so that whoever compares ids (prefix caches, prompt digests) compares pictures too,
and needs to know nothing of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

FIRST_ID: Final = 1 << 31
"""Ids from here on stand for pictures."""


@dataclass(slots=True, eq=False, weakref_slot=True)
class Picture:
    """A picture in a prompt: its `ids` begin at `start`.

    It puts `cells` into memory, which can be more than its positions: where those have two dimensions, `grid`
    (4, cells) holds them, relative to the first. `whole`: its cells look at each other, so that all are computed in
    one step. `states` (cells, width) are there from when it is encoded until it is in memory, unless encoding failed
    (`broken`); `asked`: somebody is at it. `dropped`: nobody needs it any more. `chunk` is the library's own.
    """

    start: int
    ids: list[int]
    cells: int
    whole: bool = False
    grid: npt.NDArray[np.int32] | None = None
    chunk: Any = field(default=None, repr=False)
    states: npt.NDArray[np.float32] | None = None
    broken: bool = False
    asked: bool = False
    dropped: bool = False

    @property
    def encoding(self) -> bool:
        """Whoever needs it has to wait."""
        return self.asked and self.states is None and not self.broken

    @property
    def surplus(self) -> int:
        """Cells beyond its positions."""
        return self.cells - len(self.ids)

    def computed(self) -> None:
        """It is in memory. Its states are not needed again unless that is lost, and then they are computed anew."""
        self.states, self.asked = None, False

    def positions(self, begin: int, end: int) -> npt.NDArray[np.int32]:
        """Of some of its cells, (cells,) or (4, cells)."""
        if self.grid is None:
            return np.arange(self.start + begin, self.start + end, dtype=np.int32)
        moved = np.array([[self.start], [self.start], [self.start], [0]], np.int32)
        return self.grid[:, begin:end] + moved


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model reads before it writes."""

    ids: list[int]
    pictures: tuple[Picture, ...] = ()

    @property
    def cells(self) -> int:
        """Places in memory, which is what it is paid for."""
        return len(self.ids) + sum(picture.surplus for picture in self.pictures)
