"""Small lists that outlive the agent: one JSON object a line, appended; the oldest are dropped at the next start.

Losing a line in a crash is no harm, so nothing is forced to disk; a line that cannot be read is skipped.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")

log = logging.getLogger(__name__)


class Journal(Generic[T]):
    """The last `length` values of one type, the oldest first. Blocks for a small write; a full disk is only logged."""

    def __init__(self, path: Path | None, kind: type[T], *, length: int) -> None:
        """`path` None: kept in memory only."""
        self._path = path
        self._values: deque[T] = deque(_read(path, kind) if path else (), maxlen=length)
        if path and path.exists():  # Without what was dropped or damaged.
            self._write(self._values, mode="w")

    @property
    def values(self) -> tuple[T, ...]:
        return tuple(self._values)

    def add(self, value: T) -> None:
        self._values.append(value)
        self._write((value,), mode="a")

    def replace_last(self, value: T) -> None:
        self._values[-1] = value
        self._write(self._values, mode="w")

    def clear(self) -> None:
        """Forgets everything, on disk too."""
        self._values.clear()
        if self._path is None:
            return
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            self._told(self._path, error)

    def _write(self, values: Iterable[T], *, mode: str) -> None:
        if self._path is None:
            return
        try:
            with self._path.open(f"{mode}b") as file:
                file.writelines(msgspec.json.encode(value) + b"\n" for value in values)
        except OSError as error:
            self._told(self._path, error)

    @staticmethod
    def _told(path: Path, error: OSError) -> None:
        log.warning("a journal could not be written", extra={"path": str(path), "why": error.strerror})


def _read(path: Path, kind: type[T]) -> Iterable[T]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return
    for line in lines:
        try:
            yield msgspec.json.decode(line, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError):
            log.info("a damaged line of a journal was skipped", extra={"path": str(path)})
