"""The facts about one target that a policy may look at. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from relay.wire.frames import PicoDollars


@dataclass(frozen=True, slots=True)
class Candidate:
    """One target of a call, as routing sees it.

    `index` finds the target again. Prices are pico-dollars a token. A provider has no slots of its own: `slots` is 0.
    """

    index: int
    pool: str
    prompt_price: PicoDollars
    completion_price: PicoDollars
    context: int
    slots: int = 0
    free_slots: int = 0

    @property
    def is_busy(self) -> bool:
        """Every slot is taken."""
        return self.slots > 0 and self.free_slots <= 0

    @property
    def load(self) -> float:
        """Share of the slots in use, 0 to 1."""
        return 1 - self.free_slots / self.slots if self.slots else 0.0
