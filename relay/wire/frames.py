"""What relay and node say to each other, version 1.

Every WebSocket message is binary: `kind u8, payload`, integers little-endian. Control frames carry one JSON object,
given here as a struct (unknown fields are ignored, `bytes` travel as base64). Three frames are packed instead, because
they carry other people's bytes or are many: `CALL`, `BODY` and `STEP`; `codec` knows their layout.

This module only names things. `codec` turns them into bytes, `session` says which may come when.
"""

from __future__ import annotations

import enum
from typing import Annotated, ClassVar, Final, Literal, NewType

import msgspec
from msgspec import Meta
from typing_extensions import override

from relay.wire.fields import (
    FRAME_BYTES,
    MAX_CHOICES,
    MAX_LEG_ID,
    MAX_PAYLOAD,
    Choice,
    Count,
    Digest,
    Milliseconds,
    Moment,
    Name,
    Nonce,
    Positive,
    Rate,
    Seconds,
    Secret,
    Signature,
    Text,
    Unsigned,
    Version,
    Wide,
    Word,
    Words,
)

LegId = NewType("LegId", int)
"""u32, allocated by the relay, rising, never reused within a session."""

Leg = Annotated[LegId, Meta(ge=1, le=MAX_LEG_ID)]

PicoDollars = NewType("PicoDollars", int)
"""A price per token: pico-dollars a token, which is micro-dollars per million tokens."""

Price = Annotated[PicoDollars, Meta(ge=0, le=10**15)]


class Kind(enum.IntEnum):
    """First byte of a message. Those with the high bit set may be ignored by who does not know them."""

    CHALLENGE = 0x01
    WELCOME = 0x02
    REFUSE = 0x03
    CALL = 0x04
    BODY = 0x05
    CANCEL = 0x06
    BYE = 0x07

    HELLO = 0x11
    ADVERTISE = 0x12
    STATUS = 0x13
    ACCEPT = 0x14
    DECLINE = 0x15
    STEP = 0x16
    FINISH = 0x17
    FAIL = 0x18
    YIELD = 0x19
    DRAIN = 0x1A

    PRICES = 0x81
    NOTE = 0x82
    ACCOUNT = 0x83


class Frame(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A control frame. `KIND` is its first byte on the wire."""

    KIND: ClassVar[Kind]


# --- opening -------------------------------------------------------------------------------------------------------


class Challenge(Frame, frozen=True, kw_only=True, omit_defaults=True):
    """First frame of a link, from the relay, which thereby proves that it holds the key pinned at enrolment."""

    KIND = Kind.CHALLENGE
    nonce: Nonce
    relay_id: Word
    relay_signature: Signature
    versions: Annotated[list[Version], Meta(min_length=1, max_length=16)]
    time: Unsigned


class HelloBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a node says of itself. Sent inside `Hello` as the very bytes that were signed."""

    node_id: Word
    key_id: Word
    version: Version
    app_version: Word = ""
    os: Name = ""
    hardware: Annotated[dict[Word, Name | Wide | float], Meta(max_length=64)] = {}
    features: Words = []
    parted: Annotated[list[Leg], Meta(max_length=256)] = []


class Hello(Frame, frozen=True, kw_only=True, omit_defaults=True):
    """The node's proof. `body` is the JSON of a `HelloBody`; `link` an HMAC by the link secret, empty at first."""

    KIND = Kind.HELLO
    body: Annotated[bytes, Meta(max_length=8 * 1024)]
    signature: Signature
    link: Digest = b""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What the relay lets one socket send; the defaults are those of the protocol."""

    frame_bytes: Positive = FRAME_BYTES
    frames_per_s: Positive = 500
    burst_frames: Positive = 1000
    bytes_per_s: Positive = 4 * 1024 * 1024


class Welcome(Frame, frozen=True, kw_only=True, omit_defaults=True):
    """The session has begun. `epoch` rises with every session of this node; frames of an older one are refused."""

    KIND = Kind.WELCOME
    session: Word
    epoch: Unsigned
    heartbeat_s: Annotated[float, Meta(gt=0, le=3600)]
    limits: Limits
    link_secret: Secret
    token: Name = ""

    @override
    def __repr__(self) -> str:
        return f"Welcome(session={self.session!r}, epoch={self.epoch}, link_secret=***, token=***)"


class Refuse(Frame, frozen=True, kw_only=True, omit_defaults=True):
    """No session, and why. `code` is the WebSocket close code that follows."""

    KIND = Kind.REFUSE
    code: Annotated[int, Meta(ge=1000, le=4999)]
    message: Text
    retry_after: Seconds | None = None


# --- ready ---------------------------------------------------------------------------------------------------------


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What the owner asks for a token, in pico-dollars."""

    prompt: Price
    completion: Price


IMAGES: Final = "images"


class AdvertisedModel(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One model a node can serve now. `slots` is how many calls of it can run at once.

    `features` are the body's fields that it supports, if it says, and IMAGES if it takes images.
    """

    model: Name
    digest: Name
    context: Count
    slots: Annotated[int, Meta(ge=0, le=1024)]
    quantisation: Word = ""
    warm: bool = True
    prefill_tps: Rate = 0.0
    decode_tps: Rate = 0.0
    features: Words = []
    resume: Literal["ids", "prefill", "none"] = "none"
    numerics: Name = ""
    ask: Ask | None = None


class Advertise(Frame, frozen=True, kw_only=True, omit_defaults=True):
    """Replaces everything advertised before."""

    KIND = Kind.ADVERTISE
    models: Annotated[list[AdvertisedModel], Meta(max_length=256)]


class Status(Frame, frozen=True, kw_only=True, omit_defaults=True):
    """On every change and each heartbeat. `reason` is a word of the sharing state; `until` is a Unix time."""

    KIND = Kind.STATUS
    sharing: bool
    reason: Word
    free_slots: Annotated[int, Meta(ge=0, le=65535)]
    until: Moment | None = None
    load: Rate = 0.0


class Prices(Frame, frozen=True, kw_only=True, omit_defaults=True):
    """What the relay pays owners now, by model; informs, binds nobody."""

    KIND = Kind.PRICES
    models: Annotated[dict[Name, Ask], Meta(max_length=4096)]


class Note(Frame, frozen=True, kw_only=True, omit_defaults=True):
    """A word from the relay's operator to the owner."""

    KIND = Kind.NOTE
    level: Literal["info", "warning"]
    text: Text


class Account(Frame, frozen=True, kw_only=True, omit_defaults=True):
    """What this node has earned, in nano-dollars; `today` and `month` are by UTC."""

    KIND = Kind.ACCOUNT
    today: Wide
    month: Wide
    lifetime: Wide
    answers_today: Count = 0


# --- calls ---------------------------------------------------------------------------------------------------------


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """How far one channel of one choice has been delivered: its length in bytes and SHA-256."""

    choice: Choice
    channel: Annotated[int, Meta(ge=0, le=255)]
    bytes: Count
    digest: Digest


class Resume(msgspec.Struct, frozen=True, kw_only=True):
    """Where another node stopped; the delivered ids follow as a binary part."""

    leg: Leg
    position: Annotated[int, Meta(ge=0, le=2**22)]
    prompt_digest: Digest
    channels: Annotated[list[Channel], Meta(max_length=4 * MAX_CHOICES)]


class CallHeader(Frame, frozen=True, kw_only=True, omit_defaults=True):
    """What the relay says of a call to whichever node it offers it to.

    `created` is the only clock a template may see; `seed` is always set; `tenant` separates prefix caches.
    `max_tokens` is the relay's own limit for the completion, at most what the body asks for.
    """

    created: Unsigned
    model: Name
    kind: Literal["chat", "completion", "embedding"]
    n: Annotated[int, Meta(ge=1, le=MAX_CHOICES)]
    deadline_s: Seconds
    seed: Wide
    tenant: Word
    max_tokens: Count
    resume: Resume | None = None


class Call(CallHeader, frozen=True, kw_only=True, omit_defaults=True):
    """One attempt offered to a node. Its payload follows in the same message or, when large, as `BODY` frames.

    The payload is the caller's body (its bytes, unchanged) and, when resuming, the delivered ids as u32.
    """

    KIND = Kind.CALL
    id: Leg
    body_len: Annotated[int, Meta(ge=0, le=MAX_PAYLOAD)]

    @property
    def payload_len(self) -> int:
        """Bytes of body and ids together."""
        return self.body_len + (4 * self.resume.position if self.resume else 0)


class Cancel(Frame, frozen=True, kw_only=True, omit_defaults=True):
    """The relay has closed this leg: stop, and send nothing more for it."""

    KIND = Kind.CANCEL
    id: Leg


class Accept(Frame, frozen=True, kw_only=True, omit_defaults=True):
    """`prompt_digest` is the SHA-256 of the prompt's token ids as little-endian u32.

    A call with a large body is accepted twice: first its header, with no tokens and no digest, which asks for the
    body; then, with the body there, its prompt.
    """

    KIND = Kind.ACCEPT
    id: Leg
    prompt_tokens: Count
    prompt_digest: Digest


class Decline(Frame, frozen=True, kw_only=True, omit_defaults=True):
    """Not this call, not now, nobody's fault: busy, draining, context, model, parameter, template, resume_mismatch."""

    KIND = Kind.DECLINE
    id: Leg
    reason: Word
    message: Text = ""
    retry_after: Seconds | None = None


class StepKind(enum.IntEnum):
    """What a step record carries."""

    TEXT = 0
    REASONING = 1
    DELTA = 2
    END = 3
    TOOL_ARGUMENTS = 4
    VECTOR = 5
    """One of the vectors that a call of kind `embedding` asked for: `index u32, f32[]`, little-endian."""


FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]
FINISH_REASONS: tuple[FinishReason, ...] = ("stop", "length", "tool_calls", "content_filter")
"""The text of an `END` record, and the values of `Finish.reason`."""


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens as the node counted them: evidence, not truth."""

    prompt_tokens: Count
    completion_tokens: Count
    cached_tokens: Count = 0


class Timings(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds."""

    queued_ms: Milliseconds = 0.0
    prefill_ms: Milliseconds = 0.0
    decode_ms: Milliseconds = 0.0


class Finish(Frame, frozen=True, kw_only=True, omit_defaults=True):
    """The answer is whole. `reason` is the finish reason of choice 0."""

    KIND = Kind.FINISH
    id: Leg
    reason: FinishReason
    usage: Usage
    timings: Timings = Timings()
    transcript: Annotated[bytes, Meta(max_length=64 * 1024)] = b""


class Fail(Frame, frozen=True, kw_only=True, omit_defaults=True):
    """The answer cannot go on. `at_fault` names who: the node itself, or the request it was given."""

    KIND = Kind.FAIL
    id: Leg
    code: Word
    message: Text
    at_fault: Literal["node", "request"] = "node"


class Yield(Frame, frozen=True, kw_only=True, omit_defaults=True):
    """The owner needs the PC: what was delivered stands, the rest is for another node."""

    KIND = Kind.YIELD
    id: Leg
    delivered_tokens: Count
    reason: Word


# --- end -----------------------------------------------------------------------------------------------------------


class Drain(Frame, frozen=True, kw_only=True, omit_defaults=True):
    """No new calls, please; running ones finish."""

    KIND = Kind.DRAIN
    reason: Word


class Bye(Frame, frozen=True, kw_only=True, omit_defaults=True):
    """The relay is going; `code` is the close code that follows."""

    KIND = Kind.BYE
    code: Annotated[int, Meta(ge=1000, le=4999)]
    retry_after: Seconds | None = None


class CloseCode(enum.IntEnum):
    """WebSocket close codes of the protocol."""

    VIOLATION = 4400
    NOT_AUTHENTICATED = 4401
    REVOKED = 4403
    TOO_SLOW = 4408
    REPLACED = 4409
    TOO_MANY = 4429
    GOING_AWAY = 4503
