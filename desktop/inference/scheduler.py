"""Who runs where, and what goes into the next step: decisions only, no model and no clock.

A *sequence* is one choice of one call: the ids of its prompt and of what was generated, of which the first `cached` are
in the model's memory. What is not cached is *pending*. Generating is the case of one pending id, prefilling the case of
many, and losing one's memory just makes everything pending again: so there is one rule for all of them.

A *slot* is one of the model's memory sequences. When its call is over its ids stay, as a cache for the next call of the
same tenant. Where slots share their memory (a *pool* of cells), idle caches go when a running call needs it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

BLOCK: Final = 64
"""Ids of one sequence from which on llama.cpp's CPU attention works in tiles and rounds differently (ggml-cpu/ops.cpp).
Of weights in Q8_0 and Q4_0, what is computed in parts that are all shorter, or all as long, comes out the same to the
last bit however it is cut: an answer does not depend on who runs beside it, and its ids can be computed again as they
were when it was written. K-quants and F16 round by how many rows are multiplied at once, which nobody can plan."""

WORTH_SHARING: Final = 16
"""Ids. A shorter common prefix is computed again sooner than it is found a place."""


@dataclass(slots=True)
class Slot:
    """One memory sequence. `ids` are those whose cells it holds; `used` orders slots by when they were last taken.

    `seen` cells of a picture may stand behind them, which has no ids until it is there whole.
    """

    index: int
    tenant: str = ""
    ids: list[int] = field(default_factory=list)
    busy: bool = False
    used: int = 0
    seen: int = 0


@dataclass(frozen=True, slots=True)
class Placement:
    """Run in `slot`, keeping the first `keep` ids of `source` (the same slot, or another whose cells are shared)."""

    slot: int
    source: int
    keep: int


class Waiting(NamedTuple):
    """A sequence before a step: how many ids are pending, how many of them belong to its prompt, and how many ids of
    younger calls' prompts were computed while it waited.
    """

    pending: int
    prompt: int
    passed: int = 0


@dataclass(frozen=True, slots=True)
class Budget:
    """What one step may hold.

    `prefill` bounds the prompt ids computed beside generating sequences, so that these do not stutter (at least a
    `BLOCK`); `step` is the size of the model's batch. Small prefill budgets cost some throughput and cut the wait of
    every other call.
    """

    prefill: int
    step: int


def common_prefix(left: Sequence[int], right: Sequence[int]) -> int:
    """Length of what two id lists share from the start; compares slices, since a loop over ids is slow."""
    low, high = 0, min(len(left), len(right))
    if left[:high] == right[:high]:
        return high
    while low < high:
        middle = (low + high + 1) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def place(prompt: Sequence[int], tenant: str, slots: Sequence[Slot], *, sharing: bool) -> Placement | None:
    """Where a prompt goes, or None if every slot is busy.

    At least the last id stays pending: its logits are needed. `sharing` is whether parts of a sequence can be kept at
    all (recurrent models cannot). A cache of the same tenant is continued in place if most of it fits, else shared,
    so that the longer conversation it belongs to is not lost; without a match the least recently used slot is taken.
    """
    free = [slot for slot in slots if not slot.busy]
    if not free:
        return None
    oldest = min(free, key=lambda slot: (bool(slot.ids), slot.used, slot.index))
    owned = [slot for slot in slots if sharing and slot.tenant == tenant and slot.ids]
    keep, source = max(
        ((min(common_prefix(slot.ids, prompt), len(prompt) - 1), slot) for slot in owned),
        key=lambda match: (match[0], not match[1].busy),
        default=(0, oldest),
    )
    if keep < WORTH_SHARING:
        return Placement(oldest.index, oldest.index, 0)
    if not source.busy and (2 * keep >= len(source.ids) or oldest is source):
        return Placement(source.index, source.index, keep)
    return Placement(oldest.index, source.index, keep)


def plan_step(waiting: Sequence[Waiting], budget: Budget) -> list[int]:
    """How many ids of each sequence go into the next step, oldest call first.

    Everyone with one pending id gets it. Prompts take turns, not side by side: the sum of work is the same and the
    first is done sooner. Shorter ones go first, but none is passed by more work of others than it is itself. A step
    that completes a prompt holds no part of another that it does not complete, and a small rest is taken along rather
    than left for a step of its own. A prompt that is alone may take a whole step.

    No part depends on who else runs in whether it is shorter than `BLOCK`: those of a prompt never are, unless all of
    it is, and those of what was generated always are.
    """
    ready = sum(1 for each in waiting if each.pending == 1)
    alone = len(waiting) == 1
    room = budget.step if alone else min(max(budget.prefill, BLOCK), budget.step - ready)
    rest = min(room // 4, budget.step - ready - room)
    counts, completes = [int(each.pending == 1) for each in waiting], False
    prompts = [at for at, each in enumerate(waiting) if each.pending > 1]
    for at in sorted(prompts, key=lambda at: (max(waiting[at].pending - waiting[at].passed, 0), at)):
        each = waiting[at]
        given = 0 if room <= 0 else _part(each, room, rest)
        if completes and given < each.pending:
            given = 0
        completes = completes or given == each.pending
        room -= given
        counts[at] = given
    return counts


def _part(each: Waiting, room: int, rest: int) -> int:
    """How much of one sequence's prompt, or of what it had written, goes into a step with that much room."""
    if each.prompt == 0:
        return min(each.pending, room + rest, BLOCK - 1)
    if each.prompt <= room + rest:
        return each.prompt
    part = min(room, each.prompt - BLOCK)
    return part if part >= BLOCK else 0


def passed_by(waiting: Sequence[Waiting], counts: Sequence[int]) -> list[int]:
    """For each prompt, how many ids of younger calls' prompts a step computes before it."""
    younger, passed = 0, []
    for each, count in zip(reversed(waiting), reversed(counts), strict=True):
        passed.append(younger if each.pending > 1 and count < each.pending else 0)
        younger += count if each.pending > 1 else 0
    return passed[::-1]


def fits(reserved: Iterable[int], needed: int, pool: int) -> bool:
    """Whether a call that may need `needed` cells can run to its end beside calls that reserved theirs."""
    return sum(reserved) + needed <= pool


def reserve(prompt: int, max_tokens: int, n: int, *, sharing: bool) -> int:
    """Cells a call can come to need: its prompt (once, or per choice where cells are not shared) and every answer."""
    return prompt * (1 if sharing else n) + max_tokens * n


def cache_to_drop(slots: Sequence[Slot]) -> Slot | None:
    """The idle cache that was used longest ago, if there is one."""
    return min((slot for slot in slots if not slot.busy and slot.ids), key=lambda slot: slot.used, default=None)
