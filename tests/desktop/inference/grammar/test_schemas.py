"""Whatever a schema's grammar lets through, the schema does too; and what it cannot hold, it says where."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from desktop.inference.engine import LlamaModel
from desktop.inference.grammar.automata import TooComplex
from desktop.inference.grammar.refusal import SchemaRefused
from desktop.inference.grammar.rules import GrammarRefused
from desktop.inference.grammar.schemas import KEYWORDS
from tests.desktop.inference.grammar.conftest import Write, compiled

NODE = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "value": {"type": "integer"},
                "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
            },
            "required": ["value", "next"],
            "additionalProperties": False,
        }
    },
    "$ref": "#/$defs/node",
}
PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 12, "description": "first name"},
        "age": {"type": ["integer", "null"], "minimum": 0, "maximum": 130},
        "email": {"type": "string", "format": "email"},
        "tags": {"type": "array", "items": {"enum": ["a", "b", "c d"]}, "minItems": 1, "maxItems": 3},
    },
    "required": ["name", "age"],
    "additionalProperties": False,
}
SCHEMAS: dict[str, Any] = {
    "anything": True,
    "any object": {"type": "object"},
    "a person": PERSON,
    "a list that refers to itself": NODE,
    "other keys": {
        "type": "object",
        "properties": {"a": {"type": "null"}, "ab": {"type": "null"}, 'q"': {"type": "null"}},
        "additionalProperties": {"type": "integer"},
    },
    "no keys": {"type": "object", "properties": {}, "additionalProperties": False},
    "required without a schema": {"type": "object", "required": ["x"], "additionalProperties": {"type": "boolean"}},
    "a tuple": {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": {"type": "null"}},
    "a tuple of old": {"type": "array", "items": [{"type": "integer"}], "additionalItems": False, "minItems": 1},
    "an empty array": {"type": "array", "items": {"type": "integer"}, "maxItems": 0},
    "constants": {"enum": [1, 1.5, 'é\n"', None, True, [1, {"a": []}], -0.25]},
    "one constant": {"const": {"kind": "x"}},
    "all of": {"allOf": [{"$ref": "#/$defs/a"}, {"required": ["x"]}], "$defs": {"a": PERSON | {"title": "A"}}}
    | {"allOf": [{"type": "object", "properties": {"x": {"type": "integer"}}}, {"required": ["x"]}]},
    "any of, with what they share": {
        "type": "object",
        "properties": {"kind": {"enum": ["a", "b"]}},
        "required": ["kind"],
        "anyOf": [
            {"properties": {"x": {"type": "integer"}}, "required": ["x"]},
            {"properties": {"y": {"type": "null"}}},
        ],
    },
    "one of, told apart": {
        "oneOf": [
            {"type": "object", "properties": {"k": {"const": "a"}, "v": {"type": "integer"}}, "required": ["k", "v"]},
            {"type": "object", "properties": {"k": {"const": "b"}, "v": {"type": "null"}}, "required": ["k", "v"]},
            {"type": "integer"},
        ]
    },
    "a reference with more": {"$defs": {"s": {"type": "string"}}, "$ref": "#/$defs/s", "maxLength": 3, "minLength": 2},
    "an escaped reference": {"$defs": {"a/b~c": {"type": "null"}}, "$ref": "#/$defs/a~1b~0c"},
    "a pattern": {"type": "string", "pattern": "^[A-Z]{2}-\\d{1,3}(x|yz)?$"},
    "a pattern anywhere": {"type": "string", "pattern": "\\d", "maxLength": 6},
    "a pattern with quotes": {"type": "string", "pattern": '^["\\\\\\n]{3}$'},
    "a length": {"type": "string", "minLength": 3, "maxLength": 3},
    "a range": {"type": "integer", "minimum": -12, "exclusiveMaximum": 107},
    "below": {"type": "integer", "maximum": -5},
    "above": {"type": "number", "exclusiveMinimum": 0},
    "a share": {"type": "number", "minimum": 0, "maximum": 1},
    "across zero": {"type": "number", "minimum": -0.5, "maximum": 2.25},
    "a small range": {"type": "number", "exclusiveMinimum": 0.125, "exclusiveMaximum": 0.13},
    "multiples": {"type": "integer", "multipleOf": 7, "minimum": -30, "maximum": 1000},
    "of no type": {"minimum": 3, "maxLength": 2},
    "large minimum": {"type": "integer", "minimum": 999999999999999},
    **{
        f"format {name}": {"type": "string", "format": name}
        for name in ("date", "time", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "uuid", "uri")
    },
}


def check(schema: Any, text: str) -> None:
    value = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER).validate(
        value
    )


@pytest.mark.parametrize("name", SCHEMAS)
def test_everything_written_satisfies_the_schema(name: str, write: Write) -> None:
    schema = SCHEMAS[name]
    gbnf = compiled(schema)
    texts = [text for seed in range(12) if (text := write(gbnf, seed)) is not None]
    assert texts
    for text in texts:
        if name == "a tuple of old":
            value = json.loads(text)
            assert len(value) == 1
            assert isinstance(value[0], int)
        else:
            check(schema, text)


def test_keys_come_in_the_order_of_the_schema(write: Write) -> None:
    gbnf = compiled(PERSON)
    for seed in range(20):
        text = write(gbnf, seed)
        if text is not None:
            keys = list(json.loads(text))
            assert keys == [key for key in PERSON["properties"] if key in keys]  # type: ignore[attr-defined]


SCALARS = st.one_of(
    st.just({"type": "boolean"}),
    st.just({"type": "null"}),
    st.just({"type": "string"}),
    st.builds(
        lambda low, more: {"type": "string", "minLength": low, "maxLength": low + more},
        st.integers(0, 5),
        st.integers(0, 5),
    ),
    st.sampled_from(["^a+b?$", '^[^a-z"]{1,4}$', "x|^y$", "^(\\w+ )*\\w+$", "^\\S{2}\\s.$", "[\\u00e0-\\u00ff]"]).map(
        lambda pattern: {"type": "string", "pattern": pattern}
    ),
    st.builds(
        lambda kind, low, more: {"type": kind, "minimum": low, "maximum": low + more},
        st.sampled_from(["integer", "number"]),
        st.integers(-1500, 1500),
        st.integers(0, 3000),
    ),
    st.builds(
        lambda low, more: {"type": "number", "exclusiveMinimum": low / 8, "exclusiveMaximum": (low + more) / 8},
        st.integers(-100, 100),
        st.integers(1, 100),
    ),
    st.integers(-(10**6), 10**6).map(lambda low: {"type": "integer", "exclusiveMinimum": low}),
    st.floats(-1000, 1000, width=16).map(lambda high: {"type": "number", "maximum": high}),
    st.integers(2, 40).map(lambda of: {"type": "integer", "multipleOf": of}),
    st.lists(st.one_of(st.integers(), st.text(max_size=4), st.none(), st.booleans()), min_size=1, max_size=4).map(
        lambda values: {"enum": values}
    ),
)
KEYS = st.one_of(st.sampled_from(["a", "b", "ab", "kind"]), st.text(max_size=4))


def objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    @st.composite
    def build(draw: st.DrawFn) -> Any:
        properties = draw(st.dictionaries(KEYS, inner, max_size=4))
        schema: dict[str, Any] = {"type": "object", "properties": properties}
        schema["required"] = [name for name in properties if draw(st.booleans())]
        others = draw(st.one_of(st.none(), st.booleans(), inner))
        return schema if others is None else schema | {"additionalProperties": others}

    return build()


def arrays(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(
        lambda items, heads, low, more: {
            "type": "array",
            "items": items,
            "prefixItems": heads,
            "minItems": low,
            "maxItems": low + more,
        },
        inner,
        st.lists(inner, max_size=2),
        st.integers(0, 2),
        st.integers(0, 2),
    )


ANY = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        objects(inner), arrays(inner), st.lists(inner, min_size=1, max_size=3).map(lambda each: {"anyOf": each})
    ),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(schema=ANY, seed=st.integers(0, 2**32))
def test_everything_written_satisfies_any_schema(write: Write, schema: Any, seed: int) -> None:
    text = write(compiled(schema), seed)
    assume(text is not None)
    assert text is not None
    check(schema, text)


REFUSED: dict[str, tuple[Any, str]] = {
    "not": ({"type": "object", "properties": {"a": {"not": {"type": "null"}}}}, "properties.a.not"),
    "uniqueItems": ({"type": "array", "uniqueItems": True}, "uniqueItems"),
    "patternProperties": ({"patternProperties": {"^a": {}}}, "patternProperties"),
    "if": ({"$defs": {"x": {"if": {}}}, "$ref": "#/$defs/x"}, "$defs.x.if"),
    "lookahead": ({"type": "string", "pattern": "^(?=a)"}, "pattern"),
    "back reference": ({"items": {"type": "string", "pattern": "(a)\\1"}}, "items.pattern"),
    "a huge pattern": ({"type": "string", "pattern": "^(a|b)*a(a|b){15}$"}, "pattern"),
    "a long pattern": ({"type": "string", "pattern": "a" * 2000}, "pattern"),
    "an unknown format": ({"type": "string", "format": "iban"}, "format"),
    "overlapping oneOf": ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, "oneOf.1"),
    "a foreign reference": ({"$ref": "https://example.com/x"}, "$ref"),
    "a dangling reference": ({"properties": {"a": {"$ref": "#/$defs/b"}}}, "properties.a.$ref"),
    "an unknown type": ({"type": "strin"}, "type"),
    "a wrong schema": ({"items": 3}, "items"),
    "a wrong bound": ({"type": "integer", "minimum": "3"}, "minimum"),
    "a wrong length": ({"type": "string", "minLength": -1}, "minLength"),
    "lengths in the wrong order": ({"type": "string", "minLength": 3, "maxLength": 2}, "maxLength"),
    "false": ({"properties": {"a": False}}, "properties.a"),
    "an empty range": ({"type": "integer", "minimum": 3, "maximum": 2}, ""),
    "too many characters": ({"type": "string", "minLength": 10**6}, "minLength"),
    "an empty enum": ({"type": "string", "enum": [1]}, "enum"),
    "an odd multiple": ({"type": "number", "multipleOf": 0.3}, "multipleOf"),
    "a wrong allOf": ({"allOf": [{"pattern": "a"}, {"pattern": "b"}]}, "allOf.1.pattern"),
    "too deep": (None, ""),
}
deep: Any = {}
for _ in range(200):
    deep = {"items": deep}
REFUSED["too deep"] = (deep, ".".join(["items"] * 65))


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_kept_is_refused_with_its_path(name: str) -> None:
    schema, path = REFUSED[name]
    with pytest.raises(SchemaRefused) as refused:
        compiled(schema)
    assert ".".join(refused.value.path) == path


UNENDING = {
    "it needs itself": {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
    "it is itself": {"$ref": "#"},
    "a circle": {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
    "a circle of choices": {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
}


@pytest.mark.parametrize("name", UNENDING)
def test_a_schema_without_an_end_is_refused(name: str) -> None:
    with pytest.raises((SchemaRefused, GrammarRefused)):
        compiled(UNENDING[name])


def test_a_schema_with_too_many_ways_to_begin_is_refused() -> None:
    """Each level doubles them, and llama.cpp would walk through all."""
    definitions: dict[str, Any] = {"d0": {"type": "null"}}
    for level in range(1, 25):
        last = {"$ref": f"#/$defs/d{level - 1}"}
        definitions[f"d{level}"] = {"anyOf": [last, {"anyOf": [last, {"const": level}]}]}
    with pytest.raises(GrammarRefused):
        compiled({"$defs": definitions, "$ref": "#/$defs/d24"})


def test_a_schema_of_too_many_parts_is_refused() -> None:
    with pytest.raises((SchemaRefused, GrammarRefused)):
        compiled({"type": "object", "properties": {f"p{at}": {"type": "string"} for at in range(2000)}})


LENIENT = {
    "uniqueItems": {"type": "array", "items": {"type": "integer"}, "uniqueItems": True},
    "lookahead": {"type": "string", "pattern": "^(?=a)"},
    "overlap": {"oneOf": [{"type": "integer"}, {"type": "number"}]},
    "if": {"type": "object", "if": {"properties": {}}, "then": {}},
    "format": {"type": "string", "format": "iban"},
    "a foreign reference": {"type": "object", "properties": {"a": {"$ref": "https://example.com/a"}}},
    "a wrong allOf": {"allOf": [{"pattern": "a"}, {"pattern": "b"}]},
}


@pytest.mark.parametrize("name", LENIENT)
def test_what_need_not_be_kept_strictly_is_left_to_the_model(name: str) -> None:
    assert compiled(LENIENT[name], strict=False)


JUNK = st.none() | st.booleans() | st.integers(-5, 5000) | st.floats(allow_nan=False)
TYPES = st.sampled_from(
    ["object", "array", "string", "number", "integer", "boolean", "null", "#", "#/a", "date", "^(a"]
)
NAMES = st.sampled_from(["a", "b", "type"])
WORDS = st.sampled_from(
    [*sum(KEYWORDS.values(), ()), "type", "enum", "const", "anyOf", "oneOf", "allOf", "$ref", "not", "title"]
)
NONSENSE = st.recursive(
    st.dictionaries(WORDS, JUNK | TYPES | st.lists(JUNK | TYPES, max_size=3), max_size=4),
    lambda inner: st.dictionaries(
        WORDS,
        inner | TYPES | st.lists(inner | TYPES, max_size=3) | st.dictionaries(NAMES, inner, max_size=2),
        max_size=5,
    ),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(schema=NONSENSE, strict=st.booleans())
def test_nonsense_is_refused_or_becomes_a_grammar_that_llama_takes(
    model: LlamaModel, schema: Any, strict: bool
) -> None:
    with contextlib.suppress(SchemaRefused, GrammarRefused, TooComplex):
        model.grammar(compiled(schema, strict=strict))
