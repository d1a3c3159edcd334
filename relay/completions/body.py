"""The fields of a caller's body that the relay reads, as a struct with their bounds. Messages and tools stay bytes."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from relay.routing.preferences import Preferences

MAX_MESSAGES: Final = 512
MAX_TOOLS: Final = 128
MAX_CHOICES: Final = 8
MAX_COMPLETION_TOKENS: Final = 1_048_576

MAX_MODELS: Final = 8
MAX_INPUTS: Final = 8192
"""Texts, or ids of one text: OpenAI takes 2,048 of the former, and 8,192 of the latter."""

Name = Annotated[str, Meta(min_length=1, max_length=256)]
Limit = Annotated[int, Meta(ge=1, le=MAX_COMPLETION_TOKENS)]


class StreamOptions(msgspec.Struct, frozen=True, gc=False):
    """`stream_options` of the body."""

    include_usage: bool | None = None


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """What the bodies of all kinds of calls may say to the relay."""

    model: Name
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Limit | None = None
    max_completion_tokens: Limit | None = None
    n: Annotated[int, Meta(ge=1, le=MAX_CHOICES)] | None = None
    seed: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    prompt_cache_key: Name | None = None
    # OpenRouter's extensions and ours: meant for the relay, so they go no further.
    provider: Preferences | None = None
    models: Annotated[list[Name], Meta(max_length=MAX_MODELS)] | None = None
    route: Literal["fallback"] | None = None
    session_id: Name | None = None
    max_cost: Annotated[float, Meta(gt=0, le=1e6)] | None = None


class ChatBody(Body, frozen=True, kw_only=True):
    """A chat completion's. Messages and tools stay bytes."""

    messages: Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=MAX_MESSAGES)]
    logprobs: bool | None = None
    tools: Annotated[list[msgspec.Raw], Meta(max_length=MAX_TOOLS)] | None = None


_Text = Annotated[str, Meta(min_length=1)]
_Id = Annotated[int, Meta(ge=0, lt=2**31)]
_Ids = Annotated[list[_Id], Meta(min_length=1)]
Texts = _Text | Annotated[list[_Text | _Id | _Ids], Meta(min_length=1, max_length=MAX_INPUTS)]
"""A text, as such or as its tokens' ids; or several of them."""


class CompletionBody(Body, frozen=True, kw_only=True):
    """A text completion's."""

    prompt: Texts
    logprobs: Annotated[int, Meta(ge=0, le=5)] | None = None
    best_of: int | None = None


class EmbeddingBody(Body, frozen=True, kw_only=True):
    """An embedding's."""

    input: Texts
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[int, Meta(ge=1)] | None = None


KNOWN: Final = frozenset(name for body in (ChatBody, CompletionBody, EmbeddingBody) for name in body.__struct_fields__)
"""All fields that the relay reads. To servers written in Go `Model` is `model`, so none of them goes by another case:
what was allowed, and is charged, must be what is computed."""

RELAYS_OWN: Final = ("provider", "models", "route", "session_id", "max_cost")
"""Fields that are for the relay alone: upstreams would refuse them, and need not know."""

decode: Final = msgspec.json.Decoder(ChatBody).decode
decode_completion: Final = msgspec.json.Decoder(CompletionBody).decode
decode_embedding: Final = msgspec.json.Decoder(EmbeddingBody).decode


class _Message(msgspec.Struct, frozen=True):
    role: str = ""


_message: Final = msgspec.json.Decoder(_Message).decode


def role_of(message: msgspec.Raw) -> str:
    """Who says it; empty if it does not tell."""
    try:
        return _message(message).role
    except msgspec.ValidationError:
        return ""


class _Url(msgspec.Struct, frozen=True):
    url: str = ""


class _Part(msgspec.Struct, frozen=True):
    type: str = ""
    image_url: _Url | str | None = None


class _Shown(msgspec.Struct, frozen=True):
    content: str | list[_Part] | None = None


_shown: Final = msgspec.json.Decoder(_Shown).decode


def images_in(messages: list[msgspec.Raw]) -> tuple[int, int]:
    """How many images messages show, and how many bytes of them are the images' own data.

    What no model here would read as a message shows none.
    """
    count = size = 0
    for message in messages:
        try:
            content = _shown(message).content
        except msgspec.ValidationError:
            continue
        for part in content if isinstance(content, list) else ():
            if part.type == "image_url":
                count += 1
                size += _data_bytes(part.image_url)
    return count, size


def _data_bytes(image: _Url | str | None) -> int:
    head, _, data = (image.url if isinstance(image, _Url) else image or "").partition(";base64,")
    return len(data) if head[:11].lower() == "data:image/" else 0


def count_texts(value: str | list[str | int | list[int]]) -> int:
    """How many texts there are; a list of ids is one."""
    return 1 if isinstance(value, str) or isinstance(value[0], int) else len(value)
