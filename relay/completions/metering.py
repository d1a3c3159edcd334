"""Counting what a caller received. Pure.

A caller pays for what was handed to the kernel on their socket, not for what lay in our buffers when they left.
"""

from __future__ import annotations

from collections import deque
from typing import Final

CALL_MARKS: Final = 48
"""Bytes that can be billed for what a model writes around a call of a tool, and the caller does not see."""


class Backlog:
    """What has been written to a caller who reads slowly: marks of (bytes, tokens) so far, in order.

    The bytes that are still unsent say which marks have been reached. Callers who keep up never need one.
    """

    __slots__ = ("_marks", "bytes_out", "tokens_out")

    def __init__(self, bytes_out: int, tokens_out: int) -> None:
        self.bytes_out = bytes_out
        self.tokens_out = tokens_out
        self._marks: deque[tuple[int, int]] = deque()

    def look(self, written: int, tokens: int, *, unsent: int) -> None:
        """`written` bytes bring the answer to `tokens`; `unsent` of them still wait."""
        marks = self._marks
        if not marks or marks[-1] != (written, tokens):
            marks.append((written, tokens))
        reached = written - unsent
        while marks and marks[0][0] <= reached:
            self.bytes_out, self.tokens_out = marks.popleft()


class Written:
    """What was written to a caller, and what of it has left this process: bytes, and tokens of the answer so far."""

    bytes = 0
    tokens = 0
    bytes_out = 0
    tokens_out = 0
    _backlog: Backlog | None = None

    @property
    def is_out(self) -> bool:
        """Whether all of it had left when it was last looked at."""
        return self.bytes_out == self.bytes

    def look(self, unsent: int) -> None:
        """Bring up to date what has left, when `unsent` bytes have not."""
        if unsent <= 0:
            self.bytes_out, self.tokens_out = self.bytes, self.tokens
            self._backlog = None
            return
        if self._backlog is None:
            self._backlog = Backlog(self.bytes_out, self.tokens_out)
        self._backlog.look(self.bytes, self.tokens, unsent=unsent)
        self.bytes_out, self.tokens_out = self._backlog.bytes_out, self._backlog.tokens_out

    def lose_unsent(self) -> None:
        """What has not left never will."""
        self.bytes, self.tokens, self._backlog = self.bytes_out, self.tokens_out, None


def billable(ids: int, text_bytes: int, limit: int) -> int:
    """Completion tokens of a node that count: no more than ids received, bytes of text forwarded, or asked for."""
    return min(ids, text_bytes, limit)
