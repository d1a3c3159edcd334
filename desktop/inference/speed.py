"""How fast this PC is with a model just loaded, measured by using it; which also brings its weights into memory."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Final, NamedTuple

from desktop.inference.engine import Chunk, LlamaModel
from desktop.inference.sampling import NotFinite, Sampler, SamplingParameters

_PROMPT: Final = 32
_TOKENS: Final = 16
_LONGEST_S: Final = 0.5
"""A slow PC is known to be slow after one or two tokens."""


class Speed(NamedTuple):
    """Tokens per second of one call alone; `decode` is what its answer reaches, choosing each token included."""

    prefill: float
    decode: float


def measure(model: LlamaModel, clock: Callable[[], float]) -> Speed:
    """Warms up, then computes a short prompt and a few tokens. The ids mean nothing."""
    warm_up(model)
    prefill = _timed(model, Chunk(0, 0, [at % model.n_vocab for at in range(_PROMPT)], wanted=True), clock)
    decode = _writing(model, clock)
    model.truncate(0, 0)
    return Speed(_PROMPT / max(prefill, 1e-6), decode)


def warm_up(model: LlamaModel) -> None:
    """Computes one token, which reads the weights from disk."""
    model.decode([Chunk(0, 0, [0], wanted=True)])
    model.logits(1)
    model.truncate(0, 0)


def _writing(model: LlamaModel, clock: Callable[[], float]) -> float:
    """Each token chosen as for an ordinary call: with a small model that takes as long as computing its logits."""
    sampler = Sampler(SamplingParameters(), seed=0, choice=0)
    begun, token, count = clock(), 0, 0
    while count < _TOKENS and clock() - begun < _LONGEST_S:
        model.decode([Chunk(0, _PROMPT + count, [token], wanted=True)])
        # A prompt without meaning may lead a model to where it computes nothing usable, at the same speed.
        with contextlib.suppress(NotFinite):
            token = sampler.sample(model.logits(1)[0], count)
        sampler.accept(token)
        model.piece(token)
        count += 1
    return count / max(clock() - begun, 1e-6)


def _timed(model: LlamaModel, chunk: Chunk, clock: Callable[[], float]) -> float:
    begun = clock()
    model.decode([chunk])
    model.logits(1)
    return clock() - begun
