"""From the agent's word to a notification, and from its button to a page."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import shiboken6
from PySide6.QtTest import QSignalSpy
from pytestqt.qtbot import QtBot

from desktop.system.notifications import Pressed
from desktop.ui.examples import NOW, not_enrolled, snapshot
from desktop.ui.gallery import PLAIN
from desktop.ui.notice_book import NoticeBook
from desktop.ui.notice_presenter import NoticePresenter
from desktop.ui.notices import Kind, Notice, Wish
from desktop.ui.notifier import Notifier
from desktop.ui.places import Place
from desktop.ui.tray import Tray
from desktop.ui.voices import SessionVoice, TrayVoice
from desktop.ui.window import MainWindow
from tests.desktop.ui.conftest import Clock
from tests.desktop.ui.test_presenters import untranslated
from tests.fakes import FakeNotifications

REVOKED = not_enrolled("The relay relay.example.org no longer knows this PC: it was revoked.")
ARRIVED = replace(snapshot(), arrived=("gemma",))


class Desk:
    """A notifier whose notifications a test sees, and its owner, who may be looking at the window."""

    def __init__(self, qtbot: QtBot, tray: Tray, book: NoticeBook, clock: Clock) -> None:
        self.qtbot = qtbot
        self.looks = self.silent = False
        self.servers: list[FakeNotifications] = []
        self.balloons: list[str] = []
        self.balloon = TrayVoice(tray)
        self.voice = SessionVoice(self.balloon, make=self._make)
        presenter = NoticePresenter(untranslated, PLAIN)
        self.notifier = Notifier(self.voice, book, presenter, clock=clock, looked_at=lambda: self.looks)
        self.wishes = QSignalSpy(self.notifier.place_wished)

    def _make(self, pressed: Pressed) -> FakeNotifications:
        made = FakeNotifications(pressed)
        made.silent = self.silent
        self.servers.append(made)
        return made

    @property
    def titles(self) -> list[str]:
        return [one.title for server in self.servers for one in server.shown.values()]

    def press(self, number: int, token: str = "") -> None:
        thread = self.voice._thread
        assert thread is not None
        thread._loop.call_soon_threadsafe(self.servers[0].press, number, token)


@pytest.fixture
def book(tmp_path: Path) -> NoticeBook:
    return NoticeBook(tmp_path / "notices.json")


@pytest.fixture
def desk(qtbot: QtBot, tray: Tray, book: NoticeBook, clock: Clock) -> Iterator[Desk]:
    tray.start()
    made = Desk(qtbot, tray, book, clock)
    yield made
    made.notifier.close()
    for each in (made.notifier, made.voice):
        shiboken6.delete(each)


def test_news_is_shown_and_its_button_leads_to_the_page(desk: Desk, qtbot: QtBot) -> None:
    desk.notifier.hear(snapshot())
    desk.notifier.hear(ARRIVED)
    qtbot.waitUntil(lambda: desk.titles == ["A model has arrived"])
    desk.press(1, "token-7")
    qtbot.waitUntil(lambda: desk.wishes.count() == 1)
    assert desk.wishes.at(0) == [Place.MODELS, "token-7"]


def test_how_things_are_at_the_start_is_no_news_and_no_thread_runs_for_it(desk: Desk) -> None:
    desk.notifier.hear(REVOKED)
    assert desk.voice._thread is None


def test_what_is_over_is_taken_back(desk: Desk, qtbot: QtBot) -> None:
    desk.notifier.hear(snapshot())
    desk.notifier.hear(REVOKED)
    qtbot.waitUntil(lambda: desk.titles == ["This PC is not connected any more"])
    desk.notifier.hear(snapshot())
    qtbot.waitUntil(lambda: desk.titles == [])


def test_who_looks_at_the_window_is_not_told_and_not_later_either(desk: Desk) -> None:
    desk.notifier.hear(snapshot())
    desk.looks = True
    desk.notifier.hear(REVOKED)
    desk.looks = False
    desk.notifier.hear(snapshot())
    desk.notifier.hear(REVOKED)
    assert desk.voice._thread is None


def test_who_wants_none_gets_none(desk: Desk, book: NoticeBook) -> None:
    book.choose(Wish.NOTHING)
    desk.notifier.hear(snapshot())
    desk.notifier.hear(ARRIVED)
    assert desk.voice._thread is None


def test_what_was_told_is_not_told_again_after_a_restart(tmp_path: Path) -> None:
    trouble = Notice(Kind.NOT_KNOWN)
    assert NoticeBook(tmp_path / "notices.json").take(trouble, NOW, passes=False)
    again = NoticeBook(tmp_path / "notices.json")
    assert not again.take(trouble, NOW + 2 * 86_400, passes=False)
    again.end(trouble, NOW + 2 * 86_400)
    assert NoticeBook(tmp_path / "notices.json").take(trouble, NOW + 2 * 86_400, passes=False)


@pytest.mark.parametrize("content", [b"", b"{", b'{"wish": "shout"}'], ids=["empty", "cut", "unknown"])
def test_a_book_that_cannot_be_read_is_an_empty_one(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "notices.json").write_bytes(content)
    assert NoticeBook(tmp_path / "notices.json").wish is Wish.ALL


def test_without_a_server_the_tray_shows_it(
    desk: Desk, tray: Tray, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.silent = True
    assert tray.icon is not None
    monkeypatch.setattr(tray.icon, "showMessage", lambda title, *_rest: desk.balloons.append(title))
    desk.notifier.hear(snapshot())
    desk.notifier.hear(ARRIVED)
    qtbot.waitUntil(lambda: desk.balloons == ["A model has arrived"])
    tray.icon.messageClicked.emit()
    assert desk.wishes.at(0) == [Place.MODELS, ""]


def test_a_server_that_answers_oddly_ends_nothing(
    desk: Desk, tray: Tray, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def oddly(*_: object, **__: object) -> int:
        raise ValueError("not enough values to unpack")

    assert tray.icon is not None
    monkeypatch.setattr(tray.icon, "showMessage", lambda title, *_rest: desk.balloons.append(title))
    desk.notifier.hear(snapshot())
    with monkeypatch.context() as odd:
        odd.setattr(FakeNotifications, "show", oddly)
        desk.notifier.hear(ARRIVED)
        qtbot.waitUntil(lambda: desk.balloons == ["A model has arrived"])
    desk.notifier.hear(replace(ARRIVED, arrived=("gemma", "phi")))
    qtbot.waitUntil(lambda: desk.titles == ["A model has arrived"])


def test_at_the_end_nothing_is_left_that_nobody_would_answer_for(desk: Desk, qtbot: QtBot) -> None:
    desk.notifier.hear(snapshot())
    desk.notifier.hear(ARRIVED)
    qtbot.waitUntil(lambda: desk.titles == ["A model has arrived"])
    desk.notifier.close()
    assert desk.titles == []


def test_a_token_reaches_qt_where_it_looks_for_it(window: MainWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_ACTIVATION_TOKEN", raising=False)
    window.show_place(Place.MODELS, "token-7")
    assert window.isVisible()
    assert os.environ.pop("XDG_ACTIVATION_TOKEN") == "token-7"
