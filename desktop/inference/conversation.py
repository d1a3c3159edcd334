"""A conversation as a model's template takes it: its tools, its earlier calls and their results. Pure.

Templates that know tools are given them as Hugging Face's do: arguments as objects, and ids as the family has them. For
a template that knows none, tools, calls and results become text, in the words that the answer is read by.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from desktop.inference.formats.detection import Format
from desktop.inference.messages import Message, ToolCall
from desktop.inference.structure import Structure

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_MISTRAL_ID: Final = 9

_INTRODUCTION: Final = """You can call functions to help with what the user asks.
You are given their signatures in JSON, inside <tools></tools>:
<tools>
{tools}
</tools>
For each call, write a JSON object with the function's name and its arguments, inside <tool_call></tool_call>:
<tool_call>
{{"name": <name>, "arguments": <arguments as an object>}}
</tool_call>"""


class Spoken(NamedTuple):
    """What a template is given."""

    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]] | None


def spoken(conversation: Sequence[Message], structure: Structure, model: Format, *, packed: bool = False) -> Spoken:
    """`packed`: arguments as JSON text instead of objects, for the templates that want them so."""
    if not model.native:
        plain = [_in_words(message) for message in conversation]
        return Spoken(_introduced(plain, structure) if structure.tools else plain, None)
    tools = [{"type": "function", "function": dict(tool.function)} for tool in structure.tools]
    return Spoken([_as_objects(message, model, packed=packed) for message in conversation], tools or None)


def _as_objects(message: Message, model: Format, *, packed: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.calls:
        shown["tool_calls"] = [
            {
                "id": _id(call.id, model),
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments if packed else _arguments(call)},
            }
            for call in message.calls
        ]
        if not message.content and model.name == "deepseek":
            shown["content"] = None  # its template would begin a second answer
    if message.reasoning:
        shown["thinking" if model.name == "harmony" else "reasoning_content"] = message.reasoning
    if message.role == "tool":
        shown["tool_call_id"] = _id(message.call_id, model)
    return shown


def _arguments(call: ToolCall) -> Any:
    """As an object; what is no JSON stays text, as the model may have broken off."""
    try:
        return json.loads(call.arguments)
    except (ValueError, RecursionError):
        return call.arguments


def _id(given: str, model: Format) -> str:
    """Mistral's templates take ids of nine letters and digits only; the same id becomes the same."""
    if model.name != "mistral" or (len(given) == _MISTRAL_ID and given.isalnum() and given.isascii()):
        return given
    number = int.from_bytes(hashlib.sha256(given.encode()).digest()[:8], "big")
    return "".join(_ALPHABET[number // 62**at % 62] for at in range(_MISTRAL_ID))


# --- for templates that know no tools ---


def _introduced(messages: list[dict[str, Any]], structure: Structure) -> list[dict[str, Any]]:
    """With the tools told of in the system message."""
    tools = "\n".join(_json({"type": "function", "function": dict(tool.function)}) for tool in structure.tools)
    text = _INTRODUCTION.format(tools=tools)
    if messages[0]["role"] == "system":
        return [{"role": "system", "content": f"{messages[0]['content']}\n\n{text}"}, *messages[1:]]
    return [{"role": "system", "content": text}, *messages]


def _in_words(message: Message) -> dict[str, Any]:
    if message.role == "tool":
        return {"role": "user", "content": f"<tool_response>\n{message.content}\n</tool_response>"}
    calls = (
        f"<tool_call>\n{_json({'name': call.name, 'arguments': _arguments(call)})}\n</tool_call>"
        for call in message.calls
    )
    return {"role": message.role, "content": "\n".join(([message.content] if message.content else []) + list(calls))}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
