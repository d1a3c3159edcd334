"""Arguments that are not written as JSON but each between tags, its text as it is: `<parameter=name>` in Qwen 3 Coder.

What is no text is JSON between its tags. A value that may be either is text unless it reads as JSON of an allowed kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from desktop.inference.grammar import automata, regexes, scalars
from desktop.inference.grammar.automata import TooComplex
from desktop.inference.grammar.characters import chars, span, union
from desktop.inference.grammar.free_text import free_text
from desktop.inference.grammar.json_text import JsonRules, encoded
from desktop.inference.grammar.refusal import Path, SchemaRefused
from desktop.inference.grammar.rules import Alternative, Grammar, Rule
from desktop.inference.grammar.schemas import TYPES, Schemas, kind_of

END: Final = "\n</parameter>\n"
_NAME: Final = union(span("a", "z"), span("A", "Z"), span("0", "9"), chars("_-."))

Kinds = Mapping[str, frozenset[str]]
"""By name of an argument, the types it can have; all of them where it is not named."""


class TaggedSchemas(Schemas):
    """The parameters of a tool, whose schema is that of an object."""

    def arguments(self, *ends: Alternative) -> Rule:
        """One after the other, then one of `ends`."""
        plain = self._plain(self._document, ())
        keys, required = self._keys(plain, ())
        after = self._json.grammar.rule(*ends)
        if not keys and not required and "properties" not in plain:
            return self._any_arguments(after)
        for name in reversed([*keys, *(name for name in required if name not in keys)]):
            path = ("properties", name)
            if set(name) & set(">\n"):
                raise SchemaRefused(path, "this model cannot write such a name")
            one = (f"<parameter={name}>\n", self._value(keys.get(name, True), path, after))
            after = self._json.grammar.rule(one) if name in required else self._json.grammar.rule(one, (after,))
        return after

    def kinds(self) -> Kinds:
        """What each argument can be."""
        keys, _ = self._keys(self._plain(self._document, ()), ())
        return {name: self._kinds_of(schema) for name, schema in keys.items()}

    def _any_arguments(self, after: Rule) -> Rule:
        grammar = self._json.grammar
        more = grammar.reserve()
        name = grammar.between(_NAME, 1, 64)
        grammar.define(more, (after,), ("<parameter=", name, ">\n", free_text(grammar, {END: (more,)})))
        return more

    def _value(self, schema: Any, path: Path, after: Rule) -> Rule:
        grammar, kinds = self._json.grammar, self._kinds_of(schema)
        if "string" not in kinds:
            return grammar.rule((self._visit(schema, path), END, after))
        plain = self._plain(schema, path)
        if "enum" in plain or "const" in plain:
            values = [plain["const"]] if "const" in plain else plain["enum"]
            texts = [value if isinstance(value, str) else encoded(value) for value in values]
            return grammar.automaton(automata.words(texts), (END, after))
        found = None
        if kinds == {"string"} and not plain.keys() & {"anyOf", "oneOf"}:
            found = scalars.described(self._json, plain, path, self._leave)
        elif set(plain) - {"type"}:
            self._leave(path, "a text or something else, with further conditions, cannot be kept by this model")
        if found is None:
            return free_text(grammar, {END: (after,)})
        try:
            without_end = automata.opposite(regexes.automaton("\n</parameter>", grammar.work))
            return grammar.automaton(automata.both(found, without_end, grammar.work), (END, after))
        except TooComplex as problem:
            raise SchemaRefused(path, str(problem)) from problem

    def _kinds_of(self, schema: Any, depth: int = 0) -> frozenset[str]:
        """Types that a value can have, as far as it is plain; all where it is not."""
        if not isinstance(schema, Mapping) or depth > 8:
            return frozenset(TYPES)
        plain = self._plain(schema, ())
        found = frozenset(self._kinds(plain, ()) or TYPES) if "type" in plain else frozenset(TYPES)
        for keyword in ("anyOf", "oneOf"):
            if keyword in plain:
                found &= frozenset().union(*(self._kinds_of(choice, depth + 1) for choice in plain[keyword]))
        values = [plain["const"]] if "const" in plain else plain.get("enum")
        if values is not None and "type" not in plain:
            found &= frozenset(map(kind_of, values))
        return found


def kinds(schema: Any) -> Kinds:
    """What each argument of a tool can be, as far as its schema says."""
    try:
        return TaggedSchemas(JsonRules(Grammar()), schema, strict=False).kinds()
    except SchemaRefused:
        return {}
