"""The call of a tool as one JSON object: `{"name": …, "arguments": …}`, the form most families agree on."""

from __future__ import annotations

from typing import Final

from desktop.inference.formats.outlet import Outlet, decode_string
from desktop.inference.formats.reader import Reader, Steps

_ARGUMENTS: Final = frozenset({"arguments", "parameters"})


def call_objects(reader: Reader, outlet: Outlet, separator: str) -> Steps[bool]:
    """Reads calls as long as there are any, with the separator or nothing between them; whether there was one."""
    found = False
    while (yield from call_object(reader, outlet)):
        found = True
        yield from reader.space()
        yield from reader.literal(separator)
        yield from reader.space()
        outlet.markup()
    return found


def call_object(reader: Reader, outlet: Outlet) -> Steps[bool]:
    """Reads one call and says so. False, and nothing consumed, if this is none or ends before its name.

    Keys come in any order and unknown ones are skipped. Arguments leave as they come, unless they precede the name.
    """
    reader.mark()
    call = _Call(reader, outlet)
    if (yield from reader.literal("{")):
        while (yield from call.member()) and (yield from reader.literal(",")):
            pass
    taken = reader.taken()
    if not call.opened:
        reader.text = taken + reader.text
        return False
    if (yield from reader.literal("}")) and not call.given:
        outlet.arguments("{}")
    return True


class _Call:
    """What is known of a call while its object is read."""

    __slots__ = ("_outlet", "_reader", "given", "opened")

    def __init__(self, reader: Reader, outlet: Outlet) -> None:
        self._reader = reader
        self._outlet = outlet
        self.opened = False
        self.given = ""
        """Arguments that came before the name; afterwards, anything if they came at all."""

    def member(self) -> Steps[bool]:
        """One key and its value; False ends the object, as what it is."""
        reader = self._reader
        yield from reader.space()
        key = decode_string((yield from reader.string()))
        yield from reader.space()
        if key is None or not (yield from reader.literal(":")):
            return False
        yield from reader.space()
        if key == "name" and not self.opened:
            whole = yield from self._name()
        elif key in _ARGUMENTS and not self.given:
            whole = yield from self._arguments()
        else:
            whole = yield from reader.value(_ignore)
        yield from reader.space()
        return whole

    def _name(self) -> Steps[bool]:
        name = decode_string((yield from self._reader.string()))
        if name is None or name not in self._outlet.names:
            return False
        self._reader.forget()
        self._outlet.open_call(name)
        self._outlet.arguments(self.given)
        self.opened = True
        return True

    def _arguments(self) -> Steps[bool]:
        """A value that is a string is JSON packed a second time."""
        if (yield from self._reader.character()) == '"':
            literal = yield from self._reader.string()
            unpacked = decode_string(literal)
            self._give(literal if unpacked is None else unpacked)
            return bool(literal)
        return (yield from self._reader.value(self._give))

    def _give(self, text: str) -> None:
        if self.opened:
            self._outlet.arguments(text)
            self.given = self.given or text
        else:
            self.given += text


def _ignore(_: str) -> None:
    """A member that says nothing about the call, such as its id."""
