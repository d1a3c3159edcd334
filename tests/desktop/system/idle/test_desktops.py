"""GNOME and KDE, as they answer on D-Bus."""

from __future__ import annotations

import pytest

from desktop.errors import SourceSilent
from desktop.system.bus import Bus
from desktop.system.idle.kde import KdeIdle
from desktop.system.idle.mutter import MutterIdle
from tests.builders import NOON
from tests.desktop.system.buses import Mutter, ScreenSaver, offered


async def test_gnome_says_when_the_last_input_was_also_after_fifty_days(bus: Bus, address: str) -> None:
    mutter = Mutter()
    async with offered(address, Mutter.NAME, {Mutter.PATH: mutter}):
        source = MutterIdle(bus)
        await source.open()
        mutter.idle_ms = 2**32 + 1000
        assert await source.input_at(NOON) == NOON - 4294968.296


async def test_a_desktop_that_is_not_gnome_offers_no_mutter(bus: Bus) -> None:
    with pytest.raises(SourceSilent, match="not GNOME"):
        await MutterIdle(bus).open()


async def test_gnome_that_ends_falls_silent(bus: Bus, address: str) -> None:
    source = MutterIdle(bus)
    async with offered(address, Mutter.NAME, {Mutter.PATH: Mutter()}):
        await source.open()
    with pytest.raises(SourceSilent):
        await source.input_at(NOON)


async def test_kde_on_x11_counts_in_milliseconds(bus: Bus, address: str) -> None:
    saver = ScreenSaver()
    async with (
        offered(address, "org.kde.ksmserver", {}),
        offered(address, "org.freedesktop.ScreenSaver", {ScreenSaver.PATH: saver}),
    ):
        source = KdeIdle(bus)
        await source.open()
        saver.idle_ms = 90_000
        assert await source.input_at(NOON) == NOON - 90


async def test_plasma_on_wayland_says_no_and_is_believed(bus: Bus, address: str) -> None:
    """Never idle on a newer desktop: BOINC/boinc#4084, #5062."""
    async with (
        offered(address, "org.kde.ksmserver", {}),
        offered(address, "org.freedesktop.ScreenSaver", {ScreenSaver.PATH: ScreenSaver(wayland=True)}),
    ):
        with pytest.raises(SourceSilent, match="not supported"):
            await KdeIdle(bus).open()


async def test_another_desktops_screen_saver_counts_something_else_and_is_not_asked(bus: Bus, address: str) -> None:
    """Never idle, since the wrong source was believed: BOINC/boinc#5075."""
    async with offered(address, "org.freedesktop.ScreenSaver", {ScreenSaver.PATH: ScreenSaver()}):
        with pytest.raises(SourceSilent, match="not KDE"):
            await KdeIdle(bus).open()
