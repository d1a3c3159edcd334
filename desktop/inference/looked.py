"""A prompt with pictures, as the scheduler and the caches see it.

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
    one step. `states` (cells, width) are there once it is encoded, unless that failed (`broken`); `asked`: somebody
    is at it. `chunk` is the library's own.
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

    @property
    def pending(self) -> bool:
        """Whoever needs it has to wait."""
        return self.states is None and not self.broken

    def positions(self, begin: int, end: int) -> npt.NDArray[np.int32]:
        """Of some of its cells, (cells,) or (4, cells)."""
        if self.grid is None:
            return np.arange(self.start + begin, self.start + end, dtype=np.int32)
        moved = np.array([[self.start], [self.start], [self.start], [0]], np.int32)
        return self.grid[:, begin:end] + moved


@dataclass(frozen=True, slots=True)
class Looked:
    """A prompt with pictures as ids."""

    prompt: list[int]
    pictures: tuple[Picture, ...] = ()
