"""One download against a real server: what stays, what is asked for, what is believed."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from desktop.models.disk import RealDisk
from desktop.models.download import KEEP_FREE
from desktop.models.errors import DiskFull, FileInUse, Passing, SourceChanged, SourceRefused
from desktop.models.limiter import SpeedLimit
from desktop.models.partial import Head, PartFile, part_paths, received, set_aside
from tests.desktop.models.conftest import CONTENT, SHA256, Scene, SmallDisk, content, leftovers, put


async def test_a_whole_file_arrives_verified_and_leaves_nothing_beside_it(scene: Scene) -> None:
    await scene.attempt()
    assert content(scene.target) == CONTENT
    assert scene.heard.sizes[-1] == len(CONTENT)
    assert leftovers(scene.target) == []


async def test_a_broken_connection_leaves_what_came_and_the_next_try_asks_for_the_rest_only(scene: Scene) -> None:
    scene.server.cut_after = 1_000_000
    with pytest.raises(Passing, match="broke"):
        await scene.attempt()
    assert content(scene.target) is None
    have = received(scene.target)
    assert 900_000 < have <= 1_000_000
    scene.server.cut_after = None
    await scene.attempt()
    assert scene.server.starts() == [0, have]
    assert content(scene.target) == CONTENT


async def test_a_network_that_falls_silent_is_given_up_and_its_bytes_are_kept(scene: Scene) -> None:
    scene.server.hold_after = 500_000
    with pytest.raises(Passing, match="nothing more came"):
        await scene.attempt()
    assert received(scene.target) > 400_000


async def test_a_network_that_is_away_is_no_fault_of_the_file(scene: Scene) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    with pytest.raises(Passing, match="cannot be reached"):
        await scene.attempt(url=f"http://127.0.0.1:{port}/model.gguf")


async def test_a_server_that_ends_early_without_saying_how_much_there_is_has_not_finished(scene: Scene) -> None:
    scene.server.says_length = False
    whole, scene.server.content = scene.server.sha256, CONTENT[:2_000_000]
    with pytest.raises(Passing, match="ended the connection early"):
        await scene.attempt(sha256=whole)
    assert content(scene.target) is None


async def test_a_file_that_was_changed_on_the_server_is_begun_anew_and_refused_by_its_hash(scene: Scene) -> None:
    wanted = scene.server.sha256
    scene.server.cut_after = 1_000_000
    with pytest.raises(Passing):
        await scene.attempt()
    scene.server.cut_after, scene.server.etag, scene.server.content = None, '"two"', CONTENT[::-1]
    with pytest.raises(SourceChanged, match="SHA-256"):
        await scene.attempt(sha256=wanted)
    assert scene.heard.notes == ["Starting from the beginning: the file was changed there."]
    assert content(scene.target) is None
    assert received(scene.target) == 0


async def test_a_changed_file_of_a_server_that_ignores_if_range_is_noticed_by_its_etag(scene: Scene) -> None:
    scene.server.cut_after = 1_000_000
    with pytest.raises(Passing):
        await scene.attempt()
    scene.server.cut_after, scene.server.etag, scene.server.heeds_if_range = None, '"two"', False
    with pytest.raises(Passing, match="was changed") as caught:
        await scene.attempt()
    assert caught.value.wait_s == 0
    await scene.attempt()
    assert scene.server.starts()[-1] == 0
    assert content(scene.target) == CONTENT


async def test_a_file_of_another_size_is_refused_before_its_bytes_are_taken(scene: Scene) -> None:
    with pytest.raises(SourceChanged, match="3,000,000 bytes and should have 3,000,001"):
        await scene.attempt(size=len(CONTENT) + 1)


async def test_a_file_of_another_size_is_refused_in_the_middle_too(scene: Scene) -> None:
    scene.server.cut_after = 1_000_000
    with pytest.raises(Passing):
        await scene.attempt()
    scene.server.cut_after, scene.server.content = None, CONTENT + b"more"
    with pytest.raises(SourceChanged, match="3,000,004 bytes"):
        await scene.attempt(sha256=SHA256)


async def test_a_wrong_hash_is_never_active_and_nothing_of_it_is_kept(scene: Scene) -> None:
    with pytest.raises(SourceChanged, match="SHA-256"):
        await scene.attempt(sha256="0" * 64)
    assert content(scene.target) is None
    assert leftovers(scene.target) == []


async def test_a_server_without_ranges_is_asked_anew_and_people_are_told(scene: Scene) -> None:
    scene.server.cut_after, scene.server.ranges = 1_000_000, False
    with pytest.raises(Passing):
        await scene.attempt()
    scene.server.cut_after = None
    await scene.attempt()
    assert scene.heard.notes == ["Starting from the beginning: this server cannot continue a download."]
    assert content(scene.target) == CONTENT


@pytest.mark.parametrize("etag", ["", 'W/"weak"'])
async def test_without_a_strong_etag_a_download_still_goes_on_since_the_hash_decides(etag: str, scene: Scene) -> None:
    scene.server.etag, scene.server.cut_after = etag, 1_000_000
    with pytest.raises(Passing):
        await scene.attempt()
    scene.server.cut_after = None
    await scene.attempt()
    assert b"if-range" not in scene.server.asked[-1].lower()
    assert scene.server.starts()[-1] > 0
    assert content(scene.target) == CONTENT


@pytest.mark.parametrize(
    ("status", "headers", "wait"), [(503, {}, None), (429, {"retry-after": "7"}, 7.0), (500, {}, None)]
)
async def test_a_busy_server_is_asked_again_later(
    status: int, headers: dict[str, str], wait: float | None, scene: Scene
) -> None:
    scene.server.status, scene.server.headers = status, headers
    with pytest.raises(Passing, match=f"it answered {status}") as caught:
        await scene.attempt()
    assert caught.value.wait_s == wait


@pytest.mark.parametrize(
    ("status", "why"), [(404, "no longer at"), (403, "not give the file to everybody"), (418, "answered 418")]
)
async def test_a_server_that_does_not_give_the_file_ends_the_download(status: int, why: str, scene: Scene) -> None:
    scene.server.status = status
    with pytest.raises(SourceRefused, match=why):
        await scene.attempt()


async def test_an_encoded_file_is_refused(scene: Scene) -> None:
    scene.server.headers = {"content-encoding": "gzip"}
    with pytest.raises(SourceRefused, match="encoded"):
        await scene.attempt()


# --- redirects


async def test_a_redirect_within_the_host_is_followed(scene: Scene) -> None:
    scene.server.redirect = "/moved/model.gguf"
    await scene.attempt()
    assert content(scene.target) == CONTENT


async def test_a_redirect_to_another_host_is_followed_only_if_the_entry_names_it(scene: Scene) -> None:
    scene.server.redirect = f"http://localhost:{scene.server.port}/moved"
    with pytest.raises(SourceRefused, match=r"sends us on to localhost, which the catalogue does not name"):
        await scene.attempt()
    assert content(scene.target) is None
    await scene.attempt(redirect_hosts=("localhost",))
    assert content(scene.target) == CONTENT


async def test_a_redirect_that_leads_back_to_itself_ends(scene: Scene) -> None:
    scene.server.redirect = "/elsewhere"
    with pytest.raises(SourceRefused, match="on and on"):
        await scene.attempt()
    assert len(scene.server.asked) == 6


# --- the disk


async def test_a_disk_without_room_is_told_before_anything_is_asked_for(scene: Scene) -> None:
    disk = SmallDisk(10**9, told=KEEP_FREE + 1_500_000)
    with pytest.raises(DiskFull, match=r"3\.0 MB are needed and 1\.5 MB free") as caught:
        await scene.attempt(disk=disk)
    assert caught.value.remedy
    assert scene.server.asked == []


async def test_a_disk_that_fills_up_meanwhile_stops_the_download_which_then_goes_on(scene: Scene) -> None:
    limit = SpeedLimit(6_000_000)  # slow enough for two pieces
    scene.server.cut_after = 1_000_000
    with pytest.raises(Passing):
        await scene.attempt(limit=limit)
    scene.server.cut_after, have = None, received(scene.target)
    with pytest.raises(DiskFull, match="no room left"):
        await scene.attempt(disk=SmallDisk(2_000_000))
    assert received(scene.target) == have
    await scene.attempt()
    assert scene.server.starts()[-1] == have
    assert content(scene.target) == CONTENT


async def test_the_room_of_the_whole_file_is_taken_before_its_first_byte(scene: Scene) -> None:
    scene.server.cut_after = 100_000
    with pytest.raises(Passing):
        await scene.attempt()
    assert set_aside(scene.target) == len(CONTENT)


# --- one writer


async def test_a_second_process_does_not_write_the_same_file(scene: Scene) -> None:
    script = (
        "import sys; from pathlib import Path; from desktop.models.partial import *\n"
        "from desktop.models.disk import RealDisk\n"
        f"part = PartFile(Path({str(scene.target)!r}), Head(url='', size=1, sha256=''), RealDisk()); part.acquire()\n"
        "print('mine', flush=True); sys.stdin.read()"
    )
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert other.stdout is not None
    assert await other.stdout.readline() == b"mine\n"
    with pytest.raises(FileInUse):
        await scene.attempt()
    await other.communicate(b"")
    await scene.attempt()
    assert content(scene.target) == CONTENT


# --- what a crash leaves behind


def a_part(target: Path) -> PartFile:
    part = PartFile(target, Head(url="http://x/", size=len(CONTENT), sha256=SHA256), RealDisk())
    part.acquire()
    part.open()
    return part


def test_pieces_that_a_power_cut_left_as_zeros_are_fetched_again(target: Path) -> None:
    part = a_part(target)
    for start in range(0, 1_000_000, 100_000):
        part.write(CONTENT[start : start + 100_000])
    part.close()
    path, _ = part_paths(target)
    with path.open("r+b") as file:
        file.seek(650_000)
        file.write(bytes(200_000))
    part = a_part(target)
    assert part.proven == 600_000
    part.write(CONTENT[600_000:])
    part.finish()
    assert content(target) == CONTENT


def test_a_record_that_was_cut_short_counts_for_nothing(target: Path) -> None:
    part = a_part(target)
    part.write(CONTENT[:1000])
    part.write(CONTENT[1000:2000])
    part.close()
    _, state = part_paths(target)
    state.write_bytes(state.read_bytes()[:-5])
    assert received(target) == 1000
    part = a_part(target)
    assert part.proven == 1000
    part.close()


@pytest.mark.parametrize("head", [b"", b"no json\n", b'{"url":"http://x/","size":3,"sha256":"00"}\n', b"{" * 20_000])
def test_a_damaged_state_or_that_of_another_file_starts_from_nothing(head: bytes, target: Path) -> None:
    target.parent.mkdir()
    path, state = part_paths(target)
    path.write_bytes(CONTENT[:1000])
    state.write_bytes(head)
    part = a_part(target)
    assert part.proven == 0
    part.write(CONTENT)
    part.finish()
    assert content(target) == CONTENT


async def test_a_file_that_was_finished_but_not_entered_in_the_library_is_not_fetched_again(scene: Scene) -> None:
    put(scene.target, CONTENT)
    await scene.attempt()
    assert scene.server.asked == []


async def test_a_pause_in_the_middle_keeps_what_came(scene: Scene) -> None:
    arrived = asyncio.Event()

    class Counter(SpeedLimit):
        came = 0

        async def spend(self, size: int) -> None:
            self.came += size
            if self.came >= 500_000:
                arrived.set()

    scene.server.hold_after = 800_000
    running = asyncio.get_running_loop().create_task(scene.attempt(limit=Counter()))
    await arrived.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert received(scene.target) > 0
    scene.server.hold_after = None
    await scene.attempt()
    assert scene.server.starts()[-1] > 0
    assert content(scene.target) == CONTENT


async def test_the_speed_limit_holds_for_all_downloads_together() -> None:
    now, slept = 0.0, []

    async def sleep(seconds: float) -> None:
        nonlocal now
        slept.append(seconds)
        now += seconds

    limit = SpeedLimit(1000, clock=lambda: now, sleep=sleep)
    for _ in range(5):
        await limit.spend(2000)
    assert now == 10
    now += 100
    await limit.spend(1000)
    assert slept[-1] == 1
    limit.bytes_per_s = 0
    await limit.spend(10**9)
    assert len(slept) == 6
