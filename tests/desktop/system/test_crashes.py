"""What a run leaves behind that ended against everybody's will: real processes that really die."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from desktop.system.crashes import KEPT, NATIVE, Crashes

ROOT = Path(__file__).parents[3]
START = "from pathlib import Path; from desktop.system.crashes import Crashes; Crashes(Path({folder!r})).watch()\n"


def run(folder: Path, *lines: str) -> int:
    """A program that watches for its own faults, and then does this."""
    program = START.format(folder=str(folder)) + "\n".join(lines)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", program], env=environment, check=False, stderr=subprocess.DEVNULL
    ).returncode


def test_a_clean_end_leaves_nothing(tmp_path: Path) -> None:
    assert run(tmp_path, "print('fine')") == 0
    assert Crashes(tmp_path).last() is None


def test_an_error_that_nobody_caught_is_kept_with_its_place(tmp_path: Path) -> None:
    assert run(tmp_path, "def breaks(): raise ValueError('a fact that cannot be')", "breaks()") == 1
    fault = Crashes(tmp_path).last()
    assert fault is not None
    assert fault.where == "program"
    assert "in breaks" in fault.trace
    assert fault.trace.endswith("ValueError: a fact that cannot be\n")


def test_one_in_another_thread_is_kept_too(tmp_path: Path) -> None:
    run(tmp_path, "import threading", "t = threading.Thread(target=lambda: 1 / 0)", "t.start()", "t.join()")
    fault = Crashes(tmp_path).last()
    assert fault is not None
    assert "ZeroDivisionError" in fault.trace


@pytest.mark.parametrize("end", ["raise SystemExit(3)", "raise KeyboardInterrupt"])
def test_an_end_that_was_asked_for_is_no_fault(tmp_path: Path, end: str) -> None:
    run(tmp_path, end)
    assert Crashes(tmp_path).last() is None


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_death_by_signal_is_found_by_the_next_run(tmp_path: Path) -> None:
    assert run(tmp_path, "import os, signal", "os.kill(os.getpid(), signal.SIGSEGV)") == -11
    assert Crashes(tmp_path).last() is None
    run(tmp_path)
    fault = Crashes(tmp_path).last()
    assert fault is not None
    assert fault.where == "native"
    assert "Segmentation fault" in fault.trace
    assert (tmp_path / NATIVE).read_text() == ""


def test_it_stays_until_it_is_dropped(tmp_path: Path) -> None:
    crashes = Crashes(tmp_path)
    crashes.keep("agent", ValueError("one"))
    crashes.keep("agent", ValueError("two"))
    fault = crashes.last()
    assert fault is not None
    assert "two" in fault.trace
    crashes.forget()
    crashes.forget()
    assert crashes.last() is None


@pytest.mark.parametrize("content", [b"", b"{", b'{"at": "soon"}'], ids=["empty", "cut", "wrong"])
def test_what_cannot_be_read_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / KEPT).write_bytes(content)
    assert Crashes(tmp_path).last() is None


def test_a_folder_that_is_not_there_makes_nothing_worse(tmp_path: Path) -> None:
    assert run(tmp_path / "nowhere", "print('fine')") == 0
    Crashes(tmp_path / "nowhere").keep("agent", ValueError())
