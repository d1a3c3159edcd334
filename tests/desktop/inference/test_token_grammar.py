"""What tokens a grammar lets through, by llama.cpp and by what is added to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from desktop.inference.engine import GrammarUnusable, LlamaModel
from desktop.inference.token_grammar import GrammarTooWide
from tests.desktop.inference.grammar.conftest import compiled

ANYTHING = 'root ::= [^\\x00]* "."'


@pytest.fixture(scope="module")
def model(model_path: Path) -> LlamaModel:
    return LlamaModel(str(model_path), context=256, slots=1, pool=0, threads=1, gpu_layers=0)


def token_of(model: LlamaModel, raw: bytes) -> int:
    return next(token for token in range(model.n_vocab) if model.label(token) == raw)


def test_only_what_the_grammar_has_next_is_allowed(model: LlamaModel) -> None:
    grammar = model.grammar('root ::= "{" "}"')
    opening, closing = token_of(model, b"{"), token_of(model, b"}")
    assert grammar.allows(opening)
    assert not grammar.allows(closing)
    grammar.accept(opening)
    assert not grammar.allows(opening)
    grammar.accept(closing)
    ends = [token for token in range(model.n_vocab) if model.piece(token) is None]
    allowed = np.isfinite(grammar.masked(np.zeros(model.n_vocab, np.float32))).nonzero()[0]
    assert allowed.tolist() == ends


def test_masked_and_allowed_are_the_same(model: LlamaModel) -> None:
    grammar = model.grammar(compiled({"type": "object", "properties": {"é": {"type": "string"}}}))
    chance = np.random.default_rng(1)
    for _ in range(40):
        masked = np.isfinite(grammar.masked(np.zeros(model.n_vocab, np.float32)))
        assert masked.tolist() == [grammar.allows(token) for token in range(model.n_vocab)]
        going_on = [token for token in masked.nonzero()[0].tolist() if model.piece(token) is not None]
        if not going_on:
            break
        grammar.accept(int(chance.choice(going_on)))


def test_a_control_token_does_not_pass_for_the_characters_of_its_name(model: LlamaModel) -> None:
    start = token_of(model, b"<|im_start|>")
    assert not model.grammar(ANYTHING).allows(start)
    assert model.grammar(ANYTHING, frozenset({start})).allows(start)
    assert model.marker("<|im_start|>") == start
    assert model.marker("capital") is None


@pytest.mark.parametrize("raw", [b"\xf0\x8a\x96\xbb", b"\xed\xa0\x80", b"\xc0\x80", b"\xff", b"\xe2\x82."])
def test_bytes_that_are_no_text_are_not_allowed(model: LlamaModel, raw: bytes) -> None:
    grammar = model.grammar(ANYTHING)
    for at in range(len(raw)):
        token = token_of(model, raw[at : at + 1])
        if not grammar.allows(token):
            return
        grammar.accept(token)
    pytest.fail("all of it was allowed")


def test_half_a_character_can_be_completed_and_nothing_else(model: LlamaModel) -> None:
    grammar = model.grammar('root ::= [€] "."')
    for byte in "€".encode():
        assert not grammar.allows(token_of(model, b"."))
        grammar.accept(token_of(model, bytes([byte])))
    assert grammar.allows(token_of(model, b"."))


def test_a_grammar_that_is_none_is_refused(model: LlamaModel) -> None:
    with pytest.raises(GrammarUnusable):
        model.grammar("root ::= (")


def test_a_schema_that_can_be_read_in_ever_more_ways_ends_the_call_and_not_the_worker(model: LlamaModel) -> None:
    inner: dict[str, Any] = {"$ref": "#/$defs/x"}
    choices = [{"type": "array", "items": inner, "minItems": least} for least in (0, 1, 2)]
    schema = {"$defs": {"x": {"anyOf": choices}}, "$ref": "#/$defs/x"}
    grammar, bracket = model.grammar(compiled(schema)), token_of(model, b"[")

    def go_on() -> None:
        for _ in range(64):
            assert grammar.allows(bracket)
            grammar.accept(bracket)

    with pytest.raises(GrammarTooWide):
        go_on()
