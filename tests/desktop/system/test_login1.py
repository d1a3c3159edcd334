"""logind, as it answers on D-Bus: other people, the lock, sleep and shutdown."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack

import pytest

from desktop.errors import SourceSilent
from desktop.system.bus import Bus
from desktop.system.login1 import Login1
from desktop.system.watch.senses import Seats
from tests.desktop.system.buses import LoginManager, LoginSession, offered

US, THEM = 1000, 1001


class Logins:
    """A logind with sessions that tests add."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.manager = LoginManager()
        self.services: dict[str, LoginManager | LoginSession] = {LoginManager.PATH: self.manager}

    def add(self, user: int, **facts: object) -> LoginSession:
        session = LoginSession(**facts)  # type: ignore[arg-type]
        path = f"/org/freedesktop/login1/session/{len(self.services)}"
        self.services[path] = session
        self.manager.sessions.append([str(len(self.services)), user, "name", "seat0", path])
        return session


@pytest.fixture
def logins(address: str) -> Logins:
    return Logins(address)


async def seats(logins: Logins, bus: Bus) -> Seats:
    async with offered(logins._address, LoginManager.NAME, dict(logins.services)):
        return await Login1(bus, user=US).seats()


async def test_our_own_session_is_not_another_persons(logins: Logins, bus: Bus) -> None:
    logins.add(US)
    assert await seats(logins, bus) == Seats()


async def test_somebody_at_another_screen_or_from_afar_is_at_this_pc(logins: Logins, bus: Bus) -> None:
    logins.add(US, active=False)
    logins.add(THEM, kind="wayland")
    assert (await seats(logins, bus)).other_active


@pytest.mark.parametrize(
    "facts",
    [
        {"active": False},
        {"who": "greeter"},
        {"kind": "tty"},
        {"state": "closing"},
    ],
)
async def test_switched_away_users_greeters_terminals_and_endings_are_nobody(
    logins: Logins, bus: Bus, facts: dict[str, object]
) -> None:
    logins.add(US)
    logins.add(THEM, **facts)
    assert not (await seats(logins, bus)).other_active


async def test_whoever_locked_their_screen_has_left(logins: Logins, bus: Bus) -> None:
    logins.add(US).locked = True
    logins.add(THEM).locked = True
    assert await seats(logins, bus) == Seats(locked=True)


async def test_programs_that_keep_the_pc_from_becoming_idle_are_named_but_not_we(logins: Logins, bus: Bus) -> None:
    logins.manager.inhibitors = [
        ["sleep", "NetworkManager", "", "delay", 0, 1],
        ["idle:sleep", "mpv", "playing", "block", US, 2],
        ["idle", "weak", "", "delay", US, 3],
        ["idle", "Nightjar", "", "block", US, os.getpid()],
    ]
    async with offered(logins._address, LoginManager.NAME, dict(logins.services)):
        assert await Login1(bus).idle_inhibitors() == ["mpv"]


async def test_sleep_is_told_waits_for_us_and_is_held_again_after_it(logins: Logins, bus: Bus) -> None:
    heard: asyncio.Queue[bool] = asyncio.Queue()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(offered(logins._address, LoginManager.NAME, dict(logins.services)))
        login = Login1(bus)
        await login.follow(heard.put_nowait, lambda: None)
        logins.manager.PrepareForSleep(True)
        async with asyncio.timeout(20):
            assert await heard.get() is True
        await login.hold()
        assert len(logins.manager.reading) == 1, "it is held already"
        login.release()
        login.release()
        await login.hold()
        assert len(logins.manager.reading) == 2
        login.release()


async def test_a_shutdown_is_told(logins: Logins, bus: Bus) -> None:
    ended = asyncio.Event()
    async with offered(logins._address, LoginManager.NAME, dict(logins.services)):
        login = Login1(bus)
        await login.follow(lambda _asleep: None, ended.set)
        logins.manager.PrepareForShutdown(True)
        async with asyncio.timeout(20):
            await ended.wait()
        login.release()


async def test_a_pc_without_logind_says_so(bus: Bus) -> None:
    with pytest.raises(SourceSilent):
        await Login1(bus).seats()
