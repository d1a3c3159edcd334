"""Text of no form, up to one of some marks: what a model may say before it has to keep to a form."""

from __future__ import annotations

from collections.abc import Mapping

from desktop.inference.grammar.characters import CharSet, chars, complement
from desktop.inference.grammar.rules import Alternative, Grammar, Rule


def free_text(grammar: Grammar, marks: Mapping[str, Alternative], *ends: Alternative) -> Rule:
    """Any text; after a mark, what follows that mark. It can stop before any character in one of `ends`, if there are.

    A state is what of a mark may have begun, so no mark is ever overlooked and there is one way to read each text.
    """
    prefixes = {mark[:length] for mark in marks for length in range(len(mark))} | {""}
    states = {prefix: grammar.reserve() for prefix in sorted(prefixes)}
    alphabet = chars("".join(marks))
    letters = sorted(set("".join(marks)))
    for prefix, state in states.items():
        ways: dict[Alternative, list[str]] = {}
        for letter in letters:
            text = prefix + letter
            mark = next((mark for mark in marks if text.endswith(mark)), None)
            going_on = marks[mark] if mark is not None else (states[_begun(text, prefixes)],)
            ways.setdefault(going_on, []).append(letter)
        others: CharSet = complement(alphabet)
        alternatives = [(chars("".join(found)), *going_on) for going_on, found in ways.items()]
        grammar.define(state, (others, states[""]), *alternatives, *ends)
    return states[""]


def _begun(text: str, prefixes: set[str]) -> str:
    return next(text[at:] for at in range(len(text) + 1) if text[at:] in prefixes)
