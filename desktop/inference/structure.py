"""What form a caller wants an answer to have, and the grammar of it in the model's own format. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec

from desktop.inference.fields import ParameterRefused
from desktop.inference.formats.detection import Format
from desktop.inference.formats.writing import TAGGED_END, Wanted
from desktop.inference.grammar.automata import TooComplex
from desktop.inference.grammar.json_text import JsonRules
from desktop.inference.grammar.refusal import SchemaRefused
from desktop.inference.grammar.rules import Grammar, GrammarRefused, Rule
from desktop.inference.grammar.schemas import Schemas
from desktop.inference.grammar.tagged import Kinds, TaggedSchemas, kinds

ANY_OBJECT: Final[Mapping[str, Any]] = {"type": "object"}
MAX_BYTES: Final = 512 * 1024
"""JSON of all schemas of a request together."""

_SCHEMA: Final = "response_format.json_schema.schema"
_encode = msgspec.json.encode


class Form(NamedTuple):
    """A schema to keep. `strict`: or not to answer at all; else what cannot be kept is left to the model."""

    schema: Any
    strict: bool


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as it was given; `function` is what a template shows to the model."""

    function: Mapping[str, Any]
    parameters: Form

    @property
    def name(self) -> str:
        return str(self.function["name"])


@dataclass(frozen=True, slots=True)
class Structure:
    """`tools` are all that the model is told of, `callable` the names it may call; `required`: it must call one.

    `several`: it may call more than one. `content`: what an answer that is no call must look like, if that matters.
    """

    tools: tuple[Tool, ...] = ()
    callable: frozenset[str] = frozenset()
    required: bool = False
    several: bool = True
    content: Form | None = None

    @property
    def free(self) -> bool:
        """Whether any text will do."""
        return not self.callable and self.content is None

    def grammar(self, model: Format, prompt: str, *, tenant: str = "") -> str | None:
        """The grammar of an answer to a rendered prompt, or None if it is free. Raises ParameterRefused.

        The last ones are kept, but for nobody else than `tenant`: how long it takes tells nothing of other callers.
        """
        if self.free:
            return None
        calls = [(at, tool) for at, tool in enumerate(self.tools) if tool.name in self.callable]
        wish = _Wish(
            tuple((tool.name, _encode(tool.parameters), f"tools[{at}].function.parameters") for at, tool in calls),
            None if self.content is None else _encode(self.content),
            required=self.required,
            several=self.several and not model.single,
            inside=model.begins_inside(prompt),
            tenant=tenant,
        )
        if sum(len(form) for _, form, _ in wish.calls) + len(wish.content or b"") > MAX_BYTES:
            raise _refused(wish, f"its schemas are longer than {MAX_BYTES // 1024} KiB")
        return _grammar(model, wish)

    def kinds(self, model: Format) -> Mapping[str, Kinds]:
        """The types of arguments, by tool, where they are not written as JSON."""
        return {tool.name: kinds(tool.parameters.schema) for tool in self.tools} if model.tagged else {}


class _Wish(NamedTuple):
    """All that a grammar depends on, in a form that can be a key; the forms are JSON."""

    calls: tuple[tuple[str, bytes, str], ...]
    content: bytes | None
    required: bool
    several: bool
    inside: bool
    tenant: str


def _refused(wish: _Wish, problem: object) -> ParameterRefused:
    """About all schemas together."""
    named = _SCHEMA if wish.content is not None else "tools"
    return ParameterRefused(f"Invalid '{named}': {problem}.", named, "invalid_schema")


@lru_cache(32)
def _grammar(model: Format, wish: _Wish) -> str:
    try:
        return _compiled(model, wish)
    except GrammarRefused as problem:
        calls = tuple((name, _loose(form), path) for name, form, path in wish.calls)
        if calls != wish.calls:
            return _grammar(model, wish._replace(calls=calls))
        raise _refused(wish, problem) from problem


def _loose(form: bytes) -> bytes:
    """The parameters of a tool that need not be kept strictly, when all of them together are too much."""
    return form if _form(form).strict else _encode(Form(ANY_OBJECT, strict=False))


def _compiled(model: Format, wish: _Wish) -> str:
    grammar = Grammar()
    rules = JsonRules(grammar)
    wanted = Wanted(
        calls=[(name, _rule(rules, _form(form), path, tagged=model.tagged)) for name, form, path in wish.calls],
        content=None if wish.content is None else _rule(rules, _form(wish.content), _SCHEMA, tagged=False),
        required=wish.required,
        several=wish.several,
        thoughts=model.thoughts,
        inside=wish.inside,
    )
    return grammar.text(model.writing(rules, wanted))


def _form(encoded: bytes) -> Form:
    return msgspec.json.decode(encoded, type=Form)


def _rule(rules: JsonRules, form: Form, base: str, *, tagged: bool) -> Rule:
    try:
        if tagged:
            return TaggedSchemas(rules, form.schema, strict=form.strict).arguments(TAGGED_END)
        return Schemas(rules, form.schema, strict=form.strict).root()
    except TooComplex as problem:
        raise ParameterRefused(f"Invalid schema for '{base}': {problem}.", base, "invalid_schema") from problem
    except SchemaRefused as problem:
        path = base + "".join(f"[{step}]" if step.isdecimal() else f".{step[:64]}" for step in problem.path)
        raise ParameterRefused(f"Invalid schema for '{path}': {problem}.", path, "invalid_schema") from problem
