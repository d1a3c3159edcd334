"""From tokens to text that may leave: whole code points, strictly valid UTF-8, and never a byte of a stop string.

Pure, and a function of the ids alone: a continued answer is replayed through fresh instances and arrives at the same
place. What is held back (half a character, the start of a possible stop string) is state here and nowhere else.
"""

from __future__ import annotations

import codecs
from typing import NamedTuple

PARSER_VERSION = 2
"""Part of a model's digest. Raise it whenever the same ids could give other text than before."""


class Piece(NamedTuple):
    """A token's bytes, and the same as text where they are whole characters by themselves."""

    raw: bytes
    text: str | None


def piece(raw: bytes) -> Piece:
    try:
        return Piece(raw, raw.decode())
    except UnicodeDecodeError:
        return Piece(raw, None)


class StopMatcher:
    """Finds the first of some strings in text that comes in parts, and holds back what may become one."""

    __slots__ = ("_held", "_longest", "_stops", "cut")

    def __init__(self, stops: tuple[str, ...]) -> None:
        self._stops = stops
        self._longest = max(map(len, stops), default=0)
        self._held = ""
        self.cut = 0
        """Characters that a stop string and what followed it took away."""

    @property
    def held(self) -> int:
        """Characters held back or cut off: what was fed and not shown."""
        return len(self._held) + self.cut

    def feed(self, text: str) -> tuple[str, bool]:
        """Text that is safe to show, and whether a stop string followed it. After that nothing more may be fed."""
        text = self._held + text
        found = [at for at in map(text.find, self._stops) if at >= 0]
        if found:
            at = min(found)
            self._held, self.cut = "", len(text) - at
            return text[:at], True
        split = self._first_possible_start(text)
        self._held = text[split:]
        return text[:split], False

    def flush(self) -> str:
        """What was held back and turned out not to be a stop string."""
        held, self._held = self._held, ""
        return held

    def _first_possible_start(self, text: str) -> int:
        for at in range(max(0, len(text) - self._longest + 1), len(text)):
            tail = text[at:]
            if any(stop.startswith(tail) for stop in self._stops):
                return at
        return len(text)


class Utf8Decoder:
    """One choice's bytes as characters. Bytes that are no UTF-8 become U+FFFD; half a character at the end is none."""

    __slots__ = ("_decoder", "pending")

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.pending = False
        """Half a character is held back."""

    def push(self, token: Piece) -> str:
        """The characters that `token` completes."""
        raw, text = token
        if text is not None and not self.pending:
            return text
        text = self._decoder.decode(raw)
        self.pending = bool(self._decoder.getstate()[0])
        return text
