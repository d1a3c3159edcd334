"""How fast this PC is with a model just loaded, measured by using it; which also brings its weights into memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from desktop.inference.engine import Chunk, LlamaModel

_PROMPT: Final = 32
_TOKENS: Final = 6
_LONGEST_S: Final = 0.5
"""A slow PC is known to be slow after one or two tokens."""


class Speed(NamedTuple):
    """Tokens per second of one call alone."""

    prefill: float
    decode: float


def measure(model: LlamaModel, clock: Callable[[], float]) -> Speed:
    """Computes one token to read the weights from disk, then a short prompt and a few tokens. The ids mean nothing."""
    _timed(model, Chunk(0, 0, [0], wanted=True), clock)
    prefill = _timed(model, Chunk(0, 1, [at % model.n_vocab for at in range(_PROMPT)], wanted=True), clock)
    decode, count = 0.0, 0
    while count < _TOKENS and decode < _LONGEST_S:
        decode += _timed(model, Chunk(0, 1 + _PROMPT + count, [0], wanted=True), clock)
        count += 1
    model.truncate(0, 0)
    return Speed(_PROMPT / max(prefill, 1e-6), count / max(decode, 1e-6))


def _timed(model: LlamaModel, chunk: Chunk, clock: Callable[[], float]) -> float:
    begun = clock()
    model.decode([chunk])
    model.logits(1)
    return clock() - begun
