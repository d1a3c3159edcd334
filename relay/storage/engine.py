"""The database: one writer, short transactions, and errors that say what to do.

SQLite allows one writer at a time; giving this process exactly one thread that writes turns contention within it into
a queue. Another process (the command line) may write too: it waits for the lock, and so do we. Reads run on a thread of
their own, so that a long report holds up no booking.

A piece of work is a function of a connection. It runs inside a transaction and may be run again from the start when the
lock was not to be had, so it must not have effects outside the database.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError

from relay.storage.errors import StorageProblem, StorageUnavailable, problem_of
from relay.storage.migrations import runner

T = TypeVar("T")
Work = Callable[[Connection], T]

LOCK_WAIT_S = 5.0
"""How long SQLite itself waits for another process's transaction; theirs take milliseconds."""

LOCK_TRIES = 3
"""A writer that was refused the lock this often in a row, 15 s in all, tells its caller."""


class Database:
    """Promises that this process's writes happen one after the other, each in a durable transaction or not at all."""

    def __init__(self, engine: Engine, place: str) -> None:
        self._engine = engine
        self._read_only = engine.execution_options(nightjar_read_only=True)
        self._place = place
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="database-writer")
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="database-reader")

    @classmethod
    def open(cls, location: Path | str) -> Self:
        """Opens the SQLite file at a path, or whatever a SQLAlchemy URL names, and brings its tables up to date."""
        engine, place = _engine(location)
        database = cls(engine, place)
        try:
            database.write_sync(runner.upgrade)
        except BaseException:
            database.close()
            raise
        return database

    @property
    def place(self) -> str:
        """Where the data is, for people; without a password."""
        return self._place

    async def write(self, work: Work[T]) -> T:
        """Runs `work` in a transaction on the writer thread. Raises StorageUnavailable."""
        return await asyncio.wrap_future(self.submit_write(work))

    async def read(self, work: Work[T]) -> T:
        """Runs `work` on the reader thread; it sees one consistent state, everything committed before."""
        return await asyncio.wrap_future(self._submit(self._reader, self._attempt_read, work))

    def write_sync(self, work: Work[T]) -> T:
        """`write` for the command line and for start-up; never from the event loop."""
        return self.submit_write(work).result()

    def read_sync(self, work: Work[T]) -> T:
        """`read` for the command line and for start-up; never from the event loop."""
        return self._submit(self._reader, self._attempt_read, work).result()

    def submit_write(self, work: Work[T]) -> Future[T]:
        """`write` for other threads: queues the work and returns at once."""
        return self._submit(self._writer, self._attempt_write, work)

    def submit_read(self, work: Work[T]) -> Future[T]:
        """`read` for those who wait without a task: queues the work and returns at once."""
        return self._submit(self._reader, self._attempt_read, work)

    def close(self) -> None:
        """Finishes what is queued, then lets go of the files. May be called twice."""
        self._writer.shutdown()
        self._reader.shutdown()
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _submit(self, executor: ThreadPoolExecutor, attempt: Callable[[Work[T]], T], work: Work[T]) -> Future[T]:
        try:
            return executor.submit(attempt, work)
        except RuntimeError as error:
            raise StorageUnavailable(self._place, StorageProblem.GONE) from error

    def _attempt_write(self, work: Work[T]) -> T:
        for tries_left in reversed(range(LOCK_TRIES)):
            try:
                return self._transact(work)
            except StorageUnavailable as error:
                if error.problem is not StorageProblem.LOCKED or not tries_left:
                    raise
        raise AssertionError("the last try either returns or raises")

    def _attempt_read(self, work: Work[T]) -> T:
        return self._transact(work, read_only=True)

    def _transact(self, work: Work[T], *, read_only: bool = False) -> T:
        try:
            with (self._read_only if read_only else self._engine).begin() as connection:
                return work(connection)
        except (DBAPIError, sqlite3.Error) as error:
            cause = (error.orig or error) if isinstance(error, DBAPIError) else error
            problem = problem_of(cause)
            if problem is StorageProblem.OTHER:
                raise
            raise StorageUnavailable(self._place, problem, str(cause)) from error


def _engine(location: Path | str) -> tuple[Engine, str]:
    if isinstance(location, str) and "://" in location:
        url = make_url(location)
        return create_engine(url), url.render_as_string(hide_password=True)
    path = Path(location)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageUnavailable(str(path.parent), problem_of(error), error.strerror or "") from error
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": LOCK_WAIT_S})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine, str(path)


def _prepare_sqlite(connection: DBAPIConnection, _record: object) -> None:
    """WAL lets readers and the writer work at once; FULL makes a commit survive a power cut."""
    connection.isolation_level = None  # the driver must not open transactions behind our back
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    """A writer takes its lock first: SQLite cannot wait for one that a reader wants to turn into a writer's."""
    read_only = connection.get_execution_options().get("nightjar_read_only")
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
