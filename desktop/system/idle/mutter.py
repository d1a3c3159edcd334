"""GNOME, on Wayland and X11: the compositor itself says since when there was no input."""

from __future__ import annotations

from desktop.errors import SourceSilent
from desktop.system.bus import Bus

_MONITOR = ("org.gnome.Mutter.IdleMonitor", "/org/gnome/Mutter/IdleMonitor/Core", "org.gnome.Mutter.IdleMonitor")


class MutterIdle:
    """Milliseconds, as an unsigned 64-bit number; remote desktop sessions of GNOME count too."""

    name = "GNOME (Mutter)"

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def open(self) -> None:
        if not await self._bus.has(_MONITOR[0]):
            raise SourceSilent(self.name, "this desktop is not GNOME")
        await self.input_at(0.0)

    async def input_at(self, now: float) -> float:
        (milliseconds,) = await self._bus.call(*_MONITOR, "GetIdletime")
        return now - float(milliseconds) / 1000

    async def close(self) -> None:
        """The bus is not ours to close."""
