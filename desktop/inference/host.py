"""Continuous batching: all running calls share each step of one model.

A step is: decide what goes in (`scheduler`), compute it (`engine`), choose a token for every sequence whose logits came
out and turn it into text (`pipeline`), and put records into the outbox, which the worker sends in one write. A call
joins and leaves between two steps; nothing waits for a batch to be full or over.

Owns the slots and the books about what is in the model's memory. Knows no pipe and no process.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from desktop.inference import frames, scheduler
from desktop.inference.admission import FULL, Admission, Arrived, Refused
from desktop.inference.call import Call, Choice
from desktop.inference.embedding import Embedding
from desktop.inference.engine import Chunk, EmbedderUnavailable, LlamaModel, Outcome
from desktop.inference.generation import RecordKind, Resume
from desktop.inference.outbox import Outbox
from desktop.inference.prompt import Picture, Prompt
from desktop.inference.sampling import NotFinite
from desktop.inference.scheduler import Budget, Slot
from desktop.inference.templates import ChatTemplate
from desktop.inference.token_grammar import GrammarTooWide

if TYPE_CHECKING:
    from desktop.inference.sight import Sight  # brings libraries that most models need not have in memory

Clock = Callable[[], float]
Planned = tuple[Call, Choice, Chunk]

_UNSEEN: Final = "The model could not look at this image."
_MEMORY_FULL: Final = "This node ran out of memory for this answer."


@dataclass(slots=True)
class Counters:
    """What a host has done so far. `computed` are ids that went through the model and stayed there."""

    steps: int = 0
    computed: int = 0
    sampled: int = 0
    caches_dropped: int = 0
    requeued: int = 0


class Host:
    """The calls of one model. Every method belongs to one thread; only `interrupt` may be called from another."""

    def __init__(
        self,
        model: LlamaModel,
        template: ChatTemplate | None,
        *,
        prefill_budget: int,
        sight: Sight | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        self.outbox = Outbox(model.label)
        self.counters = Counters()
        self._stepping: frozenset[int] = frozenset()
        """Serials of the step that runs now."""
        self._prefilling: frozenset[int] = frozenset()
        """Those whose prompt is part of it, which can take long."""
        self._leaving: set[int] = set()
        """Serials whose `cancel` is on its way."""
        self._model = model
        self._sight = sight
        self._admission = Admission(model, template, marker=sight.marker if sight else None)
        self._budget = Budget(prefill=prefill_budget, step=model.batch)
        self._clock = clock
        self._slots = [Slot(index) for index in range(model.slots)]
        self._calls: dict[int, Call] = {}
        self._embedding = Embedding(model)
        self._turn = 0

    @property
    def idle(self) -> bool:
        """There is no call."""
        return not self._calls and not (self._sight and self._sight.arrived)

    @property
    def resting(self) -> bool:
        """There is nothing to compute until something arrives or wakes us."""
        if self._sight is None or self._embedding.waiting:
            return not self._calls
        return all(choice.blind for call in self._calls.values() for choice in call.choices if choice.running)

    # --- calls come and go ---

    def submit(self, head: frames.CallHead, body: bytes, resume: Resume | None = None, *, received_at: float) -> None:
        """Takes a call or declines it; either is in the outbox afterwards, or once its pictures were looked at."""
        try:
            # Those whose pictures are looked at will want their slots.
            looking = sum(arrived.head.n for arrived in self._sight.arrived) if self._sight else 0
            arrived = self._admission.read(head, body, resume, free=self._free() - looking, received_at=received_at)
        except Refused as refused:
            self._decline(head.serial, refused)
            return
        if arrived.pictures and self._sight:
            self._sight.look(arrived)
        else:
            self._admit(arrived)

    def _free(self) -> int:
        return sum(not slot.busy for slot in self._slots)

    def _admit(self, arrived: Arrived, prompt: Prompt | None = None) -> None:
        try:
            call = self._admission.admit(arrived, prompt, free=self._free())
            if not scheduler.fits((other.reserved for other in self._calls.values()), call.reserved, self._model.pool):
                raise Refused("busy", FULL)
            if call.inputs and self._embedding.waiting >= len(self._slots):
                raise Refused("busy", FULL)
        except Refused as refused:
            self._decline(arrived.head.serial, refused)
            return
        self.outbox.before.append(
            frames.encode(
                frames.Accept(serial=call.serial, prompt_tokens=call.prompt_tokens, prompt_digest=call.prompt_digest)
            )
        )
        self._begin(call)

    def _decline(self, serial: int, refused: Refused) -> None:
        decline = frames.Decline(serial=serial, reason=refused.reason, message=str(refused))
        self.outbox.before.append(frames.encode(decline))

    def _begin(self, call: Call) -> None:
        self._calls[call.serial] = call
        if call.inputs:
            self._embedding.add(call)
        else:
            self._place(call)
        call.placed_at = self._clock()
        for choice in call.choices:
            self.outbox.say(call, choice, b"", choice.opening)
            if choice.pipeline.end is not None:
                self.outbox.end(call, choice)
        if not call.inputs and call.over:
            self._finish(call)

    def interrupt(self, serial: int) -> None:
        """A call is about to be cancelled: ends the step that runs if it computes the call's prompt, or nothing that
        is still wanted. What others lose by that is computed again. From any thread.
        """
        self._leaving.add(serial)
        stepping = self._stepping
        if serial in self._prefilling or (stepping and stepping <= self._leaving):
            self._model.abort.set()

    def cancel(self, serial: int) -> None:
        """Ends a call at once; its memory stays as a cache."""
        self._leaving.discard(serial)
        if self._sight:
            self._sight.forget(serial)
        call = self._calls.pop(serial, None)
        if call is None:
            return
        self._embedding.remove(call)
        for choice in call.choices:
            for picture in choice.pictures:
                picture.dropped = True
            if choice.pipeline.end is None:
                choice.slot.busy = False
        self._unpark()

    def fail_all(self, code: str, message: str) -> None:
        for arrived in self._sight.arrived if self._sight else ():
            self.outbox.after.append(
                frames.encode(frames.Fail(serial=arrived.head.serial, code=code, message=message, at_fault="node"))
            )
        for call in list(self._calls.values()):
            self._fail(call, code, message)

    def _place(self, call: Call) -> None:
        """Gives every choice that has something to write its slot."""
        sharing = self._model.can_share
        first = True
        for choice in call.choices:
            if choice.pipeline.end is not None:
                continue
            placement = scheduler.place(choice.ids, call.tenant, self._slots, sharing=sharing and first)
            assert placement is not None, "counted before"  # noqa: S101
            slot, source = self._slots[placement.slot], self._slots[placement.source]
            self._keep(slot, source, choice.whole(placement.keep))
            self._turn += 1
            slot.tenant, slot.busy, slot.used = call.tenant, True, self._turn
            choice.slot, choice.waits = slot, sharing and not first
            if first:
                call.cached_tokens = choice.cells(min(len(slot.ids), call.prompt_length))
            first = False

    def _keep(self, slot: Slot, source: Slot, length: int) -> None:
        """Leaves exactly the first `length` ids of `source` in `slot`."""
        slot.seen = 0
        if slot is source:
            kept = self._model.truncate(slot.index, length)
            slot.ids = slot.ids[:length] if kept else []
            return
        self._forget(slot)
        self._model.share(source.index, slot.index, length)
        slot.ids = source.ids[:length]

    def _forget(self, slot: Slot) -> None:
        self._model.truncate(slot.index, 0)
        slot.ids, slot.seen = [], 0

    # --- one step ---

    def step(self) -> None:
        """Computes one step of everything that runs. Raises EngineBroken."""
        if self._sight:
            self._admit_seen(self._sight)
        planned = self._plan()
        for part in self._parts(planned):
            if not self._compute([each for each in part if each[0].serial in self._calls]):
                break
        if self._sight:
            self._see(self._sight, alone=not planned)
        if self._embedding.waiting:
            self._embed(alone=not planned)

    def _parts(self, planned: list[Planned]) -> list[list[Planned]]:
        """What is computed together: everything, but for parts of at least a block, of sequences with memory of their
        own. Those llama.cpp would cut where the others end; alone they are computed as they were planned.
        """
        apart = math.inf if self._model.unified else scheduler.BLOCK
        together = [each for each in planned if len(each[2].ids) < apart]
        return [part for part in (together, *([each] for each in planned if len(each[2].ids) >= apart)) if part]

    def _compute(self, plan: list[Planned]) -> bool:
        """False: the plan can no longer be gone on with."""
        if not plan:
            return True
        chunks = [chunk for _, _, chunk in plan]
        self._stepping = frozenset(call.serial for call, _, _ in plan)
        self._prefilling = frozenset(call.serial for call, _, chunk in plan if len(chunk.ids) > 1)
        outcome = self._model.decode(chunks)
        self._stepping = self._prefilling = frozenset()
        self._model.abort.clear()
        self.counters.steps += 1
        if outcome is not Outcome.DONE:
            self._undo(plan)
            if outcome is Outcome.NO_ROOM:
                self._make_room()
            return False
        wanted = []
        for call, choice, chunk in plan:
            choice.slot.ids.extend(chunk.ids)
            self.counters.computed += len(chunk.ids)
            if chunk.wanted:
                wanted.append((call, choice))
        if wanted:
            self._advance(wanted)
        return True

    def _undo(self, plan: list[Planned]) -> None:
        """A step that was not done may be in memory in part: back to what was there before."""
        for _, choice, _ in plan:
            self._restore(choice.slot)

    def _restore(self, slot: Slot) -> None:
        """Leaves in memory what has ids."""
        slot.seen = 0
        if not self._model.truncate(slot.index, len(slot.ids)):
            slot.ids = []

    def _plan(self) -> list[Planned]:
        active = self._running()
        waiting = [choice.waiting for _, choice in active]
        counts = scheduler.plan_step(waiting, self._budget)
        if any(each.pending > 1 for each in waiting):
            for (_, choice), passed in zip(active, scheduler.passed_by(waiting, counts), strict=True):
                choice.passed += passed
        plan = []
        for (call, choice), count in zip(active, counts, strict=True):
            if count:
                start = len(choice.slot.ids)
                ids = choice.ids[start : start + count]
                plan.append((call, choice, Chunk(choice.slot.index, start, ids, start + count == len(choice.ids))))
        return sorted(plan, key=_sequence)

    def _make_room(self) -> None:
        """The pool is full: the oldest idle cache goes, or else the memory of the longest answer, which keeps its text.

        Admission reserves for the worst case, so the second happens only if memory is not what llama.cpp said it is.
        An answer that does not even fit alone fails.
        """
        idle = scheduler.cache_to_drop(self._slots)
        if idle is not None:
            self.counters.caches_dropped += 1
            self._forget(idle)
            return
        active = self._running()
        call, longest = max(active, key=_length)
        if len(active) == 1:
            self._fail(call, "memory_full", _MEMORY_FULL)
            return
        self.counters.requeued += 1
        self._forget(longest.slot)
        longest.parked = True

    def _unpark(self) -> None:
        """Somebody has left: who gave its memory up may try again."""
        for call in self._calls.values():
            for choice in call.choices:
                choice.parked = False

    def _advance(self, wanted: list[tuple[Call, Choice]]) -> None:
        """A token for every sequence that has logits."""
        logits = self._model.logits(len(wanted))
        for row, (call, choice) in zip(logits, wanted, strict=True):
            if call.serial not in self._calls:  # another choice of it has just failed
                continue
            if call.first_at is None:
                call.first_at = self._clock()
            try:
                for each in (choice, *self._released(call, choice)):
                    self.counters.sampled += 1
                    if self.outbox.advance(call, each, row):
                        each.slot.busy = False
                        self._unpark()
            except GrammarTooWide as error:
                self._fail(call, "schema_too_wide", str(error), at_fault="request")
                continue
            except NotFinite:
                self._fail(call, "numerics", "The model computed no usable result.")
                continue
            if choice.pipeline.end is not None and call.over:
                self._finish(call)

    def _released(self, call: Call, first: Choice) -> list[Choice]:
        """The choices that waited for `first` to compute the prompt they share, and can use its logits at once.

        A resumed `first` has its own ids behind the prompt, so its logits are not theirs.
        """
        ready = []
        for choice in call.choices if len(call.choices) > 1 else ():
            if not choice.waits:
                continue
            choice.waits = False
            prompt = call.prompt_length
            at_once = len(first.ids) == len(choice.ids) == prompt
            self._keep(choice.slot, first.slot, prompt if at_once else min(prompt, len(choice.ids) - 1))
            if at_once:
                ready.append(choice)
        return ready

    # --- pictures ---

    def _admit_seen(self, sight: Sight) -> None:
        """Calls whose pictures have been looked at."""
        for arrived, future in sight.seen():
            if refused := future.exception():
                if not isinstance(refused, Refused):
                    raise refused
                self._decline(arrived.head.serial, refused)
            else:
                self._admit(arrived, future.result())

    def _see(self, sight: Sight, *, alone: bool) -> None:
        """A part of the oldest picture whose turn it is, after the step of those who write."""
        room: int | None = self._budget.step if alone else self._budget.prefill
        for call, choice in self._running():
            picture = choice.picture
            if picture is None or call.serial not in self._calls:  # another choice of it has just failed
                continue
            if picture.broken:
                self._fail(call, "vision", _UNSEEN)
            elif picture.states is None:
                sight.encode(picture)
            elif room is not None:
                self._compute_picture(call, choice.slot, picture, room)
                room = None

    def _running(self) -> list[tuple[Call, Choice]]:
        return [(call, choice) for call in self._calls.values() for choice in call.choices if choice.running]

    def _compute_picture(self, call: Call, slot: Slot, picture: Picture, room: int) -> None:
        assert picture.states is not None, "not pending"  # noqa: S101
        begin = slot.seen
        end = picture.cells if picture.whole else min(begin + room, picture.cells)
        self._stepping = self._prefilling = frozenset((call.serial,))
        outcome = self._model.decode_states(
            slot.index, picture.states[begin:end], picture.positions(begin, end), whole=picture.whole
        )
        self._stepping = self._prefilling = frozenset()
        self._model.abort.clear()
        self.counters.steps += 1
        if outcome is not Outcome.DONE:
            self._restore(slot)
            if outcome is Outcome.NO_ROOM:
                self._make_room()
            return
        self.counters.computed += end - begin
        slot.seen = end
        if end == picture.cells:
            slot.ids.extend(picture.ids)
            slot.seen = 0
            picture.computed()

    # --- embeddings ---

    def _embed(self, *, alone: bool) -> None:
        """Some ids of the oldest embedding, after the step of those who write."""
        try:
            call, vectors = self._embedding.step(self._budget.step if alone else self._budget.prefill)
        except EmbedderUnavailable:
            self._fail(self._embedding.first, "memory_full", _MEMORY_FULL)
            return
        for vector in vectors:
            self.outbox.record(call.serial, 0, int(RecordKind.VECTOR), b"", vector)
        if not self._embedding.has(call):
            self._finish(call)

    # --- ends ---

    def _finish(self, call: Call) -> None:
        now = self._clock()
        first = call.first_at or now
        finish = frames.Finish(
            serial=call.serial,
            reason=(call.choices[0].pipeline.end if call.choices else None) or "stop",
            prompt_tokens=call.prompt_tokens,
            completion_tokens=sum(choice.written for choice in call.choices),
            cached_tokens=call.cached_tokens,
            queued_ms=(call.placed_at - call.received_at) * 1e3,
            prefill_ms=(first - call.placed_at) * 1e3,
            decode_ms=(now - first) * 1e3,
        )
        self.outbox.after.append(frames.encode(finish))
        self.cancel(call.serial)

    def _fail(self, call: Call, code: str, message: str, at_fault: Literal["node", "request"] = "node") -> None:
        fail = frames.Fail(serial=call.serial, code=code, message=message, at_fault=at_fault)
        self.outbox.after.append(frames.encode(fail))
        self.cancel(call.serial)


def _sequence(planned: Planned) -> int:
    return planned[2].sequence


def _length(running: tuple[Call, Choice]) -> int:
    return len(running[1].slot.ids)
