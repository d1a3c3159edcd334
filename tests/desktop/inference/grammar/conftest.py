"""A model's vocabulary under a grammar, with chance in the model's place."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest

from desktop.inference.engine import LlamaModel
from desktop.inference.grammar.json_text import JsonRules
from desktop.inference.grammar.rules import Grammar
from desktop.inference.grammar.schemas import Schemas


class Write(Protocol):
    def __call__(self, gbnf: str, seed: int, begin: str = "") -> str | None:
        """Some text of a grammar by a seed, going on from `begin`; None if it did not come to an end."""


_LIMIT = 700


def compiled(schema: Any, *, strict: bool = True) -> str:
    """A schema in llama.cpp's notation."""
    grammar = Grammar()
    return grammar.text(Schemas(JsonRules(grammar), schema, strict=strict).root())


@pytest.fixture(scope="session")
def model(model_path: Path) -> LlamaModel:
    return LlamaModel(str(model_path), context=256, slots=1, pool=0, threads=1, gpu_layers=0)


@pytest.fixture(scope="session")
def write(model: LlamaModel) -> Write:
    """Draws among all tokens alike, but for those that can bring something to an end."""
    pieces = [model.piece(token) for token in range(model.n_vocab)]
    closing = [piece is None or bool(set(piece.raw) & set(b'"}]')) for piece in pieces]
    weights = np.where(closing, 3.0, 0.0).astype(np.float32)

    byte_of = {piece.raw: token for token, piece in enumerate(pieces) if piece is not None and len(piece.raw) == 1}

    def text(gbnf: str, seed: int, begin: str = "") -> str | None:
        grammar = model.grammar(gbnf)
        chance = np.random.default_rng(seed)
        written = begin.encode()
        for byte in written:
            assert grammar.allows(byte_of[bytes([byte])]), begin
            grammar.accept(byte_of[bytes([byte])])
        for _ in range(_LIMIT):
            logits = weights + chance.gumbel(size=model.n_vocab).astype(np.float32)
            token = int(logits.argmax())
            if not grammar.allows(token):
                token = int(grammar.masked(logits).argmax())
                assert grammar.allows(token), f"nothing can follow {written!r}"
            piece = pieces[token]
            if piece is None:
                return written.decode()
            grammar.accept(token)
            written += piece.raw
        return None

    return text
