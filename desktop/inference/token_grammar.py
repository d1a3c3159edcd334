"""One answer held to a grammar, token by token: what llama.cpp's grammar says, and what it leaves open.

It takes control tokens for the characters of their names, which inside a string would pass and then not be written; and
it takes sequences of bytes that are no UTF-8. Neither may come.
"""

from __future__ import annotations

import codecs
import time
from collections.abc import Callable
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from desktop.inference.sampling import Logits, NotFinite
from desktop.inference.text import Piece

_WIDE_S: Final = 0.05
"""CPU time of one token, which is microseconds unless what was written can be read in thousands of ways."""

Flags = npt.NDArray[np.bool_]
"""One per token."""


class GrammarTooWide(NotFinite):
    """There are so many ways to read what was written that following them all would hold everybody else up."""


class Follower(Protocol):
    """Where an answer stands in its grammar. `accept` is fatal for a token that is not allowed."""

    def check(self, token: int) -> bool: ...

    def check_all(self) -> Flags: ...

    def accept(self, token: int) -> None: ...


class GrammarVocabulary:
    """What a grammar must know of a model's tokens; made once, as it looks at each of them."""

    def __init__(self, n_vocab: int, piece: Callable[[int], Piece | None], is_control: Callable[[int], bool]) -> None:
        self.piece = piece
        pieces = [piece(token) for token in range(n_vocab)]
        self.controls: Flags = np.array(
            [piece is not None and is_control(token) for token, piece in enumerate(pieces)], np.bool_
        )
        """Tokens that are marks, those apart that end generation."""
        self.broken = np.array([token for token, piece in enumerate(pieces) if piece and piece.text is None], np.intp)
        """Tokens that are not whole characters by themselves."""


class TokenGrammar:
    """What the tokens of one answer may be; `markers` are the control tokens that its format has."""

    def __init__(self, follower: Follower, vocabulary: GrammarVocabulary, markers: frozenset[int]) -> None:
        self._follower = follower
        self._vocabulary = vocabulary
        self._refused = vocabulary.controls
        if markers:
            self._refused = self._refused.copy()
            self._refused[list(markers)] = False
        self._decoder = codecs.getincrementaldecoder("utf-8")("strict")
        self._pending = False

    def allows(self, token: int) -> bool:
        """Whether `token`, an end of generation included, may come next. Changes nothing."""
        return not self._refused[token] and self._follower.check(token) and self._is_text(token)

    def masked(self, logits: Logits) -> Logits:
        """A copy with minus infinity for every token that may not."""
        allowed = self._follower.check_all() & ~self._refused
        broken = self._vocabulary.broken
        for token in broken[allowed[broken]].tolist():
            allowed[token] = self._is_text(token)
        return np.where(allowed, logits, np.float32(-np.inf))

    def accept(self, token: int) -> None:
        """Goes on with a token that is allowed. Raises GrammarTooWide."""
        piece = self._vocabulary.piece(token)
        if self._pending or (piece is not None and piece.text is None):
            self._decoder.decode(piece.raw if piece else b"")
            self._pending = bool(self._decoder.getstate()[0])
        began = time.thread_time()
        self._follower.accept(token)
        if time.thread_time() - began > _WIDE_S:
            raise GrammarTooWide("This schema leaves too many ways open at once.")

    def _is_text(self, token: int) -> bool:
        piece = self._vocabulary.piece(token)
        if piece is None or (piece.text is not None and not self._pending):
            return True
        before = self._decoder.getstate()
        try:
            self._decoder.decode(piece.raw)
        except UnicodeDecodeError:
            return False
        finally:
            self._decoder.setstate(before)
        return True
