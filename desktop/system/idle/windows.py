"""Windows: the last input of this login's session, by its tick count."""

from __future__ import annotations

import ctypes
from typing import Any

from desktop.errors import SourceSilent

_TICKS = 2**32
"""GetTickCount starts anew after 49.7 days."""


class LastInputInfo(ctypes.Structure):
    """LASTINPUTINFO of winuser.h."""

    _fields_ = (("size", ctypes.c_uint32), ("tick", ctypes.c_uint32))


class WindowsIdle:
    """GetLastInputInfo. It is about the session it is called in: a service would see nobody, so the app is none."""

    name = "Windows (GetLastInputInfo)"

    def __init__(self, user32: Any, kernel32: Any) -> None:
        """The system's libraries of these names."""
        self._user32 = user32
        self._kernel32 = kernel32

    async def open(self) -> None:
        await self.input_at(0.0)

    async def input_at(self, now: float) -> float:
        info = LastInputInfo(size=ctypes.sizeof(LastInputInfo))
        if not self._user32.GetLastInputInfo(ctypes.byref(info)):
            raise SourceSilent(self.name, "this session has no input")
        ticks = (int(self._kernel32.GetTickCount()) - int(info.tick)) % _TICKS
        return now - ticks / 1000

    async def close(self) -> None:
        """Nothing is held open."""
