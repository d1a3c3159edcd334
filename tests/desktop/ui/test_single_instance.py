from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication
from PySide6.QtNetwork import QLocalSocket
from PySide6.QtTest import QSignalSpy
from pytestqt.qtbot import QtBot

from desktop.ui.single_instance import SingleInstance, address_in, raise_running

SECOND_START = """
import sys
from pathlib import Path
from desktop.ui.single_instance import raise_running
sys.exit(0 if raise_running(Path(sys.argv[1]), *sys.argv[2:]) else 3)
"""
LINK = "nightjar://enroll?relay=https://relay.example"


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    return folder


def second_start(runtime: Path, *links: str) -> subprocess.Popen[bytes]:
    environment = os.environ | {"XDG_ACTIVATION_TOKEN": "token-7"}
    return subprocess.Popen([sys.executable, "-c", SECOND_START, str(runtime), *links], env=environment)


@pytest.mark.parametrize("links", [(), (LINK,)], ids=["plain", "with a link"])
def test_a_second_start_hands_over_what_it_was_started_with_and_ends(
    qtbot: QtBot, runtime: Path, links: tuple[str, ...]
) -> None:
    first = SingleInstance(runtime)
    assert first.listen()
    with qtbot.waitSignal(first.raised, timeout=20_000) as raised:
        second = second_start(runtime, *links)
    assert second.wait(20) == 0
    assert raised.args == ["".join(links), "token-7"]
    first.close()


@pytest.mark.parametrize("said", [b"show\n", b"{}" + b" " * 20_000, b'{"link": 7}\n', b"\xff\n"])
def test_who_says_anything_else_is_not_heard_and_harms_nobody(qtbot: QtBot, runtime: Path, said: bytes) -> None:
    first = SingleInstance(runtime)
    assert first.listen()
    heard = QSignalSpy(first.raised)
    stranger = QLocalSocket()
    with qtbot.waitSignal(stranger.disconnected, timeout=20_000):
        stranger.connectToServer(address_in(runtime))
        stranger.write(said)
    assert heard.count() == 0
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
