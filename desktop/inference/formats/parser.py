"""Runs a family's generator over the text of one answer."""

from __future__ import annotations

from collections.abc import Mapping

from desktop.inference.formats.events import Event
from desktop.inference.formats.families import Family
from desktop.inference.formats.outlet import Outlet
from desktop.inference.formats.reader import Reader
from desktop.inference.grammar.tagged import Kinds


class OutputParser:
    """One choice's text to events; joined, they are the same however the text was cut."""

    __slots__ = ("_outlet", "_reader", "_run")

    def __init__(
        self, family: Family, names: frozenset[str], *, inside: bool = False, kinds: Mapping[str, Kinds] | None = None
    ) -> None:
        """`names` are the tools that can be called, `kinds` what their arguments can be.

        `inside`: the prompt has left the model in its reasoning.
        """
        self._reader = Reader()
        self._outlet = Outlet(names, kinds or {})
        self._run = family(self._reader, self._outlet, inside=inside)

    @property
    def calls(self) -> int:
        """Calls opened so far."""
        return self._outlet.calls

    def feed(self, text: str) -> list[Event]:
        self._reader.text += text
        next(self._run, None)
        return self._outlet.take()

    def finish(self) -> list[Event]:
        """What was held back, at the end of the answer."""
        self._reader.ended = True
        next(self._run, None)
        self._outlet.end()
        return self._outlet.take()
