"""JSON Schema (2020-12, and what older drafts share with it) as rules: whatever these allow, the schema does too.

Not the other way round: keys come in the order of the schema, numbers and repetitions are bounded, and keys without a
name of their own come only where the schema invites them. A keyword that no grammar can hold a model to is refused with
its path where the caller wants the schema kept strictly; otherwise it is left to the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from desktop.inference.grammar import automata, scalars
from desktop.inference.grammar.automata import TooComplex
from desktop.inference.grammar.combining import CannotCombine, combined, disjoint
from desktop.inference.grammar.json_text import JsonRules, encoded
from desktop.inference.grammar.refusal import Path, SchemaRefused
from desktop.inference.grammar.rules import Alternative, Rule

MAX_DEPTH: Final = 64
MAX_SCHEMAS: Final = 4096
MAX_KEYS: Final = 1024

_ANNOTATIONS: Final = frozenset(
    {
        "$schema", "$id", "$anchor", "$comment", "$defs", "$vocabulary", "definitions", "title", "description",
        "default", "examples", "deprecated", "readOnly", "writeOnly", "contentEncoding", "contentMediaType",
        "contentSchema", "discriminator", "xml", "externalDocs", "example",
    }
)  # fmt: skip
_UNSUPPORTED: Final = frozenset(
    {
        "not", "if", "then", "else", "patternProperties", "propertyNames", "minProperties", "maxProperties",
        "dependencies", "dependentRequired", "dependentSchemas", "unevaluatedProperties", "unevaluatedItems",
        "contains", "minContains", "maxContains", "uniqueItems", "$dynamicRef", "$recursiveRef",
    }
)  # fmt: skip
_NEUTRAL: Final = {"uniqueItems": False, "minProperties": 0, "unevaluatedProperties": True, "unevaluatedItems": True}
KEYWORDS: Final = {
    "object": ("properties", "required", "additionalProperties"),
    "array": ("items", "prefixItems", "minItems", "maxItems", "additionalItems"),
    "string": ("pattern", "format", "minLength", "maxLength"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}
_SHAPES: Final[dict[str, tuple[type[object], str]]] = {
    "$ref": (str, "a reference, which is a string"),
    "properties": (dict, "an object of schemas"),
    "required": (list, "a list of names"),
    "prefixItems": (list, "a list of schemas"),
    "enum": (list, "a list of values"),
    **dict.fromkeys(("allOf", "anyOf", "oneOf"), (list, "a list of schemas")),
}
TYPES: Final = ("object", "array", "string", "number", "integer", "boolean", "null")


class Schemas:
    """Turns one document's schemas into rules. Raises SchemaRefused."""

    def __init__(self, json: JsonRules, document: Any, *, strict: bool) -> None:
        self._json = json
        self._document = document
        self._strict = strict
        self._references: dict[str, Rule] = {}
        self._count = 0
        self._depth = 0

    def root(self) -> Rule:
        return self._visit(self._document, ())

    # --- what any schema can be ---

    def _visit(self, schema: Any, path: Path) -> Rule:
        self._enter(path)
        self._depth += 1
        if schema is False:
            raise SchemaRefused(path, "nothing satisfies the schema 'false'")
        if schema is True:
            rule = self._json.value
        elif not isinstance(schema, Mapping):
            raise SchemaRefused(path, "expected a schema, which is an object")
        else:
            rule = self._described(self._supported(schema, path), path)
        self._depth -= 1
        return rule

    def _enter(self, path: Path) -> None:
        self._count += 1
        if self._count > MAX_SCHEMAS:
            raise SchemaRefused(path, f"a schema has at most {MAX_SCHEMAS} parts")
        if self._depth > MAX_DEPTH:
            raise SchemaRefused(path, f"a schema is at most {MAX_DEPTH} levels deep")

    def _described(self, schema: dict[str, Any], path: Path) -> Rule:
        if "$ref" in schema and len(schema) == 1:
            return self._referred(schema["$ref"], path)
        if "$ref" in schema or "allOf" in schema:
            return self._visit(self._plain(schema, path), path)
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                return self._any_of(schema, keyword, path)
        if "const" in schema:
            return self._values([schema["const"]], schema, (*path, "const"))
        if "enum" in schema:
            return self._values(schema["enum"], schema, (*path, "enum"))
        return self._typed(schema, path)

    def _supported(self, schema: Mapping[str, Any], path: Path) -> dict[str, Any]:
        """What matters of a schema."""
        kept = {}
        for keyword, value in schema.items():
            if keyword in _UNSUPPORTED:
                if keyword not in _NEUTRAL or _NEUTRAL[keyword] != value:
                    self._leave((*path, keyword), f"'{keyword}' is not supported")
            elif keyword not in _ANNOTATIONS:
                kept[keyword] = value
            shape, expected = _SHAPES.get(keyword, (object, ""))
            if not isinstance(value, shape):
                raise SchemaRefused((*path, keyword), f"expected {expected}")
        return kept

    def _leave(self, path: Path, problem: str) -> None:
        if self._strict:
            raise SchemaRefused(path, problem)

    # --- schemas made of others ---

    def _referred(self, pointer: str, path: Path) -> Rule:
        target = self._resolved(pointer, (*path, "$ref"))
        if pointer not in self._references:
            rule = self._references[pointer] = self._json.grammar.reserve()
            self._json.grammar.define(rule, (self._visit(target, tuple(pointer.split("/")[1:])),))
        return self._references[pointer]

    def _resolved(self, pointer: str, path: Path) -> Any:
        if not (pointer == "#" or pointer.startswith("#/")):
            self._leave(path, "only references into this schema ('#/…') can be followed")
            return True
        target = self._document
        for step in pointer.split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            if isinstance(target, Mapping) and name in target:
                target = target[name]
            elif isinstance(target, list) and name.isdecimal() and int(name) < len(target):
                target = target[int(name)]
            else:
                self._leave(path, f"there is nothing at '{pointer[:128]}'")
                return True
        return target

    def _plain(self, schema: Any, path: Path, steps: int = 0) -> dict[str, Any]:
        """A schema without references and without `allOf` at its top."""
        if schema is True:
            return {}
        if not isinstance(schema, Mapping):
            raise SchemaRefused(path, "expected a schema, which is an object")
        self._enter(path)
        if steps > MAX_DEPTH:
            raise SchemaRefused(path, "the schema refers to itself without anything in between")
        plain = self._supported(schema, path)
        parts = plain.pop("allOf", [])
        if "$ref" in plain:
            parts = [self._resolved(plain.pop("$ref"), (*path, "$ref")), *parts]
        for at, part in enumerate(parts):
            try:
                plain = combined(self._plain(part, (*path, "allOf", str(at)), steps + 1), plain)
            except CannotCombine as problem:
                where = (*path, "allOf", str(at), problem.keyword)
                self._leave(where, f"'{problem.keyword}' cannot be combined with another")
        return plain

    def _any_of(self, schema: dict[str, Any], keyword: str, path: Path) -> Rule:
        choices = schema.pop(keyword)
        where = (*path, keyword)
        if not choices:
            raise SchemaRefused(where, "expected at least one schema")
        together = [{"allOf": [schema, choice]} for choice in choices] if schema else choices
        rules = [self._visit(choice, (*where, str(at))) for at, choice in enumerate(together)]
        if keyword == "oneOf" and self._strict:
            self._refuse_overlap(choices, where)
        return self._json.grammar.rule(*((rule,) for rule in dict.fromkeys(rules)))

    def _refuse_overlap(self, choices: list[Any], path: Path) -> None:
        for at, choice in enumerate(choices):
            for other in choices[:at]:
                if not disjoint(choice, other, lambda each: self._plain(each, path)):
                    problem = "'oneOf' is supported only where its schemas exclude each other by type or by a constant"
                    raise SchemaRefused((*path, str(at)), f"{problem}; use 'anyOf'")

    # --- values and types ---

    def _values(self, values: list[Any], schema: dict[str, Any], path: Path) -> Rule:
        others = set(schema) - {"type", "const", "enum"}
        for keyword in sorted(others & {each for group in KEYWORDS.values() for each in group}):
            self._leave((*path[:-1], keyword), f"'{keyword}' is not supported beside '{path[-1]}'")
        kinds = self._kinds(schema, path[:-1]) if "type" in schema else list(TYPES)
        if "number" in kinds:
            kinds.append("integer")
        kept = [value for value in values if kind_of(value) in kinds]
        if not kept:
            raise SchemaRefused(path, "none of its values is of this type")
        try:
            return self._json.grammar.automaton(automata.words(encoded(value) for value in kept), ())
        except TooComplex as problem:
            raise SchemaRefused(path, "its values are too long or too many") from problem

    def _kinds(self, schema: dict[str, Any], path: Path) -> list[str]:
        if "type" not in schema:
            return [kind for kind, keywords in KEYWORDS.items() if any(each in schema for each in keywords)]
        kinds = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
        if not isinstance(kinds, list) or not kinds or not all(kind in TYPES for kind in kinds):
            raise SchemaRefused((*path, "type"), f"expected one or more of {', '.join(TYPES)}")
        return [kind for kind in kinds if not (kind == "integer" and "number" in kinds)]

    def _typed(self, schema: dict[str, Any], path: Path) -> Rule:
        kinds = self._kinds(schema, path)
        return self._json.grammar.rule(*((self._kind(kind, schema, path),) for kind in kinds or ("any",)))

    def _kind(self, kind: str, schema: dict[str, Any], path: Path) -> Rule:
        match kind:
            case "object":
                return self._object(schema, path)
            case "array":
                return self._array(schema, path)
            case "string":
                return scalars.string(self._json, schema, path, self._leave)
            case "number":
                return scalars.number(self._json, schema, path, self._leave)
            case "integer":
                return scalars.integer(self._json, schema, path, self._leave)
            case "boolean":
                return self._json.grammar.rule(("true",), ("false",))
            case "null":
                return self._json.grammar.rule(("null",))
        return self._json.value

    # --- objects ---

    def _object(self, schema: dict[str, Any], path: Path) -> Rule:
        keys, required = self._keys(schema, path)
        others = schema.get("additionalProperties", not schema.get("properties") and "properties" not in schema)
        for name in required:
            if name not in keys:
                if others is False and "additionalProperties" in schema:
                    raise SchemaRefused((*path, "required"), f"'{name[:64]}' is required and not allowed")
                keys[name] = others if isinstance(others, Mapping) else True
        if not keys and others is True:
            return self._json.object
        rule, space = self._json.grammar.rule, self._json.space
        after, first = self._others(keys, others, (*path, "additionalProperties"))
        required_left = False
        for name, value in reversed(keys.items()):
            at = (*path, "properties", name)
            pair = (encoded(name), ":", space, self._visit(value, at), space, after)
            first = rule(pair, *([(first,)] if first and name not in required else []))
            required_left = required_left or name in required
            after = rule((",", space, first), *([] if required_left else [("}",)]))
        if first is None:
            return rule(("{", space, "}"))
        return self._json.listed("{}", first, can_be_empty=not required_left)

    def _keys(self, schema: dict[str, Any], path: Path) -> tuple[dict[str, Any], dict[str, None]]:
        """Schemas by key, and the keys that must be there, in their order: it must be the same on every node."""
        keys, required = schema.get("properties", {}), schema.get("required", [])
        if not all(isinstance(name, str) for name in required):
            raise SchemaRefused((*path, "required"), "expected a list of names")
        if len(keys) + len(required) > MAX_KEYS:
            raise SchemaRefused((*path, "properties"), f"an object has at most {MAX_KEYS} properties")
        return dict(keys), dict.fromkeys(required)

    def _others(self, keys: dict[str, Any], schema: Any, path: Path) -> tuple[Rule, Rule | None]:
        """What can follow the named keys, and how the keys without names begin, if there can be any."""
        rule, space = self._json.grammar.rule, self._json.space
        if schema is False:
            return rule(("}",)), None
        names = automata.opposite(automata.words(keys))
        key = self._json.matching_string(names) if keys else self._json.string
        after = self._json.grammar.reserve()
        pair = rule((key, ":", space, self._visit(schema, path), space, after))
        self._json.grammar.define(after, ("}",), (",", space, pair))
        return after, pair

    # --- arrays ---

    def _array(self, schema: dict[str, Any], path: Path) -> Rule:
        tuple_form = isinstance(schema.get("items"), list)  # before 2020-12
        heads = schema.get("items" if tuple_form else "prefixItems", [])
        tail = schema.get("additionalItems" if tuple_form else "items", not heads)
        low, high = scalars.counts(schema, path, "Items")
        if tail is False:
            high = len(heads) if high is None else min(high, len(heads))
        if high is not None and high < low:
            raise SchemaRefused((*path, "minItems"), "there are not so many items")
        items = [self._visit(head, (*path, "prefixItems", str(at))) for at, head in enumerate(heads[:high])]
        rest = None if tail is False or high == len(items) else self._visit(tail, (*path, "items"))
        first = self._items(items, rest, low, high)
        if first is None:
            return self._json.grammar.rule(("[", self._json.space, "]"))
        return self._json.listed("[]", first, can_be_empty=low == 0)

    def _items(self, items: list[Rule], rest: Rule | None, low: int, high: int | None) -> Rule | None:
        """How the items begin; what follows the last that must or can come is built first."""
        rule, space = self._json.grammar.rule, self._json.space
        first: Rule | None = None
        if rest is not None:
            if high is None:
                after = self._json.grammar.reserve()
                first = rule((rest, space, after))
                self._json.grammar.define(after, ("]",), (",", space, first))
            items = items + [rest] * ((low if high is None else high) - len(items))
        for at, item in reversed([*enumerate(items, 1)]):
            more: list[Alternative] = [(",", space, first)] if first else []
            end: list[Alternative] = [("]",)] if at >= low else []
            first = rule((item, space, rule(*more, *end)))
        return first


def kind_of(value: Any) -> str:
    match value:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "integer" if value.is_integer() else "number"
        case str():
            return "string"
        case None:
            return "null"
    return "array" if isinstance(value, list) else "object"
