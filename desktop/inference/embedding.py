"""Texts as vectors: the mean of the model's last hidden states over all tokens, of length 1.

Computed between the steps of those who write, a few ids at a time, in a context of its own that exists only while
there is something to embed.
"""

from __future__ import annotations

import numpy as np

from desktop.inference.call import Call
from desktop.inference.engine import Embedder, LlamaModel


class Embedding:
    """The embedding calls of one model, first come, first served."""

    def __init__(self, model: LlamaModel) -> None:
        self._model = model
        self._calls: list[Call] = []
        self._embedder: Embedder | None = None
        self._input = 0
        self._at = 0
        self._sum: np.ndarray[tuple[int], np.dtype[np.float64]] | None = None

    @property
    def waiting(self) -> int:
        """Calls that are not done."""
        return len(self._calls)

    @property
    def first(self) -> Call:
        """The one that is computed next; there must be one."""
        return self._calls[0]

    def has(self, call: Call) -> bool:
        return call in self._calls

    def add(self, call: Call) -> None:
        self._calls.append(call)

    def remove(self, call: Call) -> None:
        """Done or cancelled."""
        if call not in self._calls:
            return
        if call is self._calls[0]:
            self._input, self._at, self._sum = 0, 0, None
        self._calls.remove(call)
        if not self._calls and self._embedder is not None:
            self._embedder.close()
            self._embedder = None

    def step(self, room: int) -> tuple[Call, list[bytes]]:
        """Computes at most `room` ids of the oldest call; the call, and its finished vectors as `index u32, f32[]`.

        Raises EngineBroken, and EmbedderUnavailable before anything is computed.
        """
        call = self._calls[0]
        self._embedder = self._embedder or self._model.embedder()
        vectors: list[bytes] = []
        while room > 0 and self._input < len(call.inputs):
            ids = call.inputs[self._input]
            part = ids[self._at : self._at + room]
            states = self._embedder.compute(part, self._at).sum(axis=0, dtype=np.float64)
            self._sum = states if self._sum is None else self._sum + states
            self._at += len(part)
            room -= len(part)
            if self._at == len(ids):
                vectors.append(self._input.to_bytes(4, "little") + _normed(self._sum))
                self._input, self._at, self._sum = self._input + 1, 0, None
        if self._input == len(call.inputs):
            self.remove(call)
        return call, vectors


def _normed(vector: np.ndarray[tuple[int], np.dtype[np.float64]]) -> bytes:
    length = float(np.linalg.norm(vector))
    return (vector / length if length else vector).astype("<f4").tobytes()
