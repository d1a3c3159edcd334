"""Mains, batteries and savers, as UPower answers on D-Bus; heat and networks beside it."""

from __future__ import annotations

from typing import NamedTuple

import psutil
import pytest

from desktop.errors import SourceSilent
from desktop.system.bus import Bus
from desktop.system.conditions import Heat, Power
from desktop.system.heat import hotter, processor_heat
from desktop.system.network import NetworkManager
from desktop.system.power import PsutilPower, UPower, unplugged
from tests.desktop.system.buses import DisplayDevice, Network, PowerProfiles, UPowerDaemon, offered


class Sensor(NamedTuple):
    label: str
    current: float
    high: float | None
    critical: float | None


class Battery(NamedTuple):
    percent: float
    secsleft: int
    power_plugged: bool | None


async def test_a_laptop_on_its_battery(bus: Bus, address: str) -> None:
    daemon = UPowerDaemon()
    daemon.on_battery = True
    services = {UPowerDaemon.PATH: daemon, DisplayDevice.PATH: DisplayDevice(63.5)}
    async with offered(address, UPowerDaemon.NAME, services):
        assert await UPower(bus).look() == Power(on_battery=True, percent=63.5)


async def test_a_desktop_has_no_battery_to_spare(bus: Bus, address: str) -> None:
    services = {UPowerDaemon.PATH: UPowerDaemon(), DisplayDevice.PATH: DisplayDevice(0, kind=0, present=False)}
    async with offered(address, UPowerDaemon.NAME, services):
        assert await UPower(bus).look() == Power()


@pytest.mark.parametrize("name", ["net.hadess.PowerProfiles", "org.freedesktop.UPower.PowerProfiles"])
async def test_a_power_saver_is_seen_by_either_name(bus: Bus, address: str, name: str) -> None:
    profiles = PowerProfiles(name)
    services = {UPowerDaemon.PATH: UPowerDaemon(), DisplayDevice.PATH: DisplayDevice(90)}
    async with (
        offered(address, UPowerDaemon.NAME, services),
        offered(address, name, {"/" + name.replace(".", "/"): profiles}),
    ):
        assert not (await UPower(bus).look()).saver
        profiles.profile = "power-saver"
        assert (await UPower(bus).look()).saver


async def test_a_pc_without_upower_says_so(bus: Bus) -> None:
    with pytest.raises(SourceSilent):
        await UPower(bus).look()


@pytest.mark.parametrize(
    ("plugged", "power"),
    [(True, Power(percent=50.0)), (False, Power(on_battery=True, percent=50.0)), (None, Power(percent=50.0))],
)
async def test_the_systems_own_word_on_power(
    plugged: bool | None, power: Power, monkeypatch: pytest.MonkeyPatch
) -> None:
    battery = Battery(50, 100, plugged)
    monkeypatch.setattr(psutil, "sensors_battery", lambda: battery, raising=False)
    assert await PsutilPower().look() == power
    assert unplugged() is power.on_battery


async def test_a_system_that_tells_of_no_power_supply_at_all_has_no_battery(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container, where psutil finds no folder to look into."""

    def nothing() -> None:
        raise FileNotFoundError("/sys/class/power_supply")

    monkeypatch.setattr(psutil, "sensors_battery", nothing, raising=False)
    assert await PsutilPower().look() == Power()
    assert not unplugged()


def test_the_hottest_core_counts_and_disks_and_nonsense_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    sensors = {
        "coretemp": [Sensor("core 0", 71.0, 100, 100), Sensor("core 1", 83.0, 100, 100), Sensor("", 255.0, None, None)],
        "nvme": [Sensor("", 99.0, None, None)],
    }
    monkeypatch.setattr(psutil, "sensors_temperatures", lambda: sensors, raising=False)
    assert processor_heat() == Heat(83.0)


def test_a_pc_without_sensors_is_never_too_hot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "sensors_temperatures", dict, raising=False)
    assert processor_heat() == Heat()
    assert hotter(Heat(), Heat(70.0, "graphics card")).part == "graphics card"
    assert hotter(Heat(80.0), Heat(70.0, "graphics card")).part == "processor"


@pytest.mark.parametrize(("word", "metered"), [(0, False), (1, True), (2, False), (3, True), (4, False)])
async def test_a_network_that_costs_by_the_byte_or_might(bus: Bus, address: str, word: int, metered: bool) -> None:
    network = Network()
    network.metered = word
    async with offered(address, Network.NAME, {Network.PATH: network}):
        assert await NetworkManager(bus).metered() is metered
