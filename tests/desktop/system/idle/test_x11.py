"""A real X server, real mouse and keys, a real window; and one that hangs."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from desktop.errors import SourceSilent
from desktop.system.idle import x11
from desktop.system.idle.x11 import XServer
from desktop.system.uses.linux import FullScreen
from tests.desktop.x_server import x_server

TOOLS = ("Xvfb", "openbox", "xdotool")
pytestmark = [
    pytest.mark.desktop_session,
    pytest.mark.skipif(any(shutil.which(tool) is None for tool in TOOLS), reason="no X server to test with"),
]

_WINDOW = """
import os, sys
os.environ["QT_QPA_PLATFORM"] = "xcb"
from PySide6.QtWidgets import QApplication, QWidget
app = QApplication([])
window = QWidget()
window.showFullScreen()
print("shown", flush=True)
app.exec()
"""


@asynccontextmanager
async def running(*command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=nothing)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        await process.wait()


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """Its process id; DISPLAY names it."""
    async with x_server() as (display, process):
        monkeypatch.setenv("DISPLAY", display)
        try:
            yield process.pid
        finally:
            process.send_signal(signal.SIGCONT)


@pytest.fixture
async def source(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[XServer]:
    monkeypatch.setattr(x11, "_FRESH_S", 0.0)
    monkeypatch.setattr(x11, "_PATIENCE_S", 20.0)
    source = XServer()
    yield source
    await source.close()


async def idle_s(source: XServer) -> float:
    now = time.time()
    return now - await source.input_at(now)


async def reaches(source: XServer, seconds: float) -> None:
    async with asyncio.timeout(30):
        while await idle_s(source) < seconds:  # noqa: ASYNC110 -- the X server's own clock
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("action", [("mousemove", "100", "100"), ("key", "a"), ("click", "1")])
async def test_a_real_mouse_or_key_is_an_input(server: int, source: XServer, action: tuple[str, ...]) -> None:
    assert server
    await source.open()
    async with running("xdotool", "mousemove", "5", "5") as first:
        await first.wait()
    await reaches(source, 0.6)
    async with running("xdotool", *action) as tool:
        await tool.wait()
    assert await idle_s(source) < 0.6


async def test_an_x_server_that_hangs_is_given_up_and_not_asked_every_second(
    server: int, source: XServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An X server that never answers hung the whole client: BOINC/boinc#6913."""
    await source.open()
    monkeypatch.setattr(x11, "_PATIENCE_S", 0.3)
    os.kill(server, signal.SIGSTOP)
    for _ in range(3):
        with pytest.raises(SourceSilent, match="hangs"):
            await source.input_at(time.time())
    assert source._process is None


async def test_a_helper_that_was_killed_is_started_again_later(
    server: int, source: XServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert server
    await source.open()
    assert source._process is not None
    source._process.kill()
    await source._process.wait()
    assert await idle_s(source) >= 0


async def test_the_helper_ends_with_whoever_started_it(server: int) -> None:
    assert server
    pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    helper = await asyncio.create_subprocess_exec(*x11.helper_command(), stdin=pipe, stdout=pipe, stderr=nothing)
    assert helper.stdin is not None
    assert helper.stdout is not None
    helper.stdin.write(b"?\n")
    assert b"idle_ms" in await helper.stdout.readline()
    helper.stdin.close()
    async with asyncio.timeout(20):
        assert await helper.wait() == 0


async def test_without_a_display_nothing_is_started(source: XServer) -> None:
    with pytest.raises(SourceSilent, match="no X display"):
        await source.open()
    assert source._process is None


async def test_a_display_nobody_serves_says_so(source: XServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":4711")
    with pytest.raises(SourceSilent, match="does not answer"):
        await source.open()


async def test_a_window_that_fills_the_screen_is_seen_unless_it_is_ours(server: int, source: XServer) -> None:
    """Full screen is use, our own window is not: BOINC/boinc#1137, nicehash/NiceHashMiner-Archived#991."""
    assert server
    async with running("openbox"):
        assert await FullScreen(source, lambda _pid: False).look() == ""
        async with running(sys.executable, "-c", _WINDOW) as window:
            assert window.stdout is not None
            assert (await window.stdout.readline()).strip() == b"shown"
            async with asyncio.timeout(30):
                while not await FullScreen(source, lambda _pid: False).look():  # noqa: ASYNC110 -- the window manager's
                    await asyncio.sleep(0.05)
            assert await FullScreen(source, lambda pid: pid == window.pid).look() == ""


async def test_the_helper_loads_nothing_of_the_app() -> None:
    script = "import sys, desktop.system.idle.x11_helper; print([n for n in sys.modules if n.startswith('desktop')])"
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=pipe)
    output, _ = await process.communicate()
    assert output.decode().count("desktop") == 4
