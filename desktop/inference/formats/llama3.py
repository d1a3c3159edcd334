"""Llama 3.1 to 3.3: the answer is a call as an object with `parameters`, or, after its tag, Python."""

from __future__ import annotations

import json
import re
from typing import Final

from desktop.inference.formats.calls import call_objects
from desktop.inference.formats.families import thoughts
from desktop.inference.formats.outlet import Outlet
from desktop.inference.formats.reader import Reader, Steps

PYTHON_TAG: Final = "<|python_tag|>"
INTERPRETERS: Final = ("python", "ipython", "code_interpreter")
"""Names of a tool that takes code: those the model was trained with. Its one argument is `code`."""

_CALL: Final = re.compile(r"([A-Za-z_]\w*)\.call\((.*)\)\s*", re.DOTALL)
_ARGUMENT: Final = re.compile(r'\s*([A-Za-z_]\w*)\s*=\s*("(?:[^"\\]|\\.)*")\s*(?:,|$)', re.DOTALL)


def llama3(reader: Reader, outlet: Outlet, *, inside: bool) -> Steps[None]:
    """An object counts only at the start of the answer: later on it is an example in a text."""
    yield from thoughts(reader, outlet, inside=inside)
    space = yield from reader.space()
    outlet.content(space)
    if (yield from reader.character()) == "{":
        yield from call_objects(reader, outlet, ";")
    while marker := (yield from reader.until((PYTHON_TAG,), outlet.content)):
        yield from _python(reader, outlet, marker)


def _python(reader: Reader, outlet: Outlet, tag: str) -> Steps[None]:
    """What follows the tag: an object, a call of a tool as Python, or code for the interpreter."""
    space = yield from reader.space()
    if (yield from reader.character()) == "{":
        if not (yield from call_objects(reader, outlet, ";")):
            outlet.content(tag + space)
        return
    parts: list[str] = []
    yield from reader.rest(parts.append)
    text = "".join(parts)
    interpreter = next((name for name in INTERPRETERS if name in outlet.names), "")
    if called := _called(text, outlet.names):
        name, arguments = called
    elif text and interpreter:
        name, arguments = interpreter, {"code": text.rstrip()}
    else:
        outlet.content(tag + space + text)
        return
    outlet.open_call(name)
    outlet.arguments(json.dumps(arguments, ensure_ascii=False))


def _called(text: str, names: frozenset[str]) -> tuple[str, dict[str, str]] | None:
    """`name.call(key="value", …)` of a known tool."""
    found = _CALL.fullmatch(text)
    if not found or found[1] not in names:
        return None
    arguments, at, inner = {}, 0, found[2].strip()
    while at < len(inner):
        argument = _ARGUMENT.match(inner, at)
        if not argument:
            return None
        try:
            arguments[argument[1]] = str(json.loads(argument[2], strict=False))
        except ValueError:
            return None
        at = argument.end()
    return found[1], arguments
