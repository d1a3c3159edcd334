"""The senses of a Linux PC, put together from what this login offers."""

from __future__ import annotations

from pathlib import Path

from desktop.system.bus import Bus
from desktop.system.contention import OwnProcesses, ProcessorUse
from desktop.system.gpu import graphics_cards
from desktop.system.idle.choose import IdleClock, graphical, linux_sources
from desktop.system.idle.terminals import TerminalIdle
from desktop.system.idle.x11 import XServer
from desktop.system.login1 import Login1
from desktop.system.network import NetworkManager
from desktop.system.power import PsutilPower, UPower
from desktop.system.uses.linux import (
    AlsaCapture,
    Camera,
    FullScreen,
    GameMode,
    GnomeInhibitor,
    KdeInhibitor,
    LoginInhibitor,
    PowerInhibitor,
    PulseCapture,
)
from desktop.system.uses.port import Use
from desktop.system.watch.live import LiveWatch
from desktop.system.watch.self_test import Finding, self_test
from desktop.system.watch.senses import Senses


def linux_senses(session: Bus, system: Bus, server: XServer, *, disk: Path | None) -> Senses:
    """`disk` is a folder on the disk whose room matters."""
    own = OwnProcesses()
    login = Login1(system) if system.offered else None
    uses: list[Use] = [AlsaCapture(), PulseCapture(), Camera(), FullScreen(server, own.__contains__)]
    if session.offered:
        uses += [GnomeInhibitor(session), KdeInhibitor(session), PowerInhibitor(session), GameMode(session)]
    if login is not None:
        uses.append(LoginInhibitor(login))
    return Senses(
        idle=IdleClock(linux_sources(session, server), TerminalIdle(), graphical=graphical()),
        uses=uses,
        processor=ProcessorUse(own),
        cards=graphics_cards(own),
        power=(UPower(system), PsutilPower()) if login is not None else (PsutilPower(),),
        login=login,
        network=NetworkManager(system) if login is not None else None,
        disk=disk,
    )


def linux_watch(*, disk: Path | None) -> LiveWatch:
    """`disk` is a folder on the disk whose room matters. Nothing is connected or started before `run`."""
    session, system, server = Bus("session"), Bus("system"), XServer()

    async def close() -> None:
        await server.close()
        session.close()
        system.close()

    return LiveWatch(linux_senses(session, system, server, disk=disk), close=close)


async def linux_self_test(*, disk: Path | None) -> list[Finding]:
    """What each source of this login answers."""
    session, system, server = Bus("session"), Bus("system"), XServer()
    senses = linux_senses(session, system, server, disk=disk)
    try:
        return await self_test(senses)
    finally:
        await senses.idle.close()
        await server.close()
        session.close()
        system.close()
