"""Which token comes next: our own sampler, so that an answer can be continued elsewhere and checked.

The protocol fixes every step. Order: bias, penalties (over the generated ids of this choice), top_k (capped at 256),
typical_p, top_p, min_p, temperature, draw. The draw is the inverse CDF over what is left, ordered by (probability
descending, id ascending), summed in float64, at a `u` that depends on nothing but (seed, choice, position, draw): so
the sampler can jump to any position. Greedy ties go to the lowest id.

Pure: logits in, id out. Speed is the constraint here (one call per token, vocabularies of 32-256 k): the candidates
are found with a few passes of numpy over a view of the logits, nothing is copied and no Python loop sees them.
"""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Logits = npt.NDArray[np.float32]

TOP_K_CAP = 256
"""Candidates that a draw can choose from at most; also the meaning of `top_k` 0."""

FREE_DRAW = 0
"""The ordinary draw of a position."""
REDRAW = 1
"""The draw under a grammar that does not allow what the first gave."""

_COLDEST = 1e-5
"""Below it a temperature is as good as none, and dividing by it could overflow."""

_SMALL = 4096
"""Up to this size one partition of the whole row is faster than finding a bound by blocks."""

_DRAW = struct.Struct("<HIB")


class NotFinite(ArithmeticError):
    """The model gave no usable logits (NaN, or nothing above minus infinity)."""


@dataclass(frozen=True, slots=True)
class SamplingParameters:
    """A caller's wishes, already checked. `bias` is added to logits by token id."""

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    typical_p: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    repetition_penalty: float = 1.0
    bias: Mapping[int, float] = field(default_factory=dict)

    @property
    def penalises(self) -> bool:
        return bool(self.presence_penalty or self.frequency_penalty) or self.repetition_penalty != 1.0


class Draws:
    """The protocol's `u` for one choice: uniform in [0, 1), 53 bits, a function of its four arguments only."""

    __slots__ = ("_choice", "_keyed")

    def __init__(self, seed: int, choice: int) -> None:
        self._keyed = hashlib.blake2b(key=struct.pack("<q", seed))
        self._choice = choice

    def u(self, position: int, draw: int = FREE_DRAW) -> float:
        hasher = self._keyed.copy()
        hasher.update(_DRAW.pack(self._choice, position, draw))
        return (int.from_bytes(hasher.digest()[:8], "little") >> 11) * 2.0**-53


class Sampler:
    """Chooses the tokens of one choice, and remembers those it is told about for the penalties."""

    __slots__ = ("_bias", "_counts", "_draws", "_greedy", "_log_min_p", "_parameters", "_top_k")

    def __init__(self, parameters: SamplingParameters, seed: int, choice: int) -> None:
        self._parameters = parameters
        self._draws = Draws(seed, choice)
        self._greedy = parameters.temperature < _COLDEST or parameters.top_k == 1
        self._top_k = min(parameters.top_k or TOP_K_CAP, TOP_K_CAP)
        self._log_min_p = math.log(parameters.min_p) if parameters.min_p > 0.0 else -math.inf
        self._bias = (
            (np.fromiter(parameters.bias.keys(), np.intp), np.fromiter(parameters.bias.values(), np.float32))
            if parameters.bias
            else None
        )
        self._counts: dict[int, int] = {}

    def accept(self, token: int) -> None:
        """Counts a generated token. Also how a continued answer is replayed."""
        if self._parameters.penalises:
            self._counts[token] = self._counts.get(token, 0) + 1

    def sample(self, logits: Logits, position: int, draw: int = FREE_DRAW) -> int:
        """The token at `position` (0 is the first generated). `logits` is not changed. Raises NotFinite."""
        if self._bias is not None or self._counts:
            logits = self._adjusted(logits)
        if self._greedy:
            token = int(logits.argmax())
            if not math.isfinite(logits[token]):
                raise NotFinite
            return token
        ids, values = candidates(logits, self._top_k)
        if not (len(values) and math.isfinite(values[0])):
            raise NotFinite
        if values[-1] == -math.inf:  # a grammar leaves fewer than top_k
            values = values[values > -math.inf]
        scores = values.astype(np.float64) - float(values[0])
        if self._parameters.typical_p < 1.0:
            kept = _typical(scores, self._parameters.typical_p)
            ids, scores = ids[kept], scores[kept] - scores[kept[0]]
        return self._draw(ids, scores, self._draws.u(position, draw))

    def _draw(self, ids: npt.NDArray[np.intp], scores: npt.NDArray[np.float64], u: float) -> int:
        """`scores` are log-probabilities up to a constant, falling, the first is 0."""
        parameters = self._parameters
        keep = len(scores)
        mass = None
        if parameters.top_p < 1.0:
            mass = np.exp(scores).cumsum()
            keep = int(mass.searchsorted(parameters.top_p * mass[-1])) + 1
        if parameters.min_p > 0.0:
            keep = min(keep, int((-scores).searchsorted(-self._log_min_p, "right")))
        if mass is None or parameters.temperature != 1.0:
            mass = np.exp(scores[:keep] / parameters.temperature).cumsum()
        last = min(keep, len(mass)) - 1
        return int(ids[min(int(mass[: last + 1].searchsorted(u * mass[last], "right")), last)])

    def _adjusted(self, logits: Logits) -> Logits:
        """A copy with bias and penalties applied."""
        logits = logits.copy()
        if self._bias is not None:
            logits[self._bias[0]] += self._bias[1]
        if self._counts:
            ids = np.fromiter(self._counts.keys(), np.intp, len(self._counts))
            counts = np.fromiter(self._counts.values(), np.float32, len(self._counts))
            chosen = logits[ids]
            if self._parameters.repetition_penalty != 1.0:
                factor = np.float32(self._parameters.repetition_penalty)
                chosen = np.where(chosen > 0, chosen / factor, chosen * factor)
            chosen -= counts * np.float32(self._parameters.frequency_penalty)
            logits[ids] = chosen - np.float32(self._parameters.presence_penalty)
        return logits


def _typical(scores: npt.NDArray[np.float64], share: float) -> npt.NDArray[np.intp]:
    """Indices, rising, of the candidates whose surprise is nearest to the expected one, until they have `share`.

    Meister et al., Locally Typical Sampling (2022), as llama.cpp counts it: the first sum beyond `share` ends it.
    """
    logs = scores - math.log(float(np.exp(scores).sum()))
    chances = np.exp(logs)
    entropy = -float((chances * logs).sum())
    order = np.abs(-logs - entropy).argsort(kind="stable")
    keep = int(chances[order].cumsum().searchsorted(share, "right")) + 1
    return np.sort(order[:keep])


def candidates(logits: Logits, k: int) -> tuple[npt.NDArray[np.intp], Logits]:
    """The `k` best ids and their logits, ordered by (logit descending, id ascending), ties at the edge included by id.

    NaN never passes the bound, so it can only make the result smaller.
    """
    if k < len(logits):
        ids = (logits >= _bound(logits, k)).nonzero()[0]
        values = logits[ids]
    else:
        ids, values = np.arange(len(logits)), logits
    order = (-values).argsort(kind="stable")[:k]
    return ids[order], values[order]


def _bound(logits: Logits, k: int) -> np.float32:
    """A value that at least `k` logits reach and few others do.

    For long rows it is the k-th largest of the maxima of 4k blocks: every such block holds one that reaches it.
    """
    size = len(logits)
    if size > _SMALL:
        width = size // (4 * k)
        logits = logits[: size - size % width].reshape(width, -1).max(axis=0)
        size = len(logits)
    return np.partition(logits, size - k)[size - k]  # type: ignore[no-any-return]
