"""Everything that is asked about a PC, put together once for each system."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from desktop.system.conditions import Heat, Power
from desktop.system.contention import ProcessorUse
from desktop.system.gpu import GraphicsCards
from desktop.system.heat import processor_heat
from desktop.system.idle.choose import IdleClock
from desktop.system.uses.port import Use


@dataclass(frozen=True, slots=True)
class Seats:
    """Who is logged in: whether our own screen is locked, and whether somebody else is at one, here or from afar."""

    locked: bool = False
    other_active: bool = False


class Logins(Protocol):
    """Sessions of people, and the system's sleep and end. Methods raise SourceSilent."""

    name: str

    async def seats(self) -> Seats: ...

    async def follow(self, slept: Callable[[bool], None], ended: Callable[[], None]) -> None:
        """`slept` hears True before sleep and False after it, `ended` that the PC is being shut down; on the loop."""
        ...

    async def hold(self) -> None:
        """Sleep waits for `release` from now on, a few seconds at most."""
        ...

    def release(self) -> None: ...


class Network(Protocol):
    """Methods raise SourceSilent."""

    name: str

    async def metered(self) -> bool: ...

    async def follow(self, came_back: Callable[[], None]) -> None: ...


class PowerSource(Protocol):
    """One way to tell about mains and battery."""

    name: str

    async def look(self) -> Power:
        """Raises SourceSilent."""
        ...


@dataclass(frozen=True, slots=True)
class Senses:
    """All that is asked. What a platform lacks is None."""

    idle: IdleClock
    uses: Sequence[Use]
    processor: ProcessorUse
    cards: GraphicsCards
    power: Sequence[PowerSource]
    """In the order of trust: the first that answers is believed."""

    heat: Callable[[], Heat] = processor_heat
    """Blocks."""

    login: Logins | None = None
    network: Network | None = None
    disk: Path | None = None
    """A folder on the disk whose room matters."""
