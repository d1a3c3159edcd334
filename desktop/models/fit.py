"""Whether a model fits this PC, and how it should be loaded: context, answers at once, layers on the graphics card.

need = weights + memory of the sequences (context x slots, aware of grouped heads and sliding windows) + compute buffers
+ a margin for the process itself, held against what may be taken. The estimate is that of llama.cpp's own allocations;
what it says after a load corrects the next one (`factor`).

Pure: facts of the file and of the PC come in, a plan goes out. Sizes are bytes.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from desktop.models.model_file import ModelFile

MIB: Final = 1024 * 1024

BATCH: Final = 512
"""Tokens of one step at most, as the engine sets it."""

USEFUL_CONTEXT: Final = 4096
"""Less than this is not offered to gain slots: system prompts alone have some thousand tokens."""

MOST_CONTEXT: Final = 32_768
"""More is taken only if the owner asks for it: few calls need it, and its memory is the owner's."""

ENOUGH_SLOTS: Final = 4
"""So many answers at once come before a longer context: batching them is what earns."""

ROOMY: Final = 0.80
TIGHT: Final = 0.95

_KV_BYTES: Final = 2
"""Of one float in the sequences' memory: 16 bits."""

_CELLS: Final = 256
"""llama.cpp rounds a sequence's cells up to a multiple of this."""

_PROCESS: Final = 150 * MIB
"""The worker itself, without any model: the interpreter, its libraries, llama.cpp's own tables."""

_KEPT_RAM: Final = 1024 * MIB
"""What the owner's programs keep at least, of main memory and of the memory of each card that draws the screen."""

_KEPT_SHARE: Final = 0.1

_CARD: Final = 640 * MIB
"""On each graphics card: the driver's context, its kernels and scratch. An H100 with CUDA 13 took about 600."""


def room(total: int, available: int, cards: Iterable[tuple[int, int]] = ()) -> Room:
    """What may be taken of main memory and of cards (total, free), so that the owner's programs keep their part."""

    def kept(size: int) -> int:
        return max(_KEPT_RAM, int(size * _KEPT_SHARE))

    of_cards = tuple(max(0, min(free, size - kept(size))) for size, free in cards)
    return Room(max(0, available - kept(total)), of_cards)


class Badge(enum.StrEnum):
    """How a model fits, in one word for people to choose by."""

    ROOMY = "roomy"
    TIGHT = "tight"
    PARTIAL = "partial"
    """Part of it is computed from main memory although there is a graphics card, which is slow."""

    NONE = "none"


@dataclass(frozen=True, slots=True)
class Room:
    """What a model may take: main memory, and the memory of each graphics card the engine can use."""

    ram: int
    cards: tuple[int, ...] = ()

    def smaller(self, share: float) -> Room:
        return Room(int(self.ram * share), tuple(int(card * share) for card in self.cards))


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the owner set; 0: as it fits. `slots` is the most that is wanted, `pool` the cells all answers share."""

    context: int = 0
    slots: int = 8
    pool: int = 0
    gpu_layers: int | None = None
    """None: as many as fit."""


@dataclass(frozen=True, slots=True)
class Buffers:
    """Expected bytes in one place."""

    weights: int
    sequences: int
    compute: int

    @property
    def total(self) -> int:
        return self.weights + self.sequences + self.compute


_NOTHING: Final = Buffers(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Plan:
    """How to load a model. With `Badge.NONE` it is what was found too large.

    `used` is the share of the room that is filled, of the fuller of main and graphics memory.
    """

    badge: Badge
    context: int
    slots: int
    pool: int
    gpu_layers: int
    ram: Buffers
    card: Buffers
    used: float

    @property
    def fits(self) -> bool:
        return self.badge is not Badge.NONE

    @property
    def expected(self) -> int:
        """All buffers together, wherever they are."""
        return self.ram.total + self.card.total


def plan(model: ModelFile, room: Room, wishes: Wishes, *, factor: float = 1.0) -> Plan:
    """The best way to load `model`. `factor`: true size of the buffers last time, as a multiple of the estimate."""
    case = _Case(model, room, wishes, factor)
    candidates = [
        case.plan(context, slots, layers)
        for layers in _layer_choices(model, room, wishes)
        for context in _contexts(model, wishes)
        for slots in range(max(1, wishes.slots), 0, -1)
    ]
    return max(candidates, key=case.worth)


def shortage(refused: Plan, room: Room) -> str:
    """Why a plan with `Badge.NONE` cannot be, in a sentence for people."""
    where, need, have = "memory", refused.ram.total + _PROCESS, room.ram
    if refused.card.total and need <= TIGHT * have:
        where, need, have = "graphics memory", refused.card.total + _CARD * len(room.cards), sum(room.cards)
    return (
        f"This model needs about {_gib(need)} of {where} for one answer of {refused.context} tokens at a time, "
        f"and {_gib(max(have, 0))} can be taken."
    )


def _gib(size: int) -> str:
    return f"{size / 1024**3:.1f} GiB"


@dataclass(frozen=True, slots=True)
class _Case:
    model: ModelFile
    room: Room
    wishes: Wishes
    factor: float

    def plan(self, context: int, slots: int, layers: int) -> Plan:
        cells, pool = _cells(context, slots, self.wishes.pool)
        ram, card = _buffers(self.model, _Shape(cells, cells // (1 if pool else slots), slots), layers)
        used = self.factor * (ram.total + _PROCESS) / max(self.room.ram, 1)
        if layers:
            cards = self.room.cards
            used = max(used, self.factor * (card.total + _CARD * len(cards)) / max(sum(cards), 1))
        return Plan(self._badge(used, layers), context, slots, pool, layers, ram, card, used)

    def _badge(self, used: float, layers: int) -> Badge:
        if used > TIGHT:
            return Badge.NONE
        if self.room.cards and layers < self.model.layers:
            return Badge.PARTIAL
        return Badge.TIGHT if used > ROOMY else Badge.ROOMY

    def worth(self, candidate: Plan) -> tuple[float, ...]:
        """Fitting comes first, then the card, then room to spare, enough slots, a long context, and many slots."""
        enough = min(candidate.slots, ENOUGH_SLOTS)
        missing = 0.0 if candidate.fits else candidate.used
        roomy = candidate.used <= ROOMY
        layers, context, slots = candidate.gpu_layers, candidate.context, candidate.slots
        return (candidate.fits, -missing, layers, roomy, enough, context, slots)


@dataclass(frozen=True, slots=True)
class _Shape:
    """Of the sequences' memory: all cells, those that one token looks over, and how many sequences."""

    cells: int
    reach: int
    slots: int


def sequence_bytes(model: ModelFile, cells: int, first: int = 0) -> int:
    """Memory of sequences with `cells` tokens in all, in the layers from `first` on.

    Windowed layers keep as much as the others: the engine asks for that (llama.cpp's `swa_full`), since a sequence of
    which only the window is kept cannot be cut back, and so not be reused. Recurrent layers keep a state instead.
    """
    floats = sum(heads * (model.key_length + model.value_length) for heads in model.kv_heads[first:])
    return cells * floats * _KV_BYTES


def _layer_choices(model: ModelFile, room: Room, wishes: Wishes) -> list[int]:
    """Numbers of layers for the card; the one past the last layer is the output."""
    if not room.cards:
        return [0]
    if wishes.gpu_layers is not None:
        return [min(wishes.gpu_layers, model.layers + 1)]
    return [model.layers + 1, *(model.layers * part // 8 for part in range(7, 0, -1)), 0]


def _contexts(model: ModelFile, wishes: Wishes) -> Iterator[int]:
    """From the longest to the shortest that would be offered."""
    if wishes.context:
        yield min(wishes.context, model.context)
        return
    context = min(model.context, MOST_CONTEXT)
    while True:
        yield context
        if context // 2 < USEFUL_CONTEXT:
            return
        context //= 2


def _cells(context: int, slots: int, pool: int) -> tuple[int, int]:
    """All cells, and the same as the size of a shared pool, or 0 if each slot has its own."""
    own = -(-context // _CELLS) * _CELLS * slots
    return (max(pool, context), max(pool, context)) if 0 < pool < own else (own, 0)


def _buffers(model: ModelFile, shape: _Shape, layers: int) -> tuple[Buffers, Buffers]:
    """In main memory and on the card. llama.cpp puts the last layers on the card, and each layer's sequences with it;
    the table of the tokens stays in main memory, also where the output layer uses the same one.
    """
    weights = model.weights
    first = max(model.layers - layers, 0)
    state = model.state_bytes * shape.slots
    ram = Buffers(
        sum(weights.layers[:first])
        + weights.embedding
        + weights.rest
        + (0 if layers > model.layers else weights.output),
        sequence_bytes(model, shape.cells) - sequence_bytes(model, shape.cells, first) + state * first // model.layers,
        _compute(model, shape),
    )
    if not layers:
        return ram, _NOTHING
    card = Buffers(
        sum(weights.layers[first:]) + ((weights.output or weights.embedding) if layers > model.layers else 0),
        sequence_bytes(model, shape.cells, first) + state * (model.layers - first) // model.layers,
        _compute(model, shape),
    )
    return ram, card


def _compute(model: ModelFile, shape: _Shape) -> int:
    """One step's intermediate results in 32 bits, the attention mask in 16, and the logits of every slot."""
    inside = 4 * BATCH * (4 * model.width + 3 * model.feed_forward)
    return inside + 2 * BATCH * shape.reach + 2 * 4 * shape.slots * model.vocabulary
