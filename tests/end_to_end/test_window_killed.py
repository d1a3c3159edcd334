"""The program killed with each of its pages open: nothing of it is left, and the next start finds all in order."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from desktop.agent.state import Reason, Snapshot
from desktop.errors import AgentNotRunning
from desktop.ui.places import Place
from tests.desktop.x_server import x_server
from tests.end_to_end.demo import ROOT
from tests.end_to_end.processes import NodeProcess, end, eventually, running_node, running_relay

pytestmark = [
    pytest.mark.xdist_group("end_to_end"),
    pytest.mark.timeout(120),
    pytest.mark.skipif(sys.platform != "linux" or shutil.which("Xvfb") is None, reason="draws on an X server"),
]

GONE_WITHIN_S = 5.0


@pytest_asyncio.fixture
async def screen() -> AsyncIterator[str]:
    async with x_server("1280x800") as (name, _):
        yield name


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Of a PC that is a node and always shares."""
    folder = tmp_path_factory.mktemp("killed")
    with running_relay(folder / "relay") as relay:
        with running_node(folder / "home", relay):
            pass
        yield folder / "home"


@contextmanager
def window(home: Path, screen: str, place: Place) -> Iterator[NodeProcess]:
    """`nightjar` with a page open, once it shares."""
    environment = {
        "NIGHTJAR_HOME": str(home),
        "DISPLAY": screen,
        "QT_QPA_PLATFORM": "xcb",
        "DBUS_SESSION_BUS_ADDRESS": f"unix:path={home}/no-bus",
    }
    with (home / "window.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "desktop", f"nightjar://open/{place.value}"],
            cwd=ROOT,
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    node = NodeProcess(process, home)

    def shares() -> Snapshot | None:
        assert process.poll() is None, (home / "window.log").read_text()[-2000:]
        with suppress(AgentNotRunning):
            snapshot = node.snapshot()
            return snapshot if snapshot.sharing.reason is Reason.READY else None
        return None

    try:
        eventually(shares, "a window whose agent shares")
        yield node
    finally:
        end(process)


@pytest.mark.parametrize("place", Place, ids=lambda place: place.value)
async def test_a_killed_window_leaves_no_orphan_and_the_next_start_is_clean(
    home: Path, screen: str, place: Place
) -> None:
    await asyncio.to_thread(_killed, home, screen, place)


def _killed(home: Path, screen: str, place: Place) -> None:
    with window(home, screen, place) as node:
        children = psutil.Process(node.process.pid).children(recursive=True)
        assert node.worker() in children
        node.process.kill()
        node.process.wait(10)
        assert not psutil.wait_procs(children, timeout=GONE_WITHIN_S)[1]
    with window(home, screen, place) as again:
        again.process.terminate()
        assert again.process.wait(30) == 0
