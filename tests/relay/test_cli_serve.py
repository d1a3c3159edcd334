"""`nightjar-relay serve` as a process of its own, and how it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVE = [sys.executable, "-m", "relay", "serve", "--port", "0"]
several = pytest.mark.skipif(sys.platform != "linux", reason="--workers needs Linux")


@contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A relay that has said that it is ready."""
    command = [*SERVE, "--data", str(folder), *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "Nightjar Relay is ready.\n"
            yield process
        finally:
            if process.poll() is None:
                process.kill()


@pytest.mark.parametrize("arguments", [[], pytest.param(["--workers", "2"], marks=several)], ids=["one", "two"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_relay_that_is_asked_to_stop_ends_in_order_and_without_a_traceback(
    tmp_path: Path, number: signal.Signals, arguments: list[str]
) -> None:
    with serving(tmp_path, *arguments) as process:
        process.send_signal(number)
        _, complaint = process.communicate(timeout=30)
    assert (process.returncode, complaint) == (0, "")


def complaint(folder: Path, *arguments: str) -> str:
    """What a relay says that cannot start."""
    command = [*SERVE, "--data", str(folder), *arguments]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr


@several
def test_what_keeps_several_processes_from_starting_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "relay.toml").write_text("[metrics]\ntoken = 'short'\n")
    said = complaint(tmp_path, "--workers", "3")
    assert said.startswith("nightjar-relay: metrics.token must have at least")
    assert said.count("\n") == 1


@several
def test_a_port_of_another_relay_of_several_processes_is_not_shared_with_it(tmp_path: Path) -> None:
    with serving(tmp_path / "one", "--workers", "2") as process:
        assert process.stdout is not None
        port = process.stdout.readline().partition("/v1")[0].rpartition(":")[2]
        said = complaint(tmp_path / "two", "--workers", "2", "--port", port)
        assert f"127.0.0.1:{port}" in said
        assert "in use" in said
        assert "another relay is using" in complaint(tmp_path / "one")
        process.terminate()
        assert process.wait(timeout=30) == 0


@pytest.mark.parametrize("number", ["0", "65", "-1"])
def test_a_number_of_processes_that_cannot_be_is_named(tmp_path: Path, number: str) -> None:
    assert "--workers must be between 1 and 64" in complaint(tmp_path, f"--workers={number}")
