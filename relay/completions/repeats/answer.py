"""A chat answer as a value: read from either form it was given in, written in either form it is asked for. Pure.

What cannot be understood field by field is no `Answer`: such an answer is given once and not again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from relay.completions.envelope import DONE, event

PIECE: Final = re.compile(r"\s*(?:\S+\s*){1,4}|\s+")
"""Four words: about what arrives in one read of a live stream."""

_TEXTS: Final = ("content", "reasoning_content", "reasoning", "refusal")
_SHARED: Final = ("created", "model", "system_fingerprint", "service_tier", "provider")

_encode = msgspec.json.encode
_decode = msgspec.json.Decoder().decode


class NotUnderstood(ValueError):
    """An answer that says something for which there is no rule."""


class Answer(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """`facts` are the top-level fields besides choices and usage, `choices` those of a plain answer."""

    facts: dict[str, Any]
    choices: list[dict[str, Any]]
    prompt_tokens: int
    completion_tokens: int

    @property
    def usage(self) -> dict[str, Any]:
        """Of an answer given again: nothing was computed, nothing is to be paid."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
            "prompt_tokens_details": {"cached_tokens": self.prompt_tokens},
            "cost": 0,
        }

    def plain(self, answer_id: str, created: int) -> bytes:
        """As the body of a plain answer."""
        head = {"id": answer_id, "object": "chat.completion"} | self.facts | {"created": created}
        return _encode(head | {"choices": self.choices, "usage": self.usage})

    def stream(self, answer_id: str, created: int, *, usage: bool) -> bytes:
        """As the events of a stream, to `[DONE]`."""
        head = {"id": answer_id, "object": "chat.completion.chunk"} | self.facts | {"created": created}
        written = [event(_encode(head | {"choices": [choice]})) for choice in self._chunks()]
        if usage:
            written.append(event(_encode(head | {"choices": [], "usage": self.usage})))
        return b"".join([*written, DONE])

    def _chunks(self) -> Iterator[dict[str, Any]]:
        for choice in self.choices:
            for delta in _deltas(choice["message"]):
                logprobs = choice.get("logprobs") if "content" in delta and "role" not in delta else None
                yield {"index": choice["index"], "delta": delta, "logprobs": logprobs, "finish_reason": None}
            end = choice["finish_reason"]
            yield {"index": choice["index"], "delta": {}, "logprobs": None, "finish_reason": end}


def _deltas(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A message in pieces. With log-probabilities its text is one piece, so that they stand where they belong."""
    yield {"role": message["role"], "content": ""}
    for name in ("reasoning_content", "reasoning", "content", "refusal"):
        text = message.get(name)
        if text:
            yield from ({name: piece} for piece in PIECE.findall(text))
    others = {name: value for name, value in message.items() if name not in (*_TEXTS, "role") and value is not None}
    if calls := others.get("tool_calls"):
        others["tool_calls"] = [{"index": at} | call for at, call in enumerate(calls)]
    if others:
        yield others


# --- reading ----------------------------------------------------------------------------------------------------------


def read_plain(body: bytes, *, prompt_tokens: int, completion_tokens: int) -> Answer:
    """From the body of a plain answer. Raises NotUnderstood."""
    try:
        whole = _decode(body)
        choices = [_checked(choice) for choice in whole["choices"]]
        return Answer(_facts(whole), choices, prompt_tokens, completion_tokens)
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError) as error:
        raise NotUnderstood(str(error)) from error


def read_stream(events: bytes, *, prompt_tokens: int, completion_tokens: int) -> Answer:
    """From the events of a stream. Raises NotUnderstood."""
    try:
        facts, choices = _gathered(events)
        read = [_checked(choices[index].plain(index)) for index in sorted(choices)]
        return Answer(facts, read, prompt_tokens, completion_tokens)
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError) as error:
        raise NotUnderstood(str(error)) from error


def merged(events: bytes) -> bytes:
    """All events so far as one, or two if usage was told. Raises NotUnderstood."""
    try:
        facts, choices = _gathered(events)
        if not choices:
            raise NotUnderstood("nothing was said yet")
        first = _decode(_payloads(events)[0])
        head = {"id": first.get("id"), "object": "chat.completion.chunk"} | facts
        written = event(_encode(head | {"choices": [choices[index].chunk(index) for index in sorted(choices)]}))
        usage = next((each["usage"] for each in map(_decode, _payloads(events)) if each.get("usage")), None)
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError) as error:
        raise NotUnderstood(str(error)) from error
    return written if usage is None else written + event(_encode(head | {"choices": [], "usage": usage}))


class _Choice:
    """One choice of a stream, growing."""

    def __init__(self) -> None:
        self.message: dict[str, Any] = {}
        self.calls: dict[int, dict[str, Any]] = {}
        self.logprobs: dict[str, Any] | None = None
        self.reason: str | None = None

    def add(self, choice: dict[str, Any]) -> None:
        for name, value in (choice.get("delta") or {}).items():
            if value is not None:
                self._add(name, value)
        for name, entries in (choice.get("logprobs") or {}).items():
            if entries is not None:
                self.logprobs = self.logprobs or {}
                self.logprobs[name] = self.logprobs.get(name, []) + entries
        self.reason = choice.get("finish_reason") or self.reason

    def _add(self, name: str, value: Any) -> None:
        if name == "role":
            self.message["role"] = value
        elif name in _TEXTS and isinstance(value, str):
            self.message[name] = self.message.get(name, "") + value
        elif name == "tool_calls":
            for piece in value:
                self._add_call(piece)
        elif value not in ("", [], {}):
            raise NotUnderstood(f"a delta of {name}")

    def _add_call(self, piece: dict[str, Any]) -> None:
        call = self.calls.setdefault(piece["index"], {"id": "", "type": "function", "function": {}})
        function = call["function"]
        for name, value in piece.items():
            if name in ("id", "type") and value:
                call[name] = value
            elif name == "function":
                function["name"] = function.get("name", "") + (value.get("name") or "")
                function["arguments"] = function.get("arguments", "") + (value.get("arguments") or "")
            elif name not in ("id", "type", "index") and value is not None:
                raise NotUnderstood(f"a tool call's {name}")

    def plain(self, index: int) -> dict[str, Any]:
        message = {"role": "assistant", "content": None, "refusal": None} | self.message
        if self.calls:
            message |= {"content": message["content"] or None}
            message["tool_calls"] = [self.calls[at] for at in sorted(self.calls)]
        return {"index": index, "message": message, "logprobs": self._told(), "finish_reason": self.reason}

    def chunk(self, index: int) -> dict[str, Any]:
        delta = dict(self.message)
        if self.calls:
            delta["tool_calls"] = [{"index": at} | self.calls[at] for at in sorted(self.calls)]
        return {"index": index, "delta": delta, "logprobs": self._told(), "finish_reason": self.reason}

    def _told(self) -> dict[str, Any] | None:
        return None if self.logprobs is None else {"content": None, "refusal": None} | self.logprobs


def _gathered(events: bytes) -> tuple[dict[str, Any], dict[int, _Choice]]:
    facts: dict[str, Any] = {}
    choices: dict[int, _Choice] = {}
    for payload in _payloads(events):
        whole = _decode(payload)
        if whole.get("error"):
            raise NotUnderstood("an error")
        facts |= _facts(whole)
        for choice in whole.get("choices") or ():
            choices.setdefault(choice["index"], _Choice()).add(choice)
    return facts, choices


def _payloads(events: bytes) -> list[bytes]:
    lines = (line[5:].strip() for line in events.split(b"\n") if line.startswith(b"data:"))
    return [line for line in lines if line != b"[DONE]"]


def _facts(whole: dict[str, Any]) -> dict[str, Any]:
    return {name: whole[name] for name in _SHARED if whole.get(name) is not None}


def _checked(choice: dict[str, Any]) -> dict[str, Any]:
    """A whole choice. Raises what a dictionary raises, or NotUnderstood, for one that is not."""
    message = choice["message"]
    if not isinstance(choice["index"], int) or not isinstance(choice["finish_reason"], str):
        raise NotUnderstood("a choice without index or end")
    if any(not isinstance(message.get(name), str | None) for name in _TEXTS):
        raise NotUnderstood("a text that is none")
    return choice | {"message": {"role": "assistant"} | message}
