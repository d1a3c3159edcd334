"""The whole watch: a made-up desktop on a real bus, and what the agent is told of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import pytest

from desktop.errors import SourceSilent
from desktop.system.bus import Bus
from desktop.system.conditions import UNKNOWN, Conditions, Power
from desktop.system.contention import OwnProcesses, ProcessorUse
from desktop.system.gpu import GraphicsCards
from desktop.system.idle.choose import IdleClock
from desktop.system.idle.mutter import MutterIdle
from desktop.system.idle.x11 import XServer
from desktop.system.login1 import Login1
from desktop.system.network import NetworkManager
from desktop.system.power import UPower
from desktop.system.uses.linux import GnomeInhibitor
from desktop.system.uses.port import Use
from desktop.system.watch import live
from desktop.system.watch.linux import linux_senses, linux_watch
from desktop.system.watch.live import LiveWatch
from desktop.system.watch.port import Attention, Watch
from desktop.system.watch.senses import Senses
from desktop.system.watch.still import StillWatch
from tests.desktop.system.buses import (
    DisplayDevice,
    GnomeSession,
    LoginManager,
    LoginSession,
    Mutter,
    Network,
    UPowerDaemon,
    offered,
)


class Desktop:
    """Services of a GNOME login, and the watch over them."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.mutter, self.session, self.login = Mutter(), GnomeSession(), LoginManager()
        self.power, self.battery, self.network = UPowerDaemon(), DisplayDevice(80), Network()
        self.someone = LoginSession(active=False)
        self.login.sessions = [["2", 4711, "ana", "seat1", "/org/freedesktop/login1/session/2"]]
        self.bus = Bus("session")

    @asynccontextmanager
    async def offered(self) -> AsyncIterator[None]:
        services: list[tuple[str, dict[str, Any]]] = [
            (Mutter.NAME, {Mutter.PATH: self.mutter}),
            ("org.gnome.SessionManager", {"/org/gnome/SessionManager": self.session}),
            (
                LoginManager.NAME,
                {LoginManager.PATH: self.login, "/org/freedesktop/login1/session/2": self.someone},
            ),
            (UPowerDaemon.NAME, {UPowerDaemon.PATH: self.power, DisplayDevice.PATH: self.battery}),
            (Network.NAME, {Network.PATH: self.network}),
        ]
        async with AsyncExitStack() as stack:
            for name, each in services:
                await stack.enter_async_context(offered(self._address, name, each))
            yield
            self.bus.close()

    def senses(self, uses: Sequence[Use] | None = None) -> Senses:
        return Senses(
            idle=IdleClock([MutterIdle(self.bus)], None, graphical=True),
            uses=[GnomeInhibitor(self.bus)] if uses is None else uses,
            processor=ProcessorUse(OwnProcesses()),
            cards=GraphicsCards([]),
            power=[UPower(self.bus)],
            login=Login1(self.bus, user=1000),
            network=NetworkManager(self.bus),
        )


class Listener:
    """Runs a watch, and waits for facts."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self._news = asyncio.Event()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.watch.run(self._news.set))
            yield
            task.cancel()

    async def until(self, fact: Callable[[Conditions], bool]) -> Conditions:
        async with asyncio.timeout(20):
            while not fact(self.watch.conditions):
                await self._news.wait()
                self._news.clear()
        return self.watch.conditions


@pytest.fixture
async def desktop(address: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desktop]:
    for name in ("FAR_S", "CLOSE_S", "CLOSE_USES_S", "SPAN_S"):
        monkeypatch.setattr(live, name, 0.05)
    desktop = Desktop(address)
    async with desktop.offered():
        yield desktop


@asynccontextmanager
async def watching(desktop: Desktop, uses: Sequence[Use] | None = None) -> AsyncIterator[Listener]:
    listener = Listener(LiveWatch(desktop.senses(uses)))
    async with listener.listening():
        yield listener


def age(conditions: Conditions) -> float:
    moment = conditions.presence.input_at
    return time.time() - moment if isinstance(moment, float) else -1.0


async def test_before_the_first_look_everything_is_unknown(desktop: Desktop) -> None:
    watch = LiveWatch(desktop.senses())
    assert watch.conditions.presence.measuring
    assert watch.conditions.presence.input_at is UNKNOWN
    assert watch.conditions.load.cpu is UNKNOWN


async def test_idle_time_battery_inhibitors_and_network_come_from_the_desktop(desktop: Desktop) -> None:
    desktop.mutter.idle_ms = 600_000
    desktop.power.on_battery = True
    desktop.session.held = 8
    desktop.network.metered = 1
    async with watching(desktop) as listener:
        found = await listener.until(lambda c: bool(c.call_or_video) and c.metered and not c.presence.measuring)
        assert 599 < age(found) < 660
        assert found.presence.source == "GNOME (Mutter)"
        assert found.power == Power(on_battery=True, percent=80.0)
        assert found.metered
        assert found.room.memory
        desktop.session.held = 0
        await listener.until(lambda c: not c.call_or_video)


async def test_an_input_is_told(desktop: Desktop) -> None:
    desktop.mutter.idle_ms = 600_000
    async with watching(desktop) as listener:
        await listener.until(lambda c: age(c) > 500)
        desktop.mutter.idle_ms = 0
        await listener.until(lambda c: 0 <= age(c) < 60)


async def test_the_processor_is_measured_after_the_first_span(desktop: Desktop) -> None:
    async with watching(desktop) as listener:
        await listener.until(lambda c: isinstance(c.load.cpu, float))


async def test_who_is_looked_at_closely_is_looked_at_at_once(desktop: Desktop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "FAR_S", 3600.0)
    desktop.mutter.idle_ms = 600_000
    async with watching(desktop) as listener:
        await listener.until(lambda c: age(c) > 500)
        desktop.mutter.idle_ms = 0
        listener.watch.attend(Attention(closely=True))
        await listener.until(lambda c: 0 <= age(c) < 60)


async def test_a_program_is_sought_as_soon_as_somebody_asks(desktop: Desktop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "SPAN_S", 3600.0)
    sought = frozenset({"no-such-program"})
    async with watching(desktop) as listener:
        await listener.until(lambda c: c.power.percent is not None)
        listener.watch.attend(Attention(programs=sought))
        found = await listener.until(lambda c: c.sought == sought)
    assert found.programs == frozenset()


async def test_another_persons_session_counts_as_use(desktop: Desktop) -> None:
    """Several people on one PC: BOINC/boinc#872."""
    desktop.mutter.idle_ms = 600_000
    async with watching(desktop) as listener:
        await listener.until(lambda c: age(c) > 500)
        desktop.someone.active = True
        found = await listener.until(lambda c: 0 <= age(c) < 60)
    assert found.presence.source == "another person's session"


async def test_sleep_and_waking_are_told_and_held(desktop: Desktop) -> None:
    async with watching(desktop) as listener:
        async with asyncio.timeout(20):
            while len(desktop.login.reading) < 1:  # noqa: ASYNC110 -- the bus's own pace
                await asyncio.sleep(0.01)
        desktop.login.PrepareForSleep(True)
        await listener.until(lambda c: c.asleep)
        listener.watch.may_sleep()
        desktop.login.PrepareForSleep(False)
        woken = await listener.until(lambda c: not c.asleep)
        assert woken.network == 1
        async with asyncio.timeout(20):
            while len(desktop.login.reading) < 2:  # noqa: ASYNC110 -- the bus's own pace
                await asyncio.sleep(0.01)


async def test_a_shutdown_and_a_new_network_are_told(desktop: Desktop) -> None:
    async with watching(desktop) as listener:
        await listener.until(lambda c: c.power.percent is not None)
        desktop.network.StateChanged(40)
        desktop.network.StateChanged(70)
        await listener.until(lambda c: c.network == 1)
        desktop.login.PrepareForShutdown(True)
        await listener.until(lambda c: c.shutting_down)


class Noticed:
    kind: Literal["full_screen", "call_or_video"] = "full_screen"

    def __init__(self, name: str, says: str | None) -> None:
        self.name = name
        self._says = says

    async def look(self) -> str:
        if self._says is None:
            raise SourceSilent(self.name, "not here")
        return self._says


async def test_of_several_ways_to_notice_one_is_enough_and_a_missing_one_says_nothing(desktop: Desktop) -> None:
    async with watching(desktop, [Noticed("a", None), Noticed("b", ""), Noticed("c", "a game")]) as listener:
        found = await listener.until(lambda c: bool(c.full_screen))
    assert found.full_screen == "a game"


async def test_a_desktop_that_ends_makes_the_owner_unknown_and_the_battery_is_let_be(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("FAR_S", "CLOSE_S", "CLOSE_USES_S", "SPAN_S"):
        monkeypatch.setattr(live, name, 0.05)
    desktop = Desktop(address)
    desktop.mutter.idle_ms = 600_000
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(desktop.offered())
        async with watching(desktop) as listener:
            await listener.until(lambda c: age(c) > 500)
            await stack.aclose()
            lost = await listener.until(lambda c: c.presence.input_at is UNKNOWN)
    assert lost.presence.problem


async def test_without_any_desktop_the_watch_runs_and_knows_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus")
    monkeypatch.setenv("DISPLAY", ":4711")
    listener = Listener(linux_watch(disk=tmp_path))
    async with listener.listening():
        found = await listener.until(lambda c: bool(c.presence.problem) and c.room.disk is not None)
    assert found.presence.input_at is UNKNOWN


def test_a_login_without_a_session_bus_asks_no_desktop(tmp_path: Path) -> None:
    senses = linux_senses(Bus("session"), Bus("system"), XServer(), disk=tmp_path)
    assert not [use.name for use in senses.uses if "GNOME" in use.name or "KDE" in use.name]


async def test_a_watch_that_fails_leaves_nothing_behind_that_could_be_taken_for_the_present(desktop: Desktop) -> None:
    desktop.mutter.idle_ms = 600_000
    failing = Noticed("broken", "")

    async def fail() -> str:
        raise RuntimeError("broken")

    listener = Listener(watch := LiveWatch(desktop.senses([failing])))

    async def until_it_fails() -> None:
        async with listener.listening():
            await listener.until(lambda c: age(c) > 500)
            failing.look = fail  # type: ignore[method-assign]
            await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup):
        await until_it_fails()
    assert watch.conditions.presence.input_at is UNKNOWN
    assert watch.conditions.load.cpu is UNKNOWN


async def test_a_still_watch_keeps_the_same_promises() -> None:
    watch = StillWatch()
    listener = Listener(watch)
    async with listener.listening():
        await listener.until(lambda c: isinstance(c.load.cpu, float))
        watch.becomes(Conditions())
        await listener.until(lambda c: c.presence.input_at is UNKNOWN)
        watch.attend(Attention(closely=True))
        watch.may_sleep()
