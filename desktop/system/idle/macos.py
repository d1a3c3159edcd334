"""macOS: the smaller of what the keyboard's driver says and what the login session says.

The driver does not see screen sharing; the session is not there before login, nor for a user who was switched away.
"""

from __future__ import annotations

import ctypes
from typing import Any

from desktop.errors import SourceSilent
from desktop.system.core_foundation import CoreFoundation

_COMBINED_SESSION = 0
"""kCGEventSourceStateCombinedSessionState"""

_ANY_INPUT = 0xFFFFFFFF
"""kCGAnyInputEventType"""


class MacIdle:
    """IOHIDSystem's `HIDIdleTime`, in nanoseconds, and CGEventSourceSecondsSinceLastEventType."""

    name = "macOS (HIDIdleTime, CGEventSource)"

    def __init__(self, foundation: CoreFoundation, iokit: Any, graphics: Any) -> None:
        """`iokit` and `graphics` are the frameworks IOKit and ApplicationServices."""
        self._foundation = foundation
        self._iokit = iokit
        self._graphics = graphics

    async def open(self) -> None:
        await self.input_at(0.0)

    async def input_at(self, now: float) -> float:
        told = [seconds for seconds in (self._by_driver(), self._by_session()) if seconds is not None]
        if not told:
            raise SourceSilent(self.name, "neither driver nor session answers")
        return now - min(told)

    async def close(self) -> None:
        """Nothing is held open."""

    def _by_driver(self) -> float | None:
        service = self._iokit.IOServiceGetMatchingService(0, self._iokit.IOServiceMatching(b"IOHIDSystem"))
        if not service:
            return None
        try:
            key = self._foundation.text("HIDIdleTime")
            number = self._iokit.IORegistryEntryCreateCFProperty(service, key, None, 0)
            self._foundation.release(key)
            if not number:
                return None
            nanoseconds = self._foundation.number(number)
            self._foundation.release(number)
            return None if nanoseconds is None else nanoseconds / 1e9
        finally:
            self._iokit.IOObjectRelease(service)

    def _by_session(self) -> float | None:
        seconds = float(self._graphics.CGEventSourceSecondsSinceLastEventType(_COMBINED_SESSION, _ANY_INPUT))
        return seconds if seconds >= 0 else None


def declare_driver(iokit: Any) -> None:
    """Tells ctypes what the functions of IOKit used here take and give."""
    handle = ctypes.c_void_p
    iokit.IOServiceMatching.restype = handle
    iokit.IOServiceMatching.argtypes = (ctypes.c_char_p,)
    iokit.IOServiceGetMatchingService.argtypes = (ctypes.c_uint32, handle)
    iokit.IORegistryEntryCreateCFProperty.restype = handle
    iokit.IORegistryEntryCreateCFProperty.argtypes = (ctypes.c_uint32, handle, handle, ctypes.c_uint32)


def declare_session(graphics: Any) -> None:
    """The same for ApplicationServices."""
    graphics.CGEventSourceSecondsSinceLastEventType.restype = ctypes.c_double
    graphics.CGEventSourceSecondsSinceLastEventType.argtypes = (ctypes.c_int32, ctypes.c_uint32)
    graphics.CGSessionCopyCurrentDictionary.restype = ctypes.c_void_p
