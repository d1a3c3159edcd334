from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.ledger import journal as journals
from relay.ledger import mapped
from relay.ledger.journal import Journal, Position, position, replay

SMALL = 4096 * 2
BEGIN = position(1)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path, first=1, segment_bytes=SMALL)
    yield journal
    journal.close()


def payloads(folder: Path, since: Position = BEGIN) -> list[bytes]:
    return [record.payload for record in replay(folder, since)]


def test_records_come_back_in_order_without_any_sync(journal: Journal, tmp_path: Path) -> None:
    for number in range(10):
        journal.append(1, b"record %d" % number)
    assert payloads(tmp_path) == [b"record %d" % number for number in range(10)]


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="only Linux tells what a mapping takes")
def test_what_is_on_the_disk_takes_no_memory(tmp_path: Path) -> None:
    journal = Journal(tmp_path, first=1)
    written = [number.to_bytes(2) * 1000 for number in range(1500)]
    for each in written:
        journal.append(1, each)
    before = _resident_kb(tmp_path)

    journal.sync()

    assert before > 2500
    assert _resident_kb(tmp_path) < 100
    journal.append(1, b"the next")
    assert payloads(tmp_path) == [*written, b"the next"]
    journal.close()


def _resident_kb(folder: Path) -> int:
    """Of this process's memory, what the files of a folder take."""
    total = 0
    ours = False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if not line.split(maxsplit=1)[0].endswith(":"):
            ours = str(folder) in line
        elif ours and line.startswith("Rss:"):
            total += int(line.split()[1])
    return total


def test_reading_can_begin_after_any_record(journal: Journal, tmp_path: Path) -> None:
    ends = [journal.append(1, bytes([number])) for number in range(5)]
    for number, end in enumerate(ends):
        assert payloads(tmp_path, end) == [bytes([later]) for later in range(number + 1, 5)]


def test_a_full_segment_is_followed_by_the_next(journal: Journal, tmp_path: Path) -> None:
    written = [bytes([number]) * 1000 for number in range(30)]
    for record in written:
        journal.append(2, record)
        journal.prepare()
    assert len(journals.segments(tmp_path)) > 3
    assert payloads(tmp_path) == written


def test_segments_before_a_position_can_be_forgotten(journal: Journal, tmp_path: Path) -> None:
    for _ in range(30):
        end = journal.append(2, b"x" * 1000)
    journal.sync()
    journal.forget_before(end)
    assert journals.segments(tmp_path) == [journals.segment_of(end)]


@given(cut=st.integers(0, 60), flip=st.integers(1, 255))
def test_reading_stops_at_a_torn_record(tmp_path_factory: pytest.TempPathFactory, cut: int, flip: int) -> None:
    folder = tmp_path_factory.mktemp("torn")
    journal = Journal(folder, first=1, segment_bytes=SMALL)
    ends = [journal.append(1, b"twelve bytes") & 0xFFFFFFFF for _ in range(3)]
    journal.close()
    path = next(folder.glob("journal-*"))
    data = bytearray(path.read_bytes())
    at = 8 + cut
    data[at] ^= flip
    path.write_bytes(data)
    whole = sum(end <= at for end in ends)
    assert payloads(folder) == [b"twelve bytes"] * whole


def test_a_record_cut_off_by_the_end_of_the_file_is_not_believed(journal: Journal, tmp_path: Path) -> None:
    end = journal.append(1, b"whole") & 0xFFFFFFFF
    journal.append(1, b"torn")
    path = next(tmp_path.glob("journal-*"))
    for size in range(end, end + 12):
        copy = tmp_path / "copy"
        copy.mkdir(exist_ok=True)
        (copy / path.name).write_bytes(path.read_bytes()[:size])
        assert payloads(copy) == [b"whole"]


def test_a_segment_after_a_hole_is_not_believed(tmp_path: Path) -> None:
    journal = Journal(tmp_path, first=1, segment_bytes=SMALL)
    for number in range(12):
        journal.append(1, bytes([number]) * 1000)
    journal.close()
    first = min(tmp_path.glob("journal-*"))
    data = bytearray(first.read_bytes())
    data[5000] ^= 1
    first.write_bytes(data)
    assert payloads(tmp_path) == [bytes([number]) * 1000 for number in range(4)]


def test_a_segment_that_holds_something_else_is_empty(tmp_path: Path) -> None:
    (tmp_path / "journal-0000000001.log").write_bytes(b"not a journal" * 100)
    assert payloads(tmp_path) == []


def test_there_is_room_only_for_what_is_allocated(journal: Journal) -> None:
    assert not journal.has_room(SMALL)
    journal.prepare()
    assert journal.has_room(SMALL)
    assert not journal.has_room(2 * SMALL)


def test_the_backlog_has_an_end(journal: Journal, tmp_path: Path) -> None:
    for _ in range(8 * (journals.MAX_SEGMENTS - 1) + 1):
        journal.prepare()
        journal.append(1, b"x" * 1000)
    journal.prepare()
    assert len(journals.segments(tmp_path)) == journals.MAX_SEGMENTS
    assert not journal.has_room(SMALL)


def test_a_full_disk_is_noticed_before_a_byte_is_written_and_leaves_no_file(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(mapped, "_allocate", no_space)
    with pytest.raises(OSError, match="space"):
        journal.prepare()
    assert journals.segments(tmp_path) == [1]
    journal.append(1, b"still works")
    assert payloads(tmp_path) == [b"still works"]


def test_a_segment_is_really_allocated(journal: Journal, tmp_path: Path) -> None:
    assert next(tmp_path.glob("journal-*")).stat().st_blocks * 512 >= SMALL


def test_a_record_that_is_too_long_is_refused(journal: Journal) -> None:
    with pytest.raises(ValueError, match="bytes"):
        journal.append(1, bytes(journals.MAX_RECORD_BYTES + 1))


@pytest.fixture
def no_fallocate(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    return lambda: monkeypatch.delattr(os, "posix_fallocate", raising=False)


def test_a_system_without_fallocate_gets_its_files_written_in_full(
    tmp_path: Path, no_fallocate: Callable[[], None]
) -> None:
    no_fallocate()
    journal = Journal(tmp_path, first=1, segment_bytes=1024 * 1024)
    journal.append(1, b"there")
    assert payloads(tmp_path) == [b"there"]
    assert next(tmp_path.glob("journal-*")).stat().st_size == 1024 * 1024
    journal.close()
