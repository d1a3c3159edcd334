"""Calls of tools in one choice of a node's answer: numbered and named by the relay, whatever the node says. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from relay.completions.metering import CALL_MARKS
from relay.wire.deltas import ToolCallPiece

MAX_CALLS: Final = 128


class ForeignPiece(Exception):
    """A piece that belongs to no call."""


class ToolCalls:
    """Calls in the order in which they were opened; arguments are of the newest. `prefix` makes ids the relay's own.

    Arguments are kept for `whole` only with `gather`: of a stream, nobody asks for them.
    """

    __slots__ = ("_arguments", "_gathers", "_names", "_prefix")

    def __init__(self, prefix: str, *, gather: bool) -> None:
        self._prefix = prefix
        self._gathers = gather
        self._names: list[str] = []
        self._arguments: list[list[str]] = []

    def __bool__(self) -> bool:
        return bool(self._names)

    def take(self, pieces: Sequence[ToolCallPiece]) -> tuple[list[dict[str, Any]], int]:
        """The same pieces as a caller reads them, and bytes of them that can be billed. Raises ForeignPiece."""
        told, size = [], 0
        for piece in pieces:
            if piece.name:
                told.append(self._open(piece.name))
                size += len(piece.name.encode()) + CALL_MARKS
            if piece.arguments:
                told.append(self.argue(piece.arguments))
                size += len(piece.arguments.encode())
        return told, size

    def argue(self, text: str) -> dict[str, Any]:
        """A piece of the newest call's arguments. Raises ForeignPiece."""
        if not self._names:
            raise ForeignPiece
        if self._gathers:
            self._arguments[-1].append(text)
        return {"index": len(self._names) - 1, "function": {"arguments": text}}

    def whole(self) -> list[dict[str, Any]]:
        """The calls as a plain answer has them."""
        return [
            {"id": self._id(at), "type": "function", "function": {"name": name, "arguments": "".join(arguments)}}
            for at, (name, arguments) in enumerate(zip(self._names, self._arguments, strict=True))
        ]

    def _open(self, name: str) -> dict[str, Any]:
        if len(self._names) >= MAX_CALLS:
            raise ForeignPiece
        self._names.append(name)
        self._arguments.append([])
        at = len(self._names) - 1
        return {"index": at, "id": self._id(at), "type": "function", "function": {"name": name, "arguments": ""}}

    def _id(self, at: int) -> str:
        return f"call_{self._prefix}{at:02x}"
