"""A host with the demo model, without a process in between: submits calls, steps, and keeps what they came to."""

from __future__ import annotations

import struct
import threading
from dataclasses import dataclass, field
from typing import Any

import msgspec

from desktop.inference import frames
from desktop.inference.engine import LlamaModel
from desktop.inference.frames import FrameReader, Kind
from desktop.inference.generation import CallKind, GenerateCall, Record, RecordKind, Resume
from desktop.inference.host import Host
from desktop.inference.sight import Sight
from desktop.inference.templates import ChatTemplate
from tests.desktop.inference.answers import PARIS, STORY, a_body

QUESTIONS = [
    PARIS,
    "What is the capital of Japan?",
    "What color is the sky?",
    "What color is the grass?",
    "What does the cow say?",
    "What is two plus three?",
    "Hello!",
    STORY,
]


@dataclass
class Heard:
    """What one call came to."""

    accept: frames.Accept | None = None
    decline: frames.Decline | None = None
    fail: frames.Fail | None = None
    finish: frames.Finish | None = None
    records: list[Record] = field(default_factory=list)

    def text(self, choice: int = 0) -> str:
        return "".join(event.get("content", "") for event in self.events(choice))

    def end(self, choice: int = 0) -> str | None:
        ends = [r.data.decode() for r in self.records if r.choice == choice and r.kind == RecordKind.END]
        assert len(ends) <= 1
        return ends[0] if ends else None

    def logprobs(self, choice: int = 0) -> list[dict[str, Any]]:
        return [entry for event in self.events(choice) for entry in event.get("logprobs", ())]

    def events(self, choice: int = 0) -> list[dict[str, Any]]:
        """Deltas, and plain text as if it were one."""
        return [
            msgspec.json.decode(r.data) if r.kind == RecordKind.DELTA else {"content": r.data.decode()}
            for r in self.records
            if r.choice == choice and r.kind in {RecordKind.TEXT, RecordKind.DELTA}
        ]

    def ids(self, choice: int = 0) -> list[int]:
        packed = b"".join(r.ids for r in self.records if r.choice == choice)
        return list(struct.unpack(f"<{len(packed) // 4}I", packed))

    @property
    def over(self) -> bool:
        return bool(self.decline or self.fail or self.finish)


class Bench:
    """A host, and what it said."""

    def __init__(self, model: LlamaModel, *, prefill_budget: int = 128, sight: Sight | None = None) -> None:
        self.model = model
        template = ChatTemplate(model.template, bos=model.bos, eos=model.eos)
        self.host = Host(model, template, prefill_budget=prefill_budget, sight=sight)
        self._woken = threading.Event()
        if sight:
            sight.wake = self._woken.set
        self.calls: dict[int, Heard] = {}
        self.steps = 0
        self._last = 0

    def submit(
        self,
        question: Any = PARIS,
        *,
        tenant: str = "a",
        seed: int = 7,
        limit: int = 100,
        kind: CallKind = "chat",
        resume: Resume | None = None,
        raw: bytes | None = None,
        **body: Any,
    ) -> int:
        serial = self._last = self._last + 1
        self.calls[serial] = Heard()
        n = body.get("n", 1)
        call = GenerateCall(
            id=serial,
            body=a_body(question, **body) if raw is None else raw,
            created=0,
            seed=seed,
            max_tokens=limit,
            tenant=tenant,
            n=n,
            kind=kind,
            resume=resume,
        )
        [(_, payload)] = FrameReader().feed(frames.encode_call(serial, call))
        self.host.submit(*frames.decode_call(payload), received_at=0.0)
        self.hear()
        return serial

    def step(self) -> None:
        self.host.step()
        self.steps += 1
        self.hear()

    def run(self) -> None:
        while not self.host.idle:
            if self.host.resting:
                assert self._woken.wait(20)
            self._woken.clear()
            self.step()
            assert self.steps < 20_000

    def ask(self, question: Any = PARIS, **given: Any) -> Heard:
        serial = self.submit(question, **given)
        self.run()
        return self.calls[serial]

    def hear(self) -> None:
        for kind, payload in FrameReader().feed(self.host.outbox.take()):
            match kind:
                case Kind.STEP:
                    for serial, record in frames.decode_step(payload):
                        assert not self.calls[serial].over
                        self.calls[serial].records.append(record)
                case Kind.ACCEPT:
                    accept = frames.decode(payload, frames.Accept)
                    self.calls[accept.serial].accept = accept
                case Kind.DECLINE:
                    decline = frames.decode(payload, frames.Decline)
                    self.calls[decline.serial].decline = decline
                case Kind.FAIL:
                    fail = frames.decode(payload, frames.Fail)
                    self.calls[fail.serial].fail = fail
                case Kind.FINISH:
                    finish = frames.decode(payload, frames.Finish)
                    self.calls[finish.serial].finish = finish
