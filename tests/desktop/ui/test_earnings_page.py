from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import shiboken6
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.agent.relay_view import RelaySilent
from desktop.errors import CommandRefused, DesktopError
from desktop.ui.charts import ColumnChart
from desktop.ui.earnings_acts import Books, Earned, EarningsActs, Served
from desktop.ui.earnings_presenter import EarningsFacts, EarningsPresenter
from desktop.ui.examples import NOW, RELAY, not_enrolled, snapshot, unreachable
from desktop.ui.gallery import PLAIN
from desktop.ui.page_faces.earnings import REASONS, earned, nothing_earned
from desktop.ui.pages.earnings import EarningsPage
from desktop.ui.theme import Theme
from tests.desktop.ui.pointer import point_at
from tests.desktop.ui.test_presenters import untranslated
from tests.desktop.ui.works import Works

PRESENTER = EarningsPresenter(untranslated, PLAIN)


class Told:
    """The relay's books, as a test wishes."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.problem: DesktopError | None = None
        self.written: dict[Path, str] = {}

    def earned(self, days: int, /) -> Earned:
        self.asked.append(days)
        if self.problem is not None:
            raise self.problem
        return earned(), list(REASONS)

    def served(self, limit: int, /) -> Served:
        raise NotImplementedError

    def write(self, path: Path, text: str, /) -> None:
        self.written[path] = text


@pytest.fixture
def page(qtbot: QtBot, theme: Theme) -> Iterator[EarningsPage]:
    made = EarningsPage(theme)
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
def acts(page: EarningsPage, told: Told, works: Works) -> EarningsActs:
    return EarningsActs(page, told, works, PRESENTER, clock=lambda: NOW)


# --- words ---------------------------------------------------------------------------------------------------------


def test_the_sums_are_those_of_the_books() -> None:
    sums = PRESENTER.sums(earned())
    assert [(each.name, each.amount) for each in sums] == [
        ("Last hour", "$0.02"),
        ("Today", "$0.31"),
        ("7 days", "$2.18"),
        ("30 days", "$7.58"),
        ("Lifetime", "$41.02"),
    ]
    assert sums[1].exact == "$0.3124518"


def test_pending_money_says_why_it_is_and_none_says_nothing() -> None:
    assert PRESENTER.pending(earned()).startswith("$0.70 of it is pending")
    assert PRESENTER.pending(nothing_earned()) == ""


def test_a_chart_has_a_column_for_every_day_also_for_those_without_earnings() -> None:
    chart = PRESENTER.chart(earned(), 30)
    assert len(chart.columns) == 30
    assert sum(column.value == 0 for column in chart.columns) == 2
    assert chart.columns[-1].text == "18 Nov: $0.33 · 88 answers"


def test_a_charts_upper_line_is_a_round_amount_above_its_highest_column() -> None:
    chart = PRESENTER.chart(earned(), 30)
    assert (chart.top, max(column.value for column in chart.columns) <= chart.scale) == ("$0.50", True)


def test_models_come_with_their_share_the_best_first() -> None:
    first, second = PRESENTER.models(earned())
    assert first.share > second.share
    assert first.share + second.share == pytest.approx(1.0)


def test_a_pc_that_belongs_to_no_relay_is_told_where_to_begin() -> None:
    view = PRESENTER.page(EarningsFacts(), not_enrolled(), NOW)
    assert view.empty.startswith("What this PC earns shows here once it is connected")
    assert (view.sums, view.chart) == ((), None)


def test_a_pc_that_has_earned_nothing_sees_no_empty_chart() -> None:
    view = PRESENTER.page(EarningsFacts(nothing_earned()), snapshot(), NOW)
    assert (view.chart, view.can_save) == (None, False)
    assert view.chart_empty.startswith("Nothing earned yet.")


# --- the page at work ----------------------------------------------------------------------------------------------


def test_the_relay_is_asked_when_the_page_is_seen_and_not_before(acts: EarningsActs, told: Told) -> None:
    assert told.asked == []
    acts.show(snapshot())
    acts.show(snapshot())
    assert told.asked == [30]


def test_nobody_is_asked_for_a_pc_that_no_relay_knows(acts: EarningsActs, told: Told) -> None:
    acts.show(not_enrolled())
    assert told.asked == []


def test_another_span_of_days_is_asked_for_and_shown(acts: EarningsActs, page: EarningsPage, told: Told) -> None:
    acts.show(snapshot())
    page.days.spans[90].click()
    assert told.asked == [30, 90]
    assert page.days.spans[90].isChecked()


def test_a_relay_that_is_silent_is_said_beside_what_was_known(
    acts: EarningsActs, page: EarningsPage, told: Told
) -> None:
    acts.show(snapshot())
    told.problem = RelaySilent(RELAY, "it cannot be reached")
    page.days.spans[7].click()
    assert page.problem.isVisible()
    assert page.sums.isVisible()
    told.problem = None
    page.problem.again.click()
    assert not page.problem.isVisible()


def test_an_answer_about_a_node_that_this_pc_no_longer_is_is_not_shown(
    acts: EarningsActs, page: EarningsPage, works: Works
) -> None:
    works.at_once = False
    acts.show(snapshot())
    acts.show(not_enrolled())
    works.finish()
    assert not page.sums.isVisible()
    assert page.empty.isVisible()


def test_the_relay_is_asked_as_soon_as_contact_with_it_is_back(
    acts: EarningsActs, page: EarningsPage, told: Told, works: Works
) -> None:
    told.problem = RelaySilent(RELAY, "it cannot be reached")
    acts.show(unreachable())
    assert page.problem.isVisible()
    works.at_once = False
    page.problem.again.click()
    acts.show(snapshot())
    works.waiting.pop(0)()  # What was asked before there was contact fails, and says nothing of now.
    told.problem = None
    works.finish()
    assert not page.problem.isVisible()


def test_the_sheet_is_written_where_its_owner_says(acts: EarningsActs, page: EarningsPage, told: Told) -> None:
    acts.show(snapshot())
    page.file_chosen.emit(Path("/tmp/earned.csv"))
    (text,) = told.written.values()
    assert text.startswith("day,model,answers,earned_usd\r\n")
    assert page.days.saved.accessibleName() == "Saved as /tmp/earned.csv."


def test_a_sheet_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    books = Books.__new__(Books)
    with pytest.raises(CommandRefused, match=r"cannot be written: no such file or directory\.$"):
        books.write(tmp_path / "gone" / "earned.csv", "")


def test_the_table_stands_in_the_charts_place_and_says_the_same(acts: EarningsActs, page: EarningsPage) -> None:
    acts.show(snapshot())
    assert (page.days.chart.isVisible(), page.days.table.isVisible()) == (True, False)
    page.days.as_table.click()
    assert (page.days.chart.isVisible(), page.days.table.isVisible()) == (False, True)
    assert page.days.table.rowCount() == len(earned().days)


# --- the chart -----------------------------------------------------------------------------------------------------


@pytest.fixture
def chart(acts: EarningsActs, page: EarningsPage) -> ColumnChart:
    acts.show(snapshot())
    QApplication.processEvents()
    return page.days.chart


def test_the_arrow_keys_go_from_day_to_day_and_a_reader_hears_each(chart: ColumnChart) -> None:
    QTest.keyClick(chart, Qt.Key.Key_Home)
    assert chart.accessibleDescription().startswith("20 Oct: ")
    QTest.keyClick(chart, Qt.Key.Key_Right)
    assert chart.accessibleDescription().startswith("21 Oct: ")
    QTest.keyClick(chart, Qt.Key.Key_End)
    QTest.keyClick(chart, Qt.Key.Key_Right)
    assert chart.said == "18 Nov: $0.33 · 88 answers"
    QTest.keyClick(chart, Qt.Key.Key_Escape)
    assert chart.said == "$7.58 in 30 days"


def test_the_pointer_reads_the_day_it_is_over(chart: ColumnChart) -> None:
    point_at(chart, QPoint(chart.width() - 3, 60))
    assert chart.at == 29


def test_time_runs_the_other_way_where_writing_does(chart: ColumnChart) -> None:
    chart.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    point_at(chart, QPoint(chart.width() - 6, 70))
    assert chart.at == 0
    QTest.keyClick(chart, Qt.Key.Key_Left)
    assert chart.at == 1
