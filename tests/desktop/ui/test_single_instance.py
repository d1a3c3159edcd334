from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication
from pytestqt.qtbot import QtBot

from desktop.ui.single_instance import SingleInstance, address_in, raise_running

SECOND_START = """
import sys
from pathlib import Path
from desktop.ui.single_instance import raise_running
sys.exit(0 if raise_running(Path(sys.argv[1])) else 3)
"""


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    return folder


def second_start(runtime: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", SECOND_START, str(runtime)])


def test_a_second_start_raises_the_window_and_ends(qtbot: QtBot, runtime: Path) -> None:
    first = SingleInstance(runtime)
    assert first.listen()
    with qtbot.waitSignal(first.raised, timeout=20_000):
        second = second_start(runtime)
    assert second.wait(20) == 0
    first.close()


def test_without_a_first_instance_the_second_is_told_so(qapp: QCoreApplication, runtime: Path) -> None:
    assert not raise_running(runtime)


def test_a_socket_left_by_a_killed_instance_is_replaced(qapp: QCoreApplication, runtime: Path) -> None:
    Path(address_in(runtime)).touch()
    first = SingleInstance(runtime)
    assert first.listen()
    first.close()


@pytest.mark.skipif(sys.platform == "win32", reason="a pipe has no mode")
def test_the_socket_is_for_its_owner_alone(qapp: QCoreApplication, runtime: Path) -> None:
    first = SingleInstance(runtime)
    assert first.listen()
    assert stat.S_IMODE(Path(address_in(runtime)).stat().st_mode) & 0o077 == 0
    first.close()


def test_a_folder_that_is_not_there_is_survived(qapp: QCoreApplication, tmp_path: Path) -> None:
    assert not SingleInstance(tmp_path / "none").listen()
