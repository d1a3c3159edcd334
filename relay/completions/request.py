"""What the relay reads of a caller's body. Everything else passes through untouched.

Only the fields that admission, routing and accounting need are decoded; messages stay bytes.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from relay.completions.body import ChatBody, decode
from relay.completions.refusal import Refusal, bad_request

MAX_DEPTH: Final = 32
TEMPLATE_MARGIN: Final = 256
"""Tokens a chat template may add to a prompt, for the upper bound of a hold."""


class ChatRequest:
    """A call as the relay understands it. `raw` are the caller's own bytes. Never changed once made."""

    def __init__(self, raw: bytes, body: ChatBody) -> None:
        options, limit = body.stream_options, body.max_completion_tokens
        self.raw = raw
        self.model = body.model
        self.stream = bool(body.stream)
        self.include_usage = options is not None and bool(options.include_usage)
        self.max_tokens = body.max_tokens if limit is None else limit
        self.n = body.n or 1
        self.seed = body.seed
        self.logprobs = bool(body.logprobs)
        self.tools = bool(body.tools)
        self.prompt_bound = len(raw) + TEMPLATE_MARGIN
        """Tokens the prompt can have at most: a token is at least one byte."""


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
        body = decode(raw)
    except msgspec.ValidationError as error:
        raise _explain(str(error)) from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        message = "We could not parse the JSON body of your request. Send one JSON object, encoded as UTF-8."
        raise bad_request(message, code="invalid_json") from error
    if body.stream_options is not None and not body.stream:
        raise bad_request("'stream_options' is only allowed when 'stream' is true.", param="stream_options")
    return ChatRequest(raw, body)


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
