"""What Nightjar keeps on this PC, and how it is removed: the traces of the past, or all of it.

Prompts and answers are kept nowhere, so there is nothing of them to remove.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from desktop.agent.membership import Memberships
from desktop.errors import DesktopError
from desktop.models.store import Store
from desktop.system.crashes import KEPT
from desktop.system.logs import LOG_FILE
from desktop.system.paths import Paths


def traces(paths: Paths) -> list[Path]:
    """What tells about the past: logs and switches. Answers' texts are kept nowhere."""
    logs = sorted(paths.logs.glob(f"{LOG_FILE}*")) if paths.logs.exists() else []
    return [*logs, paths.logs / KEPT, paths.data / "switches.jsonl"]


def everything(paths: Paths) -> list[Path]:
    return [paths.data, paths.config, paths.logs, paths.runtime, *_moved_models(paths)]


def _moved_models(paths: Paths) -> list[Path]:
    """Files of ours in a folder that the owner chose; imported models are not ours."""
    try:
        shelf = Store(paths.data)
        library = shelf.read()
    except DesktopError:
        return []
    return [shelf.path(model, library) for model in library.models if library.folder and model.is_ours]


async def forget_key(paths: Paths) -> None:
    """The key in the system's keystore is in no folder of ours. Raises DesktopError; then it stays where it is."""
    memberships = Memberships(paths)
    await memberships.load()
    await memberships.leave()


def remove(files: Iterable[Path]) -> None:
    """Files and whole folders; what is not there, or does not go, is passed over.

    The log is emptied: a running agent has it open, and goes on writing to it.
    """
    for path in files:
        if path.name == LOG_FILE:
            with contextlib.suppress(OSError):
                os.truncate(path, 0)
            continue
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def size_of(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file() and not file.is_symlink())


def readable(size: int) -> str:
    return f"{size / 1e9:.2f} GB" if size >= 10_000_000 else f"{size / 1e3:.0f} kB"
