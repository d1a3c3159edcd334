"""The pages of the window as the program makes them: on real folders, with the command line's own operations."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.agent.commands import Command, SetRules
from desktop.system.paths import Paths
from desktop.ui.appearance import Appearance
from desktop.ui.gallery import PLAIN
from desktop.ui.notice_book import NoticeBook
from desktop.ui.openings import openings_of
from desktop.ui.pages.models import ModelsPage
from desktop.ui.pages.rules import RulesPage
from desktop.ui.pages.settings import SettingsPage
from desktop.ui.places import Place
from desktop.ui.preferences import Preferences
from desktop.ui.private_relay import PrivateRelay
from desktop.ui.theme import Theme, Type, font
from desktop.ui.tokens import SPACE_M, SPACE_S
from desktop.ui.window import MainWindow
from tests.builders import a_snapshot
from tests.desktop.ui.works import Works
from tests.fakes import FakePrivateRelay


@pytest.fixture
def told() -> list[Command]:
    """What the agent hears."""
    return []


@pytest.fixture
def relay() -> PrivateRelay | None:
    """Beside the app; None as in the window of `nightjar local`."""
    return None


@pytest.fixture
def window(qtbot: QtBot, theme: Theme, tmp_path: Path, told: list[Command], relay: PrivateRelay | None) -> MainWindow:
    paths = Paths.under(tmp_path)
    paths.make()
    appearance = Appearance(theme, Preferences(paths.data / "interface.json"))
    notices = NoticeBook(tmp_path / "notices.json")
    openings = openings_of(
        theme,
        paths,
        Works(),
        PLAIN,
        appearance=appearance,
        notices=notices,
        post=told.append,
        private_relay=relay,
    )
    window = MainWindow(theme, openings)
    qtbot.addWidget(window)
    window.show()
    return window


def test_home_is_where_the_owner_begins_and_each_other_place_has_a_page(window: MainWindow) -> None:
    assert window.places == tuple(Place)
    assert window.sidebar.list.currentRow() == 0
    for place in window.places[1:]:
        window.go(place)
        window.show_screen(a_snapshot())
        assert window.sidebar.list.currentRow() == window.places.index(place)
        assert window.sheet.page.isVisible()


def test_the_place_where_one_is_has_room_for_its_name_in_bold(window: MainWindow) -> None:
    sidebar, title = window.sidebar, "Rules of sharing at night"
    item = sidebar.list.item(window.places.index(Place.RULES))
    item.setText(title)
    window.resize(1100, 700)
    QApplication.processEvents()
    beside = SPACE_M + 18 + SPACE_M + SPACE_S
    room = sidebar.list.visualItemRect(item).width() - beside
    assert QFontMetrics(font(Type.STRONG)).horizontalAdvance(title) <= room


@pytest.mark.parametrize("relay", [FakePrivateRelay(), None], ids=["the app", "nightjar local"])
def test_a_private_relay_is_offered_where_the_app_can_run_one(window: MainWindow, relay: PrivateRelay | None) -> None:
    window.go(Place.SETTINGS)
    window.show_screen(a_snapshot())
    page = window.sheet.page
    assert isinstance(page, SettingsPage)
    assert page.private_relay.isVisible() is (relay is not None)


def test_the_models_page_reads_the_library_of_this_pc(window: MainWindow, tmp_path: Path) -> None:
    window.go(Place.MODELS)
    window.show_screen(a_snapshot())
    page = window.sheet.page
    assert isinstance(page, ModelsPage)
    assert page.disk.place == str(Paths.under(tmp_path).data / "models")
    assert page.catalogue.rows
    window.end()


def test_the_rules_page_tells_the_agent_what_its_owner_wants(window: MainWindow, told: list[Command]) -> None:
    window.go(Place.RULES)
    window.show_screen(a_snapshot())
    page = window.sheet.page
    assert isinstance(page, RulesPage)
    page.week.presets["Clear"].click()
    window.go(Place.HOME)
    assert told == [SetRules({"schedule": "never"})]
