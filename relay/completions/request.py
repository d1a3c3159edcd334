"""What the relay reads of a caller's body. Everything else passes through untouched.

Only the fields that admission, routing and accounting need are decoded; messages stay bytes.
"""

from __future__ import annotations

import re
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from relay.completions.refusal import Refusal, bad_request

MAX_DEPTH: Final = 32
MAX_MESSAGES: Final = 512
MAX_TOOLS: Final = 128
MAX_CHOICES: Final = 8
MAX_COMPLETION_TOKENS: Final = 1_048_576

TEMPLATE_MARGIN: Final = 256
"""Tokens a chat template may add to a prompt, for the upper bound of a hold."""

Limit = Annotated[int, Meta(ge=1, le=MAX_COMPLETION_TOKENS)]


class StreamOptions(msgspec.Struct, frozen=True, gc=False):
    """`stream_options` of the body."""

    include_usage: bool | None = None


class ChatBody(msgspec.Struct, frozen=True):
    """The typed part of a chat completion's body, with its bounds. Messages stay bytes."""

    model: Annotated[str, Meta(min_length=1, max_length=256)]
    messages: Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=MAX_MESSAGES)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Limit | None = None
    max_completion_tokens: Limit | None = None
    n: Annotated[int, Meta(ge=1, le=MAX_CHOICES)] | None = None
    seed: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    logprobs: bool | None = None
    tools: Annotated[list[msgspec.Raw], Meta(max_length=MAX_TOOLS)] | None = None


class ChatRequest(msgspec.Struct, frozen=True, gc=False):
    """A call as the relay understands it. `raw` are the caller's own bytes."""

    raw: bytes
    model: str
    stream: bool
    include_usage: bool
    max_tokens: int | None
    n: int
    seed: int | None
    logprobs: bool = False
    tools: bool = False

    @property
    def prompt_bound(self) -> int:
        """Tokens the prompt can have at most: a token is at least one byte."""
        return len(self.raw) + TEMPLATE_MARGIN


_decode = msgspec.json.Decoder(ChatBody).decode
_NESTING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?+|[\[\]{}]', re.DOTALL)
"""A string or a bracket. Linear in any input: it gives nothing back, and takes a string without its end as a string."""
_WHERE = re.compile(r"`\$\.?([^`]*)`$")
_MISSING = re.compile(r"missing required field `(\w+)`")


def parse(raw: bytes) -> ChatRequest:
    """Decode and check a body.

    Raises:
        Refusal: 400 with the field at fault, as OpenAI's API words it.
    """
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH:  # with fewer it cannot be nested deeper
        _check_depth(raw)
    try:
        body = _decode(raw)
    except msgspec.ValidationError as error:
        raise _explain(str(error)) from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        message = "We could not parse the JSON body of your request. Send one JSON object, encoded as UTF-8."
        raise bad_request(message, code="invalid_json") from error
    options = body.stream_options
    if options is not None and not body.stream:
        raise bad_request("'stream_options' is only allowed when 'stream' is true.", param="stream_options")
    limit = body.max_completion_tokens
    return ChatRequest(
        raw,
        body.model,
        bool(body.stream),
        options is not None and bool(options.include_usage),
        body.max_tokens if limit is None else limit,
        1 if body.n is None else body.n,
        body.seed,
        bool(body.logprobs),
        bool(body.tools),
    )


def _explain(problem: str) -> Refusal:
    if missing := _MISSING.search(problem):
        field = missing.group(1)
        message = f"Missing required parameter: '{field}'."
        return bad_request(message, param=field, code="missing_required_parameter")
    where = _WHERE.search(problem)
    field = where.group(1) if where and where.group(1) else None
    what = problem.split(" - at ", maxsplit=1)[0].replace("`", "'")
    return bad_request(
        f"Invalid type for '{field}': {what}." if field else f"{what}.", param=field, code="invalid_type"
    )


def _check_depth(raw: bytes) -> None:
    """Refuse a body nested deeper than 32, before any parser walks down it."""
    depth = 0
    for match in _NESTING.finditer(raw):
        token = raw[match.start()]
        if token in b"{[":
            depth += 1
            if depth > MAX_DEPTH:
                raise bad_request(f"The JSON body is nested more than {MAX_DEPTH} levels deep.", code="invalid_json")
        elif token in b"}]":
            depth -= 1


def patched(raw: bytes, changes: dict[str, object]) -> bytes:
    """The caller's object with some top-level fields replaced; every other value keeps its very bytes."""
    if not changes:
        return raw
    fields: dict[str, object] = dict(msgspec.json.decode(raw, type=dict[str, msgspec.Raw]))
    fields.update(changes)
    return msgspec.json.encode(fields)
