"""What dead processes left in a ledger's folder, settled before anybody works there again.

The folder itself holds the journal and board of a relay of one process. Those of a relay of several stand in folders
within it, one a process, each with a lock of its own: one that died is settled by its successor, while the others run.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from relay.clock import Clock
from relay.faults import crash
from relay.ledger import board as boards
from relay.ledger import journal as journals
from relay.ledger import store
from relay.ledger.batch import MAIN, Batch, JournalMark
from relay.ledger.lock import DirectoryLock
from relay.ledger.recovery import recover
from relay.ledger.store import Known
from relay.storage.engine import Database
from relay.storage.errors import StorageUnavailable, problem_of

_WORKER: Final = re.compile(r"worker-\d+")

_log = logging.getLogger(__name__)


def worker_name(number: int) -> str:
    """Of a worker's journal, and of its folder."""
    return f"worker-{number}"


@contextmanager
def locked(directory: Path) -> Iterator[DirectoryLock]:
    """The folder, locked; if all goes well it stays so. Raises LedgerInUse, StorageUnavailable."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = DirectoryLock(directory)
        try:
            yield lock
        except BaseException:
            lock.close()
            raise
    except OSError as error:
        raise StorageUnavailable(str(directory), problem_of(error), error.strerror or "") from error


def settle_all(database: Database, directory: Path, clock: Clock) -> JournalMark:
    """Settles everything in a locked folder, and says where the main journal goes on. Raises LedgerInUse, OSError."""
    for folder in sorted(path for path in directory.iterdir() if _WORKER.fullmatch(path.name)):
        lock = DirectoryLock(folder)
        try:
            settle_one(database, folder, clock, journal=folder.name)
        finally:
            lock.close()
    return settle_one(database, directory, clock, journal=MAIN)


def settle_one(database: Database, directory: Path, clock: Clock, *, journal: str) -> JournalMark:
    """Posts what a dead process left, removes its files, and says where the new journal begins."""
    found = database.read_sync(lambda connection: store.read_mark(connection, journal))
    closed = recover(directory, found, now_ms=clock.now_ms())
    last = max([*journals.segments(directory), journals.segment_of(found.oldest)])
    begin = journals.position(last + 1)
    mark = JournalMark(found.batch + 1, begin, begin, journal)

    def settle(connection: Connection) -> None:
        store.begin_journal(connection, journal)
        batch = Batch(mark, closed, resolved=store.open_holds(connection, journal))
        store.post(connection, batch, known=Known())

    database.write_sync(settle)
    crash.point("after_commit")
    if closed:
        _log.warning("settled %d calls that a relay left behind", len(closed))
    journals.remove_segments(directory)
    boards.remove_boards(directory)
    return mark
