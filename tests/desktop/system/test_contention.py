"""Other programs' load is contention; our own never is, however deep its processes are."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from desktop.system import contention
from desktop.system.conditions import UNKNOWN
from desktop.system.contention import OwnProcesses, ProcessorUse, owners_programs, running_programs

BURN = "import time; end = time.monotonic() + 60\nwhile time.monotonic() < end: pass"


@contextmanager
def burning(*, ours: bool) -> Iterator[int]:
    """A process that uses a whole core: our grandchild, or one whose parent has gone."""
    script = f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {BURN!r}]); print(p.pid, flush=True)"
    script += "; p.wait()" if ours else ""
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    try:
        if not ours:
            parent.wait()
        yield pid
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        parent.wait()
        parent.stdout.close()


def used(pid: int, seconds: float) -> float:
    """Waits until a process has used that much of a processor; how much it was."""
    began = psutil.Process(pid).cpu_times().user
    while (took := psutil.Process(pid).cpu_times().user - began) < seconds:
        time.sleep(0.05)
    return took


def test_the_first_look_knows_nothing_yet() -> None:
    assert ProcessorUse(OwnProcesses()).look() is UNKNOWN


@pytest.mark.parametrize("ours", [True, False])
def test_load_of_another_program_is_seen_and_our_own_is_not(ours: bool) -> None:
    """Own load taken for the owner's, and never idle: FoldingAtHome/fah-issues#1483."""
    own = OwnProcesses()
    use = ProcessorUse(own)
    with burning(ours=ours) as pid:
        use.look()
        before, took = contention._sample(own), used(pid, 1.0)
        there_was = contention._sample(own).all - before.all
        share = use.look()
    assert isinstance(share, float)
    # Whatever else runs here, the burner's part of the time is ours in one case and others' in the other.
    part = took / there_was
    assert share <= 1 - part + 0.05 if ours else share >= part - 0.05


def test_what_a_worker_used_stays_ours_after_it_has_ended() -> None:
    own = OwnProcesses()
    before, children = contention._sample(own), os.times().children_user
    subprocess.run([sys.executable, "-c", "sum(range(20_000_000))"], check=True)
    took = os.times().children_user - children
    assert took > 0.1
    assert contention._sample(own).ours - before.ours >= took - 0.01


def test_every_process_we_started_is_ours_and_a_stranger_is_not() -> None:
    own = OwnProcesses()
    with burning(ours=True) as mine, burning(ours=False) as stranger:
        assert os.getpid() in own
        assert mine in own
        assert stranger not in own


def test_without_the_kernels_help_the_tree_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    with burning(ours=True) as mine:
        by_kernel = OwnProcesses().pids()
        monkeypatch.setattr(contention, "_children_by_kernel", lambda _root: None)
        assert mine in by_kernel
        assert OwnProcesses().pids() == by_kernel


def test_a_span_in_which_the_pc_slept_or_its_clock_was_set_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that stood still while the PC slept counted as idle time or as load."""
    use = ProcessorUse(OwnProcesses())
    use.look()
    for jump in (7200.0, -7200.0):
        later = time.time() + jump
        monkeypatch.setattr("desktop.system.contention.time.time", lambda later=later: later)
        assert use.look() is UNKNOWN


@pytest.mark.skipif(shutil.which("sleep") is None, reason="no program to run")
@pytest.mark.parametrize("sought", ["game", "game.bin"])
def test_a_program_is_found_by_its_name_with_or_without_its_ending(tmp_path: Path, sought: str) -> None:
    program = tmp_path / "Game.bin"
    shutil.copy(str(shutil.which("sleep")), program)
    names = frozenset({sought, "no-such-program"})
    assert running_programs(names) == frozenset()
    with subprocess.Popen([program, "60"]) as process:
        try:
            assert running_programs(names) == {sought}
        finally:
            process.kill()


@pytest.mark.skipif(shutil.which("sleep") is None, reason="no program to run")
def test_the_owners_programs_are_named_once_each_as_their_files_are(tmp_path: Path) -> None:
    program = tmp_path / "Blender"
    shutil.copy(str(shutil.which("sleep")), program)
    with subprocess.Popen([program, "60"]) as one, subprocess.Popen([program, "60"]) as other:
        try:
            names = owners_programs()
            assert names.count("Blender") == 1
            assert list(names) == sorted(names, key=str.lower)
        finally:
            one.kill()
            other.kill()
