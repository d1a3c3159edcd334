"""What every way to notice such a use is."""

from __future__ import annotations

from typing import Literal, Protocol

Kind = Literal["full_screen", "call_or_video"]


class Use(Protocol):
    """One way to notice that the PC is in use without input.

    `look` answers with a few words for a sentence, empty if there is nothing.
    """

    name: str
    kind: Kind

    async def look(self) -> str:
        """Raises SourceSilent where this PC has no such thing, which says nothing about the owner."""
        ...
