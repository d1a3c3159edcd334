"""Windows: the lock and other people's sessions by the terminal services, sleep by the power service."""

from __future__ import annotations

import asyncio
import ctypes
import os
import threading
from collections.abc import Callable
from typing import Any

from desktop.errors import SourceSilent
from desktop.system.watch.senses import Seats

_LOCAL = None
"""WTS_CURRENT_SERVER_HANDLE"""

_ACTIVE = 0
"""WTSActive: a session somebody is connected to."""

_SESSION_INFO_EX = 25
_LOCKED = 0
"""WTS_SESSIONSTATE_LOCK, of Windows 8 and later."""

_CALLBACK = 2
"""DEVICE_NOTIFY_CALLBACK"""

_SUSPEND, _RESUME_SUSPEND, _RESUME_AUTOMATIC = 0x4, 0x7, 0x12
_HOLD_S = 1.5
"""Windows gives programs two seconds before it sleeps."""


class SessionInfo(ctypes.Structure):
    """WTS_SESSION_INFOW of wtsapi32.h."""

    _fields_ = (("id", ctypes.c_uint32), ("station", ctypes.c_wchar_p), ("state", ctypes.c_int32))


class SessionInfoEx(ctypes.Structure):
    """The head of WTSINFOEXW with its level 1; what follows is not read."""

    _fields_ = (
        ("level", ctypes.c_uint32),
        ("padding", ctypes.c_uint32),
        ("id", ctypes.c_uint32),
        ("state", ctypes.c_int32),
        ("flags", ctypes.c_int32),
    )


class SubscribeParameters(ctypes.Structure):
    """DEVICE_NOTIFY_SUBSCRIBE_PARAMETERS of powrprof.h."""

    _fields_ = (("callback", ctypes.c_void_p), ("context", ctypes.c_void_p))


class WindowsSessions:
    """See `watch.senses.Logins`. Shutdowns end the app by the signal that Windows sends it, so none is told here."""

    name = "login sessions (Windows)"

    def __init__(self, wtsapi32: Any, powrprof: Any, kernel32: Any) -> None:
        """The system's libraries of these names."""
        self._wts = wtsapi32
        self._power = powrprof
        self._kernel32 = kernel32
        self._released = threading.Event()
        self._kept: list[object] = []

    async def seats(self) -> Seats:
        own = ctypes.c_uint32()
        self._kernel32.ProcessIdToSessionId(os.getpid(), ctypes.byref(own))
        sessions, count = ctypes.POINTER(SessionInfo)(), ctypes.c_uint32()
        if not self._wts.WTSEnumerateSessionsW(_LOCAL, 0, 1, ctypes.byref(sessions), ctypes.byref(count)):
            raise SourceSilent(self.name, "the terminal services do not answer")
        try:
            found = [(sessions[index].id, sessions[index].state) for index in range(count.value)]
        finally:
            self._wts.WTSFreeMemory(sessions)
        # Session 0 is that of services.
        others = [number for number, state in found if state == _ACTIVE and number not in (0, own.value)]
        return Seats(self._locked(own.value), any(not self._locked(number) for number in others))

    async def follow(self, slept: Callable[[bool], None], ended: Callable[[], None]) -> None:
        del ended
        loop = asyncio.get_running_loop()

        def heard(_context: object, event: int, _setting: object) -> int:
            if event == _SUSPEND:
                self._released.clear()
                loop.call_soon_threadsafe(slept, True)  # noqa: FBT003 -- the one argument is the whole message
                self._released.wait(_HOLD_S)
            elif event in (_RESUME_SUSPEND, _RESUME_AUTOMATIC):
                loop.call_soon_threadsafe(slept, False)  # noqa: FBT003
            return 0

        kind = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p)
        callback = kind(heard)
        parameters = SubscribeParameters(callback=ctypes.cast(callback, ctypes.c_void_p).value)
        handle = ctypes.c_void_p()
        if self._power.PowerRegisterSuspendResumeNotification(
            _CALLBACK, ctypes.byref(parameters), ctypes.byref(handle)
        ):
            raise SourceSilent(self.name, "the power service does not answer")
        self._kept += [callback, parameters, handle]  # As long as Windows may call.

    async def hold(self) -> None:
        """Each sleep waits by itself."""

    def release(self) -> None:
        self._released.set()

    def _locked(self, session: int) -> bool:
        info, size = ctypes.POINTER(SessionInfoEx)(), ctypes.c_uint32()
        if not self._wts.WTSQuerySessionInformationW(
            _LOCAL, session, _SESSION_INFO_EX, ctypes.byref(info), ctypes.byref(size)
        ):
            return False
        try:
            return bool(info.contents.level == 1 and info.contents.flags == _LOCKED)
        finally:
            self._wts.WTSFreeMemory(info)
