"""What the relay reads of a caller's body. Everything else passes through untouched.

Only the fields that admission, routing and accounting need are decoded; messages stay bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import msgspec

from relay.completions.refusal import Refusal, bad_request

MAX_DEPTH = 32
MAX_MESSAGES = 512
MAX_TOOLS = 128
MAX_CHOICES = 8
MAX_COMPLETION_TOKENS = 1_048_576
MIN_SEED, MAX_SEED = -(2**63), 2**63 - 1

TEMPLATE_MARGIN = 256
"""Tokens a chat template may add to a prompt, for the upper bound of a hold."""


class StreamOptions(msgspec.Struct):
    """`stream_options` of the body."""

    include_usage: bool | None = None


class ChatBody(msgspec.Struct):
    """The typed part of a chat completion's body."""

    model: str
    messages: list[msgspec.Raw]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    n: int | None = None
    seed: int | None = None
    tools: list[msgspec.Raw] | None = None


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A call as the relay understands it. `raw` are the caller's own bytes."""

    raw: bytes
    model: str
    stream: bool
    include_usage: bool
    max_tokens: int | None
    n: int
    seed: int | None
    has_tools: bool

    @property
    def prompt_bound(self) -> int:
        """Tokens the prompt can have at most: a token is at least one byte."""
        return len(self.raw) + TEMPLATE_MARGIN


_decode = msgspec.json.Decoder(ChatBody).decode
_NESTING = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_FIELD = re.compile(r"`\$\.?([^`]*)`$")
_MISSING = re.compile(r"missing required field `(\w+)`")


def parse(raw: bytes) -> ChatRequest:
    """Decode and check a body.

    Raises:
        Refusal: 400 with the field at fault, as OpenAI's API words it.
    """
    _check_depth(raw)
    try:
        body = _decode(raw)
    except msgspec.ValidationError as error:
        raise _explain(str(error)) from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        message = "We could not parse the JSON body of your request. Send one JSON object, encoded as UTF-8."
        raise bad_request(message, code="invalid_json") from error
    return _checked(raw, body)


def _checked(raw: bytes, body: ChatBody) -> ChatRequest:
    max_tokens = body.max_completion_tokens if body.max_completion_tokens is not None else body.max_tokens
    n = 1 if body.n is None else body.n
    if not body.model:
        raise bad_request("you must provide a model parameter", param="model", code="missing_required_parameter")
    if not body.messages:
        raise bad_request("'messages' must hold at least one message.", param="messages")
    if len(body.messages) > MAX_MESSAGES:
        raise bad_request(f"'messages' may hold at most {MAX_MESSAGES} messages.", param="messages")
    if body.tools is not None and len(body.tools) > MAX_TOOLS:
        raise bad_request(f"'tools' may hold at most {MAX_TOOLS} tools.", param="tools")
    if max_tokens is not None and not 1 <= max_tokens <= MAX_COMPLETION_TOKENS:
        field = "max_tokens" if body.max_completion_tokens is None else "max_completion_tokens"
        raise bad_request(f"'{field}' must be between 1 and {MAX_COMPLETION_TOKENS}.", param=field)
    if not 1 <= n <= MAX_CHOICES:
        raise bad_request(f"'n' must be between 1 and {MAX_CHOICES}.", param="n")
    if body.seed is not None and not MIN_SEED <= body.seed <= MAX_SEED:
        raise bad_request("'seed' must fit in 64 bits.", param="seed")
    options = body.stream_options
    if options is not None and not body.stream:
        raise bad_request("'stream_options' is only allowed when 'stream' is true.", param="stream_options")
    return ChatRequest(
        raw,
        body.model,
        bool(body.stream),
        options is not None and bool(options.include_usage),
        max_tokens,
        n,
        body.seed,
        bool(body.tools),
    )


def _explain(problem: str) -> Refusal:
    if missing := _MISSING.search(problem):
        field = missing.group(1)
        message = f"Missing required parameter: '{field}'."
        return bad_request(message, param=field, code="missing_required_parameter")
    where = _FIELD.search(problem)
    field = where.group(1) if where and where.group(1) else None
    what = problem.split(" - at ", maxsplit=1)[0].replace("`", "'")
    return bad_request(
        f"Invalid type for '{field}': {what}." if field else f"{what}.", param=field, code="invalid_type"
    )


def _check_depth(raw: bytes) -> None:
    """Refuse a body nested deeper than 32. A body with few brackets cannot be, so most are never scanned."""
    if raw.count(b"{") + raw.count(b"[") <= MAX_DEPTH:
        return
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
