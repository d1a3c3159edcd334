"""What the relay reads of a caller's body. Everything else passes through untouched.

Only the fields that admission, routing and accounting need are decoded; messages stay bytes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Final

import msgspec

from relay.completions.body import (
    KNOWN,
    RELAYS_OWN,
    Body,
    ChatBody,
    CompletionBody,
    EmbeddingBody,
    count_texts,
    decode,
    decode_completion,
    decode_embedding,
    images_in,
    role_of,
)
from relay.completions.kinds import CHAT, COMPLETION, EMBEDDING, Kind
from relay.completions.refusal import Refusal, bad_request, misspelt
from relay.routing.policy import PICO_PER_DOLLAR
from relay.routing.preferences import NONE, Preferences

MAX_DEPTH: Final = 32
TEMPLATE_MARGIN: Final = 256
"""Tokens a chat template may add to a prompt, for the upper bound of a hold."""
IMAGE_TOKENS: Final = 4096
"""An image takes at most: our own nodes make no more of one."""
USUAL_IMAGE_TOKENS: Final = 512
"""For estimates only."""
MAX_TEXTS: Final = 2048
"""Of one embedding call: OpenAI's own limit."""
BYTES_PER_TOKEN: Final = 4
"""For estimates only."""
PARAMETERS: Final = frozenset(
    {
        "frequency_penalty", "include_reasoning", "logit_bias", "logprobs", "min_p", "presence_penalty", "reasoning",
        "repetition_penalty", "response_format", "seed", "stop", "structured_outputs", "temperature", "tool_choice",
        "tools", "top_k", "top_logprobs", "top_p",
    }
)  # fmt: skip
"""Fields that a model, or its server, may pass over without a word; in OpenRouter's names."""
_BEGINNING: Final = 512
_NOTHING_OWN: Final = (None, None, None, None, None)


def may_show(raw: bytes) -> bool:
    """Whether a body may show images: nearly all that cannot are known without reading their messages again."""
    return b"image_url" in raw or b"\\u" in raw


class CallRequest:
    """A call as the relay understands it. `raw` are the caller's own bytes, `forwarded` those of them that a provider
    knows; a node also minds `provider.require_parameters`. Never changed once made.

    `sent` is what came, where a preset made another call of it: retries are known by it, whatever became of the preset.
    `said_model` is the model's name as it stands in the body; `model` is the name without what it says of targets.
    """

    def __init__(self, raw: bytes, body: Body, kind: Kind = CHAT) -> None:
        options, limit = body.stream_options, body.max_completion_tokens
        self.kind = kind
        self.raw = self.sent = raw
        self.body = body
        self.model = self.said_model = body.model
        self.preferences = body.provider or NONE
        self.fallbacks = tuple(body.models or ())
        self.max_cost = None if body.max_cost is None else int(body.max_cost * PICO_PER_DOLLAR)
        """Pico-dollars."""
        own = body.provider, body.models, body.route, body.session_id, body.max_cost
        self.forwarded = raw if own == _NOTHING_OWN else patched(raw, {}, without=RELAYS_OWN)
        self.stream = bool(body.stream)
        self.include_usage = options is not None and bool(options.include_usage)
        self.max_tokens = body.max_tokens if limit is None else limit
        self.n = body.n or 1
        self.seed = body.seed
        self.logprobs = self.tools = False
        self.explains = False
        """Whether the answer is to say what became of its call."""
        self.trace_parent = b""
        """The caller's place in a trace, as W3C's Trace Context writes it; empty if it has none."""
        self.inputs = 1
        """Texts to embed."""
        if isinstance(body, ChatBody):
            self.logprobs, self.tools = bool(body.logprobs), bool(body.tools)
        elif isinstance(body, CompletionBody):
            self.logprobs = body.logprobs is not None
        elif isinstance(body, EmbeddingBody):
            self.stream, self.max_tokens, self.n = False, None, 1
            self.inputs = count_texts(body.input)
        self.images, data = images_in(body.messages) if isinstance(body, ChatBody) and may_show(raw) else (0, 0)
        self._text_bytes = len(raw) - data
        self.prompt_bound = self._text_bytes + self.images * IMAGE_TOKENS + TEMPLATE_MARGIN
        """Tokens the prompt can have at most: a token of text is at least one byte."""

    def meaning(self, model: str, preferences: Preferences) -> CallRequest:
        """The same call for another `model`, with other preferences."""
        other = CallRequest(self.raw, self.body, self.kind)
        other.model, other.preferences, other.explains = model, preferences, self.explains
        other.trace_parent = self.trace_parent
        return other

    @property
    def messages(self) -> list[msgspec.Raw]:
        """Of a chat."""
        return self.body.messages if isinstance(self.body, ChatBody) else []

    @property
    def prompt_estimate(self) -> int:
        """Tokens the prompt most likely has."""
        return self._text_bytes // BYTES_PER_TOKEN + self.images * USUAL_IMAGE_TOKENS

    def conversation(self, organisation: int) -> bytes:
        """Equal for calls that most likely go on with one conversation: 16 bytes.

        By the caller's own name for it, else by how it begins: tools, system message and first message of the user.
        """
        body = self.body
        named = body.session_id or body.prompt_cache_key
        digest = hashlib.blake2b(b"%d\0%b\0" % (organisation, self.model.encode()), digest_size=16)
        if named is not None:
            digest.update(named.encode())
            return digest.digest()
        if not isinstance(body, ChatBody):
            digest.update(self.raw[:_BEGINNING])
            return digest.digest()
        for tool in body.tools or ():
            digest.update(bytes(tool))
        for message in body.messages:
            digest.update(bytes(message))
            if role_of(message) == "user":
                break
        return digest.digest()

    def has_any(self, fields: frozenset[str]) -> bool:
        """Whether its body has one of these fields."""
        return not fields.isdisjoint(msgspec.json.decode(self.raw, type=dict[str, msgspec.Raw]))

    def parameters(self) -> frozenset[str]:
        """What it asks for that not every model supports."""
        return PARAMETERS.intersection(msgspec.json.decode(self.raw, type=dict[str, msgspec.Raw]))


_NESTING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?+|[\[\]{}]', re.DOTALL)
"""A string or a bracket. Linear in any input: it gives nothing back, and takes a string without its end as a string."""
_WHERE = re.compile(r"`\$\.?([^`]*)`$")
_MISSING = re.compile(r"missing required field `(\w+)`")


_names: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_DECODERS: Final = {CHAT: decode, COMPLETION: decode_completion, EMBEDDING: decode_embedding}


def parse(raw: bytes, kind: Kind = CHAT) -> CallRequest:
    """Decode and check a body.

    Raises:
        Refusal: 400 with the field at fault, as OpenAI's API words it.
    """
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH:  # with fewer it cannot be nested deeper
        _check_depth(raw)
    try:
        if not raw.isascii():
            raw.decode()  # the decoder reads only some of it, and what it skips may be read later
        body = _DECODERS[kind](raw)
        names = _names(raw)
    except msgspec.ValidationError as error:
        raise _explain(str(error)) from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        message = "We could not parse the JSON body of your request. Send one JSON object, encoded as UTF-8."
        raise bad_request(message, code="invalid_json") from error
    for name in names:
        if name not in KNOWN and name.casefold() in KNOWN:
            raise misspelt(name, name.casefold())
    if body.stream_options is not None and not body.stream:
        raise bad_request("'stream_options' is only allowed when 'stream' is true.", param="stream_options")
    if isinstance(body, CompletionBody):
        _check_completion(body)
    elif isinstance(body, EmbeddingBody) and count_texts(body.input) > MAX_TEXTS:
        raise bad_request(f"'input' has more than {MAX_TEXTS:,} texts. Send them in several requests.", param="input")
    return CallRequest(raw, body, kind)


def _check_completion(body: CompletionBody) -> None:
    """Several prompts would be several calls, and so would the best of several answers."""
    if count_texts(body.prompt) > 1:
        raise bad_request("Send one 'prompt' with each request.", param="prompt", code="unsupported_parameter")
    if body.best_of not in (None, body.n or 1):
        message = "'best_of' is not supported. Ask for several answers with 'n', and choose."
        raise bad_request(message, param="best_of", code="unsupported_parameter")


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


def patched(raw: bytes, changes: dict[str, object], *, without: Iterable[str] = ()) -> bytes:
    """The caller's object with some top-level fields replaced or left out; every other value keeps its very bytes."""
    if not changes and not without:
        return raw
    fields: dict[str, object] = dict(msgspec.json.decode(raw, type=dict[str, msgspec.Raw]))
    for name in without:
        fields.pop(name, None)
    fields.update(changes)
    return msgspec.json.encode(fields)
