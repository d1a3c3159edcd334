"""Reading text that arrives in pieces, written as if it were all there.

A parser is a generator that yields whenever it needs more text. Each step of it depends only on text that has been
read, never on where a piece ended: what cannot be decided yet waits.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from typing import Final, TypeVar

T = TypeVar("T")
Steps = Generator[None, None, T]
Write = Callable[[str], None]

_STRUCTURE: Final = re.compile(r'["\[\]{}]')
_STRING: Final = re.compile(r'["\\]')
_LITERAL: Final = re.compile(r"[\s,}\]]")
_CLOSING: Final = {"{": "}", "[": "]"}


class Reader:
    """The text not yet consumed, and whether any more will come."""

    __slots__ = ("_taken", "ended", "text")

    def __init__(self) -> None:
        self.text = ""
        self.ended = False
        self._taken: list[str] | None = None

    # --- giving back ---

    def mark(self) -> None:
        """From here on, what is consumed is remembered until `forget` or `taken`."""
        self._taken = []

    def forget(self) -> None:
        self._taken = None

    def taken(self) -> str:
        """Everything consumed since the mark, or nothing where that was forgotten."""
        taken, self._taken = self._taken, None
        return "".join(taken or ())

    # --- consuming ---

    def take(self, length: int) -> str:
        head, self.text = self.text[:length], self.text[length:]
        if self._taken is not None:
            self._taken.append(head)
        return head

    def character(self) -> Steps[str]:
        """The next character, not consumed; empty at the end."""
        while not self.text and not self.ended:
            yield
        return self.text[:1]

    def space(self) -> Steps[str]:
        """Consumes white space, and returns it."""
        parts: list[str] = []
        while True:
            parts.append(self.take(len(self.text) - len(self.text.lstrip())))
            if self.text or self.ended:
                return "".join(parts)
            yield

    def literal(self, *options: str) -> Steps[str]:
        """Consumes the option that comes next; empty, and nothing consumed, if none does. None may begin another."""
        while True:
            for option in options:
                if self.text.startswith(option):
                    return self.take(len(option))
            if self.ended or not any(option.startswith(self.text) for option in options):
                return ""
            yield

    def until(self, markers: tuple[str, ...], write: Write) -> Steps[str]:
        """Writes what comes before the first marker and consumes both; empty if the end comes first."""
        while True:
            found = ((self.text.find(marker), marker) for marker in markers if marker in self.text)
            at, marker = min(found, default=(0, ""))
            if marker:
                write(self.take(at))
                return self.take(len(marker))
            keep = 0 if self.ended else self._possible_start(markers)
            write(self.take(len(self.text) - keep))
            if self.ended:
                return ""
            yield

    def rest(self, write: Write) -> Steps[None]:
        """Writes everything up to the end."""
        yield from self.until((), write)

    def _possible_start(self, markers: tuple[str, ...]) -> int:
        """Length of the longest tail that may be the start of a marker."""
        longest = max(map(len, markers), default=1) - 1
        for length in range(min(longest, len(self.text)), 0, -1):
            tail = self.text[-length:]
            if any(marker.startswith(tail) for marker in markers):
                return length
        return 0

    # --- JSON ---

    def string(self) -> Steps[str]:
        """Consumes a string literal, and returns it with its quotes; empty if there is none or it does not end."""
        if (yield from self.character()) != '"':
            return ""
        parts: list[str] = []
        whole = yield from self._string(parts.append)
        return "".join(parts) if whole else ""

    def value(self, write: Write) -> Steps[bool]:
        """Writes one JSON value as it comes; whether it was whole. Looks at brackets and quotes only."""
        first = yield from self.character()
        if first == '"':
            return (yield from self._string(write))
        if first in _CLOSING:
            return (yield from self._nested(write))
        return (yield from self._plain(write))

    def _string(self, write: Write) -> Steps[bool]:
        write(self.take(1))
        while True:
            if found := _STRING.search(self.text):
                quote = found.group() == '"'
                if not quote and len(self.text) < found.end() + 1 and not self.ended:
                    write(self.take(found.start()))
                    yield
                    continue
                write(self.take(found.end() + (not quote)))
                if quote:
                    return True
                continue
            write(self.take(len(self.text)))
            if self.ended:
                return False
            yield

    def _nested(self, write: Write) -> Steps[bool]:
        closing: list[str] = []
        while True:
            found = _STRUCTURE.search(self.text)
            if not found:
                write(self.take(len(self.text)))
                if self.ended:
                    return False
                yield
                continue
            write(self.take(found.start()))
            sign = found.group()
            if sign == '"':
                if not (yield from self._string(write)):
                    return False
            elif sign in _CLOSING:
                closing.append(_CLOSING[sign])
                write(self.take(1))
            elif closing.pop() != sign:
                return False
            else:
                write(self.take(1))
                if not closing:
                    return True

    def _plain(self, write: Write) -> Steps[bool]:
        """A number or a word: up to the next delimiter. It is whole if there is anything of it."""
        some = False
        while True:
            found = _LITERAL.search(self.text)
            length = found.start() if found else len(self.text)
            some = some or length > 0
            write(self.take(length))
            if found or self.ended:
                return some and found is not None
            yield
