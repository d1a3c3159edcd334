"""Where a parser's findings go: events in order, free of the white space that is only layout around markup."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from desktop.inference.formats.events import CallArguments, CallOpened, Content, Event, Reasoning
from desktop.inference.grammar.tagged import Kinds

_LAYOUT: Final = 256
"""Characters of white space that can be layout; more of it is text."""


class _Channel:
    """One kind of text. White space is held back until it is known whether text follows it or markup."""

    __slots__ = ("_held", "_kind", "_to", "fresh")

    def __init__(self, to: list[Event], kind: type[Content | Reasoning]) -> None:
        self._to = to
        self._kind = kind
        self._held = ""
        self.fresh = False
        """Whether leading white space is layout: it follows markup."""

    def write(self, text: str) -> None:
        text = self._held + text
        if self.fresh:
            text = text.lstrip()
        length = max(len(text.rstrip()), len(text) - _LAYOUT)
        solid, self._held = text[:length], text[length:]
        if solid:
            self.fresh = False
            self._to.append(self._kind(solid))

    def close(self, *, markup: bool) -> None:
        """No text follows for now: held white space is layout before `markup`, or the end of the text."""
        if self._held and not markup:
            self._to.append(self._kind(self._held))
        self._held = ""
        self.fresh = self.fresh or markup


class Outlet:
    """One choice's events. `calls` counts those opened."""

    __slots__ = ("_content", "_events", "_reasoning", "calls", "kinds", "names")

    def __init__(self, names: frozenset[str], kinds: Mapping[str, Kinds]) -> None:
        """`names` are the tools that can be called; anything else that looks like a call is text.

        `kinds` are the types of their arguments, for the families that do not write them as JSON.
        """
        self._events: list[Event] = []
        self._content = _Channel(self._events, Content)
        self._reasoning = _Channel(self._events, Reasoning)
        self._reasoning.fresh = True
        self.names = names
        self.kinds = kinds
        self.calls = 0

    def take(self) -> list[Event]:
        events = self._events.copy()
        self._events.clear()
        return events

    def content(self, text: str) -> None:
        self._content.write(text)

    def reasoning(self, text: str) -> None:
        self._reasoning.write(text)

    def markup(self) -> None:
        """Markup that was understood came between what is said before and after."""
        self._content.close(markup=True)
        self._reasoning.close(markup=True)

    def end(self) -> None:
        self._content.close(markup=False)
        self._reasoning.close(markup=True)

    def open_call(self, name: str) -> None:
        self.markup()
        self._events.append(CallOpened(self.calls, name))
        self.calls += 1

    def arguments(self, text: str) -> None:
        """Of the call opened last."""
        if text and self._events and isinstance(last := self._events[-1], CallArguments):
            self._events[-1] = last._replace(text=last.text + text)
        elif text:
            self._events.append(CallArguments(self.calls - 1, text))


def decode_string(literal: str) -> str | None:
    """The value of a JSON string literal, or None if it is none."""
    try:
        return msgspec.json.decode(literal, type=str)
    except (msgspec.DecodeError, UnicodeError):
        return None
