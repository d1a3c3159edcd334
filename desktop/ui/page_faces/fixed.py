"""What several pages show alike: a folder, a disk, a silent relay, a PC that was active."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtWidgets import QWidget

from desktop.agent.sharing.history import LENGTH, news
from desktop.agent.state import Snapshot, Switch
from desktop.models.store import Usage
from desktop.ui.examples import NOW, snapshot
from desktop.ui.faces import every_face
from desktop.ui.figures import Formats
from desktop.ui.theme import Theme

Make = Callable[[Theme, Formats], QWidget]

GB = 1_000_000_000
FOLDER = Path("/home/maria/.local/share/nightjar/models")
LOGS = "/home/maria/.local/state/nightjar/log"
USAGE = Usage(FOLDER, 14_300_000_000, 1_070_000_000, 4_700_000_000, 118 * GB)
UNKEPT = "The choice cannot be kept in /home/maria/.local/share/nightjar/{}: no space left on device."
RELAY_SILENT = (
    "The relay relay.example.org does not answer: it cannot be reached. Check that this PC is online, and try again."
)


def switches() -> tuple[Switch, ...]:
    """A day's: what the faces wait for, with times of sharing between."""
    kept: list[Switch] = []
    for at, face in enumerate(every_face().values()):
        for each in (face, snapshot() if at % 2 else None):
            if each is not None and (switch := news(kept[-1] if kept else None, each.sharing, NOW)) is not None:
                kept.append(replace(switch, freed_s=1.4 if at % 7 == 0 else None))
    return tuple(replace(each, at=NOW - ago * 1_700) for ago, each in zip(range(LENGTH, 0, -1), kept, strict=False))


def active() -> Snapshot:
    """A PC that shares and has done so before."""
    return replace(snapshot(), switches=switches())
