"""The Settings page: each change is really made, and what is shown is how things are."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from logging.handlers import RotatingFileHandler
from pathlib import Path

import pytest
import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QMessageBox
from pytestqt.qtbot import QtBot

from desktop.agent.commands import Command, Forget
from desktop.errors import CommandRefused, DesktopError, FolderUnusable
from desktop.models.store import Usage
from desktop.system.autostart import AtLogin
from desktop.system.logs import LOG_FILE, last_lines
from desktop.system.paths import Paths
from desktop.ui.appearance import Appearance
from desktop.ui.examples import not_enrolled, snapshot
from desktop.ui.gallery import PLAIN
from desktop.ui.notice_book import NoticeBook
from desktop.ui.notices import Wish
from desktop.ui.page_faces.settings import SETTINGS
from desktop.ui.pages.settings import SettingsPage
from desktop.ui.preferences import Chosen, Language, Look, Preferences
from desktop.ui.settings_acts import Housekeeping, SettingsActs
from desktop.ui.settings_presenter import Folders, SettingsFacts, SettingsPresenter
from desktop.ui.theme import Theme
from desktop.ui.tokens import DARK, LIGHT
from tests.desktop.ui.test_presenters import untranslated
from tests.desktop.ui.works import Works

PRESENTER = SettingsPresenter(untranslated, PLAIN)


class Kept:
    """What is kept, as a test wishes."""

    folders = Folders("/data", "/settings.toml", "/logs")

    def __init__(self) -> None:
        self.login = AtLogin(on=False, place="/autostart")
        self.size = 2_000_000
        self.problem: DesktopError | None = None

    def at_login(self) -> AtLogin:
        return self.login

    def start_at_login(self, wanted: bool, /) -> AtLogin:
        if self.problem is not None:
            raise self.problem
        self.login = replace(self.login, on=wanted)
        return self.login

    def usage(self) -> Usage:
        return Usage(Path("/models"), 5_000_000_000, 0, 0, 10_000_000_000)

    def traces(self) -> int:
        return self.size

    def forget(self) -> int:
        size, self.size = self.size, 0
        return size


@pytest.fixture
def page(qtbot: QtBot, theme: Theme) -> Iterator[SettingsPage]:
    made = SettingsPage(theme)
    made.resize(700, 900)
    made.show()
    yield made
    shiboken6.delete(made)


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def posted() -> list[Command]:
    return []


@pytest.fixture
def acts(page: SettingsPage, kept: Kept, theme: Theme, posted: list[Command], tmp_path: Path) -> SettingsActs:
    appearance = Appearance(theme, Preferences(tmp_path / "interface.json"))
    notices = NoticeBook(tmp_path / "notices.json")
    return SettingsActs(page, kept, Works(), PRESENTER, appearance=appearance, notices=notices, post=posted.append)


# --- words ---------------------------------------------------------------------------------------------------------


def test_the_relay_is_named_without_its_scheme_and_none_is_told_where_to_begin() -> None:
    assert PRESENTER.page(SETTINGS, snapshot()).relay == "relay.example.org"
    view = PRESENTER.page(SETTINGS, not_enrolled())
    assert (view.relay, view.relay_detail) == ("This PC is not connected to a relay.", "You can do that on Home.")


def test_a_start_that_was_switched_off_elsewhere_says_where() -> None:
    blocked = AtLogin(on=False, place="/autostart", blocked="It is switched off in the desktop's list.")
    view = PRESENTER.page(SettingsFacts(at_login=blocked), None)
    assert (view.starts, view.start_told) == (False, "It is switched off in the desktop's list.")


def test_before_removing_it_says_what_goes_and_what_stays() -> None:
    question = PRESENTER.question(2_000_000)
    assert "2.0 MB" in question.detail
    assert "Models, settings, earnings" in question.detail


# --- acts ----------------------------------------------------------------------------------------------------------


def test_start_at_login_is_switched_on_and_off(acts: SettingsActs, kept: Kept) -> None:
    acts.show(snapshot())
    assert not acts.page.start.wish.isChecked()
    acts.page.start.wish.click()
    assert kept.login.on
    assert acts.page.start.wish.isChecked()
    acts.page.start.wish.click()
    assert not kept.login.on


def test_a_switch_that_cannot_be_made_goes_back_and_says_why(acts: SettingsActs, kept: Kept) -> None:
    acts.show(snapshot())
    kept.problem = CommandRefused("/autostart cannot be written: no room.")
    acts.page.start.wish.click()
    assert not acts.page.start.wish.isChecked()
    assert acts.page.start.problem.accessibleName() == "/autostart cannot be written: no room."


def test_a_look_holds_at_once_and_after_a_restart(acts: SettingsActs, theme: Theme, tmp_path: Path) -> None:
    acts.show(snapshot())
    acts.page.looks.buttons["dark"].click()
    assert theme.colours is DARK
    acts.page.looks.buttons["light"].click()
    assert theme.colours is LIGHT
    acts.page.looks.buttons["dark"].click()
    theme.choose(Qt.ColorScheme.Light)
    assert Appearance(theme, Preferences(tmp_path / "interface.json")).look is Look.DARK
    assert theme.colours is DARK


def test_a_language_is_kept_for_the_next_start_beside_the_look(acts: SettingsActs, tmp_path: Path) -> None:
    acts.show(snapshot())
    assert [button.text() for button in acts.page.languages.buttons.values()] == ["As the system", "English", "Română"]
    acts.page.looks.buttons["dark"].click()
    acts.page.languages.buttons["ro"].click()
    assert acts.page.languages.buttons["ro"].isChecked()
    assert "started again" in acts.page.languages.told.accessibleName()
    assert Preferences(tmp_path / "interface.json").chosen == Chosen(Look.DARK, Language.ROMANIAN)


def test_what_the_owner_wants_to_be_told_holds_after_a_restart(acts: SettingsActs, tmp_path: Path) -> None:
    acts.show(snapshot())
    assert acts.page.notices.buttons["all"].isChecked()
    acts.page.notices.buttons["problems"].click()
    assert acts.page.notices.buttons["problems"].isChecked()
    assert NoticeBook(tmp_path / "notices.json").wish is Wish.PROBLEMS


def test_a_wish_that_cannot_be_kept_is_told(acts: SettingsActs, tmp_path: Path) -> None:
    acts.show(snapshot())
    (tmp_path / "notices.json").mkdir()
    (tmp_path / "notices.json" / "in the way").touch()
    acts.page.notices.buttons["nothing"].click()
    assert acts.page.notices.problem.accessibleName().startswith("The choice cannot be kept in")


@pytest.mark.parametrize("content", [b"", b"{", b'{"look": "pink"}'], ids=["empty", "cut", "unknown"])
def test_a_choice_that_cannot_be_read_is_the_desktops(theme: Theme, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "interface.json").write_bytes(content)
    assert Appearance(theme, Preferences(tmp_path / "interface.json")).look is Look.SYSTEM


def test_a_choice_that_cannot_be_kept_holds_and_is_told(acts: SettingsActs, theme: Theme, tmp_path: Path) -> None:
    acts.show(snapshot())
    (tmp_path / "interface.json").mkdir()
    (tmp_path / "interface.json" / "in the way").touch()
    acts.page.looks.buttons["dark"].click()
    assert theme.colours is DARK
    assert acts.page.looks.problem.accessibleName().startswith("The choice cannot be kept in")


def test_log_and_history_go_only_when_the_owner_says_so(
    acts: SettingsActs, kept: Kept, posted: list[Command], qapp: QApplication
) -> None:
    acts.show(snapshot())
    acts.page.privacy.forget.click()
    box = acts.page.findChild(QMessageBox)
    assert isinstance(box, QMessageBox)
    box.reject()
    assert (kept.size, posted) == (2_000_000, [])

    acts.page.privacy.forget.click()
    *_, box = acts.page.findChildren(QMessageBox)
    yes = next(each for each in box.buttons() if each.text() == "Remove")
    yes.click()
    assert (kept.size, posted) == (0, [Forget()])
    assert acts.page.privacy.told.accessibleName() == "Removed; 2.0 MB are free again."
    assert not acts.page.privacy.forget.isEnabled()


def test_what_cannot_be_removed_is_not_said_to_be_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = Paths.under(tmp_path / "home")
    paths.make()
    (paths.data / "switches.jsonl").write_text("{}")

    def refuse(path: Path, *, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(FolderUnusable):
        Housekeeping(paths).forget()


def test_nobody_looks_at_files_while_the_page_is_not_seen(acts: SettingsActs) -> None:
    acts.show(snapshot())
    acts.hide()
    assert not acts._again.isActive()


# --- the real thing ------------------------------------------------------------------------------------------------


@pytest.mark.skipif("sys.platform != 'linux'", reason="Linux' own list")
def test_start_at_login_is_an_entry_of_the_desktop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    keeps = Housekeeping(Paths.under(tmp_path / "home"))
    assert not keeps.at_login().on
    assert keeps.start_at_login(True).on
    assert list((tmp_path / "config" / "autostart").glob("*.desktop"))
    assert not keeps.start_at_login(False).on


def test_a_log_that_was_removed_is_written_on(tmp_path: Path) -> None:
    """A running agent has it open."""
    paths = Paths.under(tmp_path / "home")
    paths.make()
    keeps, file = Housekeeping(paths), paths.logs / LOG_FILE
    with closing(RotatingFileHandler(file)) as handler:
        handler.emit(logging.makeLogRecord({"msg": "the past"}))
        assert keeps.forget() == len("the past\n")
        assert keeps.traces() == 0
        handler.emit(logging.makeLogRecord({"msg": "the present"}))
    assert last_lines(file, 9) == ["the present"]
