"""The tray as an owner meets it: a display, a window manager and a panel of their own, and the program beside them.

Two kinds of tray exist on Linux. `trayer` embeds the icon (XEmbed) and Qt draws the menu: xdotool is the mouse. Newer
panels speak StatusNotifierItem and draw the menu themselves, from what the program tells over D-Bus: a watcher of
our own, on a bus of our own, plays the panel.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import pytest_asyncio

from desktop.system.lock import FileLock
from desktop.system.paths import Paths
from desktop.ui.preferences import Chosen, Language, Preferences
from tests.desktop.ui.panels import Panel, Portal, display, process, program, session_bus
from tests.packaging.scripts import script

pytestmark = [
    pytest.mark.desktop_session,
    pytest.mark.skipif(sys.platform != "linux", reason="X11 and D-Bus"),
]

TOOLS = ("Xvfb", "openbox", "trayer", "xdotool", "dbus-daemon")


@pytest.fixture(autouse=True)
def _tools() -> None:
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing and os.environ.get("CI") == "true":
        pytest.fail(f"CI must have {missing}")
    if missing:
        pytest.skip(f"not installed: {missing}")


@pytest_asyncio.fixture
async def screen() -> AsyncIterator[str]:
    async with display() as name:
        yield name


@pytest_asyncio.fixture
async def bus() -> AsyncIterator[str]:
    async with session_bus() as address:
        yield address


async def mouse(screen: str, at: list[int], button: int) -> None:
    command = ("xdotool", "mousemove", str(at[0]), str(at[1]), "click", str(button))
    async with process(*command, env={**os.environ, "DISPLAY": screen}) as running:
        assert await running.wait() == 0


def panel(screen: str) -> AbstractAsyncContextManager[Process]:
    command = ("trayer", "--edge", "top", "--align", "right", "--widthtype", "request", "--height", "28")
    return process(*command, env={**os.environ, "DISPLAY": screen})


async def test_an_embedded_icon_opens_a_menu_whose_rows_reach_the_agent(screen: str, own_home: Path) -> None:
    async with (
        panel(screen),
        program("--background", home=own_home, shown_on=screen) as nightjar,
    ):
        icon = (await nightjar.hears(lambda fact: sum(fact.get("icon", [0]))))["icon"]
        await mouse(screen, icon, 3)
        rows = await nightjar.tells("menu")
        assert "Sharing: 2 answers, 41 tok/s" in rows
        assert "Today $0.31 · this month $6.20" in rows
        await mouse(screen, rows["Free memory now"], 1)
        assert await nightjar.tells("command") == "FreeMemory"
        await mouse(screen, icon, 1)
        assert (await nightjar.hears(lambda fact: fact.get("window")))["window"]
        assert await nightjar.ends(signal.SIGTERM) == 0
    assert nightjar.told[-1] == {"command": "Quit", "drain": True}


@pytest.mark.parametrize(
    ("chosen", "row"), [(Language.SYSTEM, "Eliberează memoria acum"), (Language.ENGLISH, "Free memory now")]
)
async def test_on_a_romanian_system_the_menu_is_romanian_unless_its_owner_chose_otherwise(
    screen: str, own_home: Path, chosen: Language, row: str
) -> None:
    script("languages").compile_catalogues()
    Paths.for_user().make()
    Preferences(Paths.for_user().data / "interface.json").keep(Chosen(language=chosen))
    async with (
        panel(screen),
        program("--background", home=own_home, shown_on=screen, language="ro_RO") as nightjar,
    ):
        icon = (await nightjar.hears(lambda fact: sum(fact.get("icon", [0]))))["icon"]
        await mouse(screen, icon, 3)
        assert row in await nightjar.tells("menu")


async def test_a_panel_that_draws_the_menu_itself_reads_and_clicks_it(screen: str, bus: str, own_home: Path) -> None:
    async with Panel.on(bus) as panel:
        await panel.appear()
        async with program("--background", home=own_home, shown_on=screen, bus=bus) as nightjar:
            item = await panel.item()
            assert await panel.property(item, "Status") in {"Active", "NeedsAttention"}
            sizes = {width for width, height, _ in await panel.property(item, "IconPixmap") if width == height}
            assert {16, 22, 24, 32, 48, 64} <= sizes
            rows = await panel.rows(item)
            assert {"Off", "When idle", "Always", "30 minutes", "Until tomorrow", "Open Nightjar…"} <= set(rows)
            await panel.click(item, rows["Off"])
            command = await nightjar.hears(lambda fact: "command" in fact)
            assert command == {"command": "SetMode", "mode": "off"}
            before = rows
            assert set((await panel.rows(item)).values()) == set(before.values())
            await panel.click(item, next(number for text, number in rows.items() if text.startswith("Quit")))
            assert await nightjar.ends() == 0


async def test_a_panel_that_comes_late_gets_the_icon_all_the_same(screen: str, bus: str, own_home: Path) -> None:
    async with Panel.on(bus) as panel, program(home=own_home, shown_on=screen, bus=bus) as nightjar:
        # No tray yet: the window opens instead.
        assert await nightjar.tells("window")
        await panel.appear()
        item = await panel.item()
        rows = await panel.rows(item)
        await panel.click(item, rows["1 hour"])
        assert await nightjar.tells("command") == "Snooze"
        assert await nightjar.ends(signal.SIGINT) == 0


async def test_a_link_that_a_browser_opens_asks_in_the_window_that_is_there(screen: str, own_home: Path) -> None:
    paths = Paths.for_user()
    paths.make()
    lock = FileLock(paths.lock)
    assert lock.acquire()
    try:
        async with program(home=own_home, shown_on=screen) as nightjar:
            assert await nightjar.tells("window")
            link = "nightjar://enroll?relay=https://other.example&token=abc"
            environment = {**os.environ, "DISPLAY": screen, "NIGHTJAR_HOME": str(own_home)}
            async with process(sys.executable, "-m", "desktop", link, env=environment) as second:
                assert await nightjar.tells("question") == "Connect this PC to https://other.example?"
                assert await second.wait() == 0
            assert await nightjar.ends(signal.SIGTERM) == 0
        assert [fact["command"] for fact in nightjar.told if "command" in fact] == ["Quit"]
    finally:
        lock.release()


async def test_the_portals_colour_scheme_is_followed_at_the_start_and_later(bus: str, own_home: Path) -> None:
    async with Portal.on(bus, scheme=1) as portal, program(home=own_home, bus=bus) as nightjar:
        assert await nightjar.tells("dark") is True
        portal.SettingChanged(2)
        assert await nightjar.tells("dark") is False
        assert await nightjar.ends(signal.SIGTERM) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_is_a_clean_goodbye(own_home: Path, number: signal.Signals) -> None:
    async with program(home=own_home) as nightjar:
        assert await nightjar.tells("window")
        assert await nightjar.ends(number) == 0
    assert nightjar.told[-1] == {"command": "Quit", "drain": True}
    assert not (own_home / "data" / "run" / "window.sock").exists()
