"""A caller's body, as far as a model needs it: read, checked and turned into values that may reach C.

Everything is on a list. A field that is known is checked, and one that is known but cannot be served is refused by
name, since an answer that disregards `audio` would look right and be wrong. A field nobody knows is ignored, unless
`provider.require_parameters` asks for a refusal. A value that asks for nothing (`null`, `"logprobs": false`,
`"tools": []`) is as good as absent. Messages are worded as OpenAI words them.

Pure. What depends on the loaded model (token ids, the context) is checked by whoever knows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from desktop.inference.fields import (
    ParameterRefused,
    Range,
    boolean,
    integer,
    json_object,
    missing,
    number,
    unsupported,
    wrong_type,
)
from desktop.inference.messages import Message, messages
from desktop.inference.pictures import EncodedPicture
from desktop.inference.sampling import SamplingParameters
from desktop.inference.structure import Structure
from desktop.inference.structure_fields import structure
from desktop.inference.thinking import Thinking, thinking

MAX_STOPS: Final = 8
MAX_STOP_CHARS: Final = 256
MAX_STOP_IDS: Final = 128
MAX_BIAS: Final = 1024
MAX_INPUTS: Final = 256
MAX_CHOICES: Final = 64
MAX_TOP_LOGPROBS: Final = 20
MAX_COMPLETION_LOGPROBS: Final = 5
"""OpenAI's own limits of `top_logprobs`, and of `logprobs` in a completion."""

_MAX_TOKEN: Final = 10**7
_MAX_LIMIT: Final = 2**31 - 1
_COMPLETION_TOKENS: Final = 16
"""OpenAI's `max_tokens` of a completion that names none."""

_READ = frozenset(
    {
        "max_tokens", "max_completion_tokens", "stop", "stop_token_ids", "n", "temperature", "top_k", "top_p", "min_p",
        "typical_p", "presence_penalty", "frequency_penalty", "repetition_penalty", "repeat_penalty", "logit_bias",
        "logprobs", "top_logprobs", "provider",
    }
)  # fmt: skip
_CHAT = frozenset({"messages", "tools", "tool_choice", "response_format", "reasoning_effort", "chat_template_kwargs"})
_OTHERS_CONCERN = frozenset(
    {
        "model", "stream", "stream_options", "user", "metadata", "store", "service_tier", "safety_identifier",
        "prompt_cache_key", "prompt_cache_retention", "parallel_tool_calls", "seed",
    }
)  # fmt: skip
"""Known, and nothing to a model; `seed` is the call's, set by whoever offers it."""

_NEUTRAL: Mapping[str, tuple[Any, ...]] = {
    "tools": ([],),
    "functions": ([],),
    "tool_choice": ("none", "auto"),
    "function_call": ("none", "auto"),
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
    "audio": (),
    "prediction": (),
    "web_search_options": (),
}
"""Known, and refused unless they ask for nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What every kind of answer has. `max_tokens` is None where the caller set no limit.

    `logprobs` is None, or how many alternatives are told beside each token's own log-probability.
    """

    sampling: SamplingParameters = field(default_factory=SamplingParameters)
    stop: tuple[str, ...] = ()
    stop_ids: frozenset[int] = frozenset()
    max_tokens: int | None = None
    n: int = 1
    logprobs: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest(Request):
    """A chat completion that passed. `structure` is the form its answer is to have."""

    messages: tuple[Message, ...]
    structure: Structure = field(default_factory=Structure)
    thinking: Thinking = field(default_factory=Thinking)

    @property
    def pictures(self) -> tuple[EncodedPicture, ...]:
        """In the order of the conversation."""
        return tuple(picture for message in self.messages for picture in message.pictures)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionRequest(Request):
    """A plain completion that passed: text or token ids to go on from, and with `suffix` what should follow."""

    prompt: str | tuple[int, ...]
    suffix: str = ""
    echo: bool = False


@dataclass(frozen=True, slots=True)
class EmbeddingRequest:
    """Texts, or token ids, to be turned into one vector each."""

    inputs: tuple[str | tuple[int, ...], ...]


def parse_chat(body: bytes, *, marker: str | None = None) -> ChatRequest:
    """Raises ParameterRefused, naming the field. `marker`: what stands for a picture, where there may be some."""
    fields = json_object(body)
    _refuse_unserved(fields, own=_CHAT)
    return ChatRequest(
        messages=messages(fields.get("messages"), marker=marker),
        structure=structure(fields),
        thinking=thinking(fields),
        logprobs=_chat_logprobs(fields),
        **_shared(fields),
    )


def parse_completion(body: bytes) -> CompletionRequest:
    """Raises ParameterRefused, naming the field."""
    fields = json_object(body)
    _refuse_unserved(fields, own=frozenset({"prompt", "suffix", "echo", "best_of"}))
    if "prompt" not in fields:
        raise missing("prompt")
    shared = _shared(fields, least_tokens=0)
    if integer(fields, "best_of", shared["n"], 1, MAX_CHOICES) != shared["n"]:
        raise unsupported("best_of")
    suffix = fields.get("suffix", "")
    if not isinstance(suffix, str):
        raise wrong_type("suffix", "a string", suffix)
    request = CompletionRequest(
        prompt=_completion_prompt(fields["prompt"]),
        suffix=suffix,
        echo=boolean(fields, "echo"),
        logprobs=integer(fields, "logprobs", 0, 0, MAX_COMPLETION_LOGPROBS) if "logprobs" in fields else None,
        **shared | ({} if shared["max_tokens"] is not None else {"max_tokens": _COMPLETION_TOKENS}),
    )
    if request.echo and (request.suffix or request.logprobs is not None):
        raise ParameterRefused("Invalid 'echo': it cannot be combined with 'suffix' or 'logprobs' here.", "echo")
    return request


def parse_embedding(body: bytes) -> EmbeddingRequest:
    """Raises ParameterRefused, naming the field. How vectors are written is not the model's part."""
    fields = json_object(body)
    if "dimensions" in fields:
        raise unsupported("dimensions")
    if "input" not in fields:
        raise missing("input")
    value = fields["input"]
    several = isinstance(value, list) and not all(_is_token(item) for item in value)
    inputs = value if several else [value]
    if not 1 <= len(inputs) <= MAX_INPUTS:
        raise ParameterRefused(f"Invalid 'input': expected 1 to {MAX_INPUTS} texts, but got {len(inputs)}.", "input")
    return EmbeddingRequest(
        tuple(_text_or_ids(item, f"input[{at}]" if several else "input") for at, item in enumerate(inputs))
    )


def _refuse_unserved(fields: dict[str, Any], *, own: frozenset[str]) -> None:
    """What is known and cannot be served, and what is unknown if the caller wants that."""
    provider = fields.get("provider")
    strict = isinstance(provider, dict) and provider.get("require_parameters") is True
    known = own | _READ | _OTHERS_CONCERN
    for name, value in fields.items():
        if name in known:
            continue
        if value not in _NEUTRAL[name] if name in _NEUTRAL else strict:
            raise unsupported(name)


def _shared(fields: dict[str, Any], *, least_tokens: int = 1) -> dict[str, Any]:
    """The fields of a `Request` that all kinds have, `logprobs` apart."""
    repetition = "repeat_penalty" if "repeat_penalty" in fields else "repetition_penalty"
    return {
        "sampling": SamplingParameters(
            temperature=number(fields, "temperature", 1.0, 0.0, 2.0),
            top_k=integer(fields, "top_k", 0, 0, _MAX_LIMIT),
            top_p=number(fields, "top_p", 1.0, 0.0, 1.0),
            min_p=number(fields, "min_p", 0.0, 0.0, 1.0),
            typical_p=number(fields, "typical_p", 1.0, 0.0, 1.0),
            presence_penalty=number(fields, "presence_penalty", 0.0, -2.0, 2.0),
            frequency_penalty=number(fields, "frequency_penalty", 0.0, -2.0, 2.0),
            repetition_penalty=number(fields, repetition, 1.0, 0.01, 10.0),
            bias=_bias(fields.get("logit_bias")),
        ),
        "stop": _stops(fields.get("stop")),
        "stop_ids": _stop_ids(fields.get("stop_token_ids")),
        "max_tokens": _max_tokens(fields, least_tokens),
        "n": integer(fields, "n", 1, 1, MAX_CHOICES),
    }


def _chat_logprobs(fields: dict[str, Any]) -> int | None:
    wanted = boolean(fields, "logprobs")
    top = integer(fields, "top_logprobs", 0, 0, MAX_TOP_LOGPROBS)
    if top and not wanted:
        raise ParameterRefused("Invalid 'top_logprobs': it needs 'logprobs' to be true.", "top_logprobs")
    return top if wanted else None


def _max_tokens(fields: dict[str, Any], least: int) -> int | None:
    for name in ("max_completion_tokens", "max_tokens"):
        if name in fields:
            return integer(fields, name, least, least, _MAX_LIMIT)
    return None


def _stops(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    stops = [value] if isinstance(value, str) else value
    if not isinstance(stops, list) or not all(isinstance(stop, str) for stop in stops):
        raise wrong_type("stop", "a string or an array of strings", value)
    if len(stops) > MAX_STOPS:
        raise ParameterRefused(f"Invalid 'stop': expected at most {MAX_STOPS} strings, but got {len(stops)}.", "stop")
    if not all(1 <= len(stop) <= MAX_STOP_CHARS for stop in stops):
        raise ParameterRefused(f"Invalid 'stop': each string must have 1 to {MAX_STOP_CHARS} characters.", "stop")
    return tuple(dict.fromkeys(stops))


def _stop_ids(value: Any) -> frozenset[int]:
    if value is None:
        return frozenset()
    if not isinstance(value, list):
        raise wrong_type("stop_token_ids", "an array of token ids", value)
    if len(value) > MAX_STOP_IDS:
        raise ParameterRefused(
            f"Invalid 'stop_token_ids': expected at most {MAX_STOP_IDS} ids, but got {len(value)}.", "stop_token_ids"
        )
    return frozenset(Range(0, _MAX_TOKEN, whole=True).read(token, "stop_token_ids") for token in value)


def _completion_prompt(value: Any) -> str | tuple[int, ...]:
    """One prompt, also as the only one of a list; several would be several calls."""
    if isinstance(value, list) and len(value) == 1 and not _is_token(value[0]):
        value = value[0]
    if isinstance(value, list) and any(not _is_token(item) for item in value):
        raise ParameterRefused("Invalid 'prompt': this model takes one prompt per request.", "prompt")
    return _text_or_ids(value, "prompt")


def _text_or_ids(value: Any, named: str) -> str | tuple[int, ...]:
    if isinstance(value, str):
        text: str | tuple[int, ...] = value
    elif isinstance(value, list) and all(_is_token(item) for item in value):
        text = tuple(Range(0, _MAX_TOKEN, whole=True).read(token, named) for token in value)
    else:
        raise wrong_type(named, "a string or an array of token ids", value)
    if not text:
        raise ParameterRefused(f"Invalid '{named}': it must not be empty.", named)
    return text


def _is_token(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _bias(value: Any) -> dict[int, float]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise wrong_type("logit_bias", "an object", value)
    if len(value) > MAX_BIAS:
        raise ParameterRefused(f"Invalid 'logit_bias': at most {MAX_BIAS} tokens are allowed.", "logit_bias")
    bias = {}
    for token in value:
        if not (token.isascii() and token.isdecimal() and len(token) <= 7):
            raise ParameterRefused("Invalid key in 'logit_bias': keys must be token ids.", "logit_bias")
        bias[int(token)] = float(Range(-100.0, 100.0).read(value[token], f"logit_bias.{token}"))
    return bias
