"""An engine without a model, for tests of the agent and of the window: deterministic, instant, on the loop it lives on.

It reads bodies, counts tokens, holds text back and ends answers by the same code as the real one, and is held to the
same contract tests. Its tokens are the bytes of a fixed answer; it never draws, so `seed` and temperature are idle.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from desktop.inference.generation import (
    Failed,
    FinishReason,
    GenerateCall,
    GenerateSink,
    Loading,
    ModelFacts,
    OnChange,
    Ready,
    Record,
    RecordKind,
    Restarting,
    Stopped,
    Timings,
    Usage,
    WorkerState,
)
from desktop.inference.parameters import ChatRequest, ParameterRefused, parse_chat
from desktop.inference.text import TextStream, piece

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


@dataclass(slots=True)
class _Running:
    call: GenerateCall
    sink: GenerateSink
    choices: int
    steps: Iterator[list[Record]]
    prompt_tokens: int
    completion_tokens: int = 0
    reason: FinishReason = "stop"
    admitted: bool = False
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
        running = _Running(call, sink, call.n, iter(()), 0)
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
            request = parse_chat(call.body)
        except ParameterRefused as refused:
            self.cancel(call.id)
            running.sink.declined("parameter", str(refused))
            return
        prompt = "\n".join(f"{message.role}: {message.content}" for message in request.messages).encode()
        if len(prompt) >= self._facts.context:
            self.cancel(call.id)
            running.sink.declined("context", f"This model's maximum context length is {self._facts.context} tokens.")
            return
        if sum(other.choices for other in self._calls.values() if other.admitted) + call.n > self._facts.slots:
            self.cancel(call.id)
            running.sink.declined("busy", "All of this node's slots are taken.")
            return
        running.admitted = True
        room = self._facts.context - len(prompt)
        running.prompt_tokens = len(prompt)
        running.steps = self._write(running, request, min(room, call.max_tokens, request.max_tokens or room))
        digest = hashlib.sha256(b"".join(token.to_bytes(4, "little") for token in prompt)).digest()
        running.sink.accepted(len(prompt), digest)
        self._next(running)

    def _next(self, running: _Running) -> None:
        if running.call.id not in self._calls:
            return
        loop = asyncio.get_running_loop()
        running.timer = loop.call_later(self.interval_s, self._step, running)

    def _step(self, running: _Running) -> None:
        records = next(running.steps, None)
        if records is not None:
            running.sink.records(records)
            self._next(running)
            return
        self.cancel(running.call.id)
        usage = Usage(running.prompt_tokens, running.completion_tokens)
        running.sink.finished(running.reason, usage, Timings())

    def _write(self, running: _Running, request: ChatRequest, max_tokens: int) -> Iterator[list[Record]]:
        """One list of records per step: a byte of the answer for every choice that still runs."""
        question = request.messages[-1].content
        answer = self._answers.get(question, f"You said: {question}").encode()
        choices = [_choice(index, answer, TextStream(request.stop), max_tokens) for index in range(request.n)]
        while choices:
            records: list[Record] = []
            for choice in list(choices):
                step = next(choice, None)
                if step is None:
                    choices.remove(choice)
                    continue
                records += step
            for record in records:
                running.completion_tokens += len(record.ids) >> 2
                if record.kind == RecordKind.END and record.choice == 0:
                    running.reason = "length" if record.data == b"length" else "stop"
            if records:
                yield records


def _choice(index: int, answer: bytes, stream: TextStream, max_tokens: int) -> Iterator[list[Record]]:
    for count, token in enumerate(answer, 1):
        data, stopped = stream.push(piece(bytes([token])))
        last = not stopped and count == max_tokens
        text = data + stream.flush() if last else data
        record = Record(index, RecordKind.TEXT, token.to_bytes(4, "little"), text)
        if stopped or last:
            yield [record, Record(index, RecordKind.END, b"", b"length" if last else b"stop")]
            return
        yield [record]
    held = stream.flush()
    end = Record(index, RecordKind.END, b"", b"stop")
    yield [Record(index, RecordKind.TEXT, b"", held), end] if held else [end]
