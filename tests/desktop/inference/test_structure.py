"""What a body may say of an answer's form, and what is wrong with it otherwise."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.inference.fields import ParameterRefused
from desktop.inference.formats.detection import detect
from desktop.inference.structure import Structure
from desktop.inference.structure_fields import structure

HERMES = detect("<tool_call>")
LLAMA = detect("<|python_tag|>")
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def a_tool(name: str = "get_weather", **changed: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": PARAMETERS} | changed}


def a_choice(name: str = "get_weather") -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}


def a_schema(**changed: Any) -> dict[str, Any]:
    named = {"name": "answer", "schema": {"type": "object"}, "strict": True} | changed
    return {"response_format": {"type": "json_schema", "json_schema": named}}


TWO = [a_tool(), a_tool("now")]
BOTH = frozenset({"get_weather", "now"})
ALLOWED = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [a_choice("now")]}}


@pytest.mark.parametrize(
    ("fields", "callable_", "required", "several"),
    [
        ({}, frozenset(), False, True),
        ({"tools": []}, frozenset(), False, True),
        ({"tools": [], "tool_choice": "auto"}, frozenset(), False, True),
        ({"tools": TWO}, BOTH, False, True),
        ({"tools": TWO, "tool_choice": "none"}, frozenset(), False, True),
        ({"tools": TWO, "tool_choice": "required", "parallel_tool_calls": False}, BOTH, True, False),
        ({"tools": TWO, "tool_choice": a_choice("now")}, frozenset({"now"}), True, True),
        ({"tools": TWO, "tool_choice": ALLOWED}, frozenset({"now"}), True, True),
    ],
)
def test_which_tools_may_be_called(
    fields: dict[str, Any], callable_: frozenset[str], required: bool, several: bool
) -> None:
    found = structure(fields)
    assert (found.callable, found.required, found.several) == (callable_, required, several)
    assert found.free is not bool(callable_)


@pytest.mark.parametrize("fields", [{}, {"response_format": {"type": "text"}}, {"tools": TWO, "tool_choice": "none"}])
def test_an_answer_of_any_form_has_no_grammar(fields: dict[str, Any]) -> None:
    assert structure(fields).grammar(HERMES, "") is None


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"tools": {}}, "tools"),
    ({"tools": [a_tool(f"t{at}") for at in range(129)]}, "tools"),
    ({"tools": [7]}, "tools[0]"),
    ({"tools": [{"type": "custom"}]}, "tools[0].type"),
    ({"tools": [{"type": "function"}]}, "tools[0].function"),
    ({"tools": [a_tool(name="")]}, "tools[0].function.name"),
    ({"tools": [a_tool(), a_tool("a b")]}, "tools[1].function.name"),
    ({"tools": [a_tool(), a_tool()]}, "tools[1].function.name"),
    ({"tools": [a_tool(description=7)]}, "tools[0].function.description"),
    ({"tools": [a_tool(parameters=[1])]}, "tools[0].function.parameters"),
    ({"tools": [a_tool(strict="yes")]}, "tools[0].function.strict"),
    ({"tool_choice": "required"}, "tool_choice"),
    ({"tools": TWO, "tool_choice": "any"}, "tool_choice"),
    ({"tools": TWO, "tool_choice": {"type": "custom"}}, "tool_choice.type"),
    ({"tools": TWO, "tool_choice": {"type": "function"}}, "tool_choice.function"),
    ({"tools": TWO, "tool_choice": a_choice("rm")}, "tool_choice.function.name"),
    ({"tools": TWO, "tool_choice": {"type": "allowed_tools"}}, "tool_choice.allowed_tools"),
    ({"parallel_tool_calls": 1}, "parallel_tool_calls"),
    ({"response_format": "json"}, "response_format"),
    ({"response_format": {"type": "xml"}}, "response_format.type"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
    (a_schema(name="a b"), "response_format.json_schema.name"),
    (a_schema(schema=[]), "response_format.json_schema.schema"),
    (a_schema(strict=0), "response_format.json_schema.strict"),
]


@pytest.mark.parametrize(("fields", "param"), REFUSED)
def test_what_is_wrong_is_refused_by_name(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(ParameterRefused) as refused:
        structure(fields)
    assert refused.value.param == param
    assert f"'{param}'" in str(refused.value)


STRICT_TOOL = a_tool("other", parameters={"properties": {"a": {"anyOf": [{}, {"not": {}}]}}}, strict=True)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        (a_schema(schema={"properties": {"a": {"not": {}}}}), "response_format.json_schema.schema.properties.a.not"),
        (a_schema(schema={"$ref": "#"}), "response_format.json_schema.schema"),
        ({"tools": [a_tool(), STRICT_TOOL]}, "tools[1].function.parameters.properties.a.anyOf[1].not"),
        (a_schema(schema={"type": "x"}, strict=False), "response_format.json_schema.schema.type"),
    ],
)
def test_a_schema_that_cannot_be_kept_is_refused_by_the_path_of_its_keyword(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(ParameterRefused) as refused:
        structure(fields).grammar(HERMES, "")
    assert refused.value.param == param


def test_what_need_not_be_kept_strictly_is_not_refused() -> None:
    loose = structure(a_schema(schema={"type": "object", "not": {}}, strict=False))
    assert loose.grammar(HERMES, "")
    huge = {"type": "object", "properties": {f"p{at}": {"type": "string", "maxLength": at} for at in range(900)}}
    tools = structure({"tools": [a_tool(f"t{at}", parameters=huge | {"title": str(at)}) for at in range(12)]})
    assert tools.grammar(HERMES, "")


def test_schemas_that_are_too_long_are_refused() -> None:
    fields = a_schema(schema={"type": "object", "description": "x" * 600_000})
    with pytest.raises(ParameterRefused) as refused:
        structure(fields).grammar(HERMES, "")
    assert refused.value.param == "response_format.json_schema.schema"


def test_only_the_callable_tools_are_in_the_grammar() -> None:
    text = structure({"tools": TWO, "tool_choice": a_choice("now")}).grammar(HERMES, "")
    assert text is not None
    assert "now" in text
    assert "get_weather" not in text


def test_a_format_for_one_call_has_no_second() -> None:
    several, single = (structure({"tools": TWO, "parallel_tool_calls": each}) for each in (True, False))
    assert several.grammar(HERMES, "") != single.grammar(HERMES, "")
    assert several.grammar(LLAMA, "") == single.grammar(LLAMA, "")


def test_a_template_is_shown_what_the_caller_said_of_a_tool() -> None:
    tool = structure(
        {"tools": [a_tool(description="d", extra=1), {"type": "function", "function": {"name": "b"}}]}
    ).tools
    assert tool[0].function == {"name": "get_weather", "description": "d", "parameters": PARAMETERS, "extra": 1}
    assert tool[1].function == {"name": "b", "description": "", "parameters": {"type": "object", "properties": {}}}


def test_nothing_is_free() -> None:
    assert Structure().free


WORDS = ["type", "function", "name", "parameters", "strict", "json_schema", "schema", "allowed_tools", "tools", "mode"]
VALUES = ["function", "auto", "get_weather", "json_schema", "allowed_tools", "required"]
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.sampled_from(VALUES),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=8,
)
FIELDS = st.sampled_from(["tools", "tool_choice", "parallel_tool_calls", "response_format"])


@given(fields=st.dictionaries(FIELDS, JUNK), known=st.booleans())
def test_nonsense_is_refused_by_name(fields: dict[str, Any], known: bool) -> None:
    fields = {name: value for name, value in fields.items() if value is not None} | ({"tools": TWO} if known else {})
    named = ""
    try:
        structure(fields)
    except ParameterRefused as refused:
        named = refused.param.partition(".")[0].partition("[")[0]
    assert not named or named in fields
