"""macOS's NSProcessInfo: thermal state, low-power mode, and being left awake while we serve."""

from __future__ import annotations

import ctypes
from typing import Any

from desktop.system.conditions import Heat, Power
from desktop.system.power import PsutilPower

_LEVELS = {0: 40.0, 1: 60.0, 2: 95.0, 3: 105.0}
"""Nominal, fair, serious, critical, as temperatures that mean the same: Apple does not tell degrees."""

_MAY_SLEEP = 0x00FFFFFF & ~(1 << 20)
"""NSActivityUserInitiatedAllowingIdleSystemSleep: no App Nap, but the Mac may still go to sleep."""


class ProcessInfo:
    """`objc` is the library libobjc with Foundation loaded."""

    def __init__(self, objc: Any) -> None:
        self._objc = objc
        self._info = self._send(objc.objc_getClass(b"NSProcessInfo"), b"processInfo")
        self._activity = 0

    def heat(self) -> Heat:
        """Of the whole Mac."""
        state = self._send(self._info, b"thermalState")
        return Heat(_LEVELS.get(state, _LEVELS[3]), "Mac")

    @property
    def saves_energy(self) -> bool:
        return bool(self._send(self._info, b"isLowPowerModeEnabled") & 0xFF)

    def stay_awake(self, why: bytes = b"Nightjar watches whether this Mac is in use") -> None:
        """No App Nap from now on, which would stretch our timers to minutes."""
        if not self._activity:
            reason = self._send(self._objc.objc_getClass(b"NSString"), b"stringWithUTF8String:", why)
            activity = self._send(self._info, b"beginActivityWithOptions:reason:", _MAY_SLEEP, reason)
            self._activity = self._send(activity, b"retain")

    def _send(self, target: int, selector: bytes, *arguments: int | bytes) -> int:
        """One message. Each shape of arguments is a function type of its own, as Apple's processors demand."""
        kinds = [ctypes.c_char_p if isinstance(each, bytes) else ctypes.c_uint64 for each in arguments]
        shape = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, *kinds)
        call = ctypes.cast(self._objc.objc_msgSend, shape)
        return call(target, self._objc.sel_registerName(selector), *arguments) or 0


class MacPower:
    """Mains and charge by psutil, and low-power mode."""

    name = "power (macOS)"

    def __init__(self, info: ProcessInfo) -> None:
        self._info = info
        self._battery = PsutilPower()

    async def look(self) -> Power:
        power = await self._battery.look()
        return Power(power.on_battery, power.percent, self._info.saves_energy)
