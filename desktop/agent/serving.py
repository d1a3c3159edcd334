"""Calls of one session, from the relay's offer to the one terminal frame that ends each: between wire and engine.

A call is taken only while this PC shares and has room: a node never queues. Steps of all calls share frames, so the
rate of frames does not grow with the number of answers. When the session is lost its calls are cancelled at once;
nobody is left who could be given their words.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from typing_extensions import override

from desktop.agent.desks import Desks
from desktop.agent.meter import RateMeter
from desktop.agent.state import Reason, Sharing
from desktop.inference import generation
from desktop.inference.generation import Channel, DeclineReason, GenerateCall, GenerateSink, Record, Resume
from relay.wire import frames
from relay.wire.frames import Call, LegId
from relay.wire.merge import StepMerger
from relay.wire.node_session import NodeSession
from relay.wire.session import BodyArrived, CallOffered, State
from relay.wire.steps import StepRecord

log = logging.getLogger(__name__)

_engine_ids = itertools.count(1)
"""Ids towards the engine: unlike legs they outlive a session, so a late word of one can never reach another's call."""

BUSY_RETRY_S = 1.0


@dataclass(frozen=True, slots=True)
class Floor:
    """What all sessions of an agent share."""

    desk: Desks
    meter: RateMeter
    sharing: Callable[[], Sharing]
    """Decided afresh at each call."""

    moved: Callable[[], None]
    """Called when an answer began or ended."""

    most: Callable[[], int | None] = lambda: None
    """How many choices may be written at once, less than there are slots; None: as many as there are."""


class Serving:
    """The calls of one session."""

    def __init__(self, session: NodeSession, floor: Floor, *, send: Callable[[bytes], None]) -> None:
        """`send` queues a message; it never blocks, and drops the message if the link is gone."""
        self.session = session
        self._floor = floor
        self._send = send
        self._merger = StepMerger()
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._leaves_next = False
        self._answers: dict[LegId, _Answer] = {}
        self._headers: dict[LegId, Call] = {}
        self._choices = 0

    @property
    def free_slots(self) -> int:
        slots, most = self._floor.desk.slots, self._floor.most()
        return max(0, (slots if most is None else min(slots, most)) - self._choices)

    # --- from the relay

    def offered(self, event: CallOffered) -> None:
        call = event.call
        if (no := self._refusal(call)) is not None:
            self._decline(call.id, no)
        elif event.body is None:
            self._headers[call.id] = call
            self._choices += call.n
            self._send(self.session.accept_header(call.id))
        else:
            self._choices += call.n
            self._begin(call, event.body, event.ids)

    def arrived(self, event: BodyArrived) -> None:
        call = self._headers.pop(event.id, None)
        if call is not None:
            self._begin(call, event.body, event.ids)

    def cancelled(self, leg: LegId) -> None:
        self._drop(leg)

    def lost(self) -> None:
        """The session is over; its answers have nobody to go to."""
        for leg in (*self._answers, *self._headers):
            self._drop(leg)
        if self._timer is not None:
            self._timer.cancel()

    # --- to the relay

    def yield_all(self, reason: str) -> None:
        """Stops every answer at the last token sampled and says so, so that the relay can go on elsewhere."""
        self.flush()
        for leg in (*self._answers, *self._headers):
            answer = self._answers.get(leg)
            delivered = answer.tokens if answer is not None else 0
            self._send(self.session.yield_(leg, delivered_tokens=delivered, reason=reason, now=self.now()))
            self._drop(leg)

    def flush(self) -> None:
        """Everything sampled so far leaves now: no terminal may overtake its text."""
        while records := self._merger.flush(self.now()):
            self._send(self.session.step(records))

    def _begin(self, call: Call, body: bytes, ids: bytes) -> None:
        answer = _Answer(self, call, next(_engine_ids))
        self._answers[call.id] = answer
        generate = GenerateCall(
            id=answer.engine_id,
            body=body,
            created=call.created,
            seed=call.seed,
            max_tokens=call.max_tokens,
            tenant=call.tenant,
            n=call.n,
            kind=call.kind,
            resume=_resume(call, ids),
        )
        self._floor.desk.submit(call.model, generate, answer)
        self._floor.moved()

    def _refusal(self, call: Call) -> _Refusal | None:
        """Why this call is not for this node now, if so."""
        sharing = self._floor.sharing()
        if self.session.state is not State.READY or sharing.reason is Reason.SHUTTING_DOWN:
            return _Refusal("draining", "This node is closing.")
        if not sharing.sharing:
            return _Refusal("busy", "This node is not sharing now.")
        if call.model not in {model.model for model in self._floor.desk.advertised()}:
            return _Refusal("model", "This node does not have that model.")
        if call.resume is not None and call.n > 1:
            return _Refusal("resume_mismatch", "This node cannot tell whose ids of several choices are.")
        if call.n > min(self.free_slots, self._floor.desk.free_slots(call.model)):
            most = self._floor.most()
            limited = f"While this PC is in use, it writes {most} at once at most."
            return _Refusal("busy", "Every slot of this node is taken." if most is None else limited, BUSY_RETRY_S)
        return None

    def _decline(self, leg: LegId, no: _Refusal) -> None:
        message = self.session.decline(leg, no.reason, message=no.message, retry_after=no.retry_after, now=self.now())
        self._send(message)

    def _drop(self, leg: LegId) -> None:
        """Forgets a call, wherever it is."""
        if (header := self._headers.pop(leg, None)) is not None:
            self._choices -= header.n
        if (answer := self._closed(leg)) is not None:
            self._floor.desk.cancel(answer.engine_id)
            self._floor.moved()

    def _closed(self, leg: LegId) -> _Answer | None:
        answer = self._answers.pop(leg, None)
        if answer is not None:
            self._choices -= answer.choices
            self._merger.forget(leg)
        return answer

    # --- from the engine, by way of `_Answer`

    def accepted(self, leg: LegId, prompt_tokens: int, prompt_digest: bytes) -> None:
        self._send(self.session.accept(leg, prompt_tokens=prompt_tokens, prompt_digest=prompt_digest))

    def stepped(self, leg: LegId, records: list[Record], tokens: int) -> None:
        self._floor.meter.add(tokens)
        for choice, kind, ids, data in records:
            self._merger.add(StepRecord(leg, choice, kind, ids, data))
        self._leave_when_due()

    def ended(self, leg: LegId, terminal: Callable[[], bytes]) -> None:
        """The engine is done with a call: its last words leave, then its terminal."""
        answer = self._answers.get(leg)
        if answer is None:
            return
        self.flush()
        self._send(terminal())
        self._closed(leg)
        self._floor.desk.rested(answer.engine_id)
        self._floor.moved()

    def _leave_when_due(self) -> None:
        """What is due leaves at the loop's next turn, with whatever else the same read of the worker brought."""
        due = self._merger.due(self.now())
        if due is None:
            return
        if due <= 0:
            if not self._leaves_next:
                self._leaves_next = True
                self._loop.call_soon(self._leave)
        elif self._timer is None:
            self._timer = self._loop.call_later(due, self._leave)

    def _leave(self) -> None:
        self._leaves_next = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while records := self._merger.take(self.now()):
            self._send(self.session.step(records))
        self._leave_when_due()

    def now(self) -> float:
        """The session's clock."""
        return self._loop.time()


def _resume(call: Call, ids: bytes) -> Resume | None:
    if call.resume is None:
        return None
    channels = tuple(Channel(each.choice, each.channel, each.bytes, each.digest) for each in call.resume.channels)
    return Resume(call.resume.prompt_digest, (ids,), channels)


@dataclass(frozen=True, slots=True)
class _Refusal:
    """The words of a `decline`."""

    reason: str
    message: str
    retry_after: float | None = None


class _Answer(GenerateSink):
    """One call being written: what the engine says of it, put into the session's words."""

    __slots__ = ("_serving", "choices", "engine_id", "leg", "tokens")

    def __init__(self, serving: Serving, call: Call, engine_id: int) -> None:
        self._serving = serving
        self.leg = call.id
        self.choices = call.n
        self.engine_id = engine_id
        self.tokens = 0

    @override
    def accepted(self, prompt_tokens: int, prompt_digest: bytes) -> None:
        self._serving.accepted(self.leg, prompt_tokens, prompt_digest)

    @override
    def declined(self, reason: DeclineReason, message: str) -> None:
        session, leg, now = self._serving.session, self.leg, self._serving.now()
        retry_after = BUSY_RETRY_S if reason == "busy" else None
        self._end(lambda: session.decline(leg, reason, message=message, retry_after=retry_after, now=now))

    @override
    def records(self, records: list[Record]) -> None:
        tokens = sum(len(record.ids) for record in records) >> 2
        self.tokens += tokens
        self._serving.stepped(self.leg, records, tokens)

    @override
    def finished(self, reason: generation.FinishReason, usage: generation.Usage, timings: generation.Timings) -> None:
        session, leg, now = self._serving.session, self.leg, self._serving.now()
        counted = frames.Usage(
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            cached_tokens=usage.cached_tokens,
        )
        taken = frames.Timings(queued_ms=timings.queued_ms, prefill_ms=timings.prefill_ms, decode_ms=timings.decode_ms)
        self._end(lambda: session.finish(leg, reason, usage=counted, timings=taken, now=now))

    @override
    def failed(self, code: str, message: str, at_fault: Literal["node", "request"]) -> None:
        session, leg, now = self._serving.session, self.leg, self._serving.now()
        self._end(lambda: session.fail(leg, code, message, at_fault=at_fault, now=now))

    def _end(self, terminal: Callable[[], bytes]) -> None:
        self._serving.ended(self.leg, terminal)
