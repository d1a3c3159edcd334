"""What each family writes, and what is made of it, however it is cut."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.inference.formats import families
from desktop.inference.formats.events import CallArguments, CallOpened, Content, Event, Reasoning
from desktop.inference.formats.families import Family
from desktop.inference.formats.harmony import harmony
from desktop.inference.formats.llama3 import llama3
from desktop.inference.formats.parser import OutputParser
from desktop.inference.formats.tagged import tagged

NAMES = frozenset({"get_weather", "add", "python"})
KINDS = {
    "get_weather": {"city": frozenset({"string"})},
    "add": {"a": frozenset({"number"}), "b": frozenset({"string", "null"}), "c": frozenset({"array", "boolean"})},
}
BAR = "\uff5c"


@dataclass
class Said:
    """An answer, joined."""

    content: str = ""
    reasoning: str = ""
    calls: list[list[str]] = field(default_factory=list)

    def add(self, events: list[Event]) -> None:
        for event in events:
            match event:
                case Content(text):
                    self.content += text
                case Reasoning(text):
                    self.reasoning += text
                case CallOpened(call, name):
                    assert call == len(self.calls)
                    self.calls.append([name, ""])
                case CallArguments(call, text):
                    assert call == len(self.calls) - 1
                    self.calls[call][1] += text

    @property
    def parsed(self) -> list[tuple[str, Any]]:
        return [(name, msgspec.json.decode(arguments)) for name, arguments in self.calls]


def read(family: Family, *pieces: str, inside: bool = False, names: frozenset[str] = NAMES) -> Said:
    parser, said = OutputParser(family, names, inside=inside, kinds=KINDS), Said()
    for piece in pieces:
        said.add(parser.feed(piece))
    said.add(parser.finish())
    return said


PARIS = {"city": "Paris"}
WEATHER = ("get_weather", PARIS)
ADD = ("add", {"a": 1, "b": [2, {"c": "}"}]})
BOX = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>'
ADD_BOX = '<tool_call>\n{"name": "add", "arguments": {"a": 1, "b": [2, {"c": "}"}]}}\n</tool_call>'
HARMONY = "<|channel|>analysis<|message|>User wants weather.<|end|><|start|>assistant"
R1_CALL = (
    f"<{BAR}tool▁calls▁begin{BAR}><{BAR}tool▁call▁begin{BAR}>function<{BAR}tool▁sep{BAR}>get_weather\n```json\n"
    f'{{"city": "Paris"}}\n```<{BAR}tool▁call▁end{BAR}>'
)
V3_CALL = (
    f"<{BAR}tool▁calls▁begin{BAR}><{BAR}tool▁call▁begin{BAR}>get_weather<{BAR}tool▁sep{BAR}>"
    f'{{"city": "Paris"}}<{BAR}tool▁call▁end{BAR}>'
)


class Case(NamedTuple):
    name: str
    family: Family
    text: str
    content: str
    reasoning: str
    calls: list[tuple[str, Any]]


TAGGED = "<tool_call>\n<function=get_weather>\n<parameter=city>\nParis\n</parameter>\n</function>\n</tool_call>"
TAGGED_ADD = (
    "<tool_call>\n<function=add>\n<parameter=a>\n-1.5\n</parameter>\n<parameter=b>\nnull\n</parameter>\n<parameter=c>\nTrue\n"
    '</parameter>\n<parameter=d>\n\n "x" </p>\n\u00e9\n\n</parameter>\n</function>\n</tool_call>'
)
TAGS = ("add", {"a": -1.5, "b": None, "c": True, "d": '\n "x" </p>\n\u00e9\n'})

CALLS: list[Case] = [
    Case("hermes", families.hermes, BOX, "", "", [WEATHER]),
    Case("hermes, two", families.hermes, f"{BOX}\n{ADD_BOX}", "", "", [WEATHER, ADD]),
    Case("hermes, text before", families.hermes, f"Let me see.\n\n{BOX}", "Let me see.", "", [WEATHER]),
    Case("hermes, text after", families.hermes, f"{BOX}\nDone, I think. ", "Done, I think. ", "", [WEATHER]),
    Case("hermes, thoughts", families.hermes, f"<think>\nHm.\n\n</think>\n\n{BOX}", "", "Hm.", [WEATHER]),
    Case("hermes, thoughts and text", families.hermes, "<think>\nA < b\n</think>\n\nYes.\n", "Yes.\n", "A < b", []),
    Case(
        "hermes, arguments first",
        families.hermes,
        '<tool_call>{"arguments": {"city": "Paris"}, "id": [1], "name": "get_weather"}</tool_call>',
        "",
        "",
        [WEATHER],
    ),
    Case(
        "hermes, packed twice",
        families.hermes,
        r'<tool_call>{"name":"get_weather","arguments":"{\"city\": \"Paris\"}"}</tool_call>',
        "",
        "",
        [WEATHER],
    ),
    Case("hermes, none", families.hermes, '<tool_call>{"name": "add"}</tool_call>', "", "", [("add", {})]),
    Case("llama3", llama3, '{"name": "get_weather", "parameters": {"city": "Paris"}}', "", "", [WEATHER]),
    Case(
        "llama3, typed",
        llama3,
        '\n{"type": "function", "name": "get_weather", "parameters": {"city": "Paris"}}',
        "",
        "",
        [WEATHER],
    ),
    Case(
        "llama3, two",
        llama3,
        '{"name": "get_weather", "parameters": {"city": "Paris"}}; {"name": "add", "parameters": {"a": 1, "b": 2}}',
        "",
        "",
        [WEATHER, ("add", {"a": 1, "b": 2})],
    ),
    Case(
        "llama3, object after the tag",
        llama3,
        '<|python_tag|>{"name": "get_weather", "parameters": {"city": "Paris"}}',
        "",
        "",
        [WEATHER],
    ),
    Case(
        "llama3, call after the tag",
        llama3,
        '<|python_tag|>get_weather.call(city="Paris", day="a \\"b\\", c")',
        "",
        "",
        [("get_weather", {"city": "Paris", "day": 'a "b", c'})],
    ),
    Case(
        "llama3, code after the tag",
        llama3,
        "Computing.<|python_tag|>print('{\"é\"}')\n",
        "Computing.",
        "",
        [("python", {"code": "print('{\"é\"}')"})],
    ),
    Case(
        "mistral, array",
        families.mistral,
        (
            '[TOOL_CALLS][{"name": "get_weather", "arguments": {"city": "Paris"}, "id": "abcdefghi"}, '
            '{"name": "add", "arguments": {"a": 1, "b": [2, {"c": "}"}]}}]'
        ),
        "",
        "",
        [WEATHER, ADD],
    ),
    Case(
        "mistral, named",
        families.mistral,
        '[THINK]Hm.[/THINK]Well.[TOOL_CALLS]get_weather[ARGS]{"city": "Paris"}[TOOL_CALLS]add[CALL_ID]x1[ARGS]{"a": 1}',
        "Well.",
        "Hm.",
        [WEATHER, ("add", {"a": 1})],
    ),
    Case("mistral, unmarked", families.mistral, '[TOOL_CALLS]get_weather{"city": "Paris"}', "", "", [WEATHER]),
    Case("r1", families.deepseek, f"Hm.\n</think>\n\n{R1_CALL}<{BAR}tool▁calls▁end{BAR}>", "", "Hm.", [WEATHER]),
    Case(
        "r1, two",
        families.deepseek,
        f"{R1_CALL}\n{R1_CALL[len('<|tool▁calls▁begin|>') :]}",
        "",
        "",
        [WEATHER, WEATHER],
    ),
    Case("v3.1", families.deepseek, f"Sure. {V3_CALL}<{BAR}tool▁calls▁end{BAR}>", "Sure.", "", [WEATHER]),
    Case(
        "harmony",
        harmony,
        f'{HARMONY}<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>{{"city": "Paris"}}',
        "",
        "User wants weather.",
        [WEATHER],
    ),
    Case(
        "harmony, recipient in the role",
        harmony,
        ' to=functions.get_weather<|channel|>commentary json<|message|>{"city": "Paris"}<|call|>',
        "",
        "",
        [WEATHER],
    ),
    Case(
        "harmony, preamble",
        harmony,
        (
            "<|channel|>commentary<|message|>I look it up.<|end|><|start|>assistant<|channel|>commentary "
            'to=functions.add<|message|>{"a": 1}<|end|>'
        ),
        "I look it up.",
        "",
        [("add", {"a": 1})],
    ),
    Case(
        "harmony, final",
        harmony,
        f"{HARMONY}<|channel|>final<|message|>Sunny.\n",
        "Sunny.\n",
        "User wants weather.",
        [],
    ),
    Case(
        "thinking",
        families.thinking,
        "<think>\n1 < 2\n</think>\n\nYes: <tool_call>",
        "Yes: <tool_call>",
        "1 < 2",
        [],
    ),
    Case("bracketed", families.bracketed, "[THINK]a[/THINK] b", "b", "a", []),
]

TEXTS: list[tuple[str, Family, str]] = [
    ("an unknown tool", families.hermes, '<tool_call>\n{"name": "rm", "arguments": {}}\n</tool_call> ok'),
    ("no JSON", families.hermes, "a <tool_call> b </tool_call>"),
    ("a call cut before its name", families.hermes, '<tool_call>\n{"na'),
    ("half a mark", families.hermes, "x <tool_ca"),
    ("a number", families.hermes, "<tool_call>17"),
    ("no thoughts at the start", families.hermes, "  Hi <think>a</think>"),
    ("an example of JSON", llama3, 'This: {"name": "add", "parameters": {}}'),
    ("another object", llama3, ' {"name": "Anna", "age": 7}'),
    ("an object without a name", llama3, '{"a": [1, 2]} and so on'),
    ("a broken object", llama3, '{"a": [1, 2}] and so on'),
    ("an unknown array", families.mistral, '[TOOL_CALLS] [{"name": "rm", "arguments": {}}]'),
    ("an unknown name", families.mistral, '[TOOL_CALLS]rm[CALL_ID]7[ARGS]{"a": 1}'),
    ("a lone mark", families.mistral, "[TOOL_CALLS]"),
    ("an unknown call", families.deepseek, f"<{BAR}tool▁call▁begin{BAR}>rm<{BAR}tool▁sep{BAR}>{{}}"),
    ("half a call", families.deepseek, f"<{BAR}tool▁call▁begin{BAR}>function<{BAR}tool▁sep{BAR}>add"),
    ("an unknown function", tagged, "<tool_call>\n<function=rm>\n</function>"),
    ("a function of C++", tagged, "#include <functional> <function= x"),
    ("no head", harmony, "Just text <|message|> and more"),
]


@pytest.mark.parametrize("case", CALLS, ids=[case.name for case in CALLS])
def test_an_answer_is_taken_apart(case: Case) -> None:
    said = read(case.family, case.text, inside=starts_inside(case.text))
    assert (said.content, said.reasoning, said.parsed) == (case.content, case.reasoning, case.calls)


def starts_inside(text: str) -> bool:
    return text.startswith("Hm.")


@pytest.mark.parametrize(("family", "text"), [each[1:] for each in TEXTS], ids=[each[0] for each in TEXTS])
def test_what_only_looks_like_a_call_is_text(family: Family, text: str) -> None:
    assert read(family, text) == Said(content=text)


ANSWERS = [(case.family, case.text) for case in CALLS] + [(family, text) for _, family, text in TEXTS]


@pytest.mark.parametrize(("family", "text"), ANSWERS)
def test_every_cut_in_two_and_every_single_character_gives_the_same(family: Family, text: str) -> None:
    inside = starts_inside(text)
    whole = read(family, text, inside=inside)
    assert read(family, *text, inside=inside) == whole
    for at in range(len(text)):
        assert read(family, text[:at], text[at:], inside=inside) == whole


FAMILIES = [families.hermes, llama3, families.mistral, families.deepseek, harmony, families.thinking, tagged]
SNIPPETS = st.sampled_from(
    [text for _, text in ANSWERS]
    + ["<think>", "</think>", "<|end|>", "<|start|>assistant", " ", "\n", "{", '"', "\\", "}", "a", "é", ",", "[", "]"]
)


@given(family=st.sampled_from(FAMILIES), texts=st.lists(SNIPPETS, max_size=6), data=st.data())
def test_any_cut_of_any_mixture_gives_the_same(family: Family, texts: list[str], data: st.DataObject) -> None:
    text = "".join(texts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    pieces = [text[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    inside = data.draw(st.booleans())
    assert read(family, *pieces, inside=inside) == read(family, text, inside=inside)


@given(family=st.sampled_from([families.hermes, families.mistral]), texts=st.lists(SNIPPETS, max_size=6))
def test_no_letter_is_lost_or_doubled_where_no_tool_is_known(family: Family, texts: list[str]) -> None:
    """Only white space and the marks of reasoning can go."""
    text = "".join(texts)
    said = read(family, text, names=frozenset())
    kept = "".join((said.reasoning + said.content).split())
    for mark in ("<think>", "</think>", "[THINK]", "[/THINK]"):
        kept, text = kept.replace(mark, ""), text.replace(mark, "")
    assert kept == "".join(text.split())
    assert not said.calls


def test_arguments_leave_as_they_come() -> None:
    parser = OutputParser(families.hermes, NAMES)
    assert parser.feed('<tool_call>{"name": "add", "argu') == [CallOpened(0, "add")]
    assert parser.feed('ments": {"a"') == [CallArguments(0, '{"a"')]
    assert parser.feed(": 1") == [CallArguments(0, ": 1")]
    assert parser.calls == 1


def test_a_call_cut_in_its_arguments_keeps_what_was_written() -> None:
    said = read(families.hermes, '<tool_call>{"name": "add", "arguments": {"a": "x')
    assert said.calls == [["add", '{"a": "x']]


def test_endless_white_space_is_not_held_back() -> None:
    parser, said = OutputParser(families.hermes, NAMES), Said()
    said.add(parser.feed("a"))
    for _ in range(1000):
        said.add(parser.feed("\n"))
    assert len(said.content) == 1 + 1000 - 256
