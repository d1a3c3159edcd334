"""Counting what a caller received. Pure.

A caller pays for what was handed to the kernel on their socket, not for what lay in our buffers when they left. So
every write leaves a mark of (bytes, tokens) so far, and the bytes still unsent say which marks have been reached.
"""

from __future__ import annotations

from collections import deque


class Delivery:
    """How much of one answer has left this process."""

    __slots__ = ("_marks", "bytes", "bytes_out", "tokens", "tokens_out")

    def __init__(self) -> None:
        self.bytes = 0
        self.tokens = 0
        self.bytes_out = 0
        self.tokens_out = 0
        self._marks: deque[tuple[int, int]] = deque()

    def written(self, size: int, tokens: int) -> None:
        """`size` more bytes were written, which brings the answer to `tokens` in all."""
        self.bytes += size
        self.tokens = tokens
        self._marks.append((self.bytes, tokens))

    def settle(self, unsent: int) -> int:
        """Tokens delivered, given the bytes that still lie in our buffer."""
        if unsent <= 0:
            self._marks.clear()
            self.bytes_out, self.tokens_out = self.bytes, self.tokens
            return self.tokens
        reached = self.bytes - unsent
        marks = self._marks
        while marks and marks[0][0] <= reached:
            self.bytes_out, self.tokens_out = marks.popleft()
        return self.tokens_out


def billable(ids: int, text_bytes: int, limit: int) -> int:
    """Completion tokens of a node that count: no more than ids received, bytes of text forwarded, or asked for."""
    return min(ids, text_bytes, limit)
