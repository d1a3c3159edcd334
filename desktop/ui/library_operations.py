"""What the Models page can do: one function an act, all blocking, for a thread that is not Qt's.

The same functions of the library that the command line uses; nothing is decided here. All raise DesktopError.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from desktop.agent import books
from desktop.errors import DesktopError
from desktop.models.catalogue import Catalogue
from desktop.models.choice import fit_here, ranked_here
from desktop.models.errors import NoSuchModel
from desktop.models.fit import Badge
from desktop.models.imports import Found, Places, find, find_in, take_in
from desktop.models.library import Library, Model
from desktop.models.moving import move
from desktop.models.store import Store, picture_part
from desktop.system.paths import Paths
from desktop.ui.library_facts import CatalogueSeen, LibrarySeen, ModelHere

Report = Callable[[int, int], None]
"""Hears of bytes done and in all. What it raises ends the act."""


class StoppedByOwner(DesktopError):
    """The owner stopped a long act; everything is as it was before."""


class LibraryOperations:
    """On the library of one data folder."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._store = Store(paths.data)
        self._catalogue: Catalogue | None = None
        self._notice = ""
        self._fits: dict[tuple[str, str], Badge | None] = {}

    # --- looking ---------------------------------------------------------------------------------------------------

    def look(self) -> LibrarySeen:
        """Reads the record and the size of every file; the header of a file that was not seen before."""
        library = self._store.read()
        models = tuple(self._here(model, library) for model in library.models)
        return LibrarySeen(models, self._store.usage(), frozenset(wish.name for wish in library.wishes))

    def _here(self, model: Model, library: Library) -> ModelHere:
        path, condition = self._store.path(model, library), self._store.condition(model, library)
        key = (model.name, model.sha256)
        if condition == "ready" and key not in self._fits:
            self._fits[key] = fit_here(path, model.entry)
        return ModelHere(
            name=model.name,
            size=model.size,
            origin=model.origin,
            active=model.active,
            condition=condition,
            badge=self._fits.get(key),
            ours=model.is_ours,
            path=str(path),
            sees=picture_part(model) is not None,
        )

    def search(self, words: str, speeds: Mapping[str, float], *, anew: bool = False) -> CatalogueSeen:
        """`speeds`: tokens a second of models that run here, by name. The relay is asked once, or `anew`."""
        if self._catalogue is None or anew:
            self._catalogue, self._notice = asyncio.run(books.catalogue_now(self._paths))
        sizes = {model.name: model.size for model in self._store.read().models}
        measured = [(sizes.get(name, 0), speed) for name, speed in speeds.items()]
        found = ranked_here(self._catalogue, words, measured)
        return CatalogueSeen(words, tuple(found), self._notice)

    # --- switches --------------------------------------------------------------------------------------------------

    def download(self, name: str) -> None:
        """Queues a model of the catalogue; the agent downloads it."""
        catalogue = self._catalogue
        entry = catalogue.find(name) if catalogue is not None else None
        if entry is None:
            raise NoSuchModel(name, "Search again: the relay may no longer want it.")
        self._store.want(entry)

    def pause(self, name: str) -> None:
        self._store.pause(name)

    def resume(self, name: str) -> None:
        self._store.resume(name)

    def delete(self, name: str) -> int:
        """Deletes a model of ours, or lets go of another's. The bytes that are free again."""
        return self._store.delete(name)

    def give_up(self, name: str) -> int:
        """Ends a download. The bytes that are free again."""
        return self._store.give_up(name)

    # --- what takes a while ----------------------------------------------------------------------------------------

    def others(self) -> tuple[Found, ...]:
        """Models of other programs on this PC."""
        return find(Places.of_user(Path.home(), os.environ))

    def bring_in(self, path: Path, report: Report) -> str:
        """Takes in the one GGUF file at `path` where it lies; its name here."""
        (found, *_) = find_in(path) or (None,)
        if found is None:
            raise NoSuchModel(path.name, "There is no GGUF file in it.")
        return self.take(found, report)

    def take(self, found: Found, report: Report) -> str:
        """Takes in a model that was found; its name here."""
        catalogue = self._catalogue
        if catalogue is None:
            catalogue, _ = asyncio.run(books.catalogue_now(self._paths))
        return take_in(self._store, found, catalogue, read=lambda done: report(done, found.size)).name

    def move(self, folder: Path, report: Report) -> str:
        """Moves all downloaded models; the folder where they are then."""
        total = max(1, sum(each.size for each in self._store.read().models if each.is_ours))
        before, last = 0, 0

        def copied(done: int) -> None:
            nonlocal before, last
            if done < last:
                before += last
            last = done
            report(before + done, total)

        move(self._store, folder, copied=copied)
        return str(self._store.folder())
