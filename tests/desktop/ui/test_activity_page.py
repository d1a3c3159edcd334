from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import msgspec
import pytest
import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.agent.relay_view import AnswerTold, RelaySilent
from desktop.agent.state import Enrolment, Reason, Switch
from desktop.errors import DesktopError
from desktop.ui.activity_acts import ActivityActs
from desktop.ui.activity_presenter import MOST, PAGE, ActivityFacts, ActivityPresenter
from desktop.ui.earnings_acts import Served
from desktop.ui.examples import NOW, RELAY, not_enrolled, snapshot
from desktop.ui.gallery import PLAIN
from desktop.ui.page_faces.activity import answers
from desktop.ui.page_faces.earnings import REASONS
from desktop.ui.page_faces.fixed import active, switches
from desktop.ui.pages.activity import ActivityPage
from desktop.ui.theme import Theme
from tests.desktop.ui.test_presenters import untranslated
from tests.desktop.ui.works import Works

PRESENTER = ActivityPresenter(untranslated, PLAIN)


class Told:
    """The relay's books, as a test wishes: it knows of `kept` answers."""

    def __init__(self, kept: int = 120) -> None:
        self.kept = kept
        self.asked: list[int] = []
        self.problem: DesktopError | None = None

    def served(self, limit: int, /) -> Served:
        self.asked.append(limit)
        if self.problem is not None:
            raise self.problem
        return list(answers(self.kept)[:limit]), list(REASONS)


@pytest.fixture
def page(qtbot: QtBot, theme: Theme) -> Iterator[ActivityPage]:
    made = ActivityPage()
    made.resize(760, 900)
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
def acts(page: ActivityPage, told: Told, works: Works) -> ActivityActs:
    return ActivityActs(page, told, works, PRESENTER, clock=lambda: NOW)


# --- words ---------------------------------------------------------------------------------------------------------


def row(answer: AnswerTold) -> tuple[str, ...]:
    return PRESENTER.answers((answer,), NOW).rows[0]


def test_an_answer_is_told_by_time_model_tokens_speed_and_amount() -> None:
    newest = answers(1)[0]
    assert row(newest) == ("11:05", "qwen2.5-7b-instruct-q4_k_m", "212 + 240", "37", "$0.0000814")


def test_an_answer_too_short_to_have_a_speed_has_none() -> None:
    assert row(msgspec.structs.replace(answers(1)[0], completion_tokens=1))[3] == "–"


def test_how_calls_ended_is_a_column_only_where_one_did_not_end_well() -> None:
    assert PRESENTER.answers(answers(3), NOW).head[-1] == "Earned"
    table = PRESENTER.answers(answers(12), NOW)
    assert (table.head[-1], table.rows[3][-1], table.rows[11][-1]) == ("Ended", "caller left", "failed")
    assert table.rows[0][-1] == ""


def test_a_way_of_ending_that_a_newer_relay_tells_is_shown_as_it_says_it() -> None:
    odd = msgspec.structs.replace(answers(1)[0], state="reversed")
    assert row(odd)[-1] == "reversed"


def test_switches_come_newest_first_with_their_reason_and_how_long_memory_took() -> None:
    told = PRESENTER.switches(
        (
            Switch(NOW - 90_000, True, Reason.READY, "Sharing: ready, waiting for the next call."),
            Switch(NOW - 60, False, Reason.GPU_BUSY, "Waiting: other programs are using the graphics card.", 1.42),
        ),
        NOW,
    )
    assert told.rows == (
        (
            "11:05",
            "Not sharing",
            "Other programs are using the graphics card. The model's memory was free again after 1.4 s.",
        ),
        ("17 Nov 10:06", "Sharing", "Ready, waiting for the next call."),
    )


def test_memory_that_is_back_before_anybody_notices_is_back_at_once() -> None:
    switch = Switch(NOW, False, Reason.MODE_OFF, "Off: sharing is switched off.", 0.0)
    assert PRESENTER.switches((switch,), NOW).rows[0][-1].endswith("The model's memory was free again at once.")


def test_a_pc_that_belongs_to_no_relay_is_told_where_to_begin() -> None:
    view = PRESENTER.page(ActivityFacts(), not_enrolled(), NOW)
    assert view.empty.startswith("The answers of this PC show here once it is connected")
    assert view.answers is None


def test_a_pc_without_answers_hears_why() -> None:
    view = PRESENTER.page(ActivityFacts((), REASONS), snapshot(), NOW)
    assert view.empty.startswith("No answers yet.")
    assert view.reasons == tuple(each.sentence for each in REASONS)
    assert PRESENTER.page(ActivityFacts(answers(1), REASONS), snapshot(), NOW).reasons == ()


def test_while_the_relay_is_silent_nobody_claims_to_be_asking_it() -> None:
    assert PRESENTER.page(ActivityFacts(asking=True), snapshot(), NOW).empty == "Asking the relay…"
    assert PRESENTER.page(ActivityFacts(problem="No."), snapshot(), NOW).empty == ""


def test_what_is_too_much_for_a_table_is_left_to_a_sheet() -> None:
    view = PRESENTER.page(ActivityFacts(answers(MOST), more=True, wanted=MOST), snapshot(), NOW)
    assert not view.can_show_more
    assert "nightjar\N{NO-BREAK SPACE}activity" in view.older


# --- the page at work ----------------------------------------------------------------------------------------------


def test_the_relay_is_asked_when_the_page_is_seen_and_not_before(acts: ActivityActs, told: Told) -> None:
    assert told.asked == []
    acts.show(snapshot())
    acts.show(snapshot())
    assert told.asked == [PAGE + 1]
    acts.hide()
    acts.show(snapshot())
    assert told.asked == [PAGE + 1, PAGE + 1]


def test_nobody_is_asked_for_a_pc_that_no_relay_knows(acts: ActivityActs, page: ActivityPage, told: Told) -> None:
    acts.show(not_enrolled())
    assert told.asked == []
    assert page.answers.empty.isVisible()


def test_older_answers_come_when_they_are_asked_for_until_there_are_none(
    acts: ActivityActs, page: ActivityPage, told: Told
) -> None:
    acts.show(snapshot())
    assert page.answers.table.rowCount() == PAGE
    page.answers.more.click()
    page.answers.more.click()
    assert told.asked == [PAGE + 1, 2 * PAGE + 1, 3 * PAGE + 1]
    assert page.answers.table.rowCount() == told.kept
    assert not page.answers.more.isVisible()


def test_a_wish_for_more_while_the_relay_is_asked_is_not_forgotten(
    acts: ActivityActs, page: ActivityPage, told: Told, works: Works
) -> None:
    works.at_once = False
    acts.show(snapshot())
    page.more_asked.emit()
    works.finish()
    assert told.asked == [PAGE + 1, 2 * PAGE + 1]
    assert page.answers.table.rowCount() == 2 * PAGE


def test_a_relay_that_is_silent_is_said_beside_what_was_known(
    acts: ActivityActs, page: ActivityPage, told: Told
) -> None:
    acts.show(snapshot())
    told.problem = RelaySilent(RELAY, "it cannot be reached")
    page.again_asked.emit()
    assert page.problem.isVisible()
    assert page.problem.text.accessibleName().startswith("The relay relay.example.org does not answer")
    assert page.answers.table.isVisible()
    told.problem = None
    page.problem.again.click()
    assert not page.problem.isVisible()


def test_the_first_question_that_fails_leaves_a_sentence_and_a_button(
    acts: ActivityActs, page: ActivityPage, told: Told
) -> None:
    told.problem = RelaySilent(RELAY, "it cannot be reached")
    acts.show(active())
    assert page.problem.again.isEnabled()
    assert not page.answers.isVisible()
    assert page.switches.table.isVisible()


def test_nobody_presses_twice_while_the_relay_is_asked(
    acts: ActivityActs, page: ActivityPage, told: Told, works: Works
) -> None:
    acts.show(snapshot())
    works.at_once = False
    page.answers.more.click()
    assert not page.answers.more.isEnabled()
    works.finish()
    assert page.answers.more.isEnabled()


def test_an_answer_about_a_node_that_this_pc_no_longer_is_is_not_shown(
    acts: ActivityActs, page: ActivityPage, works: Works
) -> None:
    works.at_once = False
    acts.show(snapshot())
    acts.show(snapshot(enrolment=Enrolment("enrolled", node_id="node-2", relay=RELAY)))
    works.waiting.pop(0)()
    assert not page.answers.table.isVisible()
    works.finish()
    assert page.answers.table.isVisible()


def test_new_switches_show_as_they_happen(acts: ActivityActs, page: ActivityPage) -> None:
    acts.show(snapshot())
    assert page.switches.empty.accessibleName().startswith("Nothing yet.")
    acts.show(replace(snapshot(), switches=switches()[:1]))
    assert (page.switches.table.rowCount(), page.switches.empty.isVisible()) == (1, False)
    acts.show(active())
    assert page.switches.table.rowCount() == 50


def test_an_agent_that_is_not_at_work_is_no_empty_past(acts: ActivityActs, page: ActivityPage) -> None:
    acts.show(None)
    assert page.switches.empty.accessibleName() == "This shows here while Nightjar is at work."
    assert page.answers.empty.accessibleName() == "Answers show here while Nightjar is at work."


def test_a_long_reason_has_the_lines_it_needs_at_any_width(acts: ActivityActs, page: ActivityPage) -> None:
    acts.show(active())
    table = page.switches.table
    heights = []
    for width in (1_000, 620):
        page.resize(width, 900)
        QApplication.processEvents()
        rows = range(table.rowCount())
        assert all(table.rowHeight(at) >= table.sizeHintForRow(at) for at in rows)
        heights.append(sum(table.rowHeight(at) for at in rows))
    assert heights[1] > heights[0]


def test_the_tables_are_walked_through_with_the_arrow_keys(acts: ActivityActs, page: ActivityPage) -> None:
    acts.show(active())
    table = page.answers.table
    QTest.keyClick(table, Qt.Key.Key_Down)
    QTest.keyClick(table, Qt.Key.Key_Down)
    assert [index.row() for index in table.selectionModel().selectedRows()] == [table.currentRow()]
    assert table.currentRow() in {1, 2}
