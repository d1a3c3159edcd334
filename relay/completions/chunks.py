"""What the relay reads in a provider's answer: structs of the few fields that matter, everything else is skipped."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

ABSENT = msgspec.Raw(b"")
MAX_COUNT: Final = 2**24
"""Tokens of one call: more than any model's context, few enough that no price makes them overflow the books."""

Count = Annotated[int, Meta(ge=0, le=MAX_COUNT)]

_NOTHING: Final = frozenset({b"", b"null", b"false", b"[]", b"{}"})


class Usage(msgspec.Struct, frozen=True, gc=False):
    """Tokens as the provider counted them."""

    prompt_tokens: Count = 0
    completion_tokens: Count = 0


class Delta(msgspec.Struct, frozen=True, gc=False):
    """What an event adds to a choice."""

    content: str | list[msgspec.Raw] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: msgspec.Raw = ABSENT
    function_call: msgspec.Raw = ABSENT


class Choice(msgspec.Struct, frozen=True, gc=False):
    """One choice of an event."""

    index: int | None = 0
    delta: Delta | None = None
    text: str | None = None
    """Of a text completion, in place of `delta`."""
    finish_reason: str | None = None


class Event(msgspec.Struct, frozen=True):
    """One chunk of a stream."""

    choices: list[Choice] | None = None
    usage: msgspec.Raw = ABSENT
    error: msgspec.Raw = ABSENT


class AnswerChoice(msgspec.Struct, frozen=True, gc=False):
    """One choice of a plain answer."""

    message: msgspec.Raw = ABSENT
    text: msgspec.Raw = ABSENT
    finish_reason: str | None = None


class Answer(msgspec.Struct, frozen=True):
    """A plain answer."""

    choices: list[AnswerChoice] | None = None
    data: list[msgspec.Raw] | None = None
    """The vectors of an embedding."""
    usage: msgspec.Raw = ABSENT
    error: msgspec.Raw = ABSENT


def given(value: msgspec.Raw) -> bool:
    """Whether a field of any type is there and says something."""
    return bytes(value) not in _NOTHING


def read_usage(value: msgspec.Raw) -> Usage | None:
    """The provider's counts; None if it gave none, or none that can be: that is no reason to break off its answer."""
    if not given(value):
        return None
    try:
        return _decode_usage(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def has_content(delta: Delta | None) -> bool:
    """Whether an event brings something a caller can see: text, reasoning, a refusal, a tool call."""
    if delta is None:
        return False
    return bool(
        delta.content
        or delta.refusal
        or delta.reasoning_content
        or delta.reasoning
        or given(delta.tool_calls)
        or given(delta.function_call)
    )


decode_event = msgspec.json.Decoder(Event).decode
decode_answer = msgspec.json.Decoder(Answer).decode
_decode_usage = msgspec.json.Decoder(Usage, strict=False).decode
