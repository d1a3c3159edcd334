"""What can go wrong between the relay and its data folder, as one error with a remedy."""

from __future__ import annotations

import enum
import errno
import sqlite3

from relay.errors import RelayError


class StorageProblem(enum.Enum):
    """Kinds of trouble, each with the sentence that says what to do about it."""

    FULL = "the disk is full", "Free some space on that disk; the relay goes on by itself."
    LOCKED = "another program keeps the database locked", "Close the program that has it open, then try again."
    UNREADABLE = "it cannot be opened", "Check that the folder exists and that this user may read and write it."
    READ_ONLY = "it is read-only", "Make the file and its folder writable for the user who runs the relay."
    DAMAGED = "it is damaged", "Restore the latest backup of the data folder; keep the damaged file for inspection."
    NEWER = "a newer version of the relay wrote it", "Update this relay, or give it a data folder of its own."
    GONE = "it is closed", "Start the relay again."
    OTHER = "the database failed", "The detail above is the database's own message."


class StorageUnavailable(RelayError):
    """The database or data folder cannot do what was asked, now. Nothing of the transaction was kept."""

    def __init__(self, place: str, problem: StorageProblem, detail: str = "") -> None:
        super().__init__(place, problem, detail)
        self.place = place
        self.problem = problem
        self.detail = detail

    @property
    def remedy(self) -> str:
        return self.problem.value[1]

    def __str__(self) -> str:
        detail = f" ({self.detail})" if self.detail else ""
        return f"{self.place}: {self.problem.value[0]}{detail}"


_BY_SQLITE_CODE = {
    sqlite3.SQLITE_BUSY: StorageProblem.LOCKED,
    sqlite3.SQLITE_LOCKED: StorageProblem.LOCKED,
    sqlite3.SQLITE_FULL: StorageProblem.FULL,
    sqlite3.SQLITE_READONLY: StorageProblem.READ_ONLY,
    sqlite3.SQLITE_CANTOPEN: StorageProblem.UNREADABLE,
    sqlite3.SQLITE_PERM: StorageProblem.UNREADABLE,
    sqlite3.SQLITE_AUTH: StorageProblem.UNREADABLE,
    sqlite3.SQLITE_CORRUPT: StorageProblem.DAMAGED,
    sqlite3.SQLITE_NOTADB: StorageProblem.DAMAGED,
}

_BY_ERRNO = {
    errno.ENOSPC: StorageProblem.FULL,
    errno.EDQUOT: StorageProblem.FULL,
    errno.EACCES: StorageProblem.UNREADABLE,
    errno.EPERM: StorageProblem.UNREADABLE,
    errno.ENOENT: StorageProblem.UNREADABLE,
    errno.ENOTDIR: StorageProblem.UNREADABLE,
    errno.EISDIR: StorageProblem.UNREADABLE,
    errno.EEXIST: StorageProblem.UNREADABLE,
    errno.EROFS: StorageProblem.READ_ONLY,
}


def problem_of(cause: BaseException) -> StorageProblem:
    """Names the trouble behind an error of the database driver or of the operating system."""
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", None)
        return _BY_SQLITE_CODE.get(code & 0xFF, StorageProblem.OTHER) if code is not None else StorageProblem.OTHER
    if isinstance(cause, OSError) and cause.errno is not None:
        return _BY_ERRNO.get(cause.errno, StorageProblem.OTHER)
    return StorageProblem.OTHER
