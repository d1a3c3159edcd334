"""What Nightjar keeps on this PC, and how it is removed: the traces of the past, or all of it.

Prompts and answers are kept nowhere, so there is nothing of them to remove.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from desktop.agent.membership import Memberships
from desktop.errors import DesktopError
from desktop.models.store import Store
from desktop.system.crashes import KEPT, NATIVE
from desktop.system.logs import LOG_FILE
from desktop.system.paths import Paths

_HELD_OPEN: Final = frozenset({LOG_FILE, NATIVE})
"""Files that a running agent has open, and goes on writing to: they are emptied, not unlinked."""


def traces(paths: Paths) -> list[Path]:
    """What tells about the past: logs, faults and switches, also those of `nightjar local`."""
    return [*_traces(paths), *_traces(paths.local_node)]


def _traces(paths: Paths) -> list[Path]:
    logs = sorted(paths.logs.glob(f"{LOG_FILE}*")) if paths.logs.exists() else []
    return [*logs, paths.logs / KEPT, paths.logs / NATIVE, paths.data / "switches.jsonl"]


def everything(paths: Paths) -> list[Path]:
    """All that is ours. A relay that serves others keeps its books: money and keys of other people are in them."""
    folders = dict.fromkeys((paths.data, paths.config, paths.logs, paths.runtime))  # macOS has one for the first two
    if paths.served_relay.exists():
        del folders[paths.data]
        folders |= dict.fromkeys(path for path in sorted(paths.data.iterdir()) if path != paths.served_relay)
    return [*folders, *_moved_models(paths)]


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
    if memberships.member is not None:
        await memberships.leave()


def remove(files: Iterable[Path]) -> list[Path]:
    """Files and whole folders, as much of them as goes. Those of which something stays."""
    return [path for path in files if not _removed(path)]


def _removed(path: Path) -> bool:
    try:
        if path.name in _HELD_OPEN:
            os.truncate(path, 0)
        elif path.is_dir():
            _remove_folder(path)
        else:
            path.unlink(missing_ok=True)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _remove_folder(path: Path) -> None:
    """Where an owner put a link in its place, what is behind it is ours too. Raises OSError if something stays."""
    shutil.rmtree(path.resolve(), ignore_errors=True)
    if path.is_symlink():
        path.unlink()
    elif path.exists():
        raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), str(path))


def size_of(path: Path) -> int:
    """Bytes of a file, or of all that are in a folder; of one that goes away meanwhile, none."""
    return sum(map(_size, path.rglob("*") if path.is_dir() else [path]))


def _size(file: Path) -> int:
    with contextlib.suppress(OSError):
        if file.is_file() and not file.is_symlink():
            return file.stat().st_size
    return 0


def readable(size: int) -> str:
    return f"{size / 1e9:.2f} GB" if size >= 10_000_000 else f"{size / 1e3:.0f} kB"
