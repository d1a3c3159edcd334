"""Which target the last call of a conversation went to: its prompt may still lie in a cache there. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

REMEMBERED: Final = 16_384
"""Conversations; the one that was silent longest is forgotten first."""


class Affinity:
    """A soft preference, in memory only: who is forgotten pays with one prompt read anew."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._last: OrderedDict[bytes, Hashable] = OrderedDict()
        self._remembered = remembered

    def last(self, conversation: bytes) -> Hashable | None:
        """The target's name for itself."""
        return self._last.get(conversation)

    def went(self, conversation: bytes, target: Hashable) -> None:
        self._last[conversation] = target
        self._last.move_to_end(conversation)
        if len(self._last) > self._remembered:
            self._last.popitem(last=False)
