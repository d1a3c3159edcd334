"""Heads of hot requests that the parser has read before. Pure.

A client sends the same head with every call, byte for byte but for the digits of `content-length`. Such a head says
what it said the first time, so it need not be parsed again, which is a tenth of a plain call's cost. Only heads that
llhttp accepted, of calls whose key was accepted, get in: nobody else can fill the table or choose what is in it.
"""

from __future__ import annotations

from typing import Final

from relay.completions.headers import CallHeaders

MOST_HEADS: Final = 1024
MOST_HEAD_BYTES: Final = 2048
MOST_LENGTH_DIGITS: Final = 9

_SPELLINGS: Final = (b"\r\nContent-Length: ", b"\r\ncontent-length: ")
_LINE_END: Final = b"\r\n"
_HEAD_END: Final = b"\r\n\r\n"


class KnownHeads:
    """The table. It is emptied when full: what is in use comes back with its next request."""

    def __init__(self) -> None:
        self._known: dict[bytes, CallHeaders] = {}

    def __len__(self) -> int:
        return len(self._known)

    def find(self, data: bytes) -> tuple[int, int, CallHeaders] | None:
        """If `data` begins with a known head: where the body begins, how long it is, and what the head says."""
        cut = _cut(data)
        if cut is None:
            return None
        key, digits, body_at = cut
        headers = self._known.get(key)
        if headers is None or len(digits) > MOST_LENGTH_DIGITS or not digits.isdigit():
            return None
        return body_at, int(digits), headers

    def learn(self, read: bytes, headers: CallHeaders) -> None:
        """`read` begins with a head that the parser took; it has one `content-length`, and its connection lives on."""
        size = read.find(_HEAD_END) + len(_HEAD_END)
        cut = _cut(read[:size])
        if cut is None or size > MOST_HEAD_BYTES:
            return
        if len(self._known) >= MOST_HEADS:
            self._known.clear()
        self._known[cut[0]] = headers


def _cut(data: bytes) -> tuple[bytes, bytes, int] | None:
    """A head without the digits of its length, those digits, and where the head ends. A header only begins a line."""
    at = data.find(_SPELLINGS[0])
    if at < 0:
        at = data.find(_SPELLINGS[1])
        if at < 0:
            return None
    at += len(_SPELLINGS[0])
    end = data.find(_LINE_END, at)
    body_at = data.find(_HEAD_END, end) + len(_HEAD_END)
    if end < 0 or body_at < len(_HEAD_END):
        return None
    return data[:at] + data[end:body_at], data[at:end], body_at
