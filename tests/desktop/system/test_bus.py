"""Our end of D-Bus, on a real daemon."""

from __future__ import annotations

import asyncio

import pytest

from desktop.errors import SourceSilent
from desktop.system import bus as bus_module
from desktop.system.bus import Bus
from tests.desktop.system.buses import Mutter, Network, daemon, offered


async def test_a_name_nobody_offers_is_said_to_be_missing(bus: Bus) -> None:
    assert not await bus.has(Mutter.NAME)
    with pytest.raises(SourceSilent, match="not provided"):
        await bus.call(Mutter.NAME, Mutter.PATH, Mutter.NAME, "GetIdletime")


async def test_a_service_that_hangs_costs_two_seconds_and_not_the_agent(
    bus: Bus, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bus_module, "PATIENCE_S", 0.3)
    mutter = Mutter()
    mutter.hangs = True
    async with offered(address, Mutter.NAME, {Mutter.PATH: mutter}):
        with pytest.raises(SourceSilent, match="does not answer"):
            await bus.call(Mutter.NAME, Mutter.PATH, Mutter.NAME, "GetIdletime")


async def test_no_bus_at_all_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus")
    with pytest.raises(SourceSilent, match="the session bus"):
        await Bus("session").has("org.example")


async def test_a_login_without_a_bus_offers_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    assert not Bus("session").offered


async def test_after_its_daemon_was_restarted_a_bus_connects_again(monkeypatch: pytest.MonkeyPatch) -> None:
    bus = Bus("session")
    for _ in range(2):
        async with daemon() as address:
            monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
            async with asyncio.timeout(20):
                while True:
                    try:
                        assert not await bus.has("org.example")
                        break
                    except SourceSilent:
                        await asyncio.sleep(0)
    bus.close()


async def test_a_signal_reaches_who_listens(bus: Bus, address: str) -> None:
    heard: asyncio.Queue[list[int]] = asyncio.Queue()
    network = Network()
    await bus.listen(Network.NAME, "StateChanged", heard.put_nowait)
    async with offered(address, Network.NAME, {Network.PATH: network}):
        network.StateChanged(70)
        async with asyncio.timeout(20):
            assert await heard.get() == [70]


async def test_a_signal_is_heard_once_however_many_asked_before_the_bus_was_connected(bus: Bus, address: str) -> None:
    heard: asyncio.Queue[list[int]] = asyncio.Queue()
    network = Network()
    await asyncio.gather(*(bus.has("org.example") for _ in range(5)))
    await bus.listen(Network.NAME, "StateChanged", heard.put_nowait)
    async with offered(address, Network.NAME, {Network.PATH: network}):
        for state in (70, 40):
            network.StateChanged(state)
        async with asyncio.timeout(20):
            assert [await heard.get(), await heard.get()] == [[70], [40]]
