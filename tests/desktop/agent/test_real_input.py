"""*When idle* from end to end: a real X server, a real mouse, the live watch, a whole agent."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from desktop.agent.state import Reason
from desktop.settings import LinkSettings, Settings, SharingSettings
from desktop.system.idle.terminals import TerminalIdle
from desktop.system.watch import live
from desktop.system.watch.linux import linux_watch
from relay.wire.frames import Yield
from tests.desktop.agent.conftest import Desktop
from tests.desktop.x_server import x_server
from tests.fakes import FakeRelay

pytestmark = [
    pytest.mark.desktop_session,
    pytest.mark.skipif(any(shutil.which(tool) is None for tool in ("Xvfb", "xdotool")), reason="no X server here"),
]

SOON = Settings(
    sharing=SharingSettings(
        first_mode="idle",
        idle_s=10,
        clear_s=10,
        cpu_others_percent=100,
        keep_memory_mib=0,
        keep_disk_mib=0,
        hot_stop_c=120,
        hot_start_c=120,
    ),
    link=LinkSettings(retry_first_s=0.01, retry_most_s=0.05),
)
"""Only input counts, and ten seconds without it are enough."""


@pytest.fixture
async def display(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """An X server of this test's own, and no other way to tell about the owner."""
    async with x_server() as (display, _):
        monkeypatch.setenv("DISPLAY", display)
        for name in ("WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus")
        yield


async def touch(*action: str) -> None:
    tool = await asyncio.create_subprocess_exec("xdotool", *action)
    assert await tool.wait() == 0


@pytest.mark.usefixtures("display")
async def test_sharing_begins_when_nobody_touches_the_pc_and_one_key_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "SPAN_S", 1.0)
    monkeypatch.setattr("desktop.system.watch.linux.TerminalIdle", lambda: TerminalIdle(tmp_path))
    desktop = Desktop(tmp_path / "pc", SOON, watch=linux_watch(disk=tmp_path))
    await touch("mousemove", "10", "10")
    async with FakeRelay().serving() as relay, desktop.running():
        joined = await desktop.join(relay)
        desktop.engine.interval_s = 3600.0
        link = await relay.link()
        legs = [await link.offer("hello"), await link.offer("hello")]
        await desktop.until(lambda snapshot: snapshot.running == 2)
        await touch("key", "a")
        answers = [await link.answer(leg) for leg in legs]
        waiting = await desktop.until(lambda snapshot: snapshot.sharing.reason is Reason.OWNER_ACTIVE)
    waited = next(switch for switch in joined.switches if switch.reason is Reason.OWNER_ACTIVE)
    assert joined.switches[-1].at - waited.at > 5
    assert joined.presence == "X11 (XScreenSaver)"
    assert all(isinstance(answer.terminal, Yield) for answer in answers)
    assert waiting.sharing.sentence == "Waiting: you are using this PC; sharing starts after 10 s without input."
