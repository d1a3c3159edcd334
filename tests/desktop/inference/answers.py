"""A sink that keeps what it hears, and calls for it to hear."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from desktop.inference.generation import (
    DeclineReason,
    Engine,
    FinishReason,
    GenerateCall,
    Record,
    RecordKind,
    Timings,
    Usage,
)

PARIS = "What is the capital of France?"
PARIS_ANSWER = "The capital of France is Paris."
STORY = "Tell me a story about a cat."


def a_body(question: Any = PARIS, **fields: Any) -> bytes:
    return msgspec.json.encode(
        {"model": "nightjar-demo", "messages": [{"role": "user", "content": question}], "temperature": 0, **fields}
    )


def a_call(question: Any = PARIS, **changed: Any) -> GenerateCall:
    """Fields of the call itself by their names; everything else goes into the body.

    `limit` is the call's own, as the relay sets it.
    """
    own = {name: changed.pop(name) for name in ("id", "seed", "created", "tenant", "body", "resume") if name in changed}
    limit = changed.pop("limit", 200)
    values: dict[str, Any] = {
        "id": 1,
        "body": a_body(question, **changed),
        "created": 1_700_000_000,
        "seed": 7,
        "max_tokens": limit,
        "tenant": "tenant-a",
        "n": changed.get("n", 1),
    }
    return GenerateCall(**values | own)


@dataclass
class Answer:
    """Everything a call came to. `over` is set by whatever ends it; `begun` by the first record."""

    prompt_tokens: int | None = None
    prompt_digest: bytes = b""
    records_: list[Record] = field(default_factory=list)
    reason: FinishReason | None = None
    usage: Usage | None = None
    timings: Timings | None = None
    decline: tuple[DeclineReason, str] | None = None
    failure: tuple[str, str, str] | None = None
    over: asyncio.Event = field(default_factory=asyncio.Event)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    on_records: Callable[[], None] | None = None

    def accepted(self, prompt_tokens: int, prompt_digest: bytes) -> None:
        assert self.prompt_tokens is None
        assert not self.over.is_set()
        self.prompt_tokens, self.prompt_digest = prompt_tokens, prompt_digest

    def declined(self, reason: DeclineReason, message: str) -> None:
        assert self.prompt_tokens is None
        self._end()
        self.decline = (reason, message)

    def records(self, records: list[Record]) -> None:
        assert self.prompt_tokens is not None, "accepted comes first"
        assert not self.over.is_set()
        assert records
        self.records_ += records
        self.begun.set()
        if self.on_records:
            self.on_records()

    def finished(self, reason: FinishReason, usage: Usage, timings: Timings) -> None:
        self._end()
        self.reason, self.usage, self.timings = reason, usage, timings

    def failed(self, code: str, message: str, at_fault: Literal["node", "request"]) -> None:
        self._end()
        self.failure = (code, message, at_fault)

    def _end(self) -> None:
        assert not self.over.is_set(), "one end only"
        self.over.set()

    def text(self, choice: int = 0) -> str:
        return b"".join(
            record.data for record in self.records_ if record.choice == choice and record.kind == RecordKind.TEXT
        ).decode()

    def ids(self, choice: int = 0) -> list[int]:
        packed = b"".join(record.ids for record in self.records_ if record.choice == choice)
        return list(struct.unpack(f"<{len(packed) // 4}I", packed))

    def ends(self, choice: int = 0) -> list[str]:
        return [r.data.decode() for r in self.records_ if r.choice == choice and r.kind == RecordKind.END]


async def ask(engine: Engine, call: GenerateCall) -> Answer:
    """The whole answer, however it ends."""
    answer = Answer()
    engine.submit(call, answer)
    await asyncio.wait_for(answer.over.wait(), 20)
    return answer
