"""What a template is given of tools, calls and results."""

from __future__ import annotations

from typing import Any

import pytest

from desktop.inference.conversation import spoken
from desktop.inference.fields import ParameterRefused
from desktop.inference.formats.detection import detect
from desktop.inference.messages import Message, ToolCall, messages
from desktop.inference.structure import Structure
from desktop.inference.structure_fields import structure

HERMES, PLAIN = detect("<tool_call>"), detect("chatml")
MISTRAL, DEEPSEEK = detect("[TOOL_CALLS]"), detect("<\uff5ctool▁call▁begin\uff5c>")
CALL = {"id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
SAID: list[Any] = [
    {"role": "user", "content": "Add."},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "2"}]},
]
READ = (
    Message("user", "Add."),
    Message("assistant", "", (ToolCall("call_1", "add", '{"a": 1}'),)),
    Message("tool", "2", call_id="call_1"),
)
TOOLS = structure({"tools": [{"type": "function", "function": {"name": "add"}}]})


def test_calls_and_results_are_read() -> None:
    assert messages(SAID) == READ


def a_call(**changed: Any) -> list[Any]:
    return [{"role": "assistant", "tool_calls": [CALL | changed]}]


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ([{"role": "assistant"}], "messages[0].content"),
        ([{"role": "assistant", "tool_calls": 1}], "messages[0].tool_calls"),
        ([{"role": "assistant", "tool_calls": [CALL] * 129}], "messages[0].tool_calls"),
        ([{"role": "assistant", "tool_calls": [1]}], "messages[0].tool_calls[0]"),
        (a_call(id=None), "messages[0].tool_calls[0].id"),
        (a_call(type="custom"), "messages[0].tool_calls[0].type"),
        (a_call(function=None), "messages[0].tool_calls[0].function"),
        (a_call(function={"name": "a", "arguments": {}}), "messages[0].tool_calls[0].function.arguments"),
        ([{"role": "tool", "content": "x"}], "messages[0].tool_call_id"),
        ([{"role": "assistant", "content": "x", "reasoning_content": 1}], "messages[0].reasoning_content"),
        ([{"role": "function", "content": "x"}], "messages[0].role"),
        ([{"role": "assistant", "content": "x", "function_call": {"name": "a"}}], "messages[0].function_call"),
    ],
)
def test_what_is_wrong_with_a_message_is_refused_by_name(given: Any, param: str) -> None:
    with pytest.raises(ParameterRefused) as refused:
        messages(given)
    assert refused.value.param == param


def test_a_template_that_knows_tools_gets_objects() -> None:
    given = spoken(READ, TOOLS, HERMES)
    assert given.tools == [
        {
            "type": "function",
            "function": {"name": "add", "description": "", "parameters": {"type": "object", "properties": {}}},
        }
    ]
    assert given.messages[1]["tool_calls"][0]["function"] == {"name": "add", "arguments": {"a": 1}}
    assert given.messages[2] == {"role": "tool", "content": "2", "tool_call_id": "call_1"}
    assert spoken(READ, TOOLS, HERMES, packed=True).messages[1]["tool_calls"][0]["function"]["arguments"] == '{"a": 1}'


def test_reasoning_that_is_sent_back_goes_where_the_template_looks_for_it() -> None:
    said = messages([{"role": "assistant", "content": "x", "reasoning_content": "hm"}])
    assert spoken(said, Structure(), HERMES).messages[0]["reasoning_content"] == "hm"
    assert spoken(said, Structure(), detect("<|channel|>")).messages[0]["thinking"] == "hm"


def test_without_callable_tools_a_template_gets_none() -> None:
    assert spoken(READ, Structure(), HERMES).tools is None
    assert spoken(READ[:1], Structure(), PLAIN).messages == [{"role": "user", "content": "Add."}]


def test_broken_arguments_stay_as_they_are() -> None:
    broken = (Message("assistant", "", (ToolCall("1", "add", '{"a'),)),)
    assert spoken(broken, TOOLS, HERMES).messages[0]["tool_calls"][0]["function"]["arguments"] == '{"a'


def test_mistral_gets_ids_of_nine_letters_and_digits() -> None:
    given = spoken(READ, TOOLS, MISTRAL).messages
    found = given[1]["tool_calls"][0]["id"]
    assert len(found) == 9
    assert found.isalnum()
    assert given[2]["tool_call_id"] == found
    kept = (Message("tool", "2", call_id="abcDEF123"),)
    assert spoken(kept, TOOLS, MISTRAL).messages[0]["tool_call_id"] == "abcDEF123"


def test_deepseek_gets_no_empty_text_beside_calls() -> None:
    assert spoken(READ, TOOLS, DEEPSEEK).messages[1]["content"] is None
    assert spoken(READ, TOOLS, HERMES).messages[1]["content"] == ""


def test_a_template_that_knows_no_tools_is_told_in_words() -> None:
    given = spoken(READ, TOOLS, PLAIN)
    assert given.tools is None
    assert [message["role"] for message in given.messages] == ["system", "user", "assistant", "user"]
    assert '"name": "add"' in given.messages[0]["content"]
    assert given.messages[2]["content"] == '<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call>'
    assert given.messages[3]["content"] == "<tool_response>\n2\n</tool_response>"


def test_the_callers_own_system_message_stays_first() -> None:
    given = spoken((Message("system", "Be brief."), *READ), TOOLS, PLAIN).messages
    assert given[0]["content"].startswith("Be brief.\n\n")
    assert [message["role"] for message in given].count("system") == 1
