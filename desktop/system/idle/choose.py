"""Which sources this login really offers, found by asking each, and what they say together.

A source that needs a graphical desktop is trusted before others; terminals always count too, since somebody may work
over SSH. Without any desktop they are enough; with one that none can read, nobody can tell.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from desktop.errors import SourceSilent
from desktop.system.bus import Bus
from desktop.system.conditions import UNKNOWN, Presence
from desktop.system.idle.kde import KdeIdle
from desktop.system.idle.mutter import MutterIdle
from desktop.system.idle.port import IdleSource
from desktop.system.idle.wayland import WaylandIdle
from desktop.system.idle.x11 import XServer

log = logging.getLogger(__name__)

_AGAIN_S = 60.0
"""After a choice that found nothing: desktops start late."""

_SOON_S = 5.0
"""After a chosen source fell silent: desktops are restarted."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of asking one source; `problem` is empty where it answers."""

    source: str
    problem: str = ""


def graphical() -> bool:
    """Whether this login has a screen with somebody at it."""
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY"))


def linux_sources(session: Bus, x_server: XServer) -> list[IdleSource]:
    """In the order of trust. On Wayland the X server sees too little."""
    sources: list[IdleSource] = []
    if session.offered:
        sources += [MutterIdle(session), KdeIdle(session)]
    if os.environ.get("WAYLAND_DISPLAY"):
        sources.append(WaylandIdle())
    elif os.environ.get("DISPLAY"):
        sources.append(x_server)
    return sources


class IdleClock:
    """When this PC was last used, by the best source there is."""

    def __init__(self, desktops: Sequence[IdleSource], terminals: IdleSource | None, *, graphical: bool) -> None:
        """`desktops` in the order of trust. Not `graphical`: there is no screen, so the terminals are all there is."""
        self._desktops = desktops
        self._terminals = terminals
        self._graphical = graphical
        self._chosen: IdleSource | None = None
        self._terminals_open = False
        self._problem = ""
        self._not_before = float("-inf")
        self.verdicts: list[Verdict] = []

    async def look(self) -> Presence:
        """The newest input of all sources that count. Unknown where the one that matters does not answer."""
        now = time.time()
        if self._lacks_desktop or not (self._chosen or self._terminals_open):
            await self._choose()
        if self._lacks_desktop or not (self._chosen or self._terminals_open):
            return Presence(UNKNOWN, problem=self._problem)
        try:
            return Presence(await self._newest(now), self._names)
        except SourceSilent as error:
            log.warning("a source of idle time fell silent", extra={"source": error.source, "why": error.why})
            await self._drop(error)
            return Presence(UNKNOWN, problem=self._problem)

    async def close(self) -> None:
        for source in (*self._desktops, *([self._terminals] if self._terminals else [])):
            await source.close()

    @property
    def _lacks_desktop(self) -> bool:
        return self._graphical and self._chosen is None

    @property
    def _names(self) -> str:
        names = [source.name for source in (self._chosen, self._terminals if self._terminals_open else None) if source]
        return ", ".join(names)

    async def _newest(self, now: float) -> float:
        moments = []
        if self._chosen is not None:
            moments.append(await self._chosen.input_at(now))
        if self._terminals is not None and self._terminals_open:
            moments.append(await self._terminals.input_at(now))
        return max(moments)

    async def _choose(self) -> None:
        if time.monotonic() < self._not_before:
            return
        self._not_before = time.monotonic() + _AGAIN_S
        self.verdicts = []
        for source in self._desktops:
            if await self._opens(source):
                self._chosen = source
                break
        if self._terminals is not None and not self._terminals_open:
            self._terminals_open = await self._opens(self._terminals)
        if self._graphical and self._chosen is None:
            self._problem = "this desktop offers no source that it knows"
        elif not self._chosen and not self._terminals_open:
            self._problem = "there is neither a desktop nor a console here"
        refused = "; ".join(f"{each.source}: {each.problem}" for each in self.verdicts if each.problem)
        log.info("sources of idle time", extra={"chosen": self._names, "refused": refused or "none"})

    async def _opens(self, source: IdleSource) -> bool:
        try:
            await source.open()
        except SourceSilent as error:
            self.verdicts.append(Verdict(source.name, error.why))
            return False
        self.verdicts.append(Verdict(source.name))
        return True

    async def _drop(self, error: SourceSilent) -> None:
        self._problem = error.why
        if self._chosen is not None:
            await self._chosen.close()
            self._chosen = None
        self._terminals_open = False
        self._not_before = time.monotonic() + _SOON_S
