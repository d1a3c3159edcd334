"""Chance in the model's place, as in the tests of grammars."""

from tests.desktop.inference.grammar.conftest import model, write

__all__ = ["model", "write"]
