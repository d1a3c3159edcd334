"""Files written whole: a private one in one step, an asked-for one where its owner wants it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from desktop.errors import CommandRefused
from desktop.system.files import write_asked_for, write_private


def test_a_private_file_is_replaced_whole_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    write_private(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_threads_that_write_one_file_do_not_get_into_each_others_way(tmp_path: Path) -> None:
    path, contents = tmp_path / "file", [bytes([number]) * 1000 for number in range(8)]

    def write(content: bytes) -> None:
        for _ in range(20):
            write_private(path, content)

    with ThreadPoolExecutor(len(contents)) as pool:
        list(pool.map(write, contents))
    assert path.read_bytes() in contents
    assert list(tmp_path.iterdir()) == [path]


def test_an_asked_for_file_keeps_its_line_ends_and_knows_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    write_asked_for(Path("~/table.csv"), "a\r\nb\n")
    assert (tmp_path / "table.csv").read_bytes() == b"a\r\nb\n"


def test_an_asked_for_file_that_cannot_be_written_is_named_with_the_cause(tmp_path: Path) -> None:
    with pytest.raises(CommandRefused, match=r"gone/report\.txt cannot be written: no such file or directory\.$"):
        write_asked_for(tmp_path / "gone" / "report.txt", "text")
