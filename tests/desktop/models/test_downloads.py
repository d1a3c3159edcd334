"""The queue on a real server and a real library: what goes on by itself, what waits for the owner, what they can do."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from desktop.models.download import Patience
from desktop.models.downloads import Downloads, Pace
from desktop.models.progress import Progress
from desktop.models.store import Store
from tests.desktop.models.conftest import CONTENT, SmallDisk, an_entry, content
from tests.desktop.models.file_server import FileServer

PACE = Pace(look_s=0.02, first_wait_s=0.01, longest_wait_s=0.05)
PATIENCE = Patience(connect_s=5, stall_s=0.5)


class Queue:
    """A store, its downloads, and a way to wait for what they show."""

    def __init__(self, data: Path, *, disk: SmallDisk | None = None, pace: Pace = PACE) -> None:
        self.store = Store(data)
        self._moved = asyncio.Event()
        self.downloads = Downloads(self.store, disk=disk, patience=PATIENCE, pace=pace, changed=self._moved.set)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.downloads.run())
            yield
            task.cancel()

    async def until(self, fact: Callable[[tuple[Progress, ...]], bool]) -> tuple[Progress, ...]:
        async with asyncio.timeout(20):
            while not fact(seen := self.downloads.progress()):
                self._moved.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._moved.wait(), 0.02)
        return seen

    def file(self, name: str = "tiny") -> bytes | None:
        return content(self.store.path(self.store.read().model(name)))


@pytest.fixture
async def server() -> AsyncIterator[FileServer]:
    async with FileServer(CONTENT).serving() as server:
        yield server


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    return Queue(tmp_path / "data")


async def test_a_wish_becomes_a_model_that_can_be_served(queue: Queue, server: FileServer) -> None:
    queue.store.want(an_entry(server))
    async with queue.running():
        await queue.until(lambda seen: not seen)
    (model,) = queue.store.servable()
    assert (model.name, model.sha256) == ("tiny", server.sha256)
    assert queue.file() == CONTENT


async def test_a_network_that_comes_and_goes_is_waited_for(queue: Queue, server: FileServer) -> None:
    server.cut_after = 700_000
    queue.store.want(an_entry(server))
    async with queue.running():
        await queue.until(lambda seen: not seen)
    assert server.starts() == sorted(server.starts())
    assert len(server.starts()) >= 4
    assert queue.file() == CONTENT


async def test_while_it_waits_it_says_for_what_and_until_when(tmp_path: Path, server: FileServer) -> None:
    queue = Queue(tmp_path, pace=Pace(look_s=0.02, first_wait_s=600, longest_wait_s=600))
    server.status = 503
    queue.store.want(an_entry(server))
    async with queue.running():
        (seen,) = await queue.until(lambda seen: seen[0].kind == "waiting")
    assert seen.sentence == "Waiting: 127.0.0.1 is busy (it answered 503)."
    assert seen.retry_at is not None


async def test_what_does_not_pass_by_itself_is_written_down_and_waits_for_its_owner(
    queue: Queue, server: FileServer
) -> None:
    server.status = 404
    queue.store.want(an_entry(server))
    async with queue.running():
        (seen,) = await queue.until(lambda seen: seen[0].kind == "stopped")
        assert seen.sentence == "The download stopped: the file is no longer at 127.0.0.1."
        server.status = 200
        queue.store.resume("tiny")
        await queue.until(lambda seen: not seen)
    assert queue.file() == CONTENT


async def test_a_full_disk_stops_with_the_remedy_and_goes_on_once_there_is_room(
    tmp_path: Path, server: FileServer
) -> None:
    disk = SmallDisk(0)
    queue = Queue(tmp_path, disk=disk)
    queue.store.want(an_entry(server))
    async with queue.running():
        (seen,) = await queue.until(lambda seen: seen[0].kind == "stopped")
        assert "no room left" in seen.sentence
        assert "Make room" in seen.remedy
        disk.room = 10**9
        queue.store.resume("tiny")
        await queue.until(lambda seen: not seen)
    assert queue.file() == CONTENT


async def test_a_pause_takes_effect_at_once_and_survives_a_restart(tmp_path: Path, server: FileServer) -> None:
    queue = Queue(tmp_path)
    server.hold_after = 800_000
    queue.store.want(an_entry(server))
    async with queue.running():
        await server.until_sent(800_000)
        Store(tmp_path).pause("tiny")  # as another process does
        await queue.until(lambda seen: seen[0].kind == "paused")
    again = Queue(tmp_path)
    async with again.running():
        assert [each.kind for each in again.downloads.progress()] == ["paused"]
        server.hold_after = None
        again.store.resume("tiny")
        await again.until(lambda seen: not seen)
    assert again.file() == CONTENT
    assert len(server.asked) == 2


async def test_a_download_that_is_given_up_leaves_nothing(queue: Queue, server: FileServer) -> None:
    server.hold_after = 800_000
    queue.store.want(an_entry(server))
    async with queue.running():
        await server.until_sent(800_000)
        queue.store.remove("tiny")
        folder = queue.store.folder()
        await queue.until(lambda seen: not seen and not [each for each in folder.iterdir() if ".part" in each.name])


async def test_wishes_are_met_in_order_and_one_that_rests_does_not_hold_up_the_next(
    queue: Queue, server: FileServer
) -> None:
    async with FileServer(CONTENT, status=503).serving() as ill:
        queue.store.want(an_entry(ill, id="ill"))
        queue.store.want(an_entry(server, id="well"))
        async with queue.running():
            await queue.until(lambda seen: [each.name for each in seen] == ["ill"])
    assert [model.name for model in queue.store.servable()] == ["well"]


async def test_while_downloads_are_held_nothing_is_asked_for_and_the_reason_is_told(
    queue: Queue, server: FileServer
) -> None:
    queue.downloads.hold("Waiting: this network is metered.")
    queue.store.want(an_entry(server))
    async with queue.running():
        (seen,) = await queue.until(bool)
        assert (seen.kind, seen.sentence) == ("waiting", "Waiting: this network is metered.")
        assert server.asked == []
        queue.downloads.hold("")
        await queue.until(lambda seen: not seen)


async def test_only_one_of_two_downloaders_works(tmp_path: Path, server: FileServer) -> None:
    first, second = Queue(tmp_path), Queue(tmp_path)
    server.hold_after = 800_000
    first.store.want(an_entry(server))
    async with first.running(), second.running():
        await server.until_sent(800_000)
        assert len(server.asked) == 1
        server.hold_after = None
    async with second.running():
        await second.until(lambda seen: not seen)
    assert second.file() == CONTENT


async def test_a_download_that_was_given_up_while_it_waited_leaves_no_clock_running(
    tmp_path: Path, server: FileServer
) -> None:
    queue = Queue(tmp_path, pace=Pace(look_s=0.02, first_wait_s=0.01, longest_wait_s=0.01))
    server.status = 503
    queue.store.want(an_entry(server))
    async with queue.running():
        await queue.until(lambda seen: seen[0].kind == "waiting")
        queue.store.remove("tiny")
        await queue.until(lambda seen: not seen and not queue.downloads._resting)


async def test_speed_and_time_left_come_from_what_has_come(queue: Queue, server: FileServer) -> None:
    seen = Progress("tiny", "downloading", 500, 1500, bytes_per_s=100.0)
    assert seen.left_s == 10
    assert Progress("tiny", "downloading", 500, 1500).left_s is None
