"""KDE Plasma on X11. On Wayland Plasma answers `NotSupported`, and `ext_idle_notify_v1` is asked instead."""

from __future__ import annotations

from desktop.errors import SourceSilent
from desktop.system.bus import Bus

_SAVER = ("org.freedesktop.ScreenSaver", "/ScreenSaver", "org.freedesktop.ScreenSaver")
_OWNER = "org.kde.ksmserver"


class KdeIdle:
    """`KIdleTime::idleTime`, in milliseconds, which inhibitors reset: a playing video counts as use.

    Other desktops offer the same name with seconds, or with the time since their screen saver began: only KDE is asked.
    """

    name = "KDE Plasma"

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def open(self) -> None:
        if not await self._bus.has(_OWNER):
            raise SourceSilent(self.name, "this desktop is not KDE Plasma")
        await self.input_at(0.0)

    async def input_at(self, now: float) -> float:
        (milliseconds,) = await self._bus.call(*_SAVER, "GetSessionIdleTime")
        return now - float(milliseconds) / 1000

    async def close(self) -> None:
        """The bus is not ours to close."""
