"""What a caller has seen of a provider's answer, read from the very events that were written. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from relay.completions.chunks import Delta, decode_event, given
from relay.completions.envelope import ChatEnvelope
from relay.completions.seam import Cut


class Told(msgspec.Struct, frozen=True):
    """What one event of a stream says of the answer it belongs to."""

    id: str = ""
    created: int = 0
    model: str = ""


_told: Final = msgspec.json.Decoder(Told, strict=False).decode


def shown_in(events: Iterable[bytes]) -> Cut:
    """What a caller has seen, by the events that were written."""
    text: list[str] = []
    reasoning = calls = False
    for event in b"".join(events).split(b"\n\n"):
        delta = _first_delta(event)
        if delta is not None:
            text.append(delta.content if isinstance(delta.content, str) else "")
            reasoning = reasoning or bool(delta.reasoning or delta.reasoning_content)
            odd = isinstance(delta.content, list) or delta.refusal is not None
            calls = calls or odd or given(delta.tool_calls) or given(delta.function_call)
    return Cut("".join(text), in_reasoning=reasoning, tool_calls=calls)


def _first_delta(event: bytes) -> Delta | None:
    if not event.startswith(b"data:"):
        return None
    choices = decode_event(event[5:]).choices
    return choices[0].delta if choices else None


def envelope_of(events: Iterable[bytes], otherwise: ChatEnvelope) -> ChatEnvelope:
    """The writer of events like those: the same id, time and model as the caller has seen."""
    first = b"".join(events).partition(b"\n\n")[0]
    try:
        told = _told(first.removeprefix(b"data:"))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return otherwise
    return type(otherwise)(told.id, told.created, told.model) if told.id else otherwise
