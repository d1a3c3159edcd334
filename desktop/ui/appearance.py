"""Light, dark, or as the desktop is: the owner's choice, kept over restarts."""

from __future__ import annotations

import enum
import logging
from pathlib import Path
from typing import Final

import msgspec
from PySide6.QtCore import Qt

from desktop.errors import CommandRefused
from desktop.system.files import write_private
from desktop.ui.theme import Theme

_log = logging.getLogger(__name__)


class Look(enum.StrEnum):
    """What the owner chose."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


_SCHEMES: Final = {
    Look.SYSTEM: Qt.ColorScheme.Unknown,
    Look.LIGHT: Qt.ColorScheme.Light,
    Look.DARK: Qt.ColorScheme.Dark,
}


class _Kept(msgspec.Struct, frozen=True):
    look: Look = Look.SYSTEM


class Appearance:
    """Dresses the theme as was chosen last, and again when the choice changes."""

    def __init__(self, theme: Theme, file: Path) -> None:
        self._theme, self._file = theme, file
        self.look = self._read()
        theme.choose(_SCHEMES[self.look])

    def choose(self, look: Look) -> None:
        """Holds at once. Raises CommandRefused if it cannot be kept; then it holds until the end of this run."""
        self.look = look
        self._theme.choose(_SCHEMES[look])
        try:
            write_private(self._file, msgspec.json.encode(_Kept(look)))
        except OSError as error:
            raise CommandRefused(
                f"The choice cannot be kept in {self._file}: {(error.strerror or str(error)).lower()}."
            ) from error

    def _read(self) -> Look:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=_Kept).look
        except FileNotFoundError:
            return Look.SYSTEM
        except (OSError, msgspec.DecodeError) as error:
            _log.warning("the choice of colours cannot be read: %s", error)
            return Look.SYSTEM
