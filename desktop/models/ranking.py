"""Which models are worth having here: what this PC would earn with each, by the catalogue's demand and price. Pure.

An estimate for choosing, not a promise: demand is that of last week, shared evenly among the nodes that have the model
and this one; speed follows from how fast memory is read, since each token reads all weights once. Money is in
nano-dollars, speeds in tokens a second, sizes in bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from desktop.models.catalogue import Catalogue, Entry
from desktop.models.fit import Badge, Plan
from desktop.models.model_file import ModelFile

DEMAND_HOURS: Final = 7 * 24
CPU_BANDWIDTH: Final = 25e9
"""Bytes a second that two channels of ordinary memory give a program; used until something was measured."""

TELLING: Final = 200_000_000
"""A smaller model says nothing about memory: it fits the processor's cache."""

STEP_S: Final = 0.002
"""Of every token, however small the model: sampling, and getting there and back."""

_PICO: Final = 1000
_BATCH: Final = 3.0
"""Tokens that four answers at once get out of one reading of the weights, as against one answer."""

Limit = Literal["demand", "speed"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """Of one model: `limit` says what holds `nano_per_hour` down."""

    tokens_per_s: float
    nano_per_hour: float
    limit: Limit


@dataclass(frozen=True, slots=True)
class Ranked:
    """An entry with what can be said of it here; `plan` is None where the catalogue does not say enough to judge."""

    entry: Entry
    plan: Plan | None
    estimate: Estimate

    @property
    def badge(self) -> Badge | None:
        return self.plan.badge if self.plan is not None else None


def shape_of(entry: Entry) -> ModelFile | None:
    """What the entry says of the file's header; None if that is nothing, or of another version."""
    try:
        return msgspec.convert(entry.shape, ModelFile, strict=False) if entry.shape else None
    except msgspec.ValidationError:
        return None


def bandwidth_of(measured: Iterable[tuple[int, float]]) -> float:
    """Bytes a second, from sizes of models and the tokens a second that one answer had with each."""
    telling = [size * speed for size, speed in measured if size >= TELLING and speed > 0]
    return max(telling, default=CPU_BANDWIDTH)


def estimate(entry: Entry, owner_percent: int, *, bandwidth: float, slots: int = 4) -> Estimate:
    """What an hour of sharing would bring with this model alone."""
    speed = 1 / (entry.size / bandwidth + STEP_S)
    together = speed * min(max(slots, 1), _BATCH)
    demand = entry.demand
    wanted = demand.completion_tokens / DEMAND_HOURS / (demand.nodes + 1)
    sold = min(together * 3600, wanted)
    prompts = demand.prompt_tokens / demand.completion_tokens if demand.completion_tokens else 0.0
    pico = sold * (entry.price.completion + prompts * entry.price.prompt) * owner_percent / 100
    return Estimate(speed, pico / _PICO, "speed" if together * 3600 < wanted else "demand")


def ranked(
    catalogue: Catalogue, *, plan: Callable[[ModelFile], Plan], bandwidth: float, entries: Iterable[Entry] | None = None
) -> list[Ranked]:
    """The best to have first: what fits before what does not, then what earns more, then what is asked for more."""

    def judged(entry: Entry) -> Ranked:
        shape = shape_of(entry)
        found = plan(shape) if shape is not None else None
        slots = found.slots if found is not None else 4
        return Ranked(entry, found, estimate(entry, catalogue.owner_percent, bandwidth=bandwidth, slots=slots))

    def worth(each: Ranked) -> tuple[int, float, int, int]:
        return (
            -_ORDER[each.badge],
            each.estimate.nano_per_hour,
            each.entry.demand.completion_tokens,
            -each.entry.size,
        )

    return sorted(map(judged, catalogue.search("") if entries is None else entries), key=worth, reverse=True)


_ORDER: Final = {Badge.ROOMY: 0, Badge.TIGHT: 0, None: 1, Badge.PARTIAL: 2, Badge.NONE: 3}
"""What fits tightly earns as well as what fits with room."""
