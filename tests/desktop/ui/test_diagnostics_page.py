"""The Diagnostics page: what it says of a self-test, when it looks, and where a report goes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from desktop.agent.state import Snapshot
from desktop.errors import CommandRefused, DesktopError
from desktop.system.crashes import Fault
from desktop.system.paths import Paths
from desktop.system.watch.self_test import Finding
from desktop.ui.diagnostics_acts import DiagnosticsActs, Upkeep
from desktop.ui.diagnostics_presenter import DiagnosticsFacts, DiagnosticsPresenter
from desktop.ui.examples import NOW, not_enrolled, snapshot, unreachable
from desktop.ui.gallery import PLAIN
from desktop.ui.page_faces.diagnostics import FINDINGS, WRONG
from desktop.ui.pages.diagnostics import DiagnosticsPage
from tests.desktop.ui.test_presenters import untranslated
from tests.desktop.ui.works import Works

PRESENTER = DiagnosticsPresenter(untranslated, PLAIN)
FAULT = Fault(NOW - 60, "1.0", "agent", "Traceback …\nValueError: no")


class Told:
    """What a PC would say of itself."""

    folder = Path("/logs")

    def __init__(self) -> None:
        self.findings: tuple[Finding, ...] = FINDINGS
        self.lines: tuple[str, ...] = ("first", "second")
        self.problem: DesktopError | None = None
        self.tests = 0
        self.written: dict[Path, str] = {}
        self.kept: Fault | None = None

    def examine(self) -> tuple[Finding, ...]:
        self.tests += 1
        if self.problem is not None:
            raise self.problem
        return self.findings

    def log(self) -> tuple[str, ...]:
        return self.lines

    def fault(self) -> Fault | None:
        return self.kept

    def forget_fault(self) -> None:
        self.kept = None

    def report(self) -> str:
        return "## Nightjar\nversion 1"

    def write(self, path: Path, text: str, /) -> None:
        if self.problem is not None:
            raise self.problem
        self.written[path] = text


class Clock:
    """One that a test sets."""

    now = NOW


@pytest.fixture
def page(qtbot: QtBot, theme: object) -> Iterator[DiagnosticsPage]:
    made = DiagnosticsPage()
    made.resize(700, 900)
    made.show()
    yield made
    shiboken6.delete(made)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def works() -> Works:
    return Works()


@pytest.fixture
def opened() -> list[Path]:
    return []


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def acts(page: DiagnosticsPage, told: Told, works: Works, opened: list[Path], clock: Clock) -> DiagnosticsActs:
    return DiagnosticsActs(page, told, works, PRESENTER, clock=lambda: clock.now, open_folder=opened.append)


def test_what_does_not_work_comes_first_and_is_counted() -> None:
    view = PRESENTER.page(DiagnosticsFacts(FINDINGS[:1] + WRONG), NOW)
    assert [each.concern for each in view.findings] == ["Relay", "Model", "Folders"]
    assert view.headline == "2 things do not work."
    assert PRESENTER.page(DiagnosticsFacts(FINDINGS), NOW).headline == "Everything works."


def test_the_first_look_runs_the_self_test_and_the_next_does_not(acts: DiagnosticsActs, told: Told) -> None:
    acts.show(None)
    assert acts.page.test.headline.accessibleName() == "Everything works."
    assert acts.page.test.as_of.accessibleName() == f"As it was found at {PLAIN.moment(NOW, NOW)}."
    acts.hide()
    acts.show(None)
    assert told.tests == 1
    acts.page.test.again.click()
    assert told.tests == 2


@pytest.mark.parametrize(
    "later",
    [None, unreachable(), not_enrolled(), replace(snapshot(), missing=("phi",))],
    ids=["dead", "silent", "alone", "away"],
)
def test_what_was_found_is_looked_for_again_once_it_may_not_hold_any_more(
    acts: DiagnosticsActs, told: Told, works: Works, later: Snapshot | None
) -> None:
    works.at_once = False
    acts.show(snapshot())
    acts.show(later)
    works.finish()
    assert told.tests == 2
    acts.show(later)
    works.finish()
    assert told.tests == 2


def test_in_the_window_an_agent_that_does_not_run_is_a_fault(tmp_path: Path) -> None:
    (agent,) = (each for each in Upkeep(Paths.under(tmp_path)).examine() if each.concern == "agent")
    assert (agent.ok, agent.says.startswith("Nightjar is not running")) == (False, True)


@pytest.mark.parametrize("later", [3_600.0, -3_600.0], ids=["an hour later", "after the clock went back"])
def test_a_self_test_of_long_ago_is_not_shown_as_how_things_are(
    acts: DiagnosticsActs, told: Told, clock: Clock, later: float
) -> None:
    acts.show(None)
    acts.hide()
    clock.now += later
    told.findings = WRONG
    acts.show(None)
    assert acts.page.test.headline.accessibleName() == "2 things do not work."


def test_while_it_is_looking_it_says_so_and_cannot_be_asked_again(
    acts: DiagnosticsActs, told: Told, works: Works
) -> None:
    works.at_once = False
    acts.show(None)
    assert acts.page.test.again.text() == "Looking…"
    assert not acts.page.test.again.isEnabled()
    works.finish()
    assert acts.page.test.again.isEnabled()
    assert told.tests == 1


def test_a_self_test_that_fails_says_why_and_can_be_tried_again(acts: DiagnosticsActs, told: Told) -> None:
    told.problem = CommandRefused("There is no room.", "Make some.")
    acts.show(None)
    assert acts.page.problem.text.accessibleName() == "There is no room. Make some."
    told.problem = None
    acts.page.problem.again.click()
    assert acts.page.problem.isHidden()


def test_the_log_follows_while_it_is_seen_and_nobody_looks_otherwise(
    acts: DiagnosticsActs, told: Told, qtbot: QtBot
) -> None:
    acts.show(None)
    told.lines += ("third",)
    qtbot.waitUntil(lambda: acts.page.log.text.toPlainText().endswith("third"), timeout=3_000)
    acts.hide()
    assert not acts._again.isActive()


def test_a_report_is_seen_before_it_is_saved_or_copied(acts: DiagnosticsActs, told: Told) -> None:
    acts.show(None)
    assert acts.page.report.save.isHidden()
    acts.page.report.make.click()
    assert acts.page.report.text.toPlainText() == "## Nightjar\nversion 1"
    acts.page.report.copy.click()
    assert QGuiApplication.clipboard().text() == "## Nightjar\nversion 1"
    acts.page.file_chosen.emit(Path("/tmp/report.txt"))
    assert told.written == {Path("/tmp/report.txt"): "## Nightjar\nversion 1"}
    assert acts.page.report.told.accessibleName() == "Saved as /tmp/report.txt."


def test_a_file_that_cannot_be_written_is_told(acts: DiagnosticsActs, told: Told) -> None:
    acts.show(None)
    acts.page.report.make.click()
    told.problem = CommandRefused("/media/stick/x cannot be written: permission denied.")
    acts.page.file_chosen.emit(Path("/media/stick/x"))
    assert acts.page.problem.text.accessibleName() == "/media/stick/x cannot be written: permission denied."
    assert acts.page.problem.again.isHidden(), "it would run the self-test"


def test_a_fault_of_the_last_run_is_shown_until_it_is_dropped(acts: DiagnosticsActs, told: Told) -> None:
    told.kept = FAULT
    acts.show(None)
    assert acts.page.fault.isVisible()
    assert acts.page.fault.text.toPlainText() == FAULT.trace
    acts.page.fault.drop.click()
    assert acts.page.fault.isHidden()
    assert told.kept is None


def test_a_fault_that_cannot_be_dropped_is_still_shown(
    acts: DiagnosticsActs, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    told.kept = FAULT
    monkeypatch.setattr(told, "forget_fault", lambda: None)
    acts.show(None)
    acts.page.fault.drop.click()
    assert acts.page.fault.isVisible()


def test_the_folder_of_the_log_is_opened(acts: DiagnosticsActs, opened: list[Path]) -> None:
    acts.show(None)
    acts.page.log.open.click()
    assert opened == [Path("/logs")]


def test_every_button_is_reached_by_the_keyboard(acts: DiagnosticsActs) -> None:
    acts.show(None)
    acts.page.report.make.click()
    buttons = [acts.page.test.again, acts.page.report.save, acts.page.report.copy, acts.page.log.open]
    assert all(each.focusPolicy() & Qt.FocusPolicy.TabFocus for each in buttons)
    assert all(each.tabChangesFocus() for each in (acts.page.report.text, acts.page.log.text))
    assert acts.page.report.copy.accessibleName() == "Copy: Report", "not one of three that sound the same"


def test_the_real_thing_tests_reads_and_writes(tmp_path: Path) -> None:
    paths = Paths.under(tmp_path / "home")
    paths.make()
    (paths.logs / "nightjar.log").write_text('{"at": 0, "level": "info", "event": "it began"}\n')
    upkeep = Upkeep(paths)
    assert {"folders", "settings", "model", "confinement"} <= {each.concern for each in upkeep.examine()}
    assert [line.rpartition(" INFO ")[2].strip() for line in upkeep.log()] == ["it began"]
    assert "## Self-test" in upkeep.report()
    with pytest.raises(CommandRefused, match="cannot be written"):
        upkeep.write(tmp_path, "text")
