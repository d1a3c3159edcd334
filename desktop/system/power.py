"""Mains or battery, how full it is, and whether the system saves energy."""

from __future__ import annotations

import ctypes
from typing import Any

import psutil

from desktop.errors import SourceSilent
from desktop.system.bus import Bus
from desktop.system.conditions import Power

_UPOWER = "org.freedesktop.UPower"
_DEVICE = "org.freedesktop.UPower.Device"
_BATTERY = 2
_UPS = 3

_PROFILES = (
    ("org.freedesktop.UPower.PowerProfiles", "/org/freedesktop/UPower/PowerProfiles"),
    ("net.hadess.PowerProfiles", "/net/hadess/PowerProfiles"),
)
"""The newer name and the older one of the same daemon."""


class UPower:
    """Knows UPSs too, and the batteries of a laptop as one."""

    name = "power (UPower)"

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def look(self) -> Power:
        """Raises SourceSilent."""
        on_battery = bool(await self._bus.get(_UPOWER, "/org/freedesktop/UPower", _UPOWER, "OnBattery"))
        facts = await self._bus.get_all(_UPOWER, "/org/freedesktop/UPower/devices/DisplayDevice", _DEVICE)
        there = facts.get("IsPresent") and facts.get("Type") in (_BATTERY, _UPS)
        return Power(on_battery, float(facts["Percentage"]) if there else None, await self._saves())

    async def _saves(self) -> bool:
        for name, path in _PROFILES:
            try:
                if await self._bus.has(name):
                    return bool(await self._bus.get(name, path, name, "ActiveProfile") == "power-saver")
            except SourceSilent:
                continue
        return False


def unplugged() -> bool:
    """Whether this PC runs on its battery now, for who cannot wait for a look. False where nobody can tell."""
    battery = _battery()
    return battery is not None and battery.power_plugged is False


def _battery() -> Any:
    """None also where the system tells of no power supply at all, as in a container."""
    try:
        return psutil.sensors_battery()
    except OSError:
        return None


class PsutilPower:
    """What every system tells, through psutil: mains or battery, and its charge."""

    name = "power (system)"

    async def look(self) -> Power:
        battery = _battery()
        if battery is None:
            return Power()
        return Power(on_battery=battery.power_plugged is False, percent=float(battery.percent))


class SystemPowerStatus(ctypes.Structure):
    """SYSTEM_POWER_STATUS of winbase.h."""

    _fields_ = (
        ("mains", ctypes.c_uint8),
        ("battery", ctypes.c_uint8),
        ("percent", ctypes.c_uint8),
        ("saver", ctypes.c_uint8),
        ("seconds", ctypes.c_uint32),
        ("full_seconds", ctypes.c_uint32),
    )


_NO_BATTERY = 128
_UNKNOWN = 255


class WindowsPower:
    """GetSystemPowerStatus, which knows the battery saver too."""

    name = "power (Windows)"

    def __init__(self, kernel32: Any) -> None:
        """The system's library of this name."""
        self._kernel32 = kernel32

    async def look(self) -> Power:
        """Raises SourceSilent."""
        status = SystemPowerStatus()
        if not self._kernel32.GetSystemPowerStatus(ctypes.byref(status)):
            raise SourceSilent(self.name, "it does not answer")
        there = not status.battery & _NO_BATTERY and status.percent != _UNKNOWN
        percent = float(status.percent) if there else None
        return Power(on_battery=status.mains == 0, percent=percent, saver=status.saver == 1)
