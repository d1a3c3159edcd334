"""What the owner wants to be told, and what they were told already: kept over restarts."""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec

from desktop.errors import CommandRefused
from desktop.system.files import write_private
from desktop.ui.notices import Notice, Told, Wish, due, remembered

_log = logging.getLogger(__name__)


class _Kept(msgspec.Struct, frozen=True):
    wish: Wish = Wish.ALL
    told: dict[str, Told] = {}


class NoticeBook:
    """One file. One that cannot be read counts as empty; the wish holds until the end of this run in any case."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._kept = self._read()

    @property
    def wish(self) -> Wish:
        return self._kept.wish

    def choose(self, wish: Wish) -> None:
        """Holds at once. Raises CommandRefused if it cannot be kept."""
        self._kept = msgspec.structs.replace(self._kept, wish=wish)
        try:
            self._write()
        except OSError as error:
            raise CommandRefused(
                f"The choice cannot be kept in {self._file}: {(error.strerror or str(error)).lower()}."
            ) from error

    def take(self, notice: Notice, now: float, *, passes: bool) -> bool:
        """Whether it is to be shown; it is marked as told then. `passes`: what it tells of does not last."""
        if not due(notice, self._kept.told, self.wish, now):
            return False
        self._mark(notice, Told(now, over=passes), now)
        return True

    def end(self, notice: Notice, now: float) -> None:
        """What it tells of is over."""
        last = self._kept.told.get(notice.key)
        if last is not None and not last.over:
            self._mark(notice, Told(last.at, over=True), now)

    def _mark(self, notice: Notice, told: Told, now: float) -> None:
        others = remembered(self._kept.told, now)
        self._kept = msgspec.structs.replace(self._kept, told=others | {notice.key: told})
        try:
            self._write()
        except OSError as error:
            _log.warning("what was told cannot be kept: %s", error)

    def _write(self) -> None:
        write_private(self._file, msgspec.json.encode(self._kept))

    def _read(self) -> _Kept:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=_Kept)
        except FileNotFoundError:
            return _Kept()
        except (OSError, msgspec.DecodeError) as error:
            _log.warning("what was told before cannot be read: %s", error)
            return _Kept()
