"""A call as an OpenAI-format server reads it, and its answer as records. Pure.

A body is checked by the same code as for our own engine, and only fields on a list are passed on, so a caller reaches
nothing of the server that we do not know: no other model, no file, no tool of its own.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from desktop.inference.fields import json_object
from desktop.inference.generation import FinishReason, GenerateCall, Record, RecordKind, Usage
from desktop.inference.local_server.event_stream import StreamBroken
from desktop.inference.parameters import parse_chat

_PASSED_ON: Final = (
    "messages", "temperature", "top_p", "top_k", "min_p", "stop", "n", "presence_penalty", "frequency_penalty",
    "repetition_penalty", "logit_bias", "response_format", "tools", "tool_choice", "parallel_tool_calls", "logprobs",
    "top_logprobs", "reasoning_effort",
)  # fmt: skip

_REASONS: Final[dict[str, FinishReason]] = {
    "stop": "stop", "length": "length", "tool_calls": "tool_calls", "function_call": "tool_calls",
}  # fmt: skip


def server_body(call: GenerateCall, model: str, *, pictures: bool = False) -> bytes:
    """What is sent for `call`, with the server's own name of the model. Raises ParameterRefused, naming the field.

    `pictures`: the server looks at images. Only those in the request itself are passed on, so that it fetches nothing.
    """
    request = parse_chat(call.body, marker="" if pictures else None)
    fields = json_object(call.body)
    passed = {name: fields[name] for name in _PASSED_ON if name in fields}
    limit = min(call.max_tokens, request.max_tokens or call.max_tokens)
    ours = {
        "model": model,
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_tokens": limit,
        "seed": call.seed & 0x7FFFFFFF,
    }
    return msgspec.json.encode(passed | ours)


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _ToolCall(msgspec.Struct):
    index: int = 0
    id: str | None = None
    function: _Function | None = None


class _Delta(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    """Ollama's and OpenRouter's word for it."""

    tool_calls: list[_ToolCall] | None = None


class _Logprobs(msgspec.Struct):
    content: list[dict[str, Any]] | None = None


class _Choice(msgspec.Struct):
    index: int = 0
    delta: _Delta | None = None
    logprobs: _Logprobs | None = None
    finish_reason: str | None = None


class _Details(msgspec.Struct):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: _Details | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] = []
    usage: _Usage | None = None
    error: Any = None


_decoder: Final = msgspec.json.Decoder(_Chunk)
_encode: Final = msgspec.json.Encoder().encode


class AnswerReader:
    """One answer of `choices` choices, event by event."""

    def __init__(self, choices: int) -> None:
        self.usage: Usage | None = None
        self.reasons: dict[int, FinishReason] = {}
        self._choices = choices

    @property
    def complete(self) -> bool:
        """Every choice has its end."""
        return len(self.reasons) == self._choices

    def feed(self, event: bytes) -> list[Record]:
        """What an event brought. Raises StreamBroken."""
        try:
            chunk = _decoder.decode(event)
        except (msgspec.DecodeError, RecursionError) as error:
            raise StreamBroken("The local server sent an event that cannot be read.") from error
        if chunk.error is not None:
            raise StreamBroken("The local server reported an error in the middle of its answer.")
        if chunk.usage is not None:
            details = chunk.usage.prompt_tokens_details
            cached = (details.cached_tokens if details else None) or 0
            self.usage = Usage(max(chunk.usage.prompt_tokens, 0), max(chunk.usage.completion_tokens, 0), max(cached, 0))
        return [record for choice in chunk.choices for record in self._records(choice)]

    def _records(self, choice: _Choice) -> list[Record]:
        if not 0 <= choice.index < self._choices:
            raise StreamBroken("The local server sent a choice that was not asked for.")
        if choice.index in self.reasons:
            return []
        records = _said(choice.index, choice.delta, choice.logprobs) if choice.delta else []
        if choice.finish_reason:
            reason = self.reasons[choice.index] = _REASONS.get(choice.finish_reason, "stop")
            records.append(Record(choice.index, RecordKind.END, b"", reason.encode()))
        return records


def _said(index: int, delta: _Delta, logprobs: _Logprobs | None) -> list[Record]:
    """The records have no ids: these servers do not tell them."""
    records = []
    if reasoning := delta.reasoning_content or delta.reasoning:
        records.append(Record(index, RecordKind.REASONING, b"", reasoning.encode()))
    measured = [_measured(token) for token in (logprobs.content if logprobs else None) or ()]
    if measured:
        told = {"content": delta.content or "", "logprobs": measured}
        records.append(Record(index, RecordKind.DELTA, b"", _encode(told)))
    elif delta.content:
        records.append(Record(index, RecordKind.TEXT, b"", delta.content.encode()))
    if delta.tool_calls:
        pieces = [_piece(call) for call in delta.tool_calls]
        records.append(Record(index, RecordKind.DELTA, b"", _encode({"tool_calls": pieces})))
    return records


def _measured(token: dict[str, Any]) -> dict[str, Any]:
    """A token that was chosen, and what could have been in its place."""
    return _token(token) | {"top_logprobs": [_token(other) for other in token.get("top_logprobs") or ()]}


def _token(token: dict[str, Any]) -> dict[str, Any]:
    return {name: token[name] for name in ("token", "logprob", "bytes") if token.get(name) is not None}


def _piece(call: _ToolCall) -> dict[str, Any]:
    function = call.function or _Function()
    told = {"id": call.id, "name": function.name, "arguments": function.arguments}
    return {"index": call.index} | {name: value for name, value in told.items() if value}
