"""Families of output formats, one generator each: what marks reasoning, and how a call of a tool is written.

Text that only looks like markup (an unknown tool, broken JSON before the name of a call) is passed on as content: no
text is ever lost. What follows the name of a call is that call's, even where it is broken.
"""

from __future__ import annotations

from typing import Final, Protocol

from desktop.inference.formats.calls import call_object, call_objects
from desktop.inference.formats.outlet import Outlet
from desktop.inference.formats.reader import Reader, Steps

SECTION_BEGINS: Final = "<\uff5ctool▁calls▁begin\uff5c>"
SECTION_ENDS: Final = "<\uff5ctool▁calls▁end\uff5c>"
CALL_BEGINS: Final = "<\uff5ctool▁call▁begin\uff5c>"
CALL_ENDS: Final = "<\uff5ctool▁call▁end\uff5c>"
SEPARATOR: Final = "<\uff5ctool▁sep\uff5c>"
"""DeepSeek's marks."""


class Family(Protocol):
    """Reads one answer."""

    def __call__(self, reader: Reader, outlet: Outlet, *, inside: bool) -> Steps[None]:
        """`inside`: the prompt has left the model in the middle of its reasoning."""


def thinking(reader: Reader, outlet: Outlet, *, inside: bool) -> Steps[None]:
    """Reasoning in `<think>`, then text; no tools."""
    yield from thoughts(reader, outlet, inside=inside)
    yield from reader.rest(outlet.content)


def bracketed(reader: Reader, outlet: Outlet, *, inside: bool) -> Steps[None]:
    """Reasoning in `[THINK]`, then text; no tools."""
    yield from thoughts(reader, outlet, "[THINK]", "[/THINK]", inside=inside)
    yield from reader.rest(outlet.content)


def hermes(reader: Reader, outlet: Outlet, *, inside: bool) -> Steps[None]:
    """Hermes, Qwen 2.5, Qwen 3: every call is one object in `<tool_call>`."""
    yield from thoughts(reader, outlet, inside=inside)
    while marker := (yield from reader.until(("<tool_call>",), outlet.content)):
        space = yield from reader.space()
        if not (yield from call_object(reader, outlet)):
            outlet.content(marker + space)
            continue
        yield from reader.space()
        yield from reader.literal("</tool_call>")
        outlet.markup()


def mistral(reader: Reader, outlet: Outlet, *, inside: bool) -> Steps[None]:
    """Mistral: after `[TOOL_CALLS]` an array of objects, or (since 2025) a name, `[ARGS]` and the arguments."""
    yield from thoughts(reader, outlet, "[THINK]", "[/THINK]", inside=inside)
    while marker := (yield from reader.until(("[TOOL_CALLS]",), outlet.content)):
        space = yield from reader.space()
        if (yield from reader.literal("[")):
            inner = yield from reader.space()
            if not (yield from call_objects(reader, outlet, ",")):
                outlet.content(f"{marker}{space}[{inner}")
                continue
            yield from reader.literal("]")
            outlet.markup()
        else:
            yield from _mistral_call(reader, outlet, marker + space)


def _mistral_call(reader: Reader, outlet: Outlet, before: str) -> Steps[None]:
    reader.mark()
    parts: list[str] = []
    marker = yield from reader.until(("[ARGS]", "[CALL_ID]", "{"), parts.append)
    if marker == "[CALL_ID]":
        marker = yield from reader.until(("[ARGS]", "{"), lambda _: None)
    name, taken = "".join(parts).strip(), reader.taken()
    if not marker or name not in outlet.names:
        outlet.content(before + taken)
        return
    outlet.open_call(name)
    if marker == "{":
        reader.text = marker + reader.text
    yield from reader.space()
    yield from reader.value(outlet.arguments)
    outlet.markup()


def deepseek(reader: Reader, outlet: Outlet, *, inside: bool) -> Steps[None]:
    """DeepSeek R1 and V3: a section of calls, each a name and its arguments, in a code fence before V3.1."""
    yield from thoughts(reader, outlet, inside=inside)
    while marker := (yield from reader.until((SECTION_BEGINS, SECTION_ENDS, CALL_BEGINS), outlet.content)):
        if marker != CALL_BEGINS:
            outlet.markup()
        elif not (yield from _deepseek_call(reader, outlet)):
            outlet.content(marker)


def _deepseek_call(reader: Reader, outlet: Outlet) -> Steps[bool]:
    """False, and nothing consumed, if this is not the call of a tool."""
    reader.mark()
    parts: list[str] = []
    separator = yield from reader.until((SEPARATOR,), parts.append)
    fenced = "".join(parts).strip() == "function"
    if fenced:
        parts.clear()
        separator = yield from reader.until(("\n",), parts.append)
    name, taken = "".join(parts).strip(), reader.taken()
    if not separator or name not in outlet.names:
        reader.text = taken + reader.text
        return False
    outlet.open_call(name)
    if fenced:
        yield from reader.space()
        yield from reader.literal("```json")
    yield from reader.space()
    yield from reader.value(outlet.arguments)
    yield from reader.space()
    if fenced:
        yield from reader.literal("```")
        yield from reader.space()
    yield from reader.literal(CALL_ENDS)
    outlet.markup()
    return True


def thoughts(
    reader: Reader, outlet: Outlet, begins: str = "<think>", ends: str = "</think>", *, inside: bool
) -> Steps[None]:
    """Reasoning comes first or not at all. Some models repeat the mark that their prompt ended with."""
    space = yield from reader.space()
    begun = yield from reader.literal(begins)
    if begun or inside:
        yield from reader.until((ends,), outlet.reasoning)
        outlet.markup()
    else:
        outlet.content(space)
