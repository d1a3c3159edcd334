"""The facts about one target that a policy may look at. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from relay.wire.frames import PicoDollars


@dataclass(frozen=True, slots=True)
class Candidate:
    """One target of a call, as routing sees it.

    `index` finds the target again; `name` is what callers call it. Prices are pico-dollars a token. A provider has no
    slots of its own: `slots` is 0. What was not observed or said is 0 or empty: `first_token_s` (median seconds to the
    first content), `prefill_tps` and `decode_tps` (tokens a second), `quantisation`, `parameters`, `region`.
    `rests_s` says in how many seconds it may be tried again, with the reason in `rests_for`; 0 if it may now.
    `affine`: the last call of the same conversation went there, and its prompt may still lie in a cache.
    `sees`: it may take images.
    """

    index: int
    pool: str
    prompt_price: PicoDollars
    completion_price: PicoDollars
    context: int
    name: str = ""
    slots: int = 0
    free_slots: int = 0
    rests_s: float = 0.0
    rests_for: str = ""
    warm: bool = True
    first_token_s: float = 0.0
    prefill_tps: float = 0.0
    decode_tps: float = 0.0
    quantisation: str = ""
    parameters: frozenset[str] = frozenset()
    region: str = ""
    collects_data: bool = True
    keeps_nothing: bool = False
    affine: bool = False
    sees: bool = True

    @property
    def is_busy(self) -> bool:
        """Every slot is taken."""
        return self.slots > 0 and self.free_slots <= 0

    @property
    def load(self) -> float:
        """Share of the slots in use, 0 to 1."""
        return 1 - self.free_slots / self.slots if self.slots else 0.0

    def is_called(self, name: str) -> bool:
        """Whether a caller's `name` means it: its own name, or its pool's; `node` is every node."""
        lowered = name.lower()
        return lowered in (self.name.lower(), self.pool) or (lowered == "node" and self.slots > 0)
