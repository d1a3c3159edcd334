"""Tools and schemas through the unmodified `openai` client, a real relay, a real node and the demo model.

The demo model has learnt neither: every call and every object is the work of the grammar.
"""

from __future__ import annotations

import json
from typing import Any, Literal

import jsonschema
import openai
import pydantic
import pytest

from tests.end_to_end.conftest import MODEL

pytestmark = [pytest.mark.xdist_group("end_to_end"), pytest.mark.timeout(120)]


class Animal(pydantic.BaseModel):
    """What an answer is to hold."""

    animal: Literal["cat", "dog", "fish"]
    legs: int = pydantic.Field(ge=0, le=8)
    friends: list[Literal["cat", "dog"]] = pydantic.Field(max_length=2)


WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 16}, "unit": {"enum": ["c", "f"]}},
    "required": ["city", "unit"],
    "additionalProperties": False,
}
FIELDS: dict[str, Any] = {
    "model": MODEL,
    "messages": [{"role": "user", "content": "What is the weather in Paris?"}],
    "tools": [{"type": "function", "function": {"name": "get_weather", "parameters": WEATHER, "strict": True}}],
    "tool_choice": {"type": "function", "function": {"name": "get_weather"}},
    "parallel_tool_calls": False,
    "temperature": 1,
    "max_tokens": 300,
}


@pytest.mark.parametrize("seed", range(3))
def test_a_named_tool_is_called_with_valid_arguments_plain_and_streamed(client: openai.OpenAI, seed: int) -> None:
    plain = client.chat.completions.create(**FIELDS, seed=seed).choices[0]
    assert plain.finish_reason == "tool_calls"
    assert plain.message.content is None
    [call] = plain.message.tool_calls
    assert call.id.startswith("call_")
    assert call.function.name == "get_weather"
    jsonschema.validate(json.loads(call.function.arguments), WEATHER)

    chunks = list(client.chat.completions.create(**FIELDS, seed=seed, stream=True))
    pieces = [piece for chunk in chunks for piece in chunk.choices[0].delta.tool_calls or []]
    assert {piece.index for piece in pieces} == {0}
    assert [(piece.function.name, piece.type) for piece in pieces if piece.id] == [("get_weather", "function")]
    jsonschema.validate(json.loads("".join(piece.function.arguments for piece in pieces)), WEATHER)
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices[0].finish_reason] == ["tool_calls"]


def test_a_result_of_a_tool_is_taken_back(client: openai.OpenAI) -> None:
    message = client.chat.completions.create(**FIELDS, seed=1).choices[0].message
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "sunny"}
    messages = [*FIELDS["messages"], message.model_dump(exclude_none=True), result]
    after = client.chat.completions.create(**FIELDS | {"messages": messages, "tool_choice": "none"})
    assert after.choices[0].finish_reason in {"stop", "length"}


@pytest.mark.parametrize("seed", range(3))
def test_a_strict_schema_is_parsed_by_the_client(client: openai.OpenAI, seed: int) -> None:
    asked: dict[str, Any] = {"model": MODEL, "messages": FIELDS["messages"], "temperature": 1, "seed": seed}
    parsed = client.chat.completions.parse(**asked, response_format=Animal, max_tokens=200).choices[0]
    assert parsed.finish_reason == "stop"
    assert isinstance(parsed.message.parsed, Animal)


def test_any_object_is_an_object(client: openai.OpenAI) -> None:
    asked: dict[str, Any] = {"model": MODEL, "messages": FIELDS["messages"], "temperature": 0, "max_tokens": 400}
    answer = client.chat.completions.create(**asked, response_format={"type": "json_object"}).choices[0]
    assert answer.finish_reason == "length" or isinstance(json.loads(answer.message.content), dict)


def test_a_schema_that_cannot_be_kept_is_refused_with_the_path_of_its_keyword(client: openai.OpenAI) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "array", "uniqueItems": True}}}
    asked: dict[str, Any] = {"model": MODEL, "messages": FIELDS["messages"]}
    named: Any = {"name": "answer", "schema": schema, "strict": True}
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(**asked, response_format={"type": "json_schema", "json_schema": named})
    assert refused.value.param == "response_format.json_schema.schema.properties.a.uniqueItems"
