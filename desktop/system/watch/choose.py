"""The watch of the system this program runs on."""

from __future__ import annotations

import platform
from pathlib import Path

from desktop.system.conditions import Conditions, Presence
from desktop.system.watch.port import Watch
from desktop.system.watch.self_test import Finding
from desktop.system.watch.still import StillWatch


def watch_over(disk: Path) -> Watch:
    """`disk` is a folder on the disk whose room matters. Where nothing can be told, the PC counts as in use."""
    system = platform.system()
    if system == "Linux":
        from desktop.system.watch.linux import linux_watch  # noqa: PLC0415 -- what only this system has

        return linux_watch(disk=disk)
    if system == "Windows":
        from desktop.system.watch.windows import windows_watch  # noqa: PLC0415 -- the same

        return windows_watch(disk=disk)
    if system == "Darwin":
        from desktop.system.watch.macos import mac_watch  # noqa: PLC0415 -- the same

        return mac_watch(disk=disk)
    return StillWatch(Conditions(presence=Presence(problem=f"{system} is not supported")))


async def ask_sources(disk: Path) -> list[Finding]:
    """What each source of this PC answers right now."""
    system = platform.system()
    if system == "Linux":
        from desktop.system.watch.linux import linux_self_test  # noqa: PLC0415 -- what only this system has

        return await linux_self_test(disk=disk)
    if system == "Windows":
        from desktop.system.watch.windows import windows_self_test  # noqa: PLC0415 -- the same

        return await windows_self_test(disk=disk)
    if system == "Darwin":
        from desktop.system.watch.macos import mac_self_test  # noqa: PLC0415 -- the same

        return await mac_self_test(disk=disk)
    return [Finding("last input", system, ok=False, says="it is not supported: it counts as in use")]
