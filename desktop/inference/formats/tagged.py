"""Qwen 3 Coder, Qwen 3.5: a call is a function in `<tool_call>`, each argument between tags of its own.

Arguments leave as the JSON they mean: a text is escaped as it comes, anything else when it is complete.
"""

from __future__ import annotations

from typing import Final

import msgspec

from desktop.inference.formats.families import thoughts
from desktop.inference.formats.outlet import Outlet
from desktop.inference.formats.reader import Reader, Steps
from desktop.inference.grammar.schemas import TYPES, kind_of

_ENDS: Final = ("\n</parameter>", "</parameter>")
_PYTHON: Final = {"True": "true", "False": "false", "None": "null"}


def tagged(reader: Reader, outlet: Outlet, *, inside: bool) -> Steps[None]:
    """Some answers leave the first `<tool_call>` out."""
    yield from thoughts(reader, outlet, inside=inside)
    while marker := (yield from reader.until(("<tool_call>", "<function="), outlet.content)):
        before = marker
        if marker == "<tool_call>":
            before += yield from reader.space()
            before += yield from reader.literal("<function=")
        if not before.endswith("<function=") or not (yield from _call(reader, outlet)):
            outlet.content(before)


def _call(reader: Reader, outlet: Outlet) -> Steps[bool]:
    """False, and nothing consumed, if this is not the call of a tool."""
    reader.mark()
    parts: list[str] = []
    closed = yield from reader.until((">",), parts.append)
    name, taken = "".join(parts), reader.taken()
    if not closed or name not in outlet.names:
        reader.text = taken + reader.text
        return False
    outlet.open_call(name)
    separator = "{"
    while True:
        yield from reader.space()
        if not (yield from reader.literal("<parameter=")):
            break
        outlet.arguments(separator)
        separator = ", "
        if not (yield from _argument(reader, outlet, name)):
            return True
    if (yield from reader.literal("</function>", "</tool_call>")):
        outlet.arguments("{}" if separator == "{" else "}")
    yield from reader.space()
    yield from reader.literal("</tool_call>")
    outlet.markup()
    return True


def _argument(reader: Reader, outlet: Outlet, name: str) -> Steps[bool]:
    """One argument; whether it was whole."""
    parts: list[str] = []
    if not (yield from reader.until((">",), parts.append)):
        return False
    key = "".join(parts)
    yield from reader.literal("\n")
    outlet.arguments(f"{_encoded(key)}: ")
    kinds = outlet.kinds.get(name, {}).get(key, frozenset(TYPES))
    if kinds == {"string"}:
        outlet.arguments('"')
        whole = yield from reader.until(_ENDS, lambda text: outlet.arguments(_encoded(text)[1:-1]))
        outlet.arguments('"' if whole else "")
        return bool(whole)
    values: list[str] = []
    whole = yield from reader.until(_ENDS, values.append)
    if whole:
        outlet.arguments(_meant("".join(values), kinds))
    return bool(whole)


def _meant(text: str, kinds: frozenset[str]) -> str:
    """JSON of a value that is none itself unless it reads as JSON of one of its kinds."""
    value = _PYTHON.get(text.strip(), text.strip())
    try:
        kind = kind_of(msgspec.json.decode(value))
    except (msgspec.DecodeError, RecursionError):
        return _encoded(text)
    return (
        value if kind != "string" and (kind in kinds or (kind == "integer" and "number" in kinds)) else _encoded(text)
    )


def _encoded(text: str) -> str:
    return msgspec.json.encode(text).decode()
