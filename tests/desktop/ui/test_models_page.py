from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtGui import QTextDocument
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu
from pytestqt.qtbot import QtBot

from desktop.errors import DesktopError
from desktop.models.errors import ModelUnusable
from desktop.models.imports import Found
from desktop.ui.examples import MODEL, NOW, snapshot, unreachable
from desktop.ui.faces import DOWNLOADING
from desktop.ui.gallery import PLAIN
from desktop.ui.library_acts import LibraryActs
from desktop.ui.library_facts import CatalogueSeen, LibrarySeen
from desktop.ui.library_operations import Report
from desktop.ui.library_presenter import LibraryPresenter
from desktop.ui.library_views import Wanted
from desktop.ui.page_faces.models import CATALOGUE, FOUND, HERE, LIBRARY
from desktop.ui.pages.models import ModelsPage
from desktop.ui.theme import Theme
from tests.desktop.ui.test_presenters import untranslated
from tests.desktop.ui.works import Works


class Shelf:
    """Operations that remember what was asked."""

    def __init__(self) -> None:
        self.library = LIBRARY
        self.done: list[tuple[str, str]] = []
        self.searched: list[str] = []
        self.problem: DesktopError | None = None
        self.reports: list[tuple[int, int]] = []
        self.found: tuple[Found, ...] = ()

    def look(self) -> LibrarySeen:
        return self.library

    def search(self, words: str, speeds: dict[str, float], /, *, anew: bool = False) -> CatalogueSeen:
        self.searched.append(words)
        if self.problem is not None:
            raise self.problem
        return replace(CATALOGUE, words=words, found=FOUND if not words else FOUND[:1])

    def _do(self, act: str, name: str) -> None:
        if self.problem is not None:
            raise self.problem
        self.done.append((act, name))

    def download(self, name: str, /) -> None:
        self._do("download", name)

    def pause(self, name: str, /) -> None:
        self._do("pause", name)

    def resume(self, name: str, /) -> None:
        self._do("resume", name)

    def delete(self, name: str, /) -> int:
        self._do("delete", name)
        return 4_680_000_000

    def give_up(self, name: str, /) -> int:
        self._do("give up", name)
        return 1_000_000_000

    def others(self) -> tuple[Found, ...]:
        return self.found

    def bring_in(self, path: Path, report: Report, /) -> str:
        for done in self.reports:
            report(*done)
        self._do("import", str(path))
        return path.stem

    def take(self, found: Found, report: Report, /) -> str:
        self._do("import", found.name)
        return found.name

    def move(self, folder: Path, report: Report, /) -> str:
        self._do("move", str(folder))
        return str(folder)


@pytest.fixture
def page(qtbot: QtBot, theme: Theme) -> Iterator[ModelsPage]:
    made = ModelsPage(theme)
    made.resize(740, 1200)
    made.show()
    yield made
    shiboken6.delete(made)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def works() -> Works:
    return Works()


@pytest.fixture
def acts(page: ModelsPage, shelf: Shelf, works: Works) -> LibraryActs:
    return LibraryActs(page, shelf, works, LibraryPresenter(untranslated, PLAIN), clock=lambda: NOW)


def press(page: ModelsPage, wanted: Wanted, name: str) -> None:
    rows = [*page.library.rows, *page.queue.rows, *page.catalogue.rows]
    (button,) = (row.buttons[wanted] for row in rows if wanted in row.buttons and name in row.name.text())
    button.click()


def test_nothing_is_looked_at_before_the_page_is_seen(acts: LibraryActs, shelf: Shelf) -> None:
    assert shelf.searched == []
    acts.show(snapshot())
    assert shelf.searched == [""]


def test_the_page_shows_what_is_here_what_comes_and_what_is_worth_having(acts: LibraryActs, page: ModelsPage) -> None:
    acts.show(snapshot(downloads=(DOWNLOADING,)))
    names = [[row.name.text() for row in card.rows if row.isVisible()] for card in (page.library, page.queue)]
    assert names == [[model.name for model in HERE], [DOWNLOADING.name]]
    assert [row.name.text() for row in page.catalogue.rows][:2] == ["Gemma 3 12B Instruct", "Qwen 2.5 7B Instruct"]


@pytest.mark.parametrize(
    "wish",
    [
        (Wanted.REST, MODEL.name, ("pause", MODEL.name)),
        (Wanted.OFFER, "llama-3.2", ("resume", "llama-3.2-3b-instruct-q5_k_m")),
        (Wanted.PAUSE, "gemma-3-4b", ("pause", "gemma-3-4b-it-q4_k_m")),
        (Wanted.DOWNLOAD, "Gemma 3 12B", ("download", "gemma-3-12b-it-q4_k_m")),
    ],
    ids=lambda wish: wish[0].name.lower(),
)
def test_a_buttons_wish_reaches_the_library(
    acts: LibraryActs, page: ModelsPage, shelf: Shelf, wish: tuple[Wanted, str, tuple[str, str]]
) -> None:
    wanted, name, done = wish
    acts.show(snapshot(downloads=(DOWNLOADING,)))
    press(page, wanted, name)
    assert shelf.done == [done]


def answer(page: ModelsPage, text: str) -> None:
    assert page.question is not None
    (button,) = (button for button in page.question.buttons() if button.text() == text)
    button.click()


def test_a_model_is_deleted_only_after_its_owner_said_so(acts: LibraryActs, page: ModelsPage, shelf: Shelf) -> None:
    acts.show(snapshot())
    press(page, Wanted.REMOVE, MODEL.name)
    assert shelf.done == []
    answer(page, "Delete the file")
    assert shelf.done == [("delete", MODEL.name)]
    assert page.act.told.accessibleName() == "Deleted; 4.7 GB are free again."


def test_enter_in_a_question_deletes_nothing(acts: LibraryActs, page: ModelsPage, shelf: Shelf) -> None:
    acts.show(snapshot())
    press(page, Wanted.REMOVE, MODEL.name)
    assert page.question is not None
    QTest.keyClick(page.question, Qt.Key.Key_Return)
    assert shelf.done == []


def test_a_download_is_given_up_only_after_its_owner_said_so(acts: LibraryActs, page: ModelsPage, shelf: Shelf) -> None:
    acts.show(snapshot(downloads=(DOWNLOADING,)))
    press(page, Wanted.CANCEL, DOWNLOADING.name)
    answer(page, "Give it up")
    assert shelf.done == [("give up", DOWNLOADING.name)]


def test_a_wish_that_is_refused_says_why_where_one_looks(acts: LibraryActs, page: ModelsPage, shelf: Shelf) -> None:
    acts.show(snapshot())
    shelf.problem = ModelUnusable(Path("gemma.gguf"), "it is on this PC already")
    press(page, Wanted.DOWNLOAD, "Gemma 3 12B")
    assert page.act.problem.accessibleName() == "gemma.gguf cannot be used: it is on this PC already."


def test_only_the_newest_words_are_searched_for(
    acts: LibraryActs, page: ModelsPage, shelf: Shelf, works: Works
) -> None:
    works.at_once = False
    acts.show(snapshot())
    for words in ("g", "ge", "gemma"):
        page.words_given.emit(words)
    works.finish()
    assert shelf.searched == ["", "gemma"]


def test_a_catalogue_that_cannot_be_had_is_asked_for_again_with_the_next_words(
    acts: LibraryActs, page: ModelsPage, shelf: Shelf
) -> None:
    shelf.problem = DesktopError("The relay does not answer.")
    acts.show(snapshot())
    assert page.catalogue.empty.accessibleName() == "The relay does not answer."
    shelf.problem = None
    page.words_given.emit("")
    assert len([row for row in page.catalogue.rows if row.isVisible()]) == len(FOUND)


def test_a_catalogue_of_before_is_asked_for_again_once_there_is_contact(
    acts: LibraryActs, page: ModelsPage, shelf: Shelf
) -> None:
    shelf.problem = DesktopError("The relay does not answer.")
    acts.show(unreachable())
    shelf.problem = None
    acts.show(snapshot())
    assert len([row for row in page.catalogue.rows if row.isVisible()]) == len(FOUND)


def test_an_import_shows_how_far_it_is(acts: LibraryActs, page: ModelsPage, shelf: Shelf, works: Works) -> None:
    acts.show(snapshot())
    shelf.reports = [(1_000_000_000, 4_000_000_000)]
    works.at_once = False
    page.file_chosen.emit(Path("/home/maria/phi.gguf"))
    assert page.act.text.accessibleName() == "Reading phi.gguf"
    assert not page.disk.bring.isEnabled()
    works.finish()
    assert page.act.told.accessibleName() == "Imported phi; the file stays where it is."
    assert page.disk.bring.isEnabled()


def test_an_import_that_is_stopped_changes_nothing(
    acts: LibraryActs, page: ModelsPage, shelf: Shelf, works: Works
) -> None:
    acts.show(snapshot())
    shelf.reports = [(1, 4)]
    works.at_once = False
    page.file_chosen.emit(Path("/home/maria/phi.gguf"))
    page.act.stop.click()
    works.finish()
    assert shelf.done == []
    assert page.act.told.accessibleName() == "Stopped; nothing was changed."


def test_a_refused_switch_leaves_a_long_act_alone(
    acts: LibraryActs, page: ModelsPage, shelf: Shelf, works: Works
) -> None:
    acts.show(snapshot())
    works.at_once = False
    page.folder_chosen.emit(Path("/mnt/big"))
    shelf.problem = ModelUnusable(Path("gemma.gguf"), "it is on this PC already")
    press(page, Wanted.REST, MODEL.name)
    works.waiting.pop(1)()
    assert page.act.text.accessibleName() == "Moving the models to /mnt/big"
    assert page.act.problem.accessibleName().startswith("gemma.gguf")


def test_models_of_other_programs_are_offered_and_those_that_cannot_be_used_are_dead(
    acts: LibraryActs, page: ModelsPage, shelf: Shelf
) -> None:
    good = Found("phi4:latest", Path("/ollama/blob"), 9_000_000_000, "ollama")
    bad = replace(good, name="half", problem="it is cut short")
    acts.show(snapshot())
    menu = page.offer_imports((good, bad))
    enabled = {action.text(): action.isEnabled() for action in menu.actions() if action.text()}
    assert enabled == {"Choose a GGUF file…": True, "phi4:latest": True, "half": False}
    next(action for action in menu.actions() if action.text() == "phi4:latest").trigger()
    menu.close()
    assert shelf.done == [("import", "phi4:latest")]


def test_nothing_opens_over_another_page_once_other_programs_were_searched(
    acts: LibraryActs, page: ModelsPage, works: Works
) -> None:
    acts.show(snapshot())
    works.at_once = False
    page.disk.bring.click()
    acts.hide()
    works.finish()
    assert page.findChildren(QMenu) == []


def test_a_files_name_is_neither_markup_nor_a_shortcut(page: ModelsPage) -> None:
    found = Found("R&D <b>8b</b>", Path("/models/<img src=x>.gguf"), 9_000_000_000, "file")
    action = page.offer_imports((found,)).actions()[-1]
    assert action.text() == "R&&D <b>8b</b>"
    shown = QTextDocument()
    shown.setHtml(action.toolTip())
    assert shown.toPlainText() == "/models/<img src=x>.gguf"


def test_every_button_tells_a_reader_which_model_it_is_about(acts: LibraryActs, page: ModelsPage) -> None:
    acts.show(snapshot(downloads=(DOWNLOADING,)))
    for row in (*page.library.rows, *page.queue.rows):
        for button in row.buttons.values():
            assert row.name.text() in button.accessibleName()


def test_buttons_of_one_list_stand_below_each_other(acts: LibraryActs, page: ModelsPage) -> None:
    acts.show(snapshot())
    assert len({row.side.minimumWidth() for row in page.library.rows}) == 1
