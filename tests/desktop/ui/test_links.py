"""`nightjar://` links: three shapes are understood, and every other does nothing. And what the understood ones do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import shiboken6
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from desktop.agent.commands import Command, Enrol, SetMode
from desktop.agent.state import Mode
from desktop.system.paths import Paths
from desktop.ui.appearance import Appearance
from desktop.ui.examples import RELAY, not_enrolled, snapshot
from desktop.ui.gallery import PLAIN
from desktop.ui.link_acts import LinkActs
from desktop.ui.link_presenter import LinkPresenter
from desktop.ui.links import EnrolLink, Fault, Link, ModelLink, PageLink, parse_link
from desktop.ui.notice_book import NoticeBook
from desktop.ui.openings import openings_of
from desktop.ui.pages.models import ModelsPage
from desktop.ui.places import Place
from desktop.ui.preferences import Preferences
from desktop.ui.theme import Theme
from desktop.ui.window import MainWindow
from tests.desktop.ui.test_presenters import untranslated
from tests.desktop.ui.works import Works

OTHER = "https://other.example"
ENROL = f"nightjar://enroll?relay={OTHER}"


# --- what a link says ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (ENROL, EnrolLink(OTHER)),
        ("nightjar://enroll/?relay=https%3A%2F%2Fother.example%2F", EnrolLink(OTHER)),
        (f"NIGHTJAR://Enroll?relay={OTHER}&token=nj-enrol-a_B-9", EnrolLink(OTHER, "nj-enrol-a_B-9")),
        ("nightjar://enroll?relay=http://127.0.0.1:8484", EnrolLink("http://127.0.0.1:8484")),
        ("nightjar://models/add?id=gemma-3-4b-it-q4_k_m", ModelLink("gemma-3-4b-it-q4_k_m")),
        ("nightjar://models/add?id=qwen%2Fqwen2.5%3A7b", ModelLink("qwen/qwen2.5:7b")),
        *((f"nightjar://open/{place.value}", PageLink(place)) for place in Place),
    ],
)
def test_a_link_of_a_known_shape_says_what_it_asks_for(text: str, meant: Link) -> None:
    assert parse_link(text) == meant


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("https://relay.example", Fault.NOT_OURS),
        ("javascript:alert(1)", Fault.NOT_OURS),
        ("nightjar2://open/home", Fault.NOT_OURS),
        ("", Fault.NOT_OURS),
        ("--headless", Fault.NOT_OURS),
        (f"{ENROL}&token={'a' * 3_000}", Fault.TOO_LONG),
        ("nightjar://open/home\n", Fault.STRANGE),
        ("nightjar://open/home\x00", Fault.STRANGE),
        ("nightjar://open/ho me", Fault.STRANGE),
        ("nightjar://enroll?relay=https://other.ex\u0430mple", Fault.STRANGE),
        ("nightjar://enroll?relay=https://other.ex%D0%B0mple", Fault.STRANGE),
        ("nightjar://enroll?relay=https://other.example%0A", Fault.STRANGE),
        ("nightjar://models/add?id=gemma%00", Fault.STRANGE),
        ("nightjar:", Fault.UNKNOWN),
        ("nightjar://", Fault.UNKNOWN),
        ("nightjar:open/home", Fault.UNKNOWN),
        ("nightjar://open/attic", Fault.UNKNOWN),
        ("nightjar://open/home?now=1", Fault.UNKNOWN),
        ("nightjar://open/home#now", Fault.UNKNOWN),
        ("nightjar://open/../home", Fault.UNKNOWN),
        ("nightjar://user:word@open/home", Fault.UNKNOWN),
        ("nightjar://open:80/home", Fault.UNKNOWN),
        ("nightjar://[open/home", Fault.UNKNOWN),
        ("nightjar://quit", Fault.UNKNOWN),
        ("nightjar://models/add", Fault.UNKNOWN),
        ("nightjar://models/add?id=", Fault.UNKNOWN),
        ("nightjar://models/add?id=-rf", Fault.UNKNOWN),
        ("nightjar://models/add?id=a&id=b", Fault.UNKNOWN),
        ("nightjar://models/add?id=a&then=b", Fault.UNKNOWN),
        ("nightjar://models/add?id=a&b=1&c=2&d=3&e=4", Fault.UNKNOWN),
        ("nightjar://enroll", Fault.UNKNOWN),
        ("nightjar://enroll/now?relay=https://other.example", Fault.UNKNOWN),
        (f"{ENROL}&relay=https://third.example", Fault.UNKNOWN),
        (f"{ENROL}&token=", Fault.UNKNOWN),
        (f"{ENROL}&token=a/b", Fault.UNKNOWN),
        (f"{ENROL}&mode=always", Fault.UNKNOWN),
        ("nightjar://enroll?relay=", Fault.NO_RELAY),
        ("nightjar://enroll?relay=http://other.example", Fault.NO_RELAY),
        ("nightjar://enroll?relay=javascript://other.example", Fault.NO_RELAY),
        ("nightjar://enroll?relay=file:///etc/passwd", Fault.NO_RELAY),
        ("nightjar://enroll?relay=https://user:word@other.example", Fault.NO_RELAY),
        ("nightjar://enroll?relay=https://:word@other.example", Fault.NO_RELAY),
        ("nightjar://enroll?relay=https://other.example/evil?x", Fault.NO_RELAY),
        (f"nightjar://enroll?relay=https://{'a' * 254}", Fault.NO_RELAY),
    ],
)
def test_a_link_of_any_other_shape_is_refused_whole(text: str, why: Fault) -> None:
    assert parse_link(text) is why


@given(st.text() | st.text().map(lambda text: f"nightjar://{text}") | st.text().map(lambda text: f"{ENROL}&{text}"))
def test_no_text_is_too_strange_to_be_refused(text: str) -> None:
    link = parse_link(text)
    assert isinstance(link, Fault | EnrolLink | ModelLink | PageLink)
    if isinstance(link, EnrolLink):
        assert link.relay == OTHER


def test_a_token_is_not_told_to_who_prints_a_link() -> None:
    assert "secret" not in repr(EnrolLink(OTHER, "secret"))


# --- what is said --------------------------------------------------------------------------------------------------


def test_before_a_pc_is_connected_it_is_said_where_to_how_and_what_ends() -> None:
    words = LinkPresenter(untranslated)
    by_browser = words.enrolment(EnrolLink(OTHER), not_enrolled())
    assert by_browser.text == "Connect this PC to https://other.example?"
    assert "opens in your browser" in by_browser.detail
    by_token = words.enrolment(EnrolLink(OTHER, "token"), snapshot())
    assert "a token of its own" in by_token.detail
    assert f"It ceases to share at {RELAY}." in by_token.detail


# --- what is done --------------------------------------------------------------------------------------------------


class Desk:
    """A window with all its pages, and what was asked of the agent."""

    def __init__(self, theme: Theme, folder: Path) -> None:
        paths = Paths.under(folder)
        paths.make()
        appearance = Appearance(theme, Preferences(folder / "interface.json"))
        notices = NoticeBook(folder / "notices.json")
        self.posted: list[Command] = []
        self.window = MainWindow(
            theme,
            openings_of(
                theme,
                paths,
                Works(at_once=False),
                PLAIN,
                appearance=appearance,
                notices=notices,
                post=self.posted.append,
            ),
        )
        self.acts = LinkActs(self.window, LinkPresenter(untranslated), post=self.posted.append)

    @property
    def says(self) -> str:
        """The question or word that is open."""
        return self.acts.box.text().replace("\u200b", "") if self.acts.box is not None else ""

    def press(self, text: str) -> None:
        assert self.acts.box is not None
        button = next(one for one in self.acts.box.buttons() if one.text() == text)
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)


@pytest.fixture
def desk(qtbot: QtBot, theme: Theme, tmp_path: Path) -> Iterator[Desk]:
    made = Desk(theme, tmp_path)
    yield made
    made.window.end()
    shiboken6.delete(made.window)


def test_nothing_is_connected_without_a_click(desk: Desk) -> None:
    desk.acts.hear(not_enrolled())
    desk.acts.open(f"{ENROL}&token=abc")
    assert desk.window.isVisible()
    assert desk.posted == []
    desk.press("Cancel")
    assert (desk.posted, desk.says) == ([], "")
    desk.acts.open(f"{ENROL}&token=abc")
    desk.press("Connect")
    assert desk.posted == [Enrol(OTHER, "abc")]


def test_enter_means_no(desk: Desk) -> None:
    desk.acts.hear(not_enrolled())
    desk.acts.open(ENROL)
    assert desk.acts.box is not None
    assert desk.acts.box.defaultButton().text() == "Cancel"


def test_a_link_that_comes_while_a_question_is_open_cannot_take_the_click_meant_for_it(desk: Desk) -> None:
    desk.acts.hear(not_enrolled())
    desk.acts.open(ENROL)
    desk.acts.open("nightjar://enroll?relay=https://evil.example")
    assert len(desk.window.findChildren(QMessageBox)) == 1
    desk.press("Connect")
    assert desk.posted == [Enrol(OTHER)]


def test_a_relay_that_knows_this_pc_already_is_not_asked_again(desk: Desk) -> None:
    desk.acts.hear(snapshot())
    desk.acts.open(f"nightjar://enroll?relay={RELAY}")
    assert desk.says == f"This PC is connected to {RELAY} already."
    desk.press("Close")
    assert desk.posted == []


def test_a_link_that_starts_nightjar_waits_for_the_agents_first_word(desk: Desk) -> None:
    desk.acts.open(ENROL)
    assert desk.says == ""
    desk.acts.hear(not_enrolled())
    assert desk.says == "Connect this PC to https://other.example?"
    desk.press("Cancel")
    desk.acts.hear(not_enrolled())
    assert desk.says == ""


def test_a_page_is_opened(desk: Desk) -> None:
    desk.acts.hear(snapshot())
    desk.acts.open("nightjar://open/diagnostics")
    assert desk.window.isVisible()
    assert desk.window.place is Place.DIAGNOSTICS


def test_a_model_is_proposed_and_not_downloaded(desk: Desk) -> None:
    desk.acts.hear(snapshot())
    desk.acts.open("nightjar://models/add?id=gemma-3-4b")
    page = desk.window.page
    assert isinstance(page, ModelsPage)
    assert page.search.text() == "gemma-3-4b"
    assert desk.window.place is Place.MODELS


@pytest.mark.parametrize("fault", Fault)
def test_a_refused_link_gets_a_sentence_and_does_nothing(fault: Fault) -> None:
    assert LinkPresenter(untranslated).refusal(fault).endswith("nothing was done.")


def test_a_hostile_link_gets_its_sentence_in_the_window(desk: Desk) -> None:
    desk.acts.hear(snapshot())
    desk.acts.open("nightjar://quit")
    assert desk.says == LinkPresenter(untranslated).refusal(Fault.UNKNOWN)
    assert desk.posted == []


class FirstRun:
    """One page in place of all others."""

    ticking = False

    def __init__(self, theme: Theme) -> None:
        self.page = ModelsPage(theme)

    def show(self, *_: object) -> None: ...
    def hide(self) -> None: ...
    def close(self) -> None: ...


def test_during_the_first_run_nothing_is_shared_by_a_link_and_no_page_is_opened(desk: Desk, theme: Theme) -> None:
    desk.window.begin(FirstRun(theme))
    desk.acts.hear(not_enrolled())
    desk.acts.open(ENROL)
    desk.press("Connect")
    assert desk.posted == [SetMode(Mode.OFF), Enrol(OTHER)]
    desk.acts.open("nightjar://open/earnings")
    assert desk.says == "That page is there once the first steps are done."
    assert desk.window.place is Place.HOME
