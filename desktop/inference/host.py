"""Continuous batching: all running calls share each step of one model.

A step is: decide what goes in (`scheduler`), compute it (`engine`), choose a token for every sequence whose logits came
out (`sampling`), turn tokens into text (`text`), and put records into the outbox, which the worker sends in one write.
A call joins and leaves between two steps; nothing waits for a batch to be full or over.

Owns the slots and the books about what is in the model's memory. Knows no pipe and no process.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from desktop.inference import frames, scheduler
from desktop.inference.engine import Chunk, LlamaModel, Outcome
from desktop.inference.generation import DeclineReason, FinishReason, RecordKind
from desktop.inference.parameters import ChatRequest, ParameterRefused, parse_chat
from desktop.inference.sampling import NotFinite, Sampler
from desktop.inference.scheduler import Budget, Slot
from desktop.inference.templates import ChatTemplate, TemplateRefused
from desktop.inference.text import TextStream

Clock = Callable[[], float]


@dataclass(slots=True)
class Outbox:
    """What one step has to say, in the order of the protocol: acceptances, records, ends."""

    before: list[bytes] = field(default_factory=list)
    records: list[bytes] = field(default_factory=list)
    after: list[bytes] = field(default_factory=list)

    @property
    def waiting(self) -> bool:
        return bool(self.before or self.records or self.after)

    def take(self) -> bytes:
        """Everything as bytes for one write; empty afterwards."""
        if not self.waiting:
            return b""
        step = [frames.encode_step(self.records)] if self.records else []
        content = b"".join(self.before + step + self.after)
        self.before, self.records, self.after = [], [], []
        return content


class Choice:
    """One sequence at work: `ids` is the prompt and what was generated, `slot.ids` the part that is in memory."""

    __slots__ = ("generated", "ids", "index", "reason", "sampler", "slot", "stream", "waits")

    def __init__(self, index: int, prompt: list[int], sampler: Sampler, stream: TextStream) -> None:
        self.index = index
        self.ids = list(prompt)
        self.sampler = sampler
        self.stream = stream
        self.generated = 0
        self.reason: FinishReason | None = None
        self.slot = Slot(-1)
        self.waits = False
        """For the first choice to compute the prompt that all share."""

    @property
    def pending(self) -> int:
        return len(self.ids) - len(self.slot.ids)


@dataclass(slots=True)
class Call:
    """A running call. Times are seconds of the host's clock."""

    serial: int
    prompt_tokens: int
    max_tokens: int
    reserved: int
    choices: list[Choice]
    cached_tokens: int
    received_at: float
    placed_at: float
    first_at: float | None = None

    @property
    def active(self) -> list[Choice]:
        return [choice for choice in self.choices if choice.reason is None and not choice.waits]


class Refused(Exception):
    """Why a call is not taken."""

    def __init__(self, reason: DeclineReason, message: str) -> None:
        super().__init__(message)
        self.reason: DeclineReason = reason


_FULL: Final = "All of this node's slots are taken."


class Host:
    """The calls of one model. Every method belongs to one thread; `prefilling` may be read from another."""

    def __init__(
        self,
        model: LlamaModel,
        template: ChatTemplate | None,
        *,
        prefill_budget: int,
        clock: Clock = time.monotonic,
    ) -> None:
        self.outbox = Outbox()
        self.prefilling: frozenset[int] = frozenset()
        """Serials whose prompt is part of the step that runs now: what a cancel should interrupt."""
        self._model = model
        self._template = template
        self._budget = Budget(prefill=prefill_budget, step=model.batch)
        self._clock = clock
        self._slots = [Slot(index) for index in range(model.slots)]
        self._calls: dict[int, Call] = {}
        self._turn = 0

    @property
    def idle(self) -> bool:
        return not self._calls

    # --- calls come and go ---

    def submit(self, head: frames.CallHead, body: bytes, *, received_at: float) -> None:
        """Takes a call or declines it; either is in the outbox afterwards."""
        try:
            call, digest = self._admit(head, body, received_at)
        except Refused as refused:
            decline = frames.Decline(serial=head.serial, reason=refused.reason, message=str(refused))
            self.outbox.before.append(frames.encode(decline))
            return
        self._calls[head.serial] = call
        accept = frames.Accept(serial=head.serial, prompt_tokens=call.prompt_tokens, prompt_digest=digest)
        self.outbox.before.append(frames.encode(accept))

    def cancel(self, serial: int) -> None:
        """Ends a call at once; its memory stays as a cache."""
        call = self._calls.pop(serial, None)
        if call is not None:
            self._leave(call)

    def fail_all(self, code: str, message: str) -> None:
        for call in list(self._calls.values()):
            self._fail(call, code, message)

    def _admit(self, head: frames.CallHead, body: bytes, received_at: float) -> tuple[Call, bytes]:
        request = self._parse(head, body)
        if sum(not slot.busy for slot in self._slots) < request.n:
            raise Refused("busy", _FULL)
        prompt = self._prompt(request, head.created)
        room = self._model.context - len(prompt)
        if room < 1:
            raise Refused(
                "context",
                f"This model's maximum context length is {self._model.context} tokens, and there must be room for an "
                f"answer. However, your messages resulted in {len(prompt)} tokens.",
            )
        max_tokens = min(room, head.max_tokens, request.max_tokens or room)
        reserved = scheduler.reserve(len(prompt), max_tokens, request.n, sharing=self._model.can_share)
        if reserved > self._model.pool:
            raise Refused("context", f"{request.n} choices of this length do not fit this node's memory.")
        if not scheduler.fits((call.reserved for call in self._calls.values()), reserved, self._model.pool):
            raise Refused("busy", _FULL)
        choices = [
            Choice(index, prompt, Sampler(request.sampling, head.seed, index), TextStream(request.stop))
            for index in range(request.n)
        ]
        cached = self._place(choices, prompt, head.tenant)
        call = Call(
            serial=head.serial,
            prompt_tokens=len(prompt),
            max_tokens=max_tokens,
            reserved=reserved,
            choices=choices,
            cached_tokens=cached,
            received_at=received_at,
            placed_at=self._clock(),
        )
        return call, hashlib.sha256(np.array(prompt, "<u4").tobytes()).digest()

    def _parse(self, head: frames.CallHead, body: bytes) -> ChatRequest:
        try:
            request = parse_chat(body)
        except ParameterRefused as refused:
            raise Refused("parameter", str(refused)) from refused
        if request.n != head.n:
            raise Refused("parameter", f"Invalid 'n': the call is for {head.n} choices, its body for {request.n}.")
        if request.n > len(self._slots):
            raise Refused("parameter", f"Invalid 'n': this model writes at most {len(self._slots)} choices at once.")
        if any(token >= self._model.n_vocab for token in request.sampling.bias):
            raise Refused("parameter", "Invalid key in 'logit_bias': this model has no such token.")
        return request

    def _prompt(self, request: ChatRequest, created: int) -> list[int]:
        if self._template is None:
            raise Refused("template", "This model has no chat template.")
        try:
            text = self._template.render(request.messages, created=created)
        except TemplateRefused as refused:
            raise Refused("template", str(refused)) from refused
        prompt = self._model.tokenize(text)
        if prompt is None:
            raise Refused("context", f"This model's maximum context length is {self._model.context} tokens.")
        if not prompt:
            raise Refused("template", "These messages result in an empty prompt.")
        return prompt

    def _place(self, choices: list[Choice], prompt: list[int], tenant: str) -> int:
        """Gives every choice its slot; returns how many ids of the prompt are already in memory."""
        sharing = self._model.can_share
        kept = 0
        for choice in choices:
            placement = scheduler.place(prompt, tenant, self._slots, sharing=sharing and choice.index == 0)
            assert placement is not None, "counted before"  # noqa: S101
            slot, source = self._slots[placement.slot], self._slots[placement.source]
            self._keep(slot, source, placement.keep)
            self._turn += 1
            slot.tenant, slot.busy, slot.used = tenant, True, self._turn
            choice.slot, choice.waits = slot, sharing and choice.index > 0
            kept = kept or placement.keep
        return kept

    def _keep(self, slot: Slot, source: Slot, length: int) -> None:
        """Leaves exactly the first `length` ids of `source` in `slot`."""
        if slot is source:
            kept = self._model.truncate(slot.index, length)
            slot.ids = slot.ids[:length] if kept else []
            return
        self._forget(slot)
        self._model.share(source.index, slot.index, length)
        slot.ids = source.ids[:length]

    def _forget(self, slot: Slot) -> None:
        self._model.truncate(slot.index, 0)
        slot.ids = []

    def _leave(self, call: Call) -> None:
        for choice in call.choices:
            choice.slot.busy = False

    # --- one step ---

    def step(self) -> None:
        """Computes one step of everything that runs. Raises EngineBroken."""
        plan = self._plan()
        if not plan:
            return
        chunks = [chunk for _, _, chunk in plan]
        self.prefilling = frozenset(call.serial for call, _, chunk in plan if len(chunk.ids) > 1)
        outcome = self._model.decode(chunks)
        self.prefilling = frozenset()
        self._model.abort.clear()
        if outcome is not Outcome.DONE:
            self._undo(plan)
            if outcome is Outcome.NO_ROOM:
                self._make_room()
            return
        wanted = []
        for call, choice, chunk in plan:
            choice.slot.ids.extend(chunk.ids)
            if chunk.wanted:
                wanted.append((call, choice))
        if wanted:
            self._advance(wanted)

    def _undo(self, plan: list[tuple[Call, Choice, Chunk]]) -> None:
        """A step that was not done may be in memory in part: back to what was there before."""
        for _, choice, chunk in plan:
            if not self._model.truncate(chunk.sequence, chunk.start):
                choice.slot.ids = []

    def _plan(self) -> list[tuple[Call, Choice, Chunk]]:
        active = [(call, choice) for call in self._calls.values() for choice in call.active]
        counts = scheduler.plan_step([choice.pending for _, choice in active], self._budget)
        plan = []
        for (call, choice), count in zip(active, counts, strict=True):
            if count:
                start = len(choice.slot.ids)
                ids = choice.ids[start : start + count]
                plan.append((call, choice, Chunk(choice.slot.index, start, ids, start + count == len(choice.ids))))
        return sorted(plan, key=_sequence)

    def _make_room(self) -> None:
        """The pool is full: drops the oldest idle cache, or else the youngest call.

        Admission reserves for the worst case, so the second happens only if memory is not what llama.cpp said it is.
        """
        idle = scheduler.cache_to_drop(self._slots)
        if idle is not None:
            self._forget(idle)
        else:
            self._fail(
                next(reversed(self._calls.values())), "memory_full", "This node ran out of memory for this answer."
            )

    def _advance(self, wanted: list[tuple[Call, Choice]]) -> None:
        """Samples a token for every sequence that has logits."""
        logits = self._model.logits(len(wanted))
        for row, (call, choice) in zip(logits, wanted, strict=True):
            if call.serial not in self._calls:  # another choice of it has just failed
                continue
            if call.first_at is None:
                call.first_at = self._clock()
            choosing = [choice, *self._released(call, choice)]
            try:
                for each in choosing:
                    self._take(call, each, each.sampler.sample(row, each.generated))
            except NotFinite:
                self._fail(call, "numerics", "The model computed no usable result.")
                continue
            if all(each.reason for each in call.choices):
                self._finish(call)

    def _released(self, call: Call, first: Choice) -> list[Choice]:
        """The choices that waited for `first` to compute the prompt; they share its cells and its logits."""
        waiting = [choice for choice in call.choices if choice.waits] if first.index == 0 else []
        for choice in waiting:
            self._keep(choice.slot, first.slot, call.prompt_tokens)
            choice.waits = False
        return waiting

    def _take(self, call: Call, choice: Choice, token: int) -> None:
        """Appends a sampled token to a choice, says so, and ends the choice if it is the last."""
        piece = self._model.piece(token)
        if piece is None:
            self._end(call, choice, "stop", choice.stream.flush(), b"")
            return
        choice.ids.append(token)
        choice.generated += 1
        choice.sampler.accept(token)
        data, stopped = choice.stream.push(piece)
        ids = token.to_bytes(4, "little")
        if stopped:
            self._end(call, choice, "stop", data, ids)
        elif choice.generated >= call.max_tokens:
            self._end(call, choice, "length", data + choice.stream.flush(), ids)
        else:
            self._record(call, choice, RecordKind.TEXT, ids, data)

    def _end(self, call: Call, choice: Choice, reason: FinishReason, data: bytes, ids: bytes) -> None:
        choice.reason = reason
        if data or ids:
            self._record(call, choice, RecordKind.TEXT, ids, data)
        self._record(call, choice, RecordKind.END, b"", reason.encode())

    def _record(self, call: Call, choice: Choice, kind: RecordKind, ids: bytes, data: bytes) -> None:
        self.outbox.records.append(frames.pack_record(call.serial, choice.index, kind, ids, data))

    def _finish(self, call: Call) -> None:
        now = self._clock()
        first = call.first_at or now
        finish = frames.Finish(
            serial=call.serial,
            reason=call.choices[0].reason or "stop",
            prompt_tokens=call.prompt_tokens,
            completion_tokens=sum(choice.generated for choice in call.choices),
            cached_tokens=call.cached_tokens,
            queued_ms=(call.placed_at - call.received_at) * 1e3,
            prefill_ms=(first - call.placed_at) * 1e3,
            decode_ms=(now - first) * 1e3,
        )
        self.outbox.after.append(frames.encode(finish))
        self.cancel(call.serial)

    def _fail(self, call: Call, code: str, message: str) -> None:
        fail = frames.Fail(serial=call.serial, code=code, message=message, at_fault="node")
        self.outbox.after.append(frames.encode(fail))
        self.cancel(call.serial)


def _sequence(planned: tuple[Call, Choice, Chunk]) -> int:
    return planned[2].sequence
