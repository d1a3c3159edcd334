"""Moving the model folder, also to another disk. Blocks as long as copying takes.

The new place is made complete and checked before the library names it, and only then is the old one emptied: whenever
it ends, every model is where the library says. Within one disk nothing is copied.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from desktop.errors import DesktopError
from desktop.models.digest import file_sha256
from desktop.models.disk import Disk, RealDisk
from desktop.models.errors import DiskFull, FileInUse, ModelUnusable
from desktop.models.library import Library, Wish
from desktop.models.partial import part_paths, writer_lock
from desktop.models.store import Store

_PATIENCE_S: Final = 15.0
_BLOCK: Final = 4 * 1024 * 1024


class MoveFailed(DesktopError):
    """The folder is where it was."""

    remedy = "Nothing was changed."

    def __init__(self, folder: Path, why: str) -> None:
        super().__init__(f"The models cannot be moved to {folder}: {why}.")
        self.folder = folder
        self.why = why


def move(
    store: Store, folder: Path, *, disk: Disk | None = None, copied: Callable[[int], None] = lambda _size: None
) -> int:
    """Makes `folder` the model folder and takes everything there; downloads pause meanwhile. The bytes that are there.

    `copied` hears of bytes as they are copied; a DesktopError that it raises ends the move, as if it had not begun.
    What a crash or Ctrl+C leaves in `folder` is taken up by the next move. Raises MoveFailed, DiskFull, FileInUse.
    """
    new, old = folder.expanduser().absolute(), store.folder()
    if new == old:
        raise MoveFailed(new, "they are there already")
    with _downloads_paused(store) as library, _nothing_left_behind(new) as placed:
        files = list(_files(store, library))
        try:
            new.mkdir(parents=True, exist_ok=True)
            for path, sha256 in files:
                if _place(path, new / path.name, sha256, disk or RealDisk(), copied):
                    placed.append(new / path.name)
        except FileNotFoundError as error:
            raise MoveFailed(new, f"{error.filename} is not there") from error
        except OSError as error:
            raise MoveFailed(new, (error.strerror or str(error)).lower()) from error
        except ModelUnusable as error:
            raise MoveFailed(new, error.why) from error
        store.change(lambda current: _moved(current, new, store))
        placed.clear()
        for path, _ in files:
            with contextlib.suppress(OSError):
                path.unlink()
        with contextlib.suppress(OSError):
            _forget_locks(old)
            old.rmdir()
        return sum((new / path.name).stat().st_size for path, _ in files)


@contextlib.contextmanager
def _nothing_left_behind(new: Path) -> Iterator[list[Path]]:
    """Deletes the files in the list, and `new` if it did not exist, when the owner is told that nothing was changed."""
    was_there = new.exists()
    placed: list[Path] = []
    try:
        yield placed
    except DesktopError:
        for path in placed:
            with contextlib.suppress(OSError):
                path.unlink()
        if not was_there:
            with contextlib.suppress(OSError):
                new.rmdir()
        raise


def _files(store: Store, library: Library) -> Iterator[tuple[Path, str]]:
    """Everything of ours in the folder, with the SHA-256 it must have; empty for what is unfinished."""
    for model in library.models:
        if model.is_ours and store.condition(model, library) != "missing":
            yield store.path(model, library), model.sha256
    for wish in library.wishes:
        for path in part_paths(store.target(wish.entry, library)):
            if path.exists():
                yield path, ""


def _moved(library: Library, new: Path, store: Store) -> Library:
    """The library that names the new folder. A copy has its own time of change."""
    models = tuple(
        msgspec.structs.replace(model, mtime_ns=(new / model.path).stat().st_mtime_ns)
        if model.is_ours and (new / model.path).exists() and store.condition(model, library) == "ready"
        else model
        for model in library.models
    )
    return msgspec.structs.replace(library, folder=str(new), models=models)


def _place(path: Path, target: Path, sha256: str, disk: Disk, copied: Callable[[int], None]) -> bool:
    """Whether the file was not there already."""
    if target.exists():
        if target.samefile(path) or (sha256 and file_sha256(target) == sha256):
            return False
        if sha256:
            raise ModelUnusable(target, f"another file {target.name} is there")
        target.unlink()  # of a move that was cut short
    try:
        os.link(path, target)
    except OSError:  # another disk, or one that knows no links
        _copy(path, target, sha256, disk, copied)
    return True


def _copy(path: Path, target: Path, sha256: str, disk: Disk, copied: Callable[[int], None]) -> None:
    size, free = path.stat().st_size, disk.free(target.parent)
    if free < size:
        raise DiskFull(target.parent, size, free)
    growing, found, done = target.with_name(f"{target.name}.moving"), hashlib.sha256(), 0
    try:
        with path.open("rb") as source, growing.open("wb") as copy:
            while block := source.read(_BLOCK):
                found.update(block)
                copy.write(block)
                copied(done := done + len(block))
            copy.flush()
            os.fsync(copy.fileno())
        if sha256 and found.hexdigest() != sha256:
            raise ModelUnusable(path, f"{path.name} is damaged; delete it and download it again")
        shutil.copymode(path, growing)
        growing.replace(target)
    finally:
        growing.unlink(missing_ok=True)


@contextlib.contextmanager
def _downloads_paused(store: Store) -> Iterator[Library]:
    """No process writes into the folder inside of this; afterwards what ran goes on."""
    ran = {wish.name for wish in store.read().wishes if wish.runnable}
    store.change(lambda library: _paused(library, ran, paused=True))
    try:
        with contextlib.ExitStack() as locks:
            library = store.read()
            for wish in library.wishes:
                _await_writer(store.target(wish.entry, library), locks)
            yield library
    finally:
        store.change(lambda library: _paused(library, ran, paused=False))


def _await_writer(target: Path, locks: contextlib.ExitStack) -> None:
    """Becomes the writer of `target`, once a download that was just paused has ended. Raises FileInUse."""
    if not target.parent.is_dir():
        return
    lock, until = writer_lock(target), time.monotonic() + _PATIENCE_S
    while not lock.acquire():
        if time.monotonic() > until:
            raise FileInUse(target)
        time.sleep(0.05)
    locks.callback(lock.release)


def _paused(library: Library, names: Iterable[str], *, paused: bool) -> Library:
    def as_wanted(wish: Wish) -> Wish:
        return msgspec.structs.replace(wish, paused=paused) if wish.name in names else wish

    return msgspec.structs.replace(library, wishes=tuple(map(as_wanted, library.wishes)))


def _forget_locks(folder: Path) -> None:
    for path in folder.glob(".*.lock"):
        path.unlink()
