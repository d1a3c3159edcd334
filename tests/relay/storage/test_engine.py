from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, insert, select, text

from relay.storage import engine, revision
from relay.storage.engine import Database
from relay.storage.errors import StorageProblem, StorageUnavailable, problem_of
from relay.storage.tables import people


def add_person(connection: Connection, name: str = "Ada") -> None:
    connection.execute(insert(people).values(name=name, created_ms=1))


def count_people(connection: Connection) -> int:
    count: int = connection.execute(select(func.count()).select_from(people)).scalar_one()
    return count


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "relay.db"


def test_what_was_written_is_there_after_opening_again(path: Path) -> None:
    with Database.open(path) as database:
        database.write_sync(add_person)
    with Database.open(path) as database:
        assert database.read_sync(count_people) == 1


def test_work_that_raises_leaves_nothing_behind(path: Path) -> None:
    def fail(connection: Connection) -> None:
        add_person(connection)
        raise KeyError("half way")

    with Database.open(path) as database:
        with pytest.raises(KeyError):
            database.write_sync(fail)
        assert database.read_sync(count_people) == 0


async def test_parallel_writes_happen_one_after_the_other(path: Path) -> None:
    def increment(connection: Connection) -> None:
        value = revision.current(connection)
        connection.execute(text("UPDATE revision SET value = :value"), {"value": value + 1})

    with Database.open(path) as database:
        await asyncio.gather(*(database.write(increment) for _ in range(50)))
        assert await database.read(revision.current) == 50


async def test_a_read_sees_what_was_committed_before_it(path: Path) -> None:
    with Database.open(path) as database:
        await database.write(add_person)
        assert await database.read(count_people) == 1


def test_a_commit_is_on_the_disk_before_it_is_reported(path: Path) -> None:
    with Database.open(path) as database:
        assert database.write_sync(lambda c: c.exec_driver_sql("PRAGMA synchronous").scalar_one()) == 2
        assert database.read_sync(lambda c: c.exec_driver_sql("PRAGMA journal_mode").scalar_one()) == "wal"


def test_two_processes_may_write_at_the_same_time(path: Path) -> None:
    bump = (
        "import sys; from pathlib import Path\n"
        "from relay.storage import revision; from relay.storage.engine import Database\n"
        "with Database.open(Path(sys.argv[1])) as database:\n"
        "    for _ in range(40): database.write_sync(revision.bump)\n"
    )
    with Database.open(path) as database:
        other = subprocess.Popen([sys.executable, "-c", bump, str(path)])
        for _ in range(40):
            database.write_sync(revision.bump)
        assert other.wait(30) == 0
        assert database.read_sync(revision.current) == 80


def test_a_database_that_stays_locked_is_one_error_with_a_remedy(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "LOCK_WAIT_S", 0.05)
    with Database.open(path) as database:
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageUnavailable) as caught:
            database.write_sync(add_person)
        holder.execute("ROLLBACK")
        holder.close()
        assert caught.value.problem is StorageProblem.LOCKED
        assert caught.value.remedy
        database.write_sync(add_person)
        assert database.read_sync(count_people) == 1


def test_a_full_disk_is_one_error_and_the_database_goes_on_when_there_is_space_again(path: Path) -> None:
    """SQLite reports its page limit as it reports a full disk."""
    with Database.open(path) as database:

        def fill(connection: Connection) -> None:
            connection.exec_driver_sql("PRAGMA max_page_count = 1")  # it never goes below what is in use
            for number in range(1000):
                add_person(connection, "x" * 1000 + str(number))

        with pytest.raises(StorageUnavailable) as caught:
            database.write_sync(fill)
        assert caught.value.problem is StorageProblem.FULL
        database.write_sync(lambda c: c.exec_driver_sql("PRAGMA max_page_count = 1000000"))
        database.write_sync(add_person)
        assert database.read_sync(count_people) == 1


def test_a_file_where_the_folder_should_be_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("not a folder")
    with pytest.raises(StorageUnavailable) as caught:
        Database.open(tmp_path / "data" / "relay.db")
    assert caught.value.problem is StorageProblem.UNREADABLE
    assert str(tmp_path / "data") in str(caught.value)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_without_permission_is_one_error(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o000)
    with pytest.raises(StorageUnavailable) as caught:
        Database.open(folder / "relay.db")
    assert caught.value.problem is StorageProblem.UNREADABLE


@pytest.mark.parametrize(
    "number, problem",
    [
        (errno.EACCES, StorageProblem.UNREADABLE),
        (errno.EROFS, StorageProblem.READ_ONLY),
        (errno.ENOSPC, StorageProblem.FULL),
        (errno.EIO, StorageProblem.OTHER),
    ],
)
def test_errors_of_the_operating_system_are_told_apart(number: int, problem: StorageProblem) -> None:
    assert problem_of(OSError(number, os.strerror(number))) is problem
    assert problem.value[1]


def test_a_folder_where_the_file_should_be_is_one_error(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(StorageUnavailable) as caught:
        Database.open(path)
    assert caught.value.problem is StorageProblem.UNREADABLE


def test_a_file_that_is_no_database_is_one_error(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"something else entirely" * 100)
    with pytest.raises(StorageUnavailable) as caught:
        Database.open(path)
    assert caught.value.problem is StorageProblem.DAMAGED


def test_a_database_of_a_newer_relay_is_refused_and_left_alone(path: Path) -> None:
    with Database.open(path) as database:
        database.write_sync(lambda c: c.exec_driver_sql("UPDATE schema_version SET version = 999"))
    with pytest.raises(StorageUnavailable) as caught:
        Database.open(path)
    assert caught.value.problem is StorageProblem.NEWER


def test_a_closed_database_says_so(path: Path) -> None:
    database = Database.open(path)
    database.close()
    database.close()
    with pytest.raises(StorageUnavailable) as caught:
        database.write_sync(add_person)
    assert caught.value.problem is StorageProblem.GONE


def test_the_data_folder_is_for_its_owner_alone(path: Path) -> None:
    with Database.open(path):
        assert path.parent.stat().st_mode & 0o077 == 0
