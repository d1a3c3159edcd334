"""The first run: from nothing to sharing, step by step, by keyboard, left and taken up again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import shiboken6
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMessageBox, QWidget
from pytestqt.qtbot import QtBot

from desktop.agent.commands import CancelEnrolment, Command, Enrol, SetMode
from desktop.agent.self_test import Phase
from desktop.agent.state import Mode, Snapshot
from desktop.errors import CommandRefused, DesktopError
from desktop.models.ranking import Ranked
from desktop.system.watch.self_test import Finding
from desktop.ui.bridge import Bridge
from desktop.ui.examples import NOW, not_enrolled, snapshot, waiting_for_approval
from desktop.ui.faces import DOWNLOADING
from desktop.ui.first_run_acts import FirstRunActs
from desktop.ui.first_run_presenter import FirstRunFacts, FirstRunPresenter, recommended
from desktop.ui.first_run_steps import STEPS, Progress, Step, wanted
from desktop.ui.gallery import PLAIN
from desktop.ui.interface import Interface
from desktop.ui.library_facts import CatalogueSeen
from desktop.ui.library_views import Wanted
from desktop.ui.page_faces.models import FOUND
from desktop.ui.pages.first_run import FirstRunPage
from desktop.ui.places import Place
from desktop.ui.theme import Theme
from desktop.ui.tray import Tray
from desktop.ui.window import MainWindow
from tests.desktop.ui.agents import QuietAgent
from tests.desktop.ui.test_presenters import untranslated
from tests.desktop.ui.works import Works

PRESENTER = FirstRunPresenter(untranslated, PLAIN)
RELAY = "https://relay.example.org"


class Helped:
    """What is found out and done, as a test wishes."""

    def __init__(self) -> None:
        self.noticed = True
        self.found: tuple[Ranked, ...] = FOUND
        self.problem: DesktopError | None = None
        self.login_problem: DesktopError | None = None
        self.done: list[tuple[str, str]] = []
        self.searches = 0

    def hands_off(self, say: Callable[[Phase], None], /) -> Finding:
        say("away")
        say("back")
        return Finding("hands off", "test", ok=self.noticed, says="")

    def search(self, speeds: dict[str, float], /) -> CatalogueSeen:
        self.searches += 1
        if self.problem is not None:
            raise self.problem
        return CatalogueSeen("", self.found)

    def download(self, name: str, /) -> None:
        self.done.append(("download", name))

    def pause(self, name: str, /) -> None:
        self.done.append(("pause", name))

    def resume(self, name: str, /) -> None:
        self.done.append(("resume", name))

    def give_up(self, name: str, /) -> None:
        self.done.append(("give up", name))

    def start_at_login(self) -> None:
        if self.login_problem is not None:
            raise self.login_problem
        self.done.append(("start at login", ""))


@pytest.fixture
def helped() -> Helped:
    return Helped()


@pytest.fixture
def posted() -> list[Command]:
    return []


@pytest.fixture
def progress(tmp_path: Path) -> Progress:
    return Progress(tmp_path / "first-run.json")


@pytest.fixture
def page(qtbot: QtBot, theme: Theme) -> Iterator[FirstRunPage]:
    made = FirstRunPage(theme)
    made.resize(760, 640)
    made.show()
    yield made
    if shiboken6.isValid(made):  # else the window had it
        shiboken6.delete(made)


@pytest.fixture
def acts(page: FirstRunPage, helped: Helped, posted: list[Command], progress: Progress) -> FirstRunActs:
    return FirstRunActs(page, helped, Works(), PRESENTER, progress=progress, post=posted.append, clock=lambda: NOW)


def at(acts: FirstRunActs, step: Step, seen: Snapshot | None = None) -> FirstRunPage:
    """The page of a step, for a PC that is connected."""
    acts.show(seen if seen is not None else snapshot())
    while acts._facts.step is not step:
        acts.page.forward.click()
    return acts.page


# --- whether there is one ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reached", "enrolled", "is_wanted"),
    [
        (None, False, True),
        (None, True, False),
        (Step.CONNECT, False, True),
        (Step.MODEL, True, True),
        (Step.DONE, False, False),
        (Step.DONE, True, False),
    ],
)
def test_only_a_pc_that_is_new_or_has_not_come_to_the_end_sees_it(
    reached: Step | None, enrolled: bool, is_wanted: bool
) -> None:
    assert wanted(reached, enrolled=enrolled) is is_wanted


@pytest.mark.parametrize("content", [b"", b'{"step": "party"}', b"\xff"], ids=["empty", "unknown", "no text"])
def test_a_step_that_cannot_be_read_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "first-run.json").write_bytes(content)
    assert Progress(tmp_path / "first-run.json").step is None


# --- words ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", STEPS)
def test_each_step_says_where_it_is_and_how_to_go_on(step: Step) -> None:
    view = PRESENTER.page(FirstRunFacts(step), snapshot(), NOW)
    assert view.where == f"Step {STEPS.index(step) + 1} of 5"
    assert view.title
    assert view.forward
    assert bool(view.back) is (step is not Step.WELCOME)


def test_nobody_goes_on_before_the_relay_knows_this_pc() -> None:
    facts = FirstRunFacts(Step.CONNECT)
    assert not PRESENTER.page(facts, None, NOW).can_go_on
    assert not PRESENTER.page(facts, not_enrolled(), NOW).can_go_on
    assert not PRESENTER.page(facts, waiting_for_approval(), NOW).can_go_on
    view = PRESENTER.page(facts, snapshot(), NOW)
    assert (view.can_go_on, view.told) == (True, "This PC is connected to relay.example.org.")


def test_what_is_recommended_can_be_had_and_fits() -> None:
    best = recommended(FOUND)
    assert best is not None
    assert best.entry.url
    assert recommended(tuple(each for each in FOUND if not each.entry.url)) is None


def test_a_speed_is_told_only_once_it_was_measured() -> None:
    slow = replace(snapshot(), models=(replace(snapshot().models[0], decode_tps=0.0),))
    assert len(PRESENTER.page(FirstRunFacts(Step.TEST), slow, NOW).points) == 1
    (_, measured) = PRESENTER.page(FirstRunFacts(Step.TEST), snapshot(), NOW).points
    assert "tokens a second here" in measured.text


# --- from step to step ---------------------------------------------------------------------------------------------


def test_nothing_is_shared_before_the_last_step(acts: FirstRunActs, posted: list[Command], helped: Helped) -> None:
    ended: list[bool] = []
    acts.finished.connect(lambda: ended.append(True))
    acts.show(not_enrolled())
    acts.page.forward.click()
    acts.page.enrolment.address.setText("relay.example.org")
    acts.page.enrolment.connect_button.click()
    assert posted == [SetMode(Mode.OFF), Enrol(RELAY)]

    page = at(acts, Step.SHARE, snapshot(mode=Mode.OFF))
    assert posted[2:] == []
    page.forward.click()
    assert posted[2:] == [SetMode(Mode.IDLE)]
    assert (ended, helped.done) == ([True], [])


def test_a_mode_and_the_start_at_login_are_what_the_owner_ticked(
    acts: FirstRunActs, posted: list[Command], helped: Helped
) -> None:
    page = at(acts, Step.SHARE)
    assert not page.share.login.isChecked()
    page.share.mode.segment(Mode.ALWAYS).click()
    page.share.login.click()
    assert page.share.means.accessibleName().startswith("Also while you use this PC")
    page.forward.click()
    assert (posted, helped.done) == ([SetMode(Mode.ALWAYS)], [("start at login", "")])


def test_a_start_at_login_that_cannot_be_leaves_the_owner_there_with_the_reason(
    acts: FirstRunActs, posted: list[Command], helped: Helped, progress: Progress
) -> None:
    helped.login_problem = CommandRefused("/autostart cannot be written: no room.")
    page = at(acts, Step.SHARE)
    page.share.login.click()
    page.forward.click()
    assert (page.problem.accessibleName(), posted) == ("/autostart cannot be written: no room.", [])
    assert not page.share.login.isChecked()
    page.forward.click()
    assert (posted, progress.step) == ([SetMode(Mode.IDLE)], Step.DONE)


def test_it_is_taken_up_where_it_was_left(acts: FirstRunActs, tmp_path: Path) -> None:
    at(acts, Step.MODEL)
    assert Progress(tmp_path / "first-run.json").step is Step.MODEL
    acts.page.back.click()
    assert Progress(tmp_path / "first-run.json").step is Step.TEST


def test_who_looks_around_first_is_not_asked_again(acts: FirstRunActs, progress: Progress) -> None:
    ended: list[bool] = []
    acts.finished.connect(lambda: ended.append(True))
    acts.show(not_enrolled())
    acts.page.skip.click()
    assert (ended, progress.step) == ([True], Step.DONE)


def test_who_wants_a_private_relay_is_led_to_the_settings(acts: FirstRunActs, progress: Progress) -> None:
    heard: list[str] = []
    acts.finished.connect(lambda: heard.append("finished"))
    acts.settings_asked.connect(lambda: heard.append("settings"))
    acts.show(not_enrolled())
    acts.page.forward.click()
    acts.page.enrolment.private_button.click()
    assert (heard, progress.step) == (["finished", "settings"], Step.DONE)


# --- the steps' own work -------------------------------------------------------------------------------------------


def test_an_enrolment_shows_its_code_and_can_be_cancelled(acts: FirstRunActs, posted: list[Command]) -> None:
    acts.show(not_enrolled())
    acts.page.forward.click()
    acts.show(waiting_for_approval())
    assert acts.page.enrolment.code.text() == "BCDF-GHJK"
    assert acts.ticking
    acts.page.enrolment.cancel_button.click()
    assert posted == [CancelEnrolment()]
    acts.show(not_enrolled("Nobody approved it in time."))
    assert acts.page.enrolment.problem.accessibleName() == "Nobody approved it in time."


@pytest.mark.parametrize(("noticed", "says"), [(True, "It noticed that"), (False, "It did not notice you")])
def test_the_hands_off_test_says_what_to_do_and_what_came_of_it(
    page: FirstRunPage, helped: Helped, progress: Progress, noticed: bool, says: str
) -> None:
    works = Works(at_once=False)
    acts = FirstRunActs(page, helped, works, PRESENTER, progress=progress, post=lambda _: None, clock=lambda: NOW)
    helped.noticed = noticed
    at(acts, Step.TEST)
    page.test.click()
    assert page.told.accessibleName() == "Hands off for ten seconds…"
    assert not page.forward.isEnabled()
    works.finish()
    assert page.told.accessibleName().startswith(says)
    assert page.forward.isEnabled()


def test_the_model_worth_most_here_is_offered_and_downloaded(acts: FirstRunActs, helped: Helped) -> None:
    page = at(acts, Step.MODEL)
    best = recommended(FOUND)
    assert best is not None
    (row,) = [row for row in page.rows.rows if row.isVisible()]
    assert row.name.text() == best.entry.title
    assert page.forward.text() == "Continue with the small one"
    row.buttons[Wanted.DOWNLOAD].click()
    assert helped.done == [("download", best.entry.id)]
    assert page.forward.text() == "Continue"


def test_a_download_can_be_paused_and_is_given_up_only_when_the_owner_says_so(
    acts: FirstRunActs, helped: Helped
) -> None:
    helped.found = ()
    page = at(acts, Step.MODEL, replace(snapshot(), downloads=(DOWNLOADING,)))
    (row,) = [row for row in page.rows.rows if row.isVisible()]
    row.buttons[Wanted.PAUSE].click()
    row.buttons[Wanted.CANCEL].click()
    assert helped.done == [("pause", DOWNLOADING.name)]
    box = page.findChild(QMessageBox)
    assert isinstance(box, QMessageBox)
    next(each for each in box.buttons() if each.text() == "Give it up").click()
    assert helped.done[1:] == [("give up", DOWNLOADING.name)]


def test_a_relay_that_is_silent_hinders_nobody_and_is_asked_again(acts: FirstRunActs, helped: Helped) -> None:
    helped.problem = CommandRefused("The relay does not answer.")
    page = at(acts, Step.MODEL)
    assert page.problem.accessibleName() == "The relay does not answer."
    assert page.points.isHidden(), "nothing is praised that is not there"
    assert page.forward.isEnabled()
    helped.problem = None
    page.back.click()
    page.forward.click()
    assert helped.searches == 2
    assert page.points.isVisible()
    assert [row for row in page.rows.rows if row.isVisible()]


# --- by keyboard, in the window ------------------------------------------------------------------------------------


@pytest.fixture
def program(
    agent: QuietAgent, tray: Tray, theme: Theme, acts: FirstRunActs, qtbot: QtBot
) -> Iterator[tuple[Interface, MainWindow]]:
    window = MainWindow(theme)
    interface = Interface(Bridge(agent, QCoreApplication.instance()), tray, window, clock=lambda: NOW, first_run=acts)
    interface.start(background=False)
    yield interface, window
    interface.stop()
    shiboken6.delete(interface)
    shiboken6.delete(window)


def test_the_whole_of_it_needs_no_mouse(
    program: tuple[Interface, MainWindow], agent: QuietAgent, posted: list[Command], qtbot: QtBot
) -> None:
    _, window = program
    page = window.findChild(FirstRunPage)
    assert isinstance(page, FirstRunPage)
    agent.say(not_enrolled())
    qtbot.waitUntil(lambda: page.forward.isEnabled() and page.where.text() == "Step 1 of 5")
    press(Qt.Key.Key_Return)
    assert page.where.text() == "Step 2 of 5"
    qtbot.waitUntil(page.enrolment.address.hasFocus)
    QTest.keyClicks(focused(), "relay.example.org")
    press(Qt.Key.Key_Return)
    assert posted == [SetMode(Mode.OFF), Enrol(RELAY)]
    agent.say(snapshot(mode=Mode.OFF))
    qtbot.waitUntil(page.forward.isEnabled)
    page.forward.setFocus()
    for step in (3, 4, 5):
        press(Qt.Key.Key_Space)
        assert page.where.text() == f"Step {step} of 5"
    press(Qt.Key.Key_Escape)
    assert page.where.text() == "Step 4 of 5"
    press(Qt.Key.Key_Space)
    press(Qt.Key.Key_Space)
    assert posted[2:] == [SetMode(Mode.IDLE)]
    assert window.place is Place.HOME
    assert window.home.isVisible()


def press(key: Qt.Key) -> None:
    QTest.keyClick(focused(), key)


def focused() -> QWidget:
    """Where the next key goes."""
    widget = QApplication.focusWidget()
    assert widget is not None
    return widget
