"""A caller's body, as far as a model needs it: read, checked and turned into values that may reach C.

Everything is on a list: a field that is not known is refused by name rather than silently ignored, since an answer
that disregards `tools` or `logprobs` would look right and be wrong. A field whose value asks for nothing (`null`,
`"logprobs": false`, `"tools": []`) is as good as absent. Messages are worded as OpenAI words them.

Pure. What depends on the loaded model (token ids in `logit_bias`, the context) is checked by whoever knows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from desktop.errors import DesktopError
from desktop.inference.sampling import SamplingParameters

MAX_MESSAGES = 512
MAX_STOPS = 8
MAX_STOP_CHARS = 256
MAX_BIAS = 1024
MAX_CHOICES = 64

_ROLES = frozenset({"system", "developer", "user", "assistant"})
_WITHOUT_EFFECT = frozenset(
    {
        "model", "stream", "stream_options", "user", "metadata", "store", "service_tier", "safety_identifier",
        "prompt_cache_key", "prompt_cache_retention", "parallel_tool_calls", "seed", "max_tokens",
        "max_completion_tokens", "messages", "stop", "n", "temperature", "top_k", "top_p", "min_p", "presence_penalty",
        "frequency_penalty", "repetition_penalty", "logit_bias",
    }
)  # fmt: skip
_NEUTRAL: Mapping[str, tuple[Any, ...]] = {
    "logprobs": (False,),
    "top_logprobs": (0,),
    "tools": ([],),
    "functions": ([],),
    "tool_choice": ("none", "auto"),
    "function_call": ("none", "auto"),
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
    "echo": (False,),
    "best_of": (1,),
    "suffix": ("",),
}


class ParameterRefused(DesktopError):
    """The request cannot be served as it is. `param` names the field, `code` is OpenAI's word for what is wrong."""

    def __init__(self, message: str, param: str, code: str = "invalid_value") -> None:
        super().__init__(message)
        self.param = param
        self.code = code


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A body that passed. `max_tokens` is None where the caller set no limit; `seed` is the call's, not the body's."""

    messages: tuple[Message, ...]
    sampling: SamplingParameters = field(default_factory=SamplingParameters)
    stop: tuple[str, ...] = ()
    max_tokens: int | None = None
    n: int = 1


def parse_chat(body: bytes) -> ChatRequest:
    """Raises ParameterRefused, naming the field."""
    fields = _object(body)
    _refuse_unknown(fields)
    return ChatRequest(
        messages=_messages(fields.get("messages")),
        sampling=SamplingParameters(
            temperature=_number(fields, "temperature", 1.0, 0.0, 2.0),
            top_k=_integer(fields, "top_k", 0, 0, 2**31 - 1),
            top_p=_number(fields, "top_p", 1.0, 0.0, 1.0),
            min_p=_number(fields, "min_p", 0.0, 0.0, 1.0),
            presence_penalty=_number(fields, "presence_penalty", 0.0, -2.0, 2.0),
            frequency_penalty=_number(fields, "frequency_penalty", 0.0, -2.0, 2.0),
            repetition_penalty=_number(fields, "repetition_penalty", 1.0, 0.01, 10.0),
            bias=_bias(fields.get("logit_bias")),
        ),
        stop=_stops(fields.get("stop")),
        max_tokens=_max_tokens(fields),
        n=_integer(fields, "n", 1, 1, MAX_CHOICES),
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        fields = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ParameterRefused(
            f"The body of the request is not valid JSON: {error}.", "body", "invalid_json"
        ) from error
    if not isinstance(fields, dict):
        raise ParameterRefused("The body of the request must be a JSON object.", "body", "invalid_json")
    return {name: value for name, value in fields.items() if value is not None}


def _refuse_unknown(fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        if name not in _WITHOUT_EFFECT and value not in _NEUTRAL.get(name, ()):
            raise ParameterRefused(
                f"Unsupported parameter: '{name[:64]}' is not supported with this model.",
                name[:64],
                "unsupported_parameter",
            )


def _messages(value: Any) -> tuple[Message, ...]:
    if value is None:
        raise ParameterRefused("Missing required parameter: 'messages'.", "messages", "missing_required_parameter")
    if not isinstance(value, list):
        raise _wrong_type("messages", "an array of messages", value)
    if not 1 <= len(value) <= MAX_MESSAGES:
        raise ParameterRefused(
            f"Invalid 'messages': expected 1 to {MAX_MESSAGES} messages, but got {len(value)}.", "messages"
        )
    return tuple(_message(message, f"messages[{index}]") for index, message in enumerate(value))


def _message(value: Any, at: str) -> Message:
    if not isinstance(value, dict):
        raise _wrong_type(at, "an object", value)
    role = value.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        supported = ", ".join(f"'{known}'" for known in sorted(_ROLES))
        raise ParameterRefused(f"Invalid value for '{at}.role'. Supported values are: {supported}.", f"{at}.role")
    for name, item in value.items():
        if name not in {"role", "content", "name"} and item:
            raise ParameterRefused(
                f"Unsupported parameter: '{at}.{name[:64]}' is not supported with this model.",
                f"{at}.{name[:64]}",
                "unsupported_parameter",
            )
    # A developer message is what newer models call a system message; templates know only the older word.
    return Message("system" if role == "developer" else role, _content(value.get("content"), f"{at}.content"))


def _content(value: Any, at: str) -> str:
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        raise _wrong_type(at, "a string or an array of content parts", value)
    return "".join(_part(part, f"{at}[{index}]") for index, part in enumerate(value))


def _part(value: Any, at: str) -> str:
    if not isinstance(value, dict):
        raise _wrong_type(at, "an object", value)
    if value.get("type") != "text":
        raise ParameterRefused(
            f"Invalid value for '{at}.type'. This model takes only content parts of type 'text'.",
            f"{at}.type",
            "unsupported_parameter",
        )
    text = value.get("text")
    if not isinstance(text, str):
        raise _wrong_type(f"{at}.text", "a string", text)
    return text


def _max_tokens(fields: dict[str, Any]) -> int | None:
    for name in ("max_completion_tokens", "max_tokens"):
        if name in fields:
            return _integer(fields, name, 1, 1, 2**31 - 1)
    return None


def _stops(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    stops = [value] if isinstance(value, str) else value
    if not isinstance(stops, list) or not all(isinstance(stop, str) for stop in stops):
        raise _wrong_type("stop", "a string or an array of strings", value)
    if len(stops) > MAX_STOPS:
        raise ParameterRefused(f"Invalid 'stop': expected at most {MAX_STOPS} strings, but got {len(stops)}.", "stop")
    if not all(1 <= len(stop) <= MAX_STOP_CHARS for stop in stops):
        raise ParameterRefused(f"Invalid 'stop': each string must have 1 to {MAX_STOP_CHARS} characters.", "stop")
    return tuple(dict.fromkeys(stops))


def _bias(value: Any) -> dict[int, float]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _wrong_type("logit_bias", "an object", value)
    if len(value) > MAX_BIAS:
        raise ParameterRefused(f"Invalid 'logit_bias': at most {MAX_BIAS} tokens are allowed.", "logit_bias")
    bias = {}
    for token in value:
        if not (token.isascii() and token.isdecimal() and len(token) <= 7):
            raise ParameterRefused("Invalid key in 'logit_bias': keys must be token ids.", "logit_bias")
        bias[int(token)] = float(_Range(-100.0, 100.0).read(value[token], f"logit_bias.{token}"))
    return bias


@dataclass(frozen=True, slots=True)
class _Range:
    """What a number may be."""

    low: float
    high: float
    whole: bool = False

    def read(self, value: Any, named: str) -> Any:
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            raise _wrong_type(named, "an integer" if self.whole else "a number", value)
        noun = "integer" if self.whole else "decimal"
        if value < self.low:
            raise ParameterRefused(
                f"Invalid '{named}': {noun} below minimum value. Expected a value >= {self.low:g}.",
                named,
                f"{noun}_below_min_value",
            )
        if not value <= self.high:
            raise ParameterRefused(
                f"Invalid '{named}': {noun} above maximum value. Expected a value <= {self.high:g}.",
                named,
                f"{noun}_above_max_value",
            )
        return value


def _number(fields: dict[str, Any], name: str, default: float, low: float, high: float) -> float:
    return float(_Range(low, high).read(fields[name], name)) if name in fields else default


def _integer(fields: dict[str, Any], name: str, default: int, low: int, high: int) -> int:
    return int(_Range(low, high, whole=True).read(fields[name], name)) if name in fields else default


def _wrong_type(named: str, expected: str, value: Any) -> ParameterRefused:
    names = {
        type(None): "null",
        bool: "a boolean",
        int: "an integer",
        float: "a decimal",
        str: "a string",
        list: "an array",
    }
    got = names.get(type(value), "an object")
    return ParameterRefused(
        f"Invalid type for '{named}': expected {expected}, but got {got} instead.", named, "invalid_type"
    )
