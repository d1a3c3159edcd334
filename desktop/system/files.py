"""Files written whole: those that Nightjar keeps for itself, and those that an owner asked for."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from desktop.errors import CommandRefused


def write_private(path: Path, data: bytes) -> None:
    """Replaces `path` in one step by a file of mode 0600; after a crash either the old or the new one is there."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".new")  # of this call alone
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_asked_for(path: Path, text: str) -> None:
    """Where the owner wants it, with its line ends as they are. Raises CommandRefused."""
    try:
        path.expanduser().write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise CommandRefused(f"{path} cannot be written: {(error.strerror or str(error)).lower()}.") from error
