"""The library on disk: one record that every Nightjar process of this user reads and changes, and the files it names.

The record is the whole interface between them: a command line adds a wish or pauses one, whoever downloads notices.
Everything here blocks, mostly for a few milliseconds; what takes longer says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from desktop.errors import FolderUnusable, SettingsUnreadable
from desktop.models.catalogue import Entry
from desktop.models.digest import file_sha256
from desktop.models.disk import Disk, RealDisk, nearest
from desktop.models.errors import FileInUse, LibraryBusy, ModelUnusable, NoSuchModel
from desktop.models.library import Library, Model, Wish
from desktop.models.partial import discard, set_aside
from desktop.system.files import write_private
from desktop.system.lock import FileLock

Condition = Literal["ready", "missing", "changed"]

_PATIENCE_S = 5.0
_PAUSE_S = 0.01


@dataclass(frozen=True, slots=True)
class Servable:
    """A model this PC can serve now: offered under `name`, the file unchanged since it was verified.

    `projector` is the file of its picture part, if it has one.
    """

    name: str
    path: Path
    sha256: str
    entry: Entry | None
    size: int = 0
    projector: Path | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """Bytes of the disk: our models and unfinished downloads in `folder`, imported models elsewhere, what is free."""

    folder: Path
    models: int
    unfinished: int
    elsewhere: int
    free: int


def picture_part(model: Model) -> Path | None:
    """Its file, if it is there: without it a model still writes."""
    path = Path(model.projector)
    return path if model.projector and path.is_file() else None


class Store:
    """The library of one data folder. Methods raise SettingsUnreadable, FolderUnusable or LibraryBusy."""

    def __init__(self, data: Path, *, clock: Callable[[], float] = time.time, disk: Disk | None = None) -> None:
        self._data = data
        self._record = data / "library.json"
        self._disk = disk or RealDisk()
        self.now = clock
        self._last: tuple[tuple[int, ...], Library] | None = None
        self._different: set[tuple[Path, int, int]] = set()
        """Path, size and time of change of files that were read and found to be other ones."""

    # --- the record

    def read(self) -> Library:
        """Decoded anew only after a change: a running app looks every few seconds, and nearly always in vain."""
        stamp = self.stamp()
        if self._last is None or self._last[0] != stamp:
            self._last = stamp, self._decode()
        return self._last[1]

    def _decode(self) -> Library:
        try:
            return msgspec.json.decode(self._record.read_bytes(), type=Library)
        except FileNotFoundError:
            return Library()
        except OSError as error:
            raise SettingsUnreadable(self._record, error.strerror or str(error)) from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise SettingsUnreadable(self._record, str(error)) from error

    def change(self, change: Callable[[Library], Library]) -> Library:
        """Replaces the record by what `change` makes of it; no other process changes it meanwhile."""
        with self._held():
            before = self._decode()
            after = change(before)
            if after != before:
                try:
                    write_private(self._record, msgspec.json.format(msgspec.json.encode(after), indent=1) + b"\n")
                except OSError as error:
                    raise FolderUnusable(self._data, (error.strerror or str(error)).lower()) from error
            return after

    def stamp(self) -> tuple[int, ...]:
        """Another one after every change, whoever made it; cheap enough to ask every second."""
        try:
            status = self._record.stat()
        except OSError:
            return ()
        return status.st_mtime_ns, status.st_ino, status.st_size

    def downloader_lock(self) -> FileLock:
        """Held by the one process that carries out the wishes."""
        return FileLock(self._data / "downloads.lock")

    @contextmanager
    def _held(self) -> Iterator[None]:
        path = self._data / "library.lock"
        lock, until = FileLock(path), time.monotonic() + _PATIENCE_S
        try:
            self._data.mkdir(mode=0o700, parents=True, exist_ok=True)
            while not lock.acquire():
                if time.monotonic() > until:
                    raise LibraryBusy(path)
                time.sleep(_PAUSE_S)
        except OSError as error:
            raise FolderUnusable(self._data, (error.strerror or str(error)).lower()) from error
        try:
            yield
        finally:
            lock.release()

    # --- places

    def folder(self, library: Library | None = None) -> Path:
        """Where downloads go."""
        library = library or self.read()
        return Path(library.folder) if library.folder else self._data / "models"

    def target(self, entry: Entry, library: Library | None = None) -> Path:
        """Where the file of `entry` will be. Two files of one name from two places do not meet."""
        return self.folder(library) / f"{Path(entry.file).stem}-{entry.sha256[:8]}.gguf"

    def path(self, model: Model, library: Library | None = None) -> Path:
        return self.folder(library) / model.path if model.is_ours else Path(model.path)

    # --- wishes

    def want(self, entry: Entry) -> Wish:
        """Queues a download; one that stopped or is paused goes on. Raises ModelUnusable."""
        if not entry.url:
            raise ModelUnusable(Path(entry.file), "there is nothing to download: it comes with Nightjar")
        wish = Wish(entry=entry, added_at=self.now())

        def change(library: Library) -> Library:
            if any(model.name == entry.id and model.sha256 == entry.sha256 for model in library.models):
                raise ModelUnusable(
                    Path(entry.file), f"{entry.id} is on this PC already", "See `nightjar models list`."
                )
            return library.with_wish(wish)

        self.change(change)
        return wish

    def pause(self, name: str) -> str:
        """Holds a download, or no longer offers a model; the full name. Raises NoSuchModel."""
        return self._switch(name, on=False)

    def resume(self, name: str) -> str:
        """The opposite of `pause`; a download that stopped by itself is tried again. Raises NoSuchModel."""
        return self._switch(name, on=True)

    def _switch(self, name: str, *, on: bool) -> str:
        meant = ""

        def change(library: Library) -> Library:
            nonlocal meant
            try:
                wish = library.wish(name)
            except NoSuchModel:
                model = library.model(name)
                meant = model.name
                return library.changed(msgspec.structs.replace(model, active=on))
            meant = wish.name
            return library.with_wish(msgspec.structs.replace(wish, paused=not on, problem="", remedy=""))

        self.change(change)
        return meant

    def stopped(self, name: str, problem: str, remedy: str) -> None:
        """Notes why a download does not go on by itself."""

        def change(library: Library) -> Library:
            for wish in library.wishes:
                if wish.name == name:
                    return library.with_wish(msgspec.structs.replace(wish, problem=problem, remedy=remedy))
            return library

        self.change(change)

    def finished(self, entry: Entry, target: Path) -> bool:
        """A download is verified and at its place: from wish to model, in one step.

        False if it was given up at the last moment; then its file is gone again.
        """
        status = target.stat()
        model = Model(
            name=entry.id,
            path=target.name,
            size=status.st_size,
            mtime_ns=status.st_mtime_ns,
            sha256=entry.sha256,
            origin="download",
            added_at=self.now(),
            entry=entry,
        )
        kept = False

        def change(library: Library) -> Library:
            nonlocal kept
            kept = any(wish.name == entry.id for wish in library.wishes)
            return library.without_wish(entry.id).with_model(model) if kept else library

        self.change(change)
        if not kept:
            self.clear(target)
        return kept

    def clear(self, target: Path) -> int:
        """Deletes what there is of a download nobody wants any more; the bytes that become free.

        Nothing, where another process writes it (which then sees for itself) or a model of the library is that file.
        """
        library = self.read()
        if any(self.path(model, library) == target for model in library.models):
            return 0
        try:
            freed = set_aside(target)
            discard(target)
            target.unlink(missing_ok=True)
        except (FileInUse, OSError):
            return 0
        return freed

    # --- models

    def add(self, model: Model, *, instead_of: Collection[str] = ()) -> None:
        """Takes in a file, in place of models of its name and of those that are named."""

        def change(library: Library) -> Library:
            for name in instead_of:
                library = library.without_model(name)
            return library.with_model(model)

        self.change(change)

    def condition(self, model: Model, library: Library | None = None) -> Condition:
        try:
            status = self.path(model, library).stat()
        except OSError:
            return "missing"
        return "ready" if (status.st_size, status.st_mtime_ns) == (model.size, model.mtime_ns) else "changed"

    def usage(self) -> Usage:
        """Looks at every file of ours."""
        library = self.read()
        ours = sum(model.size for model in library.models if model.is_ours and self.condition(model) != "missing")
        unfinished = sum(set_aside(self.target(wish.entry, library)) for wish in library.wishes)
        elsewhere = sum(model.size for model in library.models if not model.is_ours)
        folder = self.folder(library)
        return Usage(folder, ours, unfinished, elsewhere, self._disk.free(nearest(folder)))

    def servable(self) -> tuple[Servable, ...]:
        """The models this PC can serve now, oldest first."""
        library = self.read()
        return tuple(
            Servable(model.name, self.path(model, library), model.sha256, model.entry, model.size, picture_part(model))
            for model in library.models
            if model.active and self.condition(model, library) == "ready"
        )

    def missing(self) -> tuple[str, ...]:
        """Models that should be served, but whose files are not there: deleted, or on a disk that is away."""
        library = self.read()
        return tuple(m.name for m in library.models if m.active and self.condition(m, library) == "missing")

    def recheck(self) -> tuple[Model, ...]:
        """Reads every file that looks changed, once, and forgives it if its content is the same. The others.

        Takes seconds per changed file.
        """
        library = self.read()
        return tuple(
            model
            for model in library.models
            if self.condition(model, library) == "changed" and not self._forgiven(model, self.path(model, library))
        )

    def _forgiven(self, model: Model, path: Path) -> bool:
        try:
            status = path.stat()
            facts = path, status.st_size, status.st_mtime_ns
            if status.st_size != model.size or facts in self._different:
                return False
            if file_sha256(path) != model.sha256:
                self._different.add(facts)
                return False
        except OSError:
            return False
        same = msgspec.structs.replace(model, mtime_ns=status.st_mtime_ns)
        self.change(lambda current: current.changed(same))
        return True

    def remove(self, name: str) -> int:
        """Deletes a model or gives up a download, whichever is meant by the beginning of its name; as the two below."""
        library = self.read()
        try:
            wish = library.wish(name)
        except NoSuchModel:
            return self._remove_model(library.model(name), library)
        return self._give_up(wish, library)

    def give_up(self, name: str) -> int:
        """Ends the download of exactly this name; the bytes that become free. Raises NoSuchModel.

        One that has arrived meanwhile is none any more, and stays.
        """
        library = self.read()
        for wish in library.wishes:
            if wish.name == name:
                return self._give_up(wish, library)
        raise NoSuchModel(name, "It may have arrived meanwhile: look again.")

    def delete(self, name: str) -> int:
        """Deletes the model of exactly this name; an imported file stays where it is. The bytes that become free.

        Raises NoSuchModel, ModelUnusable where the file cannot be deleted.
        """
        library = self.read()
        for model in library.models:
            if model.name == name:
                return self._remove_model(model, library)
        raise NoSuchModel(name)

    def _give_up(self, wish: Wish, library: Library) -> int:
        self.change(lambda current: current.without_wish(wish.name))
        return self.clear(self.target(wish.entry, library))

    def _remove_model(self, model: Model, library: Library) -> int:
        self.change(lambda current: current.without_model(model.name))
        path = self.path(model, library)
        if not model.is_ours or any(self.path(each) == path for each in self.read().models):
            return 0
        try:
            path.unlink()
        except FileNotFoundError:
            return 0
        except OSError as error:
            self.add(model)
            raise ModelUnusable(path, f"it cannot be deleted ({(error.strerror or str(error)).lower()})") from error
        return model.size
