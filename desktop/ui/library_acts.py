"""What the Models page does: turns what the owner asks for into operations, and their ends into what the page shows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from typing_extensions import override

from desktop.errors import DesktopError
from desktop.models.imports import Found
from desktop.ui.background import Runs
from desktop.ui.library_facts import Act, CatalogueSeen, LibraryFacts, LibrarySeen
from desktop.ui.library_operations import Report, StoppedByOwner
from desktop.ui.library_presenter import LibraryPresenter
from desktop.ui.library_views import LibraryView, Wanted
from desktop.ui.page_acts import PageActs
from desktop.ui.pages.models import ModelsPage

_LOOK_MS = 1_500
"""How often the library is looked at while the page is seen: other programs may change it."""

_REPORT_S = 0.2
"""Between two reports of a long act; more would only burn the processor."""


class Operations(Protocol):
    """`LibraryOperations`, or a test's."""

    def look(self) -> LibrarySeen: ...
    def search(self, words: str, speeds: dict[str, float], /, *, anew: bool = False) -> CatalogueSeen: ...
    def download(self, name: str, /) -> None: ...
    def pause(self, name: str, /) -> None: ...
    def resume(self, name: str, /) -> None: ...
    def delete(self, name: str, /) -> int: ...
    def give_up(self, name: str, /) -> int: ...
    def others(self) -> tuple[Found, ...]: ...
    def bring_in(self, path: Path, report: Report, /) -> str: ...
    def take(self, found: Found, report: Report, /) -> str: ...
    def move(self, folder: Path, report: Report, /) -> str: ...


class LibraryActs(PageActs[LibraryFacts]):
    """Looks only while the page is seen. One long act at a time; switches are quick and may come in between."""

    def __init__(
        self,
        page: ModelsPage,
        operations: Operations,
        background: Runs,
        presenter: LibraryPresenter,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(page, LibraryFacts(), background, every_ms=_LOOK_MS)
        self.page, self._operations, self._presenter, self._clock = page, operations, presenter, clock
        self._looking = False
        self._words = ""
        self._sought: tuple[str, object] | None = None
        self._listed: object = None
        """How things stood when the relay was asked last what it wants."""
        self._stop = threading.Event()
        self._reported = 0.0
        self._connect()

    def _connect(self) -> None:
        page = self.page
        page.asked.connect(self._asked)
        page.words_given.connect(self._search)
        page.import_wanted.connect(self._find_others)
        page.file_chosen.connect(self._import_file)
        page.found_chosen.connect(self._import_found)
        page.folder_chosen.connect(self._move)
        page.stop_asked.connect(self._stop_act)

    # --- what is shown ---------------------------------------------------------------------------------------------

    @override
    def close(self) -> None:
        """Ends a long act as its owner would."""
        self._stop.set()
        self.hide()

    @property
    @override
    def ticking(self) -> bool:
        """Whether a text of the page counts down."""
        return self._view().ticking

    @override
    def _draw(self) -> None:
        self.page.show_view(self._view())

    def _view(self) -> LibraryView:
        return self._presenter.page(self._facts, self._snapshot, self._clock())

    # --- looking ---------------------------------------------------------------------------------------------------

    @override
    def _opened(self) -> None:
        self._look()
        self._search(self._words)

    @override
    def _look(self) -> None:
        """Also when nothing changed in the record: files and free room change by themselves."""
        if not self._looking:
            self._looking = True
            self._background.run(self._operations.look, self._looked, self._not_looked)

    def _looked(self, library: LibrarySeen) -> None:
        self._looking = False
        if library != self._facts.library or self._facts.unread:
            self._know(library=library, unread="")

    def _not_looked(self, error: DesktopError) -> None:
        self._looking = False
        self._know(unread=error.line())

    @override
    def _stirred(self) -> None:
        """Another relay wants other models, and one that was silent may tell now what it wants."""
        self._search(self._words)

    def _search(self, words: str) -> None:
        """Only the newest words matter."""
        self._words = words.strip()
        if self._sought is not None:
            return
        words, standing = self._sought = self._words, self._standing
        wanting = bool(self._facts.search_problem) or bool(self._facts.catalogue and self._facts.catalogue.notice)
        anew = standing != self._listed or (wanting and not words)
        self._listed = standing
        models = self._snapshot.models if self._snapshot is not None else ()
        speeds = {model.name: model.decode_tps for model in models}
        self._know(searching=True)
        self._background.run(lambda: self._operations.search(words, speeds, anew=anew), self._found, self._not_found)

    def _found(self, seen: CatalogueSeen) -> None:
        self._searched(catalogue=seen, search_problem="")

    def _not_found(self, error: DesktopError) -> None:
        self._searched(search_problem=error.line())

    def _searched(self, **found: object) -> None:
        sought, self._sought = self._sought, None
        self._know(searching=False, **found)
        if sought != (self._words, self._standing):
            self._search(self._words)

    # --- switches --------------------------------------------------------------------------------------------------

    def _asked(self, wanted: Wanted, name: str) -> None:
        match wanted:
            case Wanted.OFFER | Wanted.RESUME:
                self._switch(lambda: self._operations.resume(name))
            case Wanted.REST | Wanted.PAUSE:
                self._switch(lambda: self._operations.pause(name))
            case Wanted.DOWNLOAD:
                self._switch(lambda: self._operations.download(name))
            case Wanted.REMOVE:
                self._ask_to_remove(name)
            case Wanted.CANCEL:
                self._ask_to_cancel(name)

    def _switch(self, work: Callable[[], None]) -> None:
        self._know(problem="", told="")
        self._background.run(work, lambda _none: self._look(), self._refused)

    def _ask_to_remove(self, name: str) -> None:
        library = self._facts.library
        here = next((model for model in library.models if model.name == name), None) if library else None
        if here is not None:
            self.page.confirm(self._presenter.removal(here), lambda: self._remove(self._operations.delete, name))

    def _ask_to_cancel(self, name: str) -> None:
        queue = self._snapshot.downloads if self._snapshot is not None else ()
        seen = next((each for each in queue if each.name == name), None)
        if seen is not None:
            self.page.confirm(self._presenter.cancellation(seen), lambda: self._remove(self._operations.give_up, name))

    def _remove(self, act: Callable[[str], int], name: str) -> None:
        """Only what the question was about: what has become of it meanwhile stays."""
        self._know(problem="", told="")
        self._background.run(lambda: act(name), self._removed, self._refused)

    def _refused(self, error: DesktopError) -> None:
        self._know(problem=error.line())
        self._look()

    def _removed(self, freed: int) -> None:
        self._know(told=self._presenter.removed(freed))
        self._look()

    # --- what takes a while ----------------------------------------------------------------------------------------

    def _find_others(self) -> None:
        self._background.run(self._operations.others, self._offer, self._refused)

    def _offer(self, found: tuple[Found, ...]) -> None:
        """Unless its owner went elsewhere while the disk was looked through: a menu would open over nothing."""
        if self._seen:
            self.page.offer_imports(found)

    def _import_file(self, path: Path) -> None:
        self._begin(Act("import", path.name, can_stop=True), lambda report: self._operations.bring_in(path, report))

    def _import_found(self, found: Found) -> None:
        act = Act("import", found.name, size=found.size, can_stop=True)
        self._begin(act, lambda report: self._operations.take(found, report))

    def _move(self, folder: Path) -> None:
        act = Act("move", str(folder), can_stop=True)
        self._begin(act, lambda report: self._operations.move(folder, report))

    def _begin(self, act: Act, work: Callable[[Report], str]) -> None:
        if self._facts.act is not None:
            return
        self._stop.clear()
        self._reported = 0.0
        self._know(act=replace(act, began=self._clock()), problem="", told="")
        self._background.run(lambda: work(self._report), self._ended, self._failed)

    def _report(self, done: int, size: int) -> None:
        """On the thread of the act. Raises StoppedByOwner."""
        if self._stop.is_set():
            raise StoppedByOwner
        now = time.monotonic()
        if now - self._reported >= _REPORT_S:
            self._reported = now
            self._background.post(lambda: self._progressed(done, size))

    def _progressed(self, done: int, size: int) -> None:
        if self._facts.act is not None:
            self._know(act=replace(self._facts.act, done=done, size=size))

    def _stop_act(self) -> None:
        if self._facts.act is not None:
            self._stop.set()
            self._know(act=replace(self._facts.act, stopping=True))

    def _ended(self, result: str) -> None:
        act = self._facts.act
        told = self._presenter.moved(result) if act and act.what == "move" else self._presenter.imported(result)
        self._know(act=None, told=told)
        self._look()

    def _failed(self, error: DesktopError) -> None:
        if isinstance(error, StoppedByOwner):
            self._know(act=None, told=self._presenter.stopped())
        else:
            self._know(act=None, problem=error.line())
        self._look()
