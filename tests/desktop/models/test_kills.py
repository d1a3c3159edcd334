"""A downloading process that is killed, again and again, wherever it happens to be."""

from __future__ import annotations

import asyncio
import hashlib
import random
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from desktop.models.partial import PIECE
from desktop.models.store import Store
from tests.desktop.models.conftest import an_entry
from tests.desktop.models.file_server import FileServer

KILLS = 20
BUFFERS = 2 * 1024 * 1024
CONTENT = random.Random(3).randbytes(60_000_000)

DOWNLOADER = """
import asyncio, sys
from pathlib import Path
from desktop.models.downloads import Downloads, Pace
from desktop.models.store import Store

async def main():
    downloads = Downloads(Store(Path(sys.argv[1])), pace=Pace(look_s=0.05, first_wait_s=0.01))
    task = asyncio.get_running_loop().create_task(downloads.run())
    await downloads.until_done("tiny")
    task.cancel()

asyncio.run(main())
"""


@pytest.fixture
async def server() -> AsyncIterator[FileServer]:
    async with FileServer(CONTENT).serving() as server:
        yield server


async def started(data: Path) -> Process:
    return await asyncio.create_subprocess_exec(sys.executable, "-c", DOWNLOADER, str(data))


def unverified(folder: Path) -> list[Path]:
    """Files under a model's own name that are not the model."""
    right = hashlib.sha256(CONTENT).digest()
    return [path for path in folder.glob("*.gguf") if hashlib.sha256(path.read_bytes()).digest() != right]


async def killed_after(size: int, server: FileServer, data: Path) -> None:
    process = await started(data)
    sent = asyncio.get_running_loop().create_task(server.until_sent(server.sent + size))
    ended = asyncio.get_running_loop().create_task(process.wait())
    await asyncio.wait([sent, ended], return_when=asyncio.FIRST_COMPLETED)
    sent.cancel()
    if process.returncode is None:
        process.send_signal(signal.SIGKILL)
    await ended


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_killed_at_twenty_random_instants_a_download_goes_on_and_loses_a_piece_at_most(
    tmp_path: Path, server: FileServer
) -> None:
    store, chance = Store(tmp_path), random.Random(20)
    store.want(an_entry(server, size=len(CONTENT)))
    for _ in range(KILLS):
        await killed_after(chance.randrange(1, 5_000_000), server, tmp_path)
        assert unverified(store.folder()) == []
    process = await started(tmp_path)
    assert await process.wait() == 0
    (model,) = store.servable()
    assert model.sha256 == server.sha256
    assert unverified(store.folder()) == []
    assert store.read().wishes == ()
    starts = server.starts()
    assert starts == sorted(starts), "no start is behind one before it"
    assert len(set(starts)) >= KILLS // 2, "most starts are somewhere else"
    # A kill costs a piece that was not full, and what lay in the sockets' buffers.
    assert server.sent - len(CONTENT) <= KILLS * (PIECE + BUFFERS)


@pytest.mark.timeout(120)
async def test_two_processes_that_want_one_file_fetch_it_once(tmp_path: Path, server: FileServer) -> None:
    store = Store(tmp_path)
    store.want(an_entry(server, size=len(CONTENT)))
    both = [await started(tmp_path), await started(tmp_path)]
    assert [await process.wait() for process in both] == [0, 0]
    assert server.sent == len(CONTENT)
    assert len(store.servable()) == 1
