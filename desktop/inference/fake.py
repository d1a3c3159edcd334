"""An engine without a model, for tests of the agent and of the window: deterministic, instant, on the loop it lives on.

It reads bodies, draws, counts tokens, holds text back, ends and resumes answers by the same code as the real one, and
is held to the same contract tests. Its tokens are bytes, and it is certain of a fixed answer at any seed.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from desktop.inference import frames
from desktop.inference.call import Call, Choice
from desktop.inference.fields import ParameterRefused
from desktop.inference.generation import (
    DeclineReason,
    Failed,
    GenerateCall,
    GenerateSink,
    Loading,
    ModelFacts,
    OnChange,
    Ready,
    Record,
    Restarting,
    Stopped,
    Timings,
    Usage,
    WorkerState,
)
from desktop.inference.outbox import Outbox
from desktop.inference.parameters import ChatRequest, parse_chat
from desktop.inference.pipeline import Pipeline
from desktop.inference.resume import ResumeMismatch, replay
from desktop.inference.sampling import Logits, Sampler
from desktop.inference.text import Piece, piece

FACTS: Final = ModelFacts(
    name="fake",
    digest=hashlib.sha256(b"fake").hexdigest(),
    context=2048,
    slots=8,
    quantisation="none",
    prefill_tps=1000.0,
    decode_tps=100.0,
    numerics="fake",
)

ANSWERS: Final = {"What is the capital of France?": "The capital of France is Paris."}


class Bytes:
    """A vocabulary of 256 bytes and an end of generation."""

    n_vocab: Final = 257
    END: Final = 256

    def piece(self, token: int) -> Piece | None:
        return None if token == self.END else piece(bytes([token]))

    def label(self, token: int) -> bytes:
        return b"<end>" if token == self.END else bytes([token])

    def is_control(self, token: int) -> bool:
        return token == self.END

    def certain(self, token: int) -> Logits:
        """Logits of a model that sees nothing but `token`."""
        logits = np.full(self.n_vocab, -200.0, np.float32)
        logits[token] = 0.0
        return logits


BYTES: Final = Bytes()


@dataclass(slots=True)
class _Running:
    call: GenerateCall
    sink: GenerateSink
    steps: Iterator[list[Record]]
    written: Call | None = None
    timer: asyncio.Handle | None = None


class FakeEngine:
    """An `Engine` that answers from a table, by default with what it was told.

    `interval_s` is the time between two tokens of a call; 0 means one per turn of the loop. A test that needs an answer
    to stand still sets it high. `crash` and `fail` do to it what happens to real ones.
    """

    def __init__(
        self,
        on_change: OnChange,
        *,
        answers: Mapping[str, str] = ANSWERS,
        facts: ModelFacts = FACTS,
        interval_s: float = 0.0,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.interval_s = interval_s
        self._on_change = on_change
        self._answers = answers
        self._facts = facts
        self._wall_clock = wall_clock
        self._state: WorkerState = Stopped()
        self._calls: dict[int, _Running] = {}

    @property
    def state(self) -> WorkerState:
        return self._state

    @property
    def running(self) -> int:
        return len(self._calls)

    async def start(self) -> None:
        if isinstance(self._state, Stopped):
            self._enter(Loading())
            asyncio.get_running_loop().call_soon(self._ready)

    async def stop(self) -> None:
        self._fail_all("stopped", "The model was unloaded.")
        self._enter(Stopped())

    def submit(self, call: GenerateCall, sink: GenerateSink) -> None:
        if not isinstance(self._state, Ready):
            sink.declined("model", "The model is not loaded.")
            return
        if call.kind != "chat":
            sink.declined("model", "This engine writes chat answers only.")
            return
        running = _Running(call, sink, iter(()))
        self._calls[call.id] = running
        running.timer = asyncio.get_running_loop().call_soon(self._admit, running)

    def cancel(self, call_id: int) -> None:
        running = self._calls.pop(call_id, None)
        if running is not None and running.timer is not None:
            running.timer.cancel()

    # --- what a test does to it ---

    def crash(self, why: str = "The model's process was ended by SIGSEGV.", *, back: bool = True) -> None:
        """All calls fail, as when a worker dies; with `back` it is ready again at the loop's next turn."""
        self._fail_all("worker_died", "The model's process died while it was writing this answer.")
        self._enter(Restarting(self._wall_clock(), why))
        if back:
            asyncio.get_running_loop().call_soon(self._ready)

    def fail(self, reason: str) -> None:
        """The model turns out to be unusable."""
        self._fail_all("worker_died", "The model's process died while it was writing this answer.")
        self._enter(Failed(reason))

    # --- inside ---

    def _enter(self, state: WorkerState) -> None:
        self._state = state
        self._on_change(state)

    def _ready(self) -> None:
        if isinstance(self._state, Loading | Restarting):
            self._enter(Ready(self._facts))

    def _fail_all(self, code: str, message: str) -> None:
        for running in list(self._calls.values()):
            self.cancel(running.call.id)
            running.sink.failed(code, message, "node")

    def _admit(self, running: _Running) -> None:
        call = running.call
        try:
            running.written = self._admitted(call)
        except _Declined as declined:
            self.cancel(call.id)
            running.sink.declined(declined.reason, str(declined))
            return
        running.steps = _write(running.written, self._answer(call))
        running.sink.accepted(running.written.prompt_tokens, running.written.prompt_digest)
        self._next(running)

    def _admitted(self, call: GenerateCall) -> Call:
        try:
            request = parse_chat(call.body)
        except ParameterRefused as refused:
            raise _Declined("parameter", str(refused)) from refused
        if not request.structure.free:
            raise _Declined("parameter", "Unsupported parameter: 'tools' and schemas need a real model.")
        prompt = _prompt(request)
        room = self._facts.context - len(prompt)
        if room < 1:
            raise _Declined("context", f"This model's maximum context length is {self._facts.context} tokens.")
        taken = sum(len(other.written.choices) for other in self._calls.values() if other.written)
        if taken + call.n > self._facts.slots:
            raise _Declined("busy", "All of this node's slots are taken.")
        digest = hashlib.sha256(np.frombuffer(prompt, np.uint8).astype("<u4").tobytes()).digest()
        if call.resume is not None and call.resume.prompt_digest != digest:
            raise _Declined("resume_mismatch", "This node cannot continue the answer: its prompt is another here.")
        limit = min(room, call.max_tokens, request.max_tokens or room)
        try:
            choices = [_choice(call, request, list(prompt), limit, index) for index in range(request.n)]
        except ResumeMismatch as mismatch:
            raise _Declined("resume_mismatch", f"This node cannot continue the answer: {mismatch}.") from mismatch
        return Call(call.id, call.tenant, call.kind, len(prompt), len(prompt), digest, 0, choices, 0.0)

    def _answer(self, call: GenerateCall) -> bytes:
        question = parse_chat(call.body).messages[-1].content
        return self._answers.get(question, f"You said: {question}").encode()

    def _next(self, running: _Running) -> None:
        if running.call.id not in self._calls:
            return
        loop = asyncio.get_running_loop()
        running.timer = loop.call_later(self.interval_s, self._step, running)

    def _step(self, running: _Running) -> None:
        records = next(running.steps, None)
        if records is not None:
            if records:
                running.sink.records(records)
            self._next(running)
            return
        self.cancel(running.call.id)
        written = running.written
        assert written is not None  # noqa: S101
        usage = Usage(written.prompt_tokens, sum(choice.written for choice in written.choices))
        running.sink.finished(written.choices[0].pipeline.end or "stop", usage, Timings())


class _Declined(Exception):
    def __init__(self, reason: DeclineReason, message: str) -> None:
        super().__init__(message)
        self.reason: DeclineReason = reason


def _prompt(request: ChatRequest) -> bytes:
    return "\n".join(f"{message.role}: {message.content}" for message in request.messages).encode()


def _choice(call: GenerateCall, request: ChatRequest, prompt: list[int], limit: int, index: int) -> Choice:
    def fresh() -> Pipeline:
        return Pipeline(
            BYTES,
            Sampler(request.sampling, call.seed, index),
            limit=limit,
            stops=request.stop,
            stop_ids=request.stop_ids,
            top=request.logprobs,
        )

    resume = call.resume
    ids = np.frombuffer(resume.ids[index], "<u4").tolist() if resume else []
    return Choice(
        index, prompt, ids, replay(fresh, ids, [c for c in resume.channels if c.choice == index] if resume else [])
    )


def _write(call: Call, answer: bytes) -> Iterator[list[Record]]:
    """One list of records per step: a byte of the answer for every choice that still runs."""
    outbox = Outbox(BYTES.label)
    for choice in call.choices:
        outbox.say(call, choice, b"", choice.opening)
        if choice.pipeline.end is not None:
            outbox.end(call, choice)
    while not call.over:
        for choice in call.choices:
            if choice.pipeline.end is None:
                at = choice.pipeline.generated
                outbox.advance(call, choice, BYTES.certain(answer[at] if at < len(answer) else BYTES.END))
        yield _records(outbox)
    if left := _records(outbox):
        yield left


def _records(outbox: Outbox) -> list[Record]:
    return [
        record
        for kind, payload in frames.FrameReader().feed(outbox.take())
        if kind == frames.Kind.STEP
        for _, record in frames.decode_step(payload)
    ]
