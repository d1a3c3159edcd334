"""What a `DELTA` record holds: one event of an answer that is more than text.

The struct is the check: the relay writes its own event from these values, so a node cannot forge an envelope.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from relay.wire.fields import Name, Word


class ToolCallPiece(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A piece of a tool call. The relay renumbers `index` and gives the id its own name."""

    index: Annotated[int, Meta(ge=0, lt=128)]
    id: Word = ""
    name: Name = ""
    arguments: str = ""


class Alternative(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A token that could have been, with its natural logarithm of probability."""

    token: str
    logprob: float
    bytes: Annotated[list[Annotated[int, Meta(ge=0, le=255)]], Meta(max_length=1024)] | None = None


class TokenLogprob(Alternative, frozen=True, kw_only=True, omit_defaults=True):
    """The token that was sampled, and the likeliest of the others."""

    top_logprobs: Annotated[list[Alternative], Meta(max_length=20)] = []


class Delta(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event of an answer that is more than text: the bytes of a `DELTA` record."""

    content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: Annotated[list[ToolCallPiece], Meta(max_length=128)] = []
    logprobs: Annotated[list[TokenLogprob], Meta(max_length=4096)] = []
