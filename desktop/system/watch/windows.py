"""The senses of a Windows PC. The libraries are looked up here, so that everything below can be tested anywhere."""

from __future__ import annotations

import ctypes
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from desktop.system.contention import OwnProcesses, ProcessorUse
from desktop.system.gpu import GraphicsCards
from desktop.system.gpu_windows import WindowsCards
from desktop.system.idle.choose import IdleClock
from desktop.system.idle.windows import WindowsIdle
from desktop.system.power import PsutilPower, WindowsPower
from desktop.system.uses.windows import ConsentStore, ForegroundWindow, NotificationState, last_used_stops
from desktop.system.watch.live import LiveWatch
from desktop.system.watch.self_test import Finding, self_test
from desktop.system.watch.senses import Senses
from desktop.system.windows_sessions import WindowsSessions


def windows_senses(library: Any, registry: Any, *, disk: Path | None) -> Senses:
    """`library` gives a system library by its name, `registry` is the module winreg."""
    own = OwnProcesses()
    user32, kernel32 = library("user32"), library("kernel32")
    stops = partial(last_used_stops, registry)
    return Senses(
        idle=IdleClock([WindowsIdle(user32, kernel32)], None, graphical=True),
        uses=[
            NotificationState(library("shell32")),
            ForegroundWindow(user32, own.__contains__),
            ConsentStore("microphone", "the microphone is in use", stops),
            ConsentStore("webcam", "the camera is in use", stops),
        ],
        processor=ProcessorUse(own),
        cards=GraphicsCards([WindowsCards(own, library("pdh")).look]),
        power=[WindowsPower(kernel32), PsutilPower()],
        login=WindowsSessions(library("wtsapi32"), library("powrprof"), kernel32),
        disk=disk,
    )


def _of_this_system(disk: Path | None) -> Senses:
    return windows_senses(_library, import_module("winreg"), disk=disk)


def _library(name: str) -> Any:
    """Handles are as wide as pointers, which has to be said where one is given or taken as a number."""
    library = ctypes.WinDLL(name)  # type: ignore[attr-defined,unused-ignore]  # There only on Windows.
    handle = ctypes.c_void_p
    if name == "user32":
        library.GetForegroundWindow.restype = library.MonitorFromWindow.restype = handle
        library.MonitorFromWindow.argtypes = (handle, ctypes.c_uint32)
        for function in (library.GetWindowRect, library.GetMonitorInfoW, library.GetWindowThreadProcessId):
            function.argtypes = (handle, handle)
        library.GetClassNameW.argtypes = (handle, ctypes.c_wchar_p, ctypes.c_int)
    return library


def windows_watch(*, disk: Path | None) -> LiveWatch:
    """`disk` is a folder on the disk whose room matters."""
    return LiveWatch(_of_this_system(disk))


async def windows_self_test(*, disk: Path | None) -> list[Finding]:
    """What each source answers."""
    return await self_test(_of_this_system(disk))
