"""What the agent and a model say to each other: calls down, records up, and the state of the model in between.

`Engine` is the port. `keeper.Keeper` is the real one (llama.cpp in a worker process), `fake.FakeEngine` the one for
tests of the agent and the window; both are held to the same contract tests.

Knows neither pipes nor llama.cpp nor the relay's frames, though a record means exactly what the protocol's step record
means: every sampled token except end-of-generation appears once, in order, in the step that sampled it.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol


class RecordKind(enum.IntEnum):
    """What a record carries; the numbers are those of the protocol."""

    TEXT = 0
    REASONING = 1
    DELTA = 2
    END = 3
    TOOL_ARGUMENTS = 4
    VECTOR = 5
    """An embedding: `index u32, f32[]`."""


CallKind = Literal["chat", "completion", "embedding"]


class Record(NamedTuple):
    """One choice's part of one or more steps.

    `ids` are the sampled tokens, packed as little-endian u32; `data` is UTF-8 text, whole code points, empty when the
    text is held back (half a character, the start of a stop string). A `DELTA` holds the JSON of one event: with
    log-probabilities all text comes so. An `END` has no ids; its data is the reason.
    """

    choice: int
    kind: int
    ids: bytes
    data: bytes


class Channel(NamedTuple):
    """What a caller has of one channel of one choice: `length` in bytes, `digest` SHA-256.

    `kind` is that of its records; text that came with log-probabilities counts as plain.
    """

    choice: int
    kind: int
    length: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Resume:
    """Where another node stopped: for each choice the ids it reported, packed as little-endian u32, and what came of
    them. All of it is unproven: the engine replays and compares, and declines with `resume_mismatch`.
    """

    prompt_digest: bytes
    ids: tuple[bytes, ...]
    channels: tuple[Channel, ...] = ()


@dataclass(frozen=True, slots=True)
class GenerateCall:
    """One answer to write, or texts to embed.

    `body` is the caller's JSON as it came. `created` (Unix seconds) is the only clock a template sees, `seed` (i64)
    decides every draw, `max_tokens` is a limit per choice on top of the body's own (0: only the prompt is counted),
    and prompt caches are shared within one `tenant` only. `n` is the number of choices.
    """

    id: int
    body: bytes
    created: int
    seed: int
    max_tokens: int
    tenant: str
    n: int = 1
    kind: CallKind = "chat"
    resume: Resume | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of this leg: what a resumed answer brought along counts as neither prompt nor completion.

    `cached_tokens` of the prompt were already in the model's memory.
    """

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Timings:
    """Milliseconds: until the call got its place, from there to the first token, from there to the end."""

    queued_ms: float = 0.0
    prefill_ms: float = 0.0
    decode_ms: float = 0.0


FinishReason = Literal["stop", "length", "tool_calls"]
DeclineReason = Literal["busy", "context", "model", "parameter", "template", "resume_mismatch"]
"""Words of the protocol's `decline`: `busy` and `model` are about this node now, the others about the request."""


class GenerateSink(Protocol):
    """Where one call's answer goes, on the loop's thread; nothing follows `finished`, `failed`, `declined` or a cancel.

    Order: `declined`, or `accepted`, any number of `records`, then `finished`; `failed` may come at any point instead.
    """

    def accepted(self, prompt_tokens: int, prompt_digest: bytes) -> None:
        """The prompt is rendered and has its place. `prompt_digest` is the SHA-256 of its ids as little-endian u32."""

    def declined(self, reason: DeclineReason, message: str) -> None: ...

    def records(self, records: list[Record]) -> None:
        """What one or more steps brought for this call, in order."""

    def finished(self, reason: FinishReason, usage: Usage, timings: Timings) -> None:
        """Every choice has had its `END`. `reason` is that of choice 0."""

    def failed(self, code: str, message: str, at_fault: Literal["node", "request"]) -> None: ...


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """A loaded model. `context` is what one call may use; `slots` how many choices can be written at once.

    `digest` (hex) stands for weights, template and the version of our own pipeline: two nodes with the same digest can
    continue each other's answers, by `ids` or, with an engine that has none, from their text (`prefill`).
    `prefill_tps` and `decode_tps` were measured at start, for one call alone.
    `unconfined` names what no mechanism keeps the model's process from: `files`, `network`, `programs`.
    `memory` is the bytes it takes, 0 if nobody told; `fit` is how well that fits what could be taken.
    `pictures`: it looks at images; `blind` says why it does not, though it was given a picture part.
    """

    name: str
    digest: str
    context: int
    slots: int
    quantisation: str
    prefill_tps: float
    decode_tps: float
    numerics: str
    resume: Literal["ids", "prefill", "none"] = "ids"
    unconfined: tuple[str, ...] = ()
    memory: int = 0
    fit: Literal["", "roomy", "tight", "partial"] = ""
    pictures: bool = False
    blind: str = ""


@dataclass(frozen=True, slots=True)
class Stopped:
    """Nothing is loaded and nothing is meant to be."""


@dataclass(frozen=True, slots=True)
class Loading:
    """A worker is starting."""


@dataclass(frozen=True, slots=True)
class Ready:
    """Calls are taken."""

    facts: ModelFacts


@dataclass(frozen=True, slots=True)
class Restarting:
    """The worker died because of `why` (a sentence); the next starts at the Unix time `at`."""

    at: float
    why: str


@dataclass(frozen=True, slots=True)
class Failed:
    """This model cannot be used, as `reason` says in a sentence; trying again would not help."""

    reason: str


WorkerState = Stopped | Loading | Ready | Restarting | Failed
OnChange = Callable[[WorkerState], None]


class Engine(Protocol):
    """Something that writes answers. All methods are called on the thread of the loop that `start` ran on."""

    @property
    def state(self) -> WorkerState: ...

    @property
    def running(self) -> int:
        """Calls submitted and not yet over."""

    async def start(self) -> None:
        """Begins to load; returns at once. Whoever gave `on_change` hears what becomes of it."""

    async def stop(self) -> None:
        """Fails what still runs and gives all memory back, within 3 s."""

    def submit(self, call: GenerateCall, sink: GenerateSink) -> None:
        """Starts a call. If the engine is not ready, `declined("model", …)` comes before this returns."""

    def cancel(self, call_id: int) -> None:
        """Ends a call without a further word to its sink. Unknown ids are ignored: the end may have crossed it."""
