"""How each family writes its calls and its answers, as rules: what a parser of it will read without doubt.

A grammar is for one whole answer, from the first token: reasoning of any kind first if the model reasons, then free
text, calls, or a value of the caller's schema. Before a call the text is free, and from its mark on it is bound; so a
grammar that binds nothing yet costs next to nothing, and a call is always well-formed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from desktop.inference.formats import families
from desktop.inference.formats.harmony import CHANNEL, CONSTRAIN, END, MESSAGE, START
from desktop.inference.grammar import automata, regexes
from desktop.inference.grammar.characters import chars
from desktop.inference.grammar.free_text import free_text
from desktop.inference.grammar.json_text import JsonRules, encoded
from desktop.inference.grammar.rules import Alternative, Rule

MAX_CALLS: Final = 64
"""Of one answer; the protocol numbers up to 128."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an answer may be. `calls` are tools with the rules of their arguments.

    `content` is the rule of an answer in a form, if it has one. `required`: it must be a call; `several`: it may be
    more than one. `thoughts` are the marks around reasoning, if there can be any; `inside`: the prompt has begun it.
    """

    calls: Sequence[tuple[str, Rule]] = ()
    content: Rule | None = None
    required: bool = False
    several: bool = True
    thoughts: tuple[str, str] | None = None
    inside: bool = False


Writing = Callable[[JsonRules, Wanted], Rule]
"""The rule of a whole answer."""


# --- calls as JSON objects ---


def hermes(json: JsonRules, wanted: Wanted) -> Rule:
    """`<tool_call>{"name": …, "arguments": …}</tool_call>`, one after the other."""
    call = _object(json, wanted, "arguments")
    boxed = json.grammar.rule((json.space, call, json.space, "</tool_call>"))
    calls = _several(json, wanted, boxed, (_gap(json), "<tool_call>"))
    return _answer(json, wanted, "<tool_call>", calls)


TAGGED_END: Final[Alternative] = ("</function>\n</tool_call>",)
"""What follows the arguments of a call in tags, as a part of their rule."""


def tagged(json: JsonRules, wanted: Wanted) -> Rule:
    """`<tool_call>`, `<function=name>`, and each argument between tags."""
    call = json.grammar.rule(*((f"\n<function={name}>\n", arguments) for name, arguments in wanted.calls))
    calls = _several(json, wanted, call, (_gap(json), "<tool_call>"))
    return _answer(json, wanted, "<tool_call>", calls)


def mistral_array(json: JsonRules, wanted: Wanted) -> Rule:
    """`[TOOL_CALLS][{"name": …, "arguments": …}, …]`."""
    call = _object(json, wanted, "arguments", tail=("id", "^[a-zA-Z0-9]{9}$"))
    calls = _several(json, wanted, call, (json.space, ",", json.space))
    return _answer(
        json, wanted, "[TOOL_CALLS]", json.grammar.rule((_gap(json), "[", json.space, calls, json.space, "]"))
    )


def llama3(json: JsonRules, wanted: Wanted) -> Rule:
    """`{"name": …, "parameters": …}` as the whole answer; only one, since its template can tell of one only."""
    call = _object(json, wanted, "parameters")
    if wanted.content is not None or wanted.required:
        return _answer(json, wanted, "", call)
    other = automata.opposite(regexes.automaton(r'^\s*\{\s*"name"\s*:', json.grammar.work))
    either = json.grammar.rule((_gap(json), call), (json.grammar.automaton(other, ()),))
    return _after_thoughts(json, wanted, either)


def _object(json: JsonRules, wanted: Wanted, key: str, tail: tuple[str, str] | None = None) -> Rule:
    """A call of any tool. `tail` is a key that may follow, with the pattern of its value."""
    rule, space = json.grammar.rule, json.space
    last = rule(())
    if tail:
        value = json.matching_string(regexes.automaton(tail[1], json.grammar.work))
        last = rule((), (",", space, encoded(tail[0]), ":", space, value, space))
    return rule(
        *(
            (f'{{"name": {encoded(name)}, "{key}":', space, arguments, space, last, "}")
            for name, arguments in wanted.calls
        )
    )


# --- calls with marks of their own ---


def mistral_named(json: JsonRules, wanted: Wanted) -> Rule:
    """`[TOOL_CALLS]name[ARGS]{…}`, one after the other."""
    call = json.grammar.rule(*((f"{name}[ARGS]", arguments) for name, arguments in wanted.calls))
    return _answer(json, wanted, "[TOOL_CALLS]", _several(json, wanted, call, ("[TOOL_CALLS]",)))


def deepseek_fenced(json: JsonRules, wanted: Wanted) -> Rule:
    """Each name and its arguments in a code fence."""
    return _deepseek(json, wanted, f"function{families.SEPARATOR}", "\n```json\n", "\n```")


def deepseek_plain(json: JsonRules, wanted: Wanted) -> Rule:
    """Each name and its arguments, as from V3.1 on."""
    return _deepseek(json, wanted, "", families.SEPARATOR, "")


def _deepseek(json: JsonRules, wanted: Wanted, before: str, between: str, after: str) -> Rule:
    begins, ends = families.CALL_BEGINS, families.CALL_ENDS
    call = json.grammar.rule(
        *((f"{begins}{before}{name}{between}", arguments, f"{after}{ends}") for name, arguments in wanted.calls)
    )
    calls = _several(json, wanted, call, (_gap(json),))
    return _answer(json, wanted, families.SECTION_BEGINS, json.grammar.rule((calls, families.SECTION_ENDS)))


# --- messages with channels ---


def harmony(json: JsonRules, wanted: Wanted) -> Rule:
    """Any number of messages of reasoning or preamble, then a call or the final message."""
    rule, message = json.grammar.rule, json.grammar.reserve()
    more = free_text(json.grammar, {END: (f"{START}assistant", message)})
    form = rule((), (" json",), (rule((), (" ",)), f"{CONSTRAIN}json"))
    ways: list[Alternative] = [(f"{CHANNEL}analysis{MESSAGE}", more), (f"{CHANNEL}commentary{MESSAGE}", more)]
    for name, arguments in wanted.calls:
        to = f" to=functions.{name}"
        ways.append((CHANNEL, rule(("commentary",), ("analysis",)), to, form, MESSAGE, arguments))
        ways.append((f"{to}{CHANNEL}commentary", form, MESSAGE, arguments))
    if wanted.content is not None and not wanted.required:
        ways.append((f"{CHANNEL}final", form, MESSAGE, wanted.content))
    elif not wanted.required:
        ways.append((f"{CHANNEL}final{MESSAGE}", free_text(json.grammar, {}, ())))
    json.grammar.define(message, *ways)
    return message


# --- what is alike in them ---


def _several(json: JsonRules, wanted: Wanted, call: Rule, between: Alternative) -> Rule:
    if not wanted.several:
        return call
    return json.grammar.rule((call, json.grammar.between(json.grammar.rule((*between, call)), 0, MAX_CALLS - 1)))


def _answer(json: JsonRules, wanted: Wanted, mark: str, calls: Rule) -> Rule:
    """Calls behind their mark, or what else the answer may be; all of it behind the model's reasoning.

    Some models end a line before they end: that must not force them into another call.
    """
    rule = json.grammar.rule
    calls = rule((calls, _gap(json)))
    marked = rule((_gap(json), mark, calls) if mark else (calls,))
    if wanted.required:
        found = marked
    elif wanted.content is not None:
        found = rule((_gap(json), wanted.content), *([(marked,)] if wanted.calls else []))
    else:
        found = free_text(json.grammar, {mark: (calls,)}, ())
    return _after_thoughts(json, wanted, found)


def _after_thoughts(json: JsonRules, wanted: Wanted, answer: Rule) -> Rule:
    if wanted.thoughts is None:
        return answer
    begins, ends = wanted.thoughts
    thoughts = free_text(json.grammar, {ends: (answer,)})
    return thoughts if wanted.inside else json.grammar.rule((_gap(json), begins, thoughts), (answer,))


def _gap(json: JsonRules) -> Rule:
    return json.grammar.between(chars(" \n"), 0, 4)
