"""`nightjar --headless` as a process: started, asked, ended."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

COMMAND = [sys.executable, "-m", "desktop"]


@contextlib.contextmanager
def headless() -> Iterator[subprocess.Popen[str]]:
    """A running agent, not enrolled, so without a model."""
    with subprocess.Popen([*COMMAND, "--headless"], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "the agent is running" in line:
                break
        try:
            yield process
        finally:
            process.kill()


def verb(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(number: signal.Signals, own_home: Path) -> None:
    with headless() as process:
        process.send_signal(number)
        assert process.wait(timeout=20) == 0
    assert not (own_home / "data" / "run" / "control.sock").exists()


def test_its_verbs_reach_it() -> None:
    with headless() as process:
        assert "not enrolled" in verb("status").stdout
        assert verb("mode", "always").returncode == 0
        assert json.loads(verb("status", "--json").stdout)["snapshot"]["mode"] == "always"
        assert verb("quit").returncode == 0
        assert process.wait(timeout=20) == 0


def test_a_second_one_is_one_line_with_the_remedy() -> None:
    with headless():
        second = verb("--headless")
    assert second.returncode == 1
    assert second.stderr.startswith("nightjar: Nightjar is already running")
    assert second.stderr.count("\n") == 1


def test_after_a_kill_it_starts_again() -> None:
    with headless() as process:
        process.kill()
        process.wait()
    with headless():
        assert verb("status").returncode == 0


def test_an_unreadable_settings_file_is_one_line_that_names_it(own_home: Path) -> None:
    settings = own_home / "config" / "settings.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text("sharing = 3")
    done = verb("--headless")
    assert done.returncode == 1
    assert done.stderr.startswith(f"nightjar: Cannot read {settings}")
    assert done.stderr.count("\n") == 1


def test_its_log_is_json_lines(own_home: Path) -> None:
    with headless() as process:
        process.terminate()
        process.wait(timeout=20)
    lines = (own_home / "logs" / "nightjar.log").read_text(encoding="utf-8").splitlines()
    running = {"event": "the agent is running", "enrolled": False}
    assert any(running.items() <= json.loads(line).items() for line in lines)


def test_a_private_relay_that_was_left_running_is_taken_up_and_ends_with_it(own_home: Path) -> None:
    settings, local = own_home / "config" / "settings.toml", own_home / "data" / "local"
    for folder in (settings.parent, local):
        folder.mkdir(parents=True)
    settings.write_text("[private_relay]\nport = 0\n")
    (local / "starts-with-nightjar").touch()
    with headless() as process:
        relay = psutil.Process(announced(local / "relay.json")["pid"])
        assert "--parent-pipe" in relay.cmdline()
        process.terminate()
        assert process.wait(timeout=50) == 0
    assert not relay.is_running()


def announced(file: Path) -> dict[str, Any]:
    """What a relay says there once it is ready; it appears whole."""
    deadline = time.monotonic() + 50
    while not file.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    said: dict[str, Any] = json.loads(file.read_bytes())
    return said
