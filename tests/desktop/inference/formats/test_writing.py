"""What a family's grammar lets through, its parser reads as calls of the tools, or as the value that was asked for."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from desktop.inference.formats.detection import Format, detect
from desktop.inference.formats.writing import TAGGED_END, Wanted
from desktop.inference.grammar.json_text import JsonRules
from desktop.inference.grammar.refusal import SchemaRefused
from desktop.inference.grammar.rules import Grammar, Rule
from desktop.inference.grammar.schemas import Schemas
from desktop.inference.grammar.tagged import TaggedSchemas, kinds
from tests.desktop.inference.formats.test_detection import TEMPLATES
from tests.desktop.inference.formats.test_families import Said
from tests.desktop.inference.grammar.conftest import Write

R1 = TEMPLATES["DeepSeek R1"][0]
FORMATS = {
    model: detect(TEMPLATES[model][0])
    for model in ("Qwen 2.5", "Qwen 3", "Qwen 3 Coder", "Llama 3.1", "Mistral Nemo", "Ministral 3", "gpt-oss")
} | {"DeepSeek R1": detect(R1 + "```json"), "DeepSeek V3.1": detect(R1)}
MARKS = {
    "Qwen 2.5": "Sure.<tool_call>",
    "Qwen 3": "<think>no <tool_call> yet</think>Well <tool_call>",
    "Qwen 3 Coder": "Look: <tool_call>\n<function=",
    "Llama 3.1": '{"name": ',
    "Mistral Nemo": "[TOOL_CALLS][",
    "Ministral 3": "[THINK]a[/THINK][TOOL_CALLS]",
    "gpt-oss": "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>commentary to=",
    "DeepSeek R1": "<think>\nhm</think><\uff5ctool▁calls▁begin\uff5c>",
    "DeepSeek V3.1": "a <\uff5ctool▁calls▁begin\uff5c>",
}
TOOLS: dict[str, Any] = {
    "get_weather": {
        "type": "object",
        "properties": {
            "city": {"type": "string", "maxLength": 8},
            "days": {"type": "integer", "minimum": 1, "maximum": 9},
        },
        "required": ["city"],
        "additionalProperties": False,
    },
    "now": {"type": "object", "properties": {}},
}
KINDS = {name: kinds(schema) for name, schema in TOOLS.items()}
SHAPE = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}


def compiled(found: Format, *, content: Any = None, tools: Any = TOOLS, inside: bool = False, **wanted: Any) -> str:
    grammar = Grammar()
    rules = JsonRules(grammar)
    calls = [(name, arguments(found, rules, schema)) for name, schema in tools.items()]
    value = None if content is None else Schemas(rules, content, strict=True).root()
    demand = Wanted(calls=calls, content=value, thoughts=found.thoughts, inside=inside, **wanted)
    return grammar.text(found.writing(rules, demand))


def arguments(found: Format, rules: JsonRules, schema: Any) -> Rule:
    if found.tagged:
        return TaggedSchemas(rules, schema, strict=True).arguments(TAGGED_END)
    return Schemas(rules, schema, strict=True).root()


def read(found: Format, text: str, prompt: str = "") -> Said:
    parser, said = found.parser(frozenset(TOOLS), prompt, KINDS), Said()
    assert parser is not None
    said.add(parser.feed(text))
    said.add(parser.finish())
    for name, arguments in said.calls:
        jsonschema.validate(json.loads(arguments), TOOLS[name])
    return said


def texts(write: Write, gbnf: str, begin: str = "") -> list[str]:
    found = [text for seed in range(12) if (text := write(gbnf, seed, begin)) is not None]
    assert found
    return found


@pytest.mark.parametrize("named", FORMATS)
@pytest.mark.parametrize("several", [True, False])
def test_an_answer_that_must_be_calls_is_nothing_else(named: str, several: bool, write: Write) -> None:
    found = FORMATS[named]
    counts = set()
    for text in texts(write, compiled(found, required=True, several=several)):
        said = read(found, text)
        counts.add(len(said.calls))
        assert said.calls
        assert not said.content or named == "gpt-oss"  # which can say something beforehand
    assert several or counts == {1}


@pytest.mark.parametrize("named", FORMATS)
def test_a_call_once_begun_is_a_whole_one(named: str, write: Write) -> None:
    found = FORMATS[named]
    for text in texts(write, compiled(found), MARKS[named]):
        assert read(found, text).calls


@pytest.mark.parametrize("named", FORMATS)
def test_an_answer_that_may_be_calls_can_be_any_text(named: str, write: Write) -> None:
    found = FORMATS[named]
    begin = "<|channel|>final<|message|>Hello {" if named == "gpt-oss" else "Hello {"
    for text in texts(write, compiled(found), begin):
        assert read(found, text).content.startswith("Hello {")


@pytest.mark.parametrize("named", FORMATS)
def test_a_value_of_a_schema_comes_behind_the_reasoning(named: str, write: Write) -> None:
    found = FORMATS[named]
    begin = "<|channel|>analysis<|message|>Hm.<|end|>" if named == "gpt-oss" else ""
    if found.thoughts:
        begin = f"{found.thoughts[0]}Hm.{found.thoughts[1]}\n\n"
    for text in texts(write, compiled(found, content=SHAPE, tools={}), begin):
        said = read(found, text)
        jsonschema.validate(json.loads(said.content), SHAPE)
        assert said.reasoning.startswith("Hm.") or not begin


@pytest.mark.parametrize("named", ["Qwen 3", "DeepSeek R1", "Ministral 3"])
def test_reasoning_that_the_prompt_began_comes_to_its_end_first(named: str, write: Write) -> None:
    found = FORMATS[named]
    assert found.thoughts
    prompt, begin = f"{found.thoughts[0]}\n", f"Hm.{found.thoughts[1]}"
    for text in texts(write, compiled(found, required=True, inside=True), begin):
        said = read(found, text, prompt)
        assert (said.reasoning, said.content) == ("Hm.", "")
        assert said.calls


@pytest.mark.parametrize("named", FORMATS)
def test_a_schema_and_tools_together_give_one_or_the_other(named: str, write: Write) -> None:
    found = FORMATS[named]
    for text in texts(write, compiled(found, content=SHAPE)):
        said = read(found, text)
        if not said.calls:
            jsonschema.validate(json.loads(said.content), SHAPE)


TAGGED_TOOL: dict[str, Any] = {
    "type": "object",
    "properties": {
        "path": {"type": "string", "pattern": "^[a-z]+\\.py$"},
        "mode": {"enum": ["r", "w", None]},
        "lines": {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 99}, "maxItems": 3},
        "note": {"type": ["string", "null"]},
        "size": {"$ref": "#/$defs/size"},
    },
    "required": ["path", "mode", "lines", "size"],
    "$defs": {"size": {"type": "number", "minimum": 0, "maximum": 1}},
}


def test_arguments_between_tags_keep_their_schema(write: Write) -> None:
    found = FORMATS["Qwen 3 Coder"]
    gbnf = compiled(found, tools={"open": TAGGED_TOOL}, required=True, several=False)
    for text in texts(write, gbnf):
        parser, said = found.parser(frozenset({"open"}), "", {"open": kinds(TAGGED_TOOL)}), Said()
        assert parser is not None
        said.add(parser.feed(text))
        said.add(parser.finish())
        [(_, arguments)] = said.calls
        jsonschema.validate(json.loads(arguments), TAGGED_TOOL)


def test_a_text_or_something_else_with_conditions_is_refused_between_tags() -> None:
    schema = {"type": "object", "properties": {"a": {"type": ["string", "null"], "maxLength": 3}}}
    with pytest.raises(SchemaRefused) as refused:
        compiled(FORMATS["Qwen 3 Coder"], tools={"f": schema})
    assert refused.value.path == ("properties", "a")
