"""Numbers that several processes see."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("shared memory is inherited by fork", allow_module_level=True)

from relay.cluster.cells import CellsHeld, SharedCells, SharedMemory


def in_child(work: Callable[[], None]) -> int:
    """Runs `work` in a forked process; its exit status, or minus the signal that ended it."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_each_process_sees_what_all_of_them_have_written(tmp_path: Path) -> None:
    memory = SharedMemory(2, rows=10)
    mine = SharedCells(memory, process=0, lock=tmp_path / "lock")
    mine.add(3, 5)
    in_child(lambda: SharedCells(memory, process=1, lock=tmp_path / "lock").add(3, 7))
    assert mine.total(3) == 12
    assert mine.total(4) == 0
    mine.close()


def test_what_a_process_wrote_stays_when_it_is_killed_in_the_middle(tmp_path: Path) -> None:
    memory = SharedMemory(2, rows=10)

    def take_and_die() -> None:
        other = SharedCells(memory, process=1, lock=tmp_path / "lock")
        with other.lock:
            other.add(1, 9)
            os.kill(os.getpid(), signal.SIGKILL)

    mine = SharedCells(memory, process=0, lock=tmp_path / "lock")
    assert in_child(take_and_die) == -signal.SIGKILL
    with mine.lock:
        assert mine.total(1) == 9
    mine.close()


def test_a_lock_that_is_not_let_go_is_not_waited_for_without_end(tmp_path: Path) -> None:
    memory = SharedMemory(2, rows=10)
    mine, other = (SharedCells(memory, process=number, lock=tmp_path / "lock") for number in range(2))
    with other.lock, pytest.raises(CellsHeld), mine.lock:
        pass
    with mine.lock:
        pass
    mine.close()
    other.close()


def test_many_processes_that_take_at_once_never_take_more_than_there_is(tmp_path: Path) -> None:
    memory, there_is = SharedMemory(4, rows=10), 1000

    def take_all(process: int) -> Callable[[], None]:
        def work() -> None:
            cells = SharedCells(memory, process=process, lock=tmp_path / "lock")
            while True:
                with cells.lock:
                    if cells.total(0) >= there_is:
                        return
                    cells.add(0, 1)

        return work

    pids = []
    for process in range(4):
        pid = os.fork()
        if pid == 0:
            try:
                take_all(process)()
            finally:
                os._exit(0)
        pids.append(pid)
    for pid in pids:
        os.waitpid(pid, 0)
    cells = SharedCells(memory, process=0, lock=tmp_path / "lock")
    assert cells.total(0) == there_is
    cells.close()
