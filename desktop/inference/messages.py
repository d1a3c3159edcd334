"""The messages of a conversation: read from a body and checked. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from desktop.inference.fields import ParameterRefused, missing, unsupported, wrong_type
from desktop.inference.pictures import MAX_PICTURES, EncodedPicture, encoded_picture

MAX_MESSAGES: Final = 512
MAX_CALLS: Final = 128

_ROLES: Final = frozenset({"system", "developer", "user", "assistant", "tool"})
_UNSERVED: Final = ("function_call", "audio")


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that an earlier answer made; `arguments` is JSON text."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation. `calls` and `reasoning` are an assistant's; `call_id` is what a tool answers.

    `pictures` stand where `content` has a marker each.
    """

    role: str
    content: str
    calls: tuple[ToolCall, ...] = ()
    call_id: str = ""
    reasoning: str = ""
    pictures: tuple[EncodedPicture, ...] = ()


def messages(value: Any, *, marker: str | None = None) -> tuple[Message, ...]:
    """Raises ParameterRefused, naming the field. `marker` stands for a picture in a text; None: there can be none."""
    if value is None:
        raise missing("messages")
    if not isinstance(value, list):
        raise wrong_type("messages", "an array of messages", value)
    if not 1 <= len(value) <= MAX_MESSAGES:
        raise ParameterRefused(
            f"Invalid 'messages': expected 1 to {MAX_MESSAGES} messages, but got {len(value)}.", "messages"
        )
    read = tuple(_message(message, f"messages[{index}]", marker) for index, message in enumerate(value))
    if (count := sum(len(message.pictures) for message in read)) > MAX_PICTURES:
        raise ParameterRefused(
            f"Invalid 'messages': expected at most {MAX_PICTURES} images, but got {count}.", "messages"
        )
    return read


def _message(value: Any, at: str, marker: str | None) -> Message:
    if not isinstance(value, dict):
        raise wrong_type(at, "an object", value)
    role = value.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        supported = ", ".join(f"'{known}'" for known in sorted(_ROLES))
        raise ParameterRefused(f"Invalid value for '{at}.role'. Supported values are: {supported}.", f"{at}.role")
    for name in _UNSERVED:
        if value.get(name):
            raise unsupported(f"{at}.{name}")
    calls = _calls(value.get("tool_calls"), f"{at}.tool_calls") if role == "assistant" else ()
    content, pictures = value.get("content"), list[EncodedPicture]()
    return Message(
        # A developer message is what newer models call a system message; templates know only the older word.
        "system" if role == "developer" else role,
        "" if content is None and calls else _content(content, f"{at}.content", marker, pictures),
        calls,
        _string(value, "tool_call_id", at) if role == "tool" else "",
        _reasoning(value, at) if role == "assistant" else "",
        tuple(pictures),
    )


def _reasoning(value: dict[str, Any], at: str) -> str:
    """What an earlier answer thought aloud, if the caller sends it back."""
    text = value.get("reasoning_content")
    if text is not None and not isinstance(text, str):
        raise wrong_type(f"{at}.reasoning_content", "a string", text)
    return text or ""


def _calls(value: Any, at: str) -> tuple[ToolCall, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise wrong_type(at, "an array of tool calls", value)
    if len(value) > MAX_CALLS:
        raise ParameterRefused(f"Invalid '{at}': expected at most {MAX_CALLS} calls, but got {len(value)}.", at)
    return tuple(_call(call, f"{at}[{index}]") for index, call in enumerate(value))


def _call(value: Any, at: str) -> ToolCall:
    if not isinstance(value, dict):
        raise wrong_type(at, "an object", value)
    if value.get("type", "function") != "function":
        raise ParameterRefused(f"Invalid value for '{at}.type'. Supported values are: 'function'.", f"{at}.type")
    function = value.get("function")
    if not isinstance(function, dict):
        raise missing(f"{at}.function") if function is None else wrong_type(f"{at}.function", "an object", function)
    name, arguments = (_string(function, key, f"{at}.function") for key in ("name", "arguments"))
    return ToolCall(_string(value, "id", at), name, arguments)


def _string(value: dict[str, Any], key: str, at: str) -> str:
    text = value.get(key)
    if not isinstance(text, str):
        raise missing(f"{at}.{key}") if text is None else wrong_type(f"{at}.{key}", "a string", text)
    return text


def _content(value: Any, at: str, marker: str | None, pictures: list[EncodedPicture]) -> str:
    """The text; pictures are added to a list."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        raise wrong_type(at, "a string or an array of content parts", value)
    return "".join(_part(part, f"{at}[{index}]", marker, pictures) for index, part in enumerate(value))


def _part(value: Any, at: str, marker: str | None, pictures: list[EncodedPicture]) -> str:
    if not isinstance(value, dict):
        raise wrong_type(at, "an object", value)
    if value.get("type") == "image_url" and marker is not None:
        pictures.append(encoded_picture(value, at))
        return marker
    if value.get("type") != "text":
        served = "type 'text'" if marker is None else "the types 'text' and 'image_url'"
        raise ParameterRefused(
            f"Invalid value for '{at}.type'. This model takes only content parts of {served}.",
            f"{at}.type",
            "unsupported_parameter",
        )
    text = value.get("text")
    if not isinstance(text, str):
        raise wrong_type(f"{at}.text", "a string", text)
    return text
