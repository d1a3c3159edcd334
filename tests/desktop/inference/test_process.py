"""How a worker's end is learnt."""

from __future__ import annotations

import asyncio
import logging
import sys

import pytest

from desktop.inference import process
from desktop.inference.process import WorkerProcess


async def test_a_kill_that_meets_the_end_does_not_take_the_exit_status_away(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It ends by itself right after closing its pipe, which is when the parent kills it: whoever wins, it is told."""
    monkeypatch.setattr(process, "command", lambda: [sys.executable, "-I", "-S", "-c", "import os; os._exit(7)"])
    workers = [await WorkerProcess.start(lambda _frames: None, lambda: None) for _ in range(40)]
    for worker in workers:
        assert await asyncio.wait_for(worker.exited, 20) in (7, -9)
        worker.close()
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
