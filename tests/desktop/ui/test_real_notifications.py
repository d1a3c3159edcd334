"""A notification as its owner meets it: the program in its tray, and a server of notifications on a real bus."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
from pathlib import Path

import pytest

from tests.desktop.system.buses import NotificationServer, offered
from tests.desktop.ui.panels import PATIENCE_S, Panel, display, program, session_bus

pytestmark = [
    pytest.mark.desktop_session,
    pytest.mark.skipif(sys.platform != "linux", reason="D-Bus"),
]


class Server(NotificationServer):
    """Says when what it shows has changed."""

    def __init__(self) -> None:
        super().__init__()
        self.changed = asyncio.Event()

    async def until(self, titles: list[str]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while [one.title for one in self.shown.values()] != titles:
                self.changed.clear()
                await self.changed.wait()


@pytest.mark.skipif(shutil.which("dbus-daemon") is None or shutil.which("openbox") is None, reason="not installed")
async def test_a_model_arrives_and_the_button_of_its_notification_opens_the_window(own_home: Path) -> None:
    server = Server()
    async with (
        display() as screen,
        session_bus() as bus,
        Panel.on(bus) as panel,
        offered(bus, server.NAME, {server.PATH: server}) as connection,
    ):
        connection.add_message_handler(lambda _message: server.changed.set())
        await panel.appear()
        async with program("--background", home=own_home, shown_on=screen, bus=bus) as nightjar:
            item = await panel.item()
            rows = await panel.rows(item)
            await panel.click(item, rows["Free memory now"])
            await server.until(["A model has arrived"])
            (number,) = server.shown
            assert not any(fact.get("window") for fact in nightjar.told)
            server.press(number)
            assert (await nightjar.hears(lambda fact: fact.get("window")))["window"]
            assert await nightjar.ends(signal.SIGTERM) == 0
        await server.until([])
