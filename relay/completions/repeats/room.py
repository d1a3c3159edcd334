"""Memory that the answers in the making share."""

from __future__ import annotations


class Room:
    """`bytes` are in use, `limit_bytes` there are."""

    __slots__ = ("bytes", "limit_bytes")

    def __init__(self, limit_bytes: int) -> None:
        self.bytes = 0
        self.limit_bytes = limit_bytes

    def take(self, size: int) -> bool:
        """Counts so many bytes; False if they are too many, though they are counted."""
        self.bytes += size
        return self.bytes <= self.limit_bytes

    def give_back(self, size: int) -> None:
        self.bytes -= size
