"""What every source of idle time is."""

from __future__ import annotations

from typing import Protocol


class IdleSource(Protocol):
    """One way to tell when somebody last used the PC. Opened before it is asked, closed after.

    `name` is for people, as in "GNOME (Mutter)".
    """

    name: str

    async def open(self) -> None:
        """Raises SourceSilent where this login does not offer it."""
        ...

    async def input_at(self, now: float) -> float:
        """The Unix time of the last input; `now` is the present. Raises SourceSilent."""
        ...

    async def close(self) -> None: ...
