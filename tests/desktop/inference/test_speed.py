"""What is measured of a model just loaded."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest

from desktop.inference.engine import Chunk, LlamaModel
from desktop.inference.speed import measure


class ClockedModel:
    """Computes a step in 10 ms, finds a token's text in 15 ms, and counts the sequences it computes at once."""

    n_vocab = 100

    def __init__(self, logit: float = 0.0) -> None:
        self.now = 0.0
        self.at_once: set[int] = set()
        self._logits = np.full((1, self.n_vocab), logit, np.float32)

    def decode(self, chunks: list[Chunk]) -> None:
        self.now += 0.010
        self.at_once.add(len(chunks))

    def logits(self, _rows: int) -> npt.NDArray[np.float32]:
        return self._logits

    def piece(self, _token: int) -> None:
        self.now += 0.015

    def truncate(self, *_given: Any) -> bool:
        return True


@pytest.mark.parametrize("logit", [0.0, np.nan])
def test_the_speed_shown_is_that_of_one_answer_with_the_choosing_of_its_tokens(logit: float) -> None:
    model = ClockedModel(logit)
    speed = measure(cast("LlamaModel", model), lambda: model.now)
    assert speed.decode == pytest.approx(1 / 0.025)
    assert speed.prefill == pytest.approx(32 / 0.010)
    assert model.at_once == {1}
