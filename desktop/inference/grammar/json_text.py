"""JSON as rules: how values, strings and the white space around them are written.

White space is bounded, since a model can get lost in it: nothing, a space, or a new line with its indentation.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final

import msgspec

from desktop.inference.grammar.automata import Dfa
from desktop.inference.grammar.characters import CharSet, chars, complement, intersection, span, union
from desktop.inference.grammar.rules import Alternative, Grammar, Rule, Term

MAX_INDENT: Final = 64
MAX_DEPTH: Final = 24
"""Of a value that no schema describes. Deeper ones are no answer, and some parsers refuse them."""

_PLAIN: Final = complement(union(chars('"\\\x7f'), ((0x01, 0x1F),)))
_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_HEX: Final = union(span("0", "9"), span("a", "f"), span("A", "F"))
_DIGIT: Final = span("0", "9")


def encoded(value: Any) -> str:
    """A value as the one text in which it is to be written."""
    return msgspec.json.encode(value).decode()


def spelled(ranges: CharSet) -> Sequence[tuple[Term, ...]]:
    """Characters as they stand in a string literal; other control characters than those with a short form do not."""
    plain = intersection(ranges, _PLAIN)
    escaped = [(text,) for sign, text in _ESCAPES.items() if intersection(ranges, chars(sign))]
    return [(plain,), *escaped] if plain else escaped


class JsonRules:
    """Rules for JSON that every schema shares, made when first used."""

    def __init__(self, grammar: Grammar) -> None:
        self.grammar = grammar
        self._matching: dict[int, tuple[Dfa, Rule]] = {}

    # --- layout ---

    @cached_property
    def space(self) -> Rule:
        indent = self.grammar.between(chars(" \t"), 0, MAX_INDENT)
        return self.grammar.rule((), (" ",), ("\n", indent))

    def listed(self, brackets: str, items: Rule, *, can_be_empty: bool) -> Rule:
        """`items` in brackets; it says the closing one itself."""
        empty: list[Alternative] = [(brackets[1],)] if can_be_empty else []
        return self.grammar.rule((brackets[0], self.space, self.grammar.rule((items,), *empty)))

    # --- strings ---

    @cached_property
    def character(self) -> Rule:
        """Any character of a string, with every way to write it; no half of a surrogate pair."""
        hex2, rule = (_HEX, _HEX), self.grammar.rule
        unit = rule(
            (union(span("0", "9"), span("a", "c"), span("A", "C"), chars("efEF")), _HEX, *hex2),
            (chars("dD"), span("0", "7"), *hex2),
            (chars("dD"), union(span("8", "9"), chars("abAB")), *hex2, "\\u", chars("dD"), chars("cdefCDEF"), *hex2),
        )
        return rule((_PLAIN,), ("\\", chars('"\\/bfnrt')), ("\\u", unit))

    @cached_property
    def string(self) -> Rule:
        return self.counted_string(0, None)

    def counted_string(self, low: int, high: int | None) -> Rule:
        return self.grammar.rule(('"', self.grammar.between(self.character, low, high), '"'))

    def matching_string(self, dfa: Dfa) -> Rule:
        """The same for the same automaton, of which some are kept for all."""
        if id(dfa) not in self._matching:
            rule = self.grammar.rule(('"', self.grammar.automaton(dfa, ('"',), spell=spelled)))
            self._matching[id(dfa)] = (dfa, rule)
        return self._matching[id(dfa)][1]

    # --- other values ---

    @cached_property
    def integer(self) -> Rule:
        rule = self.grammar.rule
        digits = rule(("0",), (span("1", "9"), self.grammar.between(_DIGIT, 0, 15)))
        return rule((digits,), ("-", digits))

    @cached_property
    def number(self) -> Rule:
        rule, between = self.grammar.rule, self.grammar.between
        fraction = rule((), (".", between(_DIGIT, 1, 16)))
        exponent = rule((), (chars("eE"), rule((), (chars("+-"),)), between(_DIGIT, 1, 2)))
        return rule((self.integer, fraction, exponent))

    @cached_property
    def scalar(self) -> Rule:
        return self.grammar.rule((self.string,), (self.number,), ("true",), ("false",), ("null",))

    @cached_property
    def value(self) -> Rule:
        """Anything."""
        return self.grammar.rule((self.scalar,), (self.object,), (self._array(self._inner(MAX_DEPTH - 1)),))

    @cached_property
    def object(self) -> Rule:
        """Any object."""
        return self._object(self._inner(MAX_DEPTH - 1))

    def _inner(self, depth: int) -> Rule:
        """Anything that is at most so deep."""
        inner = self.grammar.rule((self.scalar,))
        for _ in range(depth):
            inner = self.grammar.rule((self.scalar,), (self._object(inner),), (self._array(inner),))
        return inner

    def _array(self, item: Rule) -> Rule:
        more = self.grammar.reserve()
        self.grammar.define(more, ("]",), (",", self.space, item, self.space, more))
        return self.listed("[]", self.grammar.rule((item, self.space, more)), can_be_empty=True)

    def _object(self, item: Rule) -> Rule:
        more, pair = self.grammar.reserve(), self.grammar.rule((self.string, ":", self.space, item, self.space))
        self.grammar.define(more, ("}",), (",", self.space, pair, more))
        return self.listed("{}", self.grammar.rule((pair, more)), can_be_empty=True)
