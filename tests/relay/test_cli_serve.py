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


@contextmanager
def serving(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A relay that has said that it is ready."""
    command = [sys.executable, "-m", "relay", "serve", "--port", "0", "--data", str(folder)]
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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_relay_that_is_asked_to_stop_ends_in_order_and_without_a_traceback(
    tmp_path: Path, number: signal.Signals
) -> None:
    with serving(tmp_path) as process:
        process.send_signal(number)
        _, complaint = process.communicate(timeout=30)
    assert (process.returncode, complaint) == (0, "")
