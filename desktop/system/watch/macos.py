"""The senses of a Mac. The frameworks are looked up here, so that everything below can be tested anywhere."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

from desktop.system import core_foundation
from desktop.system.contention import OwnProcesses, ProcessorUse
from desktop.system.core_foundation import CoreFoundation
from desktop.system.gpu import GraphicsCards
from desktop.system.idle import macos
from desktop.system.idle.choose import IdleClock
from desktop.system.idle.macos import MacIdle
from desktop.system.idle.terminals import TerminalIdle
from desktop.system.macos_sessions import MacSessions
from desktop.system.process_info import MacPower, ProcessInfo
from desktop.system.uses.macos import MicrophoneRuns, PowerAssertions
from desktop.system.watch.live import LiveWatch
from desktop.system.watch.self_test import Finding, self_test
from desktop.system.watch.senses import Senses


def mac_senses(framework: Any, info: ProcessInfo, *, disk: Path | None) -> Senses:
    """`framework` gives a framework by its name."""
    own = OwnProcesses()
    foundation = CoreFoundation(framework("CoreFoundation"))
    iokit, graphics = framework("IOKit"), framework("ApplicationServices")
    return Senses(
        idle=IdleClock([MacIdle(foundation, iokit, graphics)], TerminalIdle(), graphical=True),
        uses=[PowerAssertions(own.__contains__), MicrophoneRuns(framework("CoreAudio"))],
        processor=ProcessorUse(own),
        cards=GraphicsCards([]),
        power=[MacPower(info)],
        heat=info.heat,
        login=MacSessions(foundation, graphics),
        disk=disk,
    )


def _of_this_system(disk: Path | None) -> Senses:
    foundation = ctypes.CDLL("/System/Library/Frameworks/Foundation.framework/Foundation")
    objc = ctypes.CDLL("/usr/lib/libobjc.dylib")
    for function in (objc.objc_getClass, objc.sel_registerName):
        function.restype, function.argtypes = ctypes.c_void_p, (ctypes.c_char_p,)
    info = ProcessInfo(objc)
    info.stay_awake()
    senses = mac_senses(_framework, info, disk=disk)
    del foundation  # It stays loaded; objc finds its classes.
    return senses


def _framework(name: str) -> Any:
    library = ctypes.CDLL(f"/System/Library/Frameworks/{name}.framework/{name}")
    if name == "CoreFoundation":
        core_foundation.declare(library)
    elif name == "IOKit":
        macos.declare_driver(library)
    elif name == "ApplicationServices":
        macos.declare_session(library)
    return library


def mac_watch(*, disk: Path | None) -> LiveWatch:
    """`disk` is a folder on the disk whose room matters."""
    return LiveWatch(_of_this_system(disk))


async def mac_self_test(*, disk: Path | None) -> list[Finding]:
    """What each source answers."""
    return await self_test(_of_this_system(disk))
