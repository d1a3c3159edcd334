"""Answers in a form, of a real worker with the demo model, which by itself would never write one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from desktop.inference.engine import LlamaModel
from desktop.inference.generation import RecordKind, Resume
from desktop.inference.keeper import Keeper
from tests.desktop.inference.answers import Answer, a_call, ask

WEATHER = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "maxLength": 12},
        "days": {"type": "integer", "minimum": 1, "maximum": 7},
    },
    "required": ["city", "days"],
    "additionalProperties": False,
}
TOOLS = [
    {"type": "function", "function": {"name": "get_weather", "description": "Weather.", "parameters": WEATHER}},
    {"type": "function", "function": {"name": "now"}},
]
NAMED = {"type": "function", "function": {"name": "get_weather"}}
ANIMAL = {
    "type": "object",
    "properties": {"animal": {"enum": ["cat", "dog"]}, "legs": {"type": "integer", "minimum": 0, "maximum": 9}},
    "required": ["animal", "legs"],
    "additionalProperties": False,
}


def a_schema(schema: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}


def calls(answer: Answer, choice: int = 0) -> list[tuple[str, Any]]:
    """Names and arguments; records of arguments belong to the call that was opened last."""
    found: list[list[str]] = []
    for record in answer.records_:
        if record.choice != choice:
            continue
        if record.kind == RecordKind.DELTA:
            [piece] = json.loads(record.data)["tool_calls"]
            assert piece["index"] == len(found)
            found.append([piece["name"], ""])
        elif record.kind == RecordKind.TOOL_ARGUMENTS:
            found[-1][1] += record.data.decode()
    return [(name, json.loads(arguments)) for name, arguments in found]


@pytest.mark.parametrize("seed", range(4))
async def test_a_named_tool_is_called_with_arguments_of_its_schema(keeper: Keeper, seed: int) -> None:
    call = a_call("What is the weather?", seed=seed, temperature=1, tools=TOOLS, tool_choice=NAMED, limit=400)
    answer = await ask(keeper, call)
    found = calls(answer)
    assert {name for name, _ in found} == {"get_weather"}
    for _, arguments in found:
        jsonschema.validate(arguments, WEATHER)
    assert answer.reason == "tool_calls"
    assert answer.text() == ""


async def test_log_probabilities_of_a_call_are_told_for_every_token(keeper: Keeper) -> None:
    answer = await ask(
        keeper, a_call("Weather?", tools=TOOLS, tool_choice=NAMED, logprobs=True, top_logprobs=1, limit=300)
    )
    deltas = [json.loads(record.data) for record in answer.records_ if record.kind == RecordKind.DELTA]
    assert sum(len(delta.get("logprobs", ())) for delta in deltas) == len(answer.ids())
    assert any(delta.get("tool_calls") for delta in deltas)


async def test_one_call_where_only_one_is_wanted(keeper: Keeper) -> None:
    for seed in range(4):
        call = a_call(
            "Weather?",
            seed=seed,
            temperature=1,
            tools=TOOLS,
            tool_choice="required",
            parallel_tool_calls=False,
            limit=300,
        )
        assert len(calls(await ask(keeper, call))) == 1


async def test_tools_that_need_not_be_called_leave_the_answer_free(keeper: Keeper) -> None:
    answer = await ask(keeper, a_call(tools=TOOLS))
    assert answer.reason in {"stop", "tool_calls", "length"}
    assert answer.text() or calls(answer)
    none = await ask(keeper, a_call(tools=TOOLS, tool_choice="none"))
    assert none.text() == (await ask(keeper, a_call())).text()


@pytest.mark.parametrize("seed", range(4))
async def test_an_answer_keeps_its_schema(keeper: Keeper, seed: int) -> None:
    answer = await ask(
        keeper, a_call("Describe the dog as JSON.", seed=seed, temperature=1, response_format=a_schema(ANIMAL), n=2)
    )
    for choice in (0, 1):
        jsonschema.validate(json.loads(answer.text(choice)), ANIMAL)
    assert answer.reason == "stop"


async def test_an_answer_that_is_cut_says_so(keeper: Keeper) -> None:
    answer = await ask(keeper, a_call("Describe the dog.", response_format={"type": "json_object"}, max_tokens=3))
    assert answer.text().startswith("{")
    assert answer.reason == "length"


async def test_a_schema_that_cannot_be_kept_is_declined_with_its_path(keeper: Keeper) -> None:
    answer = await ask(keeper, a_call(response_format=a_schema({"type": "object", "not": {}})))
    assert answer.decline is not None
    assert answer.decline[0] == "parameter"
    assert "'response_format.json_schema.schema.not'" in answer.decline[1]


async def test_a_conversation_with_calls_and_results_goes_on(keeper: Keeper) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "now", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "What time is it?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "noon"},
    ]
    answer = await ask(keeper, a_call(tools=TOOLS, messages=messages, max_tokens=5))
    assert answer.decline is None
    assert answer.reason in {"stop", "length", "tool_calls"}


async def test_a_call_that_was_cut_anywhere_goes_on_as_the_unbroken_one(keeper: Keeper) -> None:
    fields: dict[str, Any] = {"tools": TOOLS, "tool_choice": NAMED, "temperature": 1, "seed": 3, "limit": 400}
    whole = await ask(keeper, a_call("Weather?", **fields))
    ids = whole.ids()
    for cut in range(0, len(ids), 7):
        resume = Resume(whole.prompt_digest, (b"".join(token.to_bytes(4, "little") for token in ids[:cut]),))
        rest = await ask(keeper, a_call("Weather?", **fields, resume=resume))
        assert ids[:cut] + rest.ids() == ids
        assert calls(rest) == calls(whole)  # nothing was delivered, so all of it comes again


async def test_ids_outside_the_grammar_are_no_resume(keeper: Keeper) -> None:
    fields: dict[str, Any] = {"tools": TOOLS, "tool_choice": NAMED, "limit": 400}
    whole = await ask(keeper, a_call("Weather?", **fields))
    foreign = (await ask(keeper, a_call())).ids()
    resume = Resume(whole.prompt_digest, (b"".join(token.to_bytes(4, "little") for token in foreign[:3]),))
    answer = await ask(keeper, a_call("Weather?", **fields, resume=resume))
    assert answer.decline is not None
    assert answer.decline[0] == "resume_mismatch"


async def test_a_schema_with_ever_more_readings_ends_its_call_and_no_other(keeper: Keeper, model_path: Path) -> None:
    model = LlamaModel(str(model_path), context=256, slots=1, pool=0, threads=1, gpu_layers=0)
    bracket = next(token for token in range(model.n_vocab) if model.label(token) == b"[")
    inner = {"$ref": "#/$defs/x"}
    choices = [{"type": "array", "items": inner, "minItems": least, "maxItems": 9 - least} for least in range(1, 5)]
    wide = {"$defs": {"x": {"anyOf": [*choices, {"const": 1}]}}, "$ref": "#/$defs/x"}
    call = a_call(response_format=a_schema(wide), logit_bias={str(bracket): 100}, limit=200)
    answer = await ask(keeper, call)
    assert answer.failure is not None
    assert (answer.failure[0], answer.failure[2]) == ("schema_too_wide", "request")
    assert (await ask(keeper, a_call())).reason == "stop"
