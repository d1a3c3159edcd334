"""The bytes a caller reads: response heads, OpenAI objects, SSE events, error objects. Pure.

For answers from nodes the relay writes every envelope itself, so that a node can forge neither an id nor an end.
"""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, ClassVar

import msgspec

from relay.completions.refusal import Refusal
from relay.completions.usage import usage_object
from relay.wire.deltas import Alternative, TokenLogprob

MAX_RETRY_S = 86_400
"""A day: what an upstream asks for beyond that is no advice."""

DONE = b"data: [DONE]\n\n"
PING = b": ping\n\n"
JSON_TYPE = b"content-type: application/json\r\n"
STREAM_TYPE = b"content-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n"

_encode = msgspec.json.encode


def status_line(status: int) -> bytes:
    """The first line of an HTTP/1.1 response."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()


def error_object(refusal: Refusal) -> dict[str, object]:
    """OpenAI's error object; `metadata` only where there is some."""
    body: dict[str, object] = {
        "message": refusal.message,
        "type": refusal.kind,
        "param": refusal.param,
        "code": refusal.code,
    }
    if refusal.metadata:
        body["metadata"] = refusal.metadata
    return body


def error_headers(refusal: Refusal, request_id: str) -> bytes:
    """The header block of an error answer."""
    headers = JSON_TYPE + b"x-request-id: " + request_id.encode() + b"\r\n"
    if refusal.retry_after is not None:
        headers += b"retry-after: %d\r\n" % round(min(max(refusal.retry_after, 1), MAX_RETRY_S))
    return headers


def error_body(refusal: Refusal) -> bytes:
    """The body of an error answer."""
    return _encode({"error": error_object(refusal)})


def event(data: bytes) -> bytes:
    """One SSE event."""
    return b"data: " + data + b"\n\n"


class ChatEnvelope:
    """Writes one answer's objects: the same id, time and model in each of them."""

    __slots__ = ("_created", "_id", "_model", "_prefix")
    OBJECT: ClassVar = "chat.completion.chunk"
    ANSWER: ClassVar = "chat.completion"

    def __init__(self, answer_id: str, created: int, model: str) -> None:
        self._id = answer_id
        self._created = created
        self._model = model
        head = _encode({"id": answer_id, "object": self.OBJECT, "created": created, "model": model})
        self._prefix = b"data: " + head[:-1] + b',"choices":['

    def content(self, choice: int, text: str) -> bytes:
        """A piece of visible text."""
        return b'%b{"index":%d,"delta":{"content":%b},"logprobs":null,"finish_reason":null}]}\n\n' % (
            self._prefix,
            choice,
            _encode(text),
        )

    def measured(self, choice: int, delta: dict[str, str], logprobs: dict[str, Any]) -> bytes:
        """A piece of text with what `told` made of its tokens' log-probabilities."""
        body = {"index": choice, "delta": delta, "logprobs": logprobs, "finish_reason": None}
        return self._prefix + _encode(body) + b"]}\n\n"

    def reasoning(self, choice: int, text: str) -> bytes:
        """A piece of what the model thinks aloud."""
        return self._delta(choice, {"reasoning_content": text})

    def calls(self, choice: int, pieces: list[dict[str, Any]]) -> bytes:
        """Pieces of calls of tools."""
        return self._delta(choice, {"tool_calls": pieces})

    def role(self, choice: int) -> bytes:
        """The event that opens a choice."""
        return self._delta(choice, {"role": "assistant", "content": ""})

    def finish(self, choice: int, reason: str) -> bytes:
        """The event that ends a choice."""
        return self._delta(choice, {}, reason)

    def usage(self, prompt: int, completion: int, cost: int) -> bytes:
        """The event asked for by `stream_options.include_usage`; `cost` in nano-dollars."""
        return b'%b],"usage":%b}\n\n' % (self._prefix, _encode(usage_object(prompt, completion, cost)))

    def more(self, fields: bytes) -> bytes:
        """An event that says nothing of the answer; `fields` is a JSON object of what it does say."""
        return self._prefix + b"]," + fields[1:] + b"\n\n"

    def error(self, refusal: Refusal) -> bytes:
        """An error after the head has left: the stream has no `[DONE]` after it."""
        choices = [{"index": 0, "delta": {}, "finish_reason": "error"}]
        body = {
            "id": self._id,
            "object": self.OBJECT,
            "created": self._created,
            "model": self._model,
            "choices": choices,
            "error": error_object(refusal),
        }
        return event(_encode(body))

    def whole(self, choices: list[dict[str, Any]], prompt: int, completion: int, cost: int) -> bytes:
        """A plain answer; `cost` in nano-dollars."""
        return _encode(
            {
                "id": self._id,
                "object": self.ANSWER,
                "created": self._created,
                "model": self._model,
                "choices": choices,
                "usage": usage_object(prompt, completion, cost),
            }
        )

    def _delta(self, choice: int, delta: dict[str, Any], reason: str | None = None) -> bytes:
        body = {"index": choice, "delta": delta, "logprobs": None, "finish_reason": reason}
        return self._prefix + _encode(body) + b"]}\n\n"


class TextEnvelope(ChatEnvelope):
    """As `ChatEnvelope`, for a text completion: its choices have a text and no role."""

    OBJECT = ANSWER = "text_completion"

    def content(self, choice: int, text: str) -> bytes:
        return self._text(choice, text)

    def measured(self, choice: int, delta: dict[str, str], logprobs: dict[str, Any]) -> bytes:
        return self._text(choice, delta.get("content", ""), _older(logprobs))

    def reasoning(self, choice: int, text: str) -> bytes:
        return self._text(choice, text)

    def role(self, choice: int) -> bytes:  # noqa: ARG002 - the base's
        return b""

    def finish(self, choice: int, reason: str) -> bytes:
        return self._text(choice, "", reason=reason)

    def whole(self, choices: list[dict[str, Any]], prompt: int, completion: int, cost: int) -> bytes:
        return super().whole([_as_text(choice) for choice in choices], prompt, completion, cost)

    def _text(
        self, choice: int, text: str, logprobs: dict[str, Any] | None = None, *, reason: str | None = None
    ) -> bytes:
        body = {"index": choice, "text": text, "logprobs": logprobs, "finish_reason": reason}
        return self._prefix + _encode(body) + b"]}\n\n"


def _as_text(choice: dict[str, Any]) -> dict[str, Any]:
    logprobs = choice["logprobs"]
    return {
        "index": choice["index"],
        "text": choice["message"]["content"],
        "logprobs": None if logprobs is None else _older(logprobs),
        "finish_reason": choice["finish_reason"],
    }


def _older(logprobs: dict[str, Any]) -> dict[str, Any]:
    """The log-probabilities of a chat in the form that text completions have; offsets are within this piece."""
    entries = logprobs["content"]
    offsets, at = [], 0
    for entry in entries:
        offsets.append(at)
        at += len(entry["token"])
    return {
        "tokens": [entry["token"] for entry in entries],
        "token_logprobs": [entry["logprob"] for entry in entries],
        "top_logprobs": [{top["token"]: top["logprob"] for top in entry["top_logprobs"]} for entry in entries],
        "text_offset": offsets,
    }


def told(entries: Sequence[TokenLogprob]) -> dict[str, Any]:
    """OpenAI's `logprobs` object of a choice. A node leaves `bytes` out where they are those of the token's text."""
    content = [_named(entry) | {"top_logprobs": [_named(other) for other in entry.top_logprobs]} for entry in entries]
    return {"content": content, "refusal": None}


def _named(entry: Alternative) -> dict[str, Any]:
    raw = list(entry.token.encode()) if entry.bytes is None else entry.bytes
    return {"token": entry.token, "logprob": entry.logprob, "bytes": raw}
