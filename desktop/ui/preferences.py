"""How its owner wants the window: colours and language, kept over restarts."""

from __future__ import annotations

import enum
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from desktop.errors import CommandRefused
from desktop.system.files import write_private

_log = logging.getLogger(__name__)


class Look(enum.StrEnum):
    """Which colours."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


class Language(enum.StrEnum):
    """Which language."""

    SYSTEM = "system"
    ENGLISH = "en"
    ROMANIAN = "ro"


LANGUAGES: Final = {Language.ENGLISH: "English", Language.ROMANIAN: "Română"}
"""Under their own names: whoever cannot read the others finds theirs."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is kept. What its owner has not chosen is as the system is."""

    look: Look = Look.SYSTEM
    language: Language = Language.SYSTEM


class Preferences:
    """The file that keeps them, for one process."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.chosen = self._read()

    def keep(self, chosen: Chosen) -> None:
        """Raises CommandRefused if it cannot be kept; then it holds until the end of this run."""
        self.chosen = chosen
        try:
            write_private(self._file, msgspec.json.encode(chosen))
        except OSError as error:
            raise CommandRefused(
                f"The choice cannot be kept in {self._file}: {(error.strerror or str(error)).lower()}."
            ) from error

    def _read(self) -> Chosen:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=Chosen)
        except FileNotFoundError:
            return Chosen()
        except (OSError, msgspec.DecodeError) as error:
            _log.warning("the choices for the window cannot be read: %s", error)
            return Chosen()
