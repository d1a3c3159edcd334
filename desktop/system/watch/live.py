"""The watch over a real PC: a quick question about input again and again, the slow ones every ten seconds.

Few wake-ups are a promise: while nothing is shared, the PC is asked every five seconds and hardly more.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

import psutil

from desktop.errors import SourceSilent
from desktop.system.conditions import Conditions, Load, Power, Presence, Room
from desktop.system.contention import SPAN_S, running_programs
from desktop.system.heat import hotter
from desktop.system.watch.port import Attention
from desktop.system.watch.senses import Logins, Seats, Senses

log = logging.getLogger(__name__)

CLOSE_S = 0.5
"""Between two looks for input while sharing: no new work within a second of it."""

CLOSE_USES_S = 3.0
"""Between two looks for a film, a call or a game while sharing: they seldom begin without an input."""

FAR_S = 5.0
"""Between two looks otherwise; countdowns need no more."""

_SLEPT_S = 60.0
"""A look that comes so late was held up by sleep that nobody announced."""


class LiveWatch:
    """See `watch.port.Watch`."""

    def __init__(self, senses: Senses, *, close: Callable[[], Awaitable[None]] | None = None) -> None:
        """`close` gives up what `senses` hold in common, at the end of `run`."""
        self._senses = senses
        self._close = close
        self._conditions = Conditions(presence=Presence(measuring=True))
        self._attention = Attention()
        self._changed: Callable[[], None] = lambda: None
        self._nearer, self._sooner, self._woke = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._seats = Seats()
        self._told_of_sleep = False

    @property
    def conditions(self) -> Conditions:
        return self._conditions

    def attend(self, attention: Attention) -> None:
        before, self._attention = self._attention, attention
        if attention.closely and not before.closely:
            self._nearer.set()
            self._sooner.set()
        if attention.programs - before.programs:
            self._sooner.set()

    def may_sleep(self) -> None:
        if self._senses.login is not None:
            self._senses.login.release()

    async def run(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._follow(), name="watch signals")
                group.create_task(self._watch_input(), name="watch input")
                group.create_task(self._watch_uses(), name="watch uses")
                group.create_task(self._watch_slowly(), name="watch slowly")
        finally:
            self._changed = lambda: None
            # What was seen last is not what is now.
            lost = Presence(problem="nobody is looking any more")
            self._conditions = replace(self._conditions, presence=lost, load=Load())
            self.may_sleep()
            await self._senses.idle.close()
            if self._close is not None:
                await self._close()

    def _become(self, conditions: Conditions) -> None:
        if conditions != self._conditions:
            self._conditions = conditions
            self._changed()

    # --- input

    async def _watch_input(self) -> None:
        while True:
            presence = await self._senses.idle.look()
            self._become(replace(self._conditions, presence=self._seen(presence)))
            self._nearer.clear()
            await _pause(self._nearer, CLOSE_S if self._attention.closely else FAR_S)

    def _seen(self, presence: Presence) -> Presence:
        """With what logind says of people; and with the moment of before, if only the reading of it wavered."""
        before = self._conditions.presence
        if self._seats.other_active:
            return Presence(time.time(), "another person's session")
        moment, known = presence.input_at, before.input_at
        if isinstance(moment, float) and isinstance(known, float) and abs(moment - known) < 1.0:
            moment = known
        return replace(presence, input_at=moment, locked=self._seats.locked)

    # --- everything else

    async def _watch_uses(self) -> None:
        """Films, calls, games and programs: what may begin without any input."""
        while True:
            sought = self._attention.programs
            uses = await self._uses()
            programs = await asyncio.to_thread(running_programs, sought) if sought else frozenset()
            self._become(
                replace(
                    self._conditions,
                    full_screen=uses.get("full_screen", ""),
                    call_or_video=uses.get("call_or_video", ""),
                    programs=programs,
                    sought=sought,
                )
            )
            self._sooner.clear()
            await _pause(self._sooner, CLOSE_USES_S if self._attention.closely else SPAN_S)

    async def _watch_slowly(self) -> None:
        while True:
            began = time.time()
            await self._look_slowly()
            await asyncio.sleep(SPAN_S)
            if time.time() - began > SPAN_S + _SLEPT_S and not self._told_of_sleep:
                self._slept(asleep=True)
                self._slept(asleep=False)

    async def _look_slowly(self) -> None:
        senses = self._senses
        cards = await senses.cards.look()
        power, metered, self._seats = await self._power(), await self._metered(), await self._look_at_seats()
        heat = hotter(await asyncio.to_thread(senses.heat), cards.heat)
        load, room = Load(senses.processor.look(), cards.others), self._room()
        # Only now, since others may have changed their parts meanwhile.
        self._become(replace(self._conditions, power=power, heat=heat, load=load, room=room, metered=metered))

    async def _uses(self) -> dict[str, str]:
        """The first finding of each kind."""
        found: dict[str, str] = {}
        for use in self._senses.uses:
            if use.kind in found:
                continue
            try:
                if words := await use.look():
                    found[use.kind] = words
            except SourceSilent:
                continue  # The self-test says which of them this desktop lacks.
        return found

    async def _power(self) -> Power:
        for source in self._senses.power:
            try:
                return await source.look()
            except SourceSilent:
                continue
        return Power()

    def _room(self) -> Room:
        disk = self._senses.disk
        try:
            free = shutil.disk_usage(disk).free if disk is not None else None
        except OSError:
            free = None
        return Room(psutil.virtual_memory().available, free)

    async def _metered(self) -> bool:
        if self._senses.network is None:
            return False
        try:
            return await self._senses.network.metered()
        except SourceSilent:
            return False

    async def _look_at_seats(self) -> Seats:
        if self._senses.login is None:
            return Seats()
        try:
            return await self._senses.login.seats()
        except SourceSilent:
            return Seats()

    # --- signals

    async def _follow(self) -> None:
        login, network = self._senses.login, self._senses.network
        try:
            if login is not None:
                await login.follow(lambda asleep: self._slept(asleep=asleep), self._ended)
                self._told_of_sleep = True
        except SourceSilent as error:
            log.info("sleep and shutdown come without notice", extra={"why": error.why})
        try:
            if network is not None:
                await network.follow(self._came_back)
        except SourceSilent as error:
            log.info("changes of network come without notice", extra={"why": error.why})
        while login is not None:
            await self._woke.wait()
            self._woke.clear()
            await self._hold(login)

    async def _hold(self, login: Logins) -> None:
        try:
            await login.hold()
        except SourceSilent as error:
            log.info("the next sleep comes without notice", extra={"why": error.why})

    def _slept(self, *, asleep: bool) -> None:
        if not asleep:
            self._woke.set()
            self._conditions = replace(self._conditions, network=self._conditions.network + 1)
        self._become(replace(self._conditions, asleep=asleep))

    def _ended(self) -> None:
        self._become(replace(self._conditions, shutting_down=True))

    def _came_back(self) -> None:
        self._become(replace(self._conditions, network=self._conditions.network + 1))


async def _pause(event: asyncio.Event, seconds: float) -> None:
    """So long, or until `event`."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
