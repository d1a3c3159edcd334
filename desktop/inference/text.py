"""From tokens to text that may leave: whole code points, strictly valid UTF-8, and never a byte of a stop string.

Pure, and a function of the ids alone: a continued answer is replayed through fresh instances and arrives at the same
place. What is held back (half a character, the start of a possible stop string) is state here and nowhere else.
"""

from __future__ import annotations

import codecs
from typing import NamedTuple

PARSER_VERSION = 1
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

    __slots__ = ("_held", "_longest", "_stops")

    def __init__(self, stops: tuple[str, ...]) -> None:
        self._stops = stops
        self._longest = max(map(len, stops), default=0)
        self._held = ""

    def feed(self, text: str) -> tuple[str, bool]:
        """Text that is safe to show, and whether a stop string followed it. After that nothing more may be fed."""
        text = self._held + text
        found = [at for at in map(text.find, self._stops) if at >= 0]
        if found:
            self._held = ""
            return text[: min(found)], True
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


class TextStream:
    """One choice's text, token by token."""

    __slots__ = ("_decoder", "_matcher", "_pending")

    def __init__(self, stops: tuple[str, ...] = ()) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._pending = False
        self._matcher = StopMatcher(stops) if stops else None

    def push(self, token: Piece) -> tuple[bytes, bool]:
        """Bytes to emit now, and whether a stop string is complete. Bytes that are no UTF-8 become U+FFFD."""
        raw, text = token
        if text is None or self._pending:
            text = self._decoder.decode(raw)
            self._pending = bool(self._decoder.getstate()[0])
            raw = text.encode()
        if self._matcher is None:
            return raw, False
        text, stopped = self._matcher.feed(text)
        return text.encode(), stopped

    def flush(self) -> bytes:
        """The held-back text at the natural end of a choice. Half a character is no text: it is dropped."""
        return self._matcher.flush().encode() if self._matcher else b""
