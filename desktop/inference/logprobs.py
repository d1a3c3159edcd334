"""How likely each token was: OpenAI's `logprobs`.

They tell the model's own distribution: the softmax of the raw logits over the whole vocabulary, before bias,
penalties, temperature, grammar and every cut, as llama-server does by default: not how a token came to be chosen.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np

from desktop.inference.sampling import Logits, candidates

LEAST: Final = -9999.0
"""What stands for the logarithm of nothing, which JSON cannot write; OpenAI's own number."""

MOST_BYTES: Final = 32 * 1024
"""JSON of one event at most: half of what the protocol lets a record hold."""

Label = Callable[[int], bytes]
"""The bytes of a token, also of one that is no text to a caller, such as the end of a turn."""


class Measured(NamedTuple):
    """A token's natural log-probability, and the likeliest tokens with theirs, falling, equal ones by id."""

    token: int
    logprob: float
    top: tuple[tuple[int, float], ...]


class Alternative(msgspec.Struct, frozen=True, omit_defaults=True):
    """`bytes` only where they are not simply those of `token`."""

    token: str
    logprob: float
    bytes: list[int] | None = None


class TokenLogprob(Alternative, frozen=True, omit_defaults=True):
    """As the protocol's delta has it."""

    top_logprobs: list[Alternative] = []


def measure(logits: Logits, token: int, top: int) -> Measured:
    """`logits`: the model's own for one position. A result that is no number counts as impossible."""
    highest = float(logits.max())
    total = highest + math.log(float(np.exp(logits - np.float32(highest)).sum(dtype=np.float64)))
    best: tuple[tuple[int, float], ...] = ()
    if top:
        ids, values = candidates(logits, top)
        best = tuple((int(each), _told(float(value) - total)) for each, value in zip(ids, values, strict=True))
    return Measured(token, _told(float(logits[token]) - total), best)


def _told(value: float) -> float:
    return max(value, LEAST) if math.isfinite(value) else LEAST


def events(content: dict[str, str], entries: Sequence[Measured], label: Label) -> Iterator[bytes]:
    """JSON of the protocol's delta events that say `content` and `entries`; several if one would be too large."""
    parts: list[bytes] = []
    size = 0
    for entry in entries:
        part = msgspec.json.encode(_told_of(entry, label))
        if parts and size + len(part) > MOST_BYTES:
            yield _event(content, parts)
            content, parts, size = {}, [], 0
        parts.append(part)
        size += len(part)
    yield _event(content, parts)


def _event(content: dict[str, str], parts: list[bytes]) -> bytes:
    return msgspec.json.encode({**content, "logprobs": [msgspec.Raw(part) for part in parts]})


def _told_of(entry: Measured, label: Label) -> TokenLogprob:
    text, raw = _named(entry.token, label)
    top = [Alternative(*_flat(token, value, label)) for token, value in entry.top]
    return TokenLogprob(text, entry.logprob, raw, top)


def _flat(token: int, value: float, label: Label) -> tuple[str, float, list[int] | None]:
    text, raw = _named(token, label)
    return text, value, raw


def _named(token: int, label: Label) -> tuple[str, list[int] | None]:
    raw = label(token)
    text = raw.decode(errors="replace")
    return text, None if text.encode() == raw else list(raw)
