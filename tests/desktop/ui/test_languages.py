"""The window in another language: which, with what numbers and plurals, and with room for all its words."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import shiboken6
from PySide6.QtCore import QCoreApplication, QLocale, QTranslator
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from desktop.ui.examples import NOW
from desktop.ui.faces import every_face
from desktop.ui.figures import Formats
from desktop.ui.formats import formats_of
from desktop.ui.languages import locale_of, speak, spoken
from desktop.ui.page_faces.every_page import PAGES
from desktop.ui.preferences import Language
from desktop.ui.presenters import Presenter
from desktop.ui.sheet import Sheet
from desktop.ui.theme import Theme
from desktop.ui.window import MainWindow
from tests.desktop.ui.fitting import cut_off
from tests.packaging.scripts import script

ROMANIA, AUSTRIA, NOWHERE = QLocale("ro_RO"), QLocale("de_AT"), QLocale.c()


@pytest.fixture(scope="session")
def catalogues(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("catalogues")
    script("languages").compile_catalogues(into=folder)
    return folder


@pytest.fixture
def unspoken(qapp: QApplication) -> Iterator[None]:
    """What is spoken in a test ends with it."""
    before, known = QLocale(), set(qapp.findChildren(QTranslator))
    yield
    QLocale.setDefault(before)
    for translator in set(qapp.findChildren(QTranslator)) - known:
        qapp.removeTranslator(translator)
        shiboken6.delete(translator)


@pytest.fixture
def romanian(qapp: QApplication, catalogues: Path, unspoken: None) -> Formats:
    speak(qapp, Language.ROMANIAN, catalogues)
    return formats_of(QLocale())


@pytest.mark.parametrize(
    ("chosen", "system", "language"),
    [
        (Language.SYSTEM, ROMANIA, Language.ROMANIAN),
        (Language.SYSTEM, QLocale("ro_MD"), Language.ROMANIAN),
        (Language.SYSTEM, QLocale("en_GB"), Language.ENGLISH),
        (Language.SYSTEM, AUSTRIA, Language.ENGLISH),
        (Language.SYSTEM, NOWHERE, Language.ENGLISH),
        (Language.ENGLISH, ROMANIA, Language.ENGLISH),
        (Language.ROMANIAN, AUSTRIA, Language.ROMANIAN),
    ],
)
def test_the_owners_choice_wins_and_else_the_system_decides(
    chosen: Language, system: QLocale, language: Language
) -> None:
    assert spoken(chosen, system) is language


@pytest.mark.parametrize(
    ("language", "system", "written"),
    [
        (Language.ROMANIAN, ROMANIA, "ro_RO"),
        (Language.ROMANIAN, AUSTRIA, "ro_RO"),
        (Language.ROMANIAN, NOWHERE, "ro_RO"),
        (Language.ENGLISH, ROMANIA, "en_RO"),
        (Language.ENGLISH, QLocale("en_GB"), "en_GB"),
        (Language.ENGLISH, NOWHERE, "C"),
    ],
)
def test_numbers_and_dates_are_of_the_language_and_of_the_owners_country(
    language: Language, system: QLocale, written: str
) -> None:
    assert locale_of(language, system).name() == written


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0 răspunsuri"),
        (1, "1 răspuns"),
        (2, "2 răspunsuri"),
        (19, "19 răspunsuri"),
        (20, "20 de răspunsuri"),
        (101, "101 răspunsuri"),
        (1_234, "1.234 de răspunsuri"),
    ],
)
@pytest.mark.usefixtures("romanian")
def test_a_count_takes_the_form_that_romanian_has_for_it(count: int, said: str) -> None:
    assert QCoreApplication.translate("EarningsPresenter", "%Ln answers", "", count) == said


def test_a_state_is_told_in_romanian_to_the_last_word(romanian: Formats) -> None:
    presenter = Presenter(QCoreApplication.translate, romanian)
    hot = presenter.home(every_face()["too-hot"], NOW)
    assert hot.state.headline == "Se răcește"
    assert hot.state.detail == "Placa video s-a încins prea tare; partajarea începe sub 75 °C."
    assert hot.earnings.today.rounded == "0,31\N{NO-BREAK SPACE}$"
    used = presenter.home(every_face()["owner-was-active"], NOW)
    assert used.state.detail.startswith("Ai folosit acest PC acum 2 min; partajarea începe peste 3:00.")


@pytest.mark.usefixtures("romanian")
def test_qts_own_menus_are_in_the_language_too(qtbot: QtBot) -> None:
    field = QLineEdit("text")
    qtbot.addWidget(field)
    texts = [action.text().partition("\t")[0] for action in field.createStandardContextMenu().actions()]
    assert texts[-1] == "Selectează tot"


def test_a_language_whose_texts_are_not_there_is_told_and_english_shown(
    qapp: QApplication, unspoken: None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        speak(qapp, Language.ROMANIAN, tmp_path)
    assert "nightjar_ro.qm" in caplog.text
    assert QCoreApplication.translate("Sidebar", "Home") == "Home"


@pytest.mark.parametrize("page", sorted(PAGES))
def test_every_page_has_room_for_romanian(qapp: QApplication, theme: Theme, romanian: Formats, page: str) -> None:
    sheet = Sheet(QWidget(), PAGES[page](theme, romanian))
    window = MainWindow(theme)
    sheet.show()
    for width in (max(sheet.minimumWidth(), window.minimumSizeHint().width()), 800):
        sheet.resize(width, 640)
        qapp.processEvents()
        assert cut_off(sheet) == []
    shiboken6.delete(sheet)
    shiboken6.delete(window)


@pytest.mark.parametrize("face", sorted(every_face()))
def test_home_has_room_for_romanian(qapp: QApplication, theme: Theme, romanian: Formats, face: str) -> None:
    window = MainWindow(theme)
    window.show_view(Presenter(QCoreApplication.translate, romanian).home(every_face()[face], NOW))
    window.show()
    for width in (window.minimumSizeHint().width(), 800):
        window.resize(width, 640)
        qapp.processEvents()
        assert cut_off(window) == []
    shiboken6.delete(window)
