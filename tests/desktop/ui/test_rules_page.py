from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest
import shiboken6
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QKeyEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from desktop.agent.commands import Command, SetRules
from desktop.agent.sharing.schedule import WEEK_SLOTS, Schedule, parse_schedule
from desktop.agent.situation import rules_with
from desktop.agent.state import Snapshot
from desktop.settings import SharingSettings
from desktop.ui.examples import NOW, minute_of_the_week, snapshot
from desktop.ui.fields import Check, Choice, Number
from desktop.ui.gallery import PLAIN
from desktop.ui.page_faces.rules import held_back, ruled
from desktop.ui.pages.rules import RulesPage
from desktop.ui.program_prompt import ProgramPrompt
from desktop.ui.rules_acts import RulesActs
from desktop.ui.rules_presenter import (
    NIGHTS,
    RulesFacts,
    RulesPresenter,
    open_wishes,
    program_name,
    ready,
)
from desktop.ui.rules_views import CardView, NumberView
from desktop.ui.theme import Theme
from tests.desktop.ui.conftest import Clock
from tests.desktop.ui.pointer import point_at
from tests.desktop.ui.test_presenters import untranslated

PRESENTER = RulesPresenter(untranslated, PLAIN, minute_of_the_week)


class Obeys:
    """The agent: keeps what it was told, and answers when the test says so, by the agent's own rules."""

    def __init__(self) -> None:
        self.told: list[dict[str, object]] = []
        self.chosen: dict[str, object] = {}

    def post(self, command: Command) -> None:
        assert isinstance(command, SetRules)
        self.told.append(command.changed)
        chosen = {**self.chosen, **command.changed}
        self.chosen = {rule: value for rule, value in chosen.items() if value is not None}

    @property
    def snapshot(self) -> Snapshot:
        rules = rules_with(SharingSettings(), self.chosen)
        return ruled(**msgspec.structs.asdict(rules))


@pytest.fixture
def page(qtbot: QtBot, theme: Theme) -> Iterator[RulesPage]:
    made = RulesPage(theme)
    made.resize(760, 1_700)
    made.show()
    yield made
    shiboken6.delete(made)


@pytest.fixture
def agent_told() -> Obeys:
    return Obeys()


@pytest.fixture
def acts(page: RulesPage, agent_told: Obeys, clock: Clock) -> RulesActs:
    made = RulesActs(page, agent_told.post, PRESENTER, clock=clock)
    made.show(agent_told.snapshot)
    QApplication.processEvents()
    return made


def choice(page: RulesPage, rule: str) -> Choice:
    field = page.away.rows[rule].field if rule in page.away.rows else page.others.rows[rule].field
    assert isinstance(field, Choice)
    return field


def number(page: RulesPage, rule: str) -> Number:
    cards = (page.battery, page.heat, page.others)
    field = next(card.rows[rule].field for card in cards if rule in card.rows)
    assert isinstance(field, Number)
    return field


def type_in(field: Number, text: str) -> None:
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, text)
    QTest.keyClick(field, Qt.Key.Key_Return)


# --- words ---------------------------------------------------------------------------------------------------------


def numbers(card: CardView | None) -> dict[str, NumberView]:
    assert card is not None
    return {each.rule: each for each in card.fields if isinstance(each, NumberView)}


def test_every_rule_of_a_card_is_one_of_the_settings_and_shows_what_holds() -> None:
    view = PRESENTER.page(RulesFacts(), ruled(idle_s=900, on_battery=True), NOW)
    cards = [card for card in (view.away, view.battery, view.heat, view.others) if card is not None]
    rules = {field.rule for card in cards for field in card.fields}
    assert rules <= set(SharingSettings.__struct_fields__)
    assert len(rules) == 13
    away = {field.rule: field for field in cards[0].fields}
    assert away["idle_s"].value == 900  # type: ignore[union-attr]


def test_a_choice_names_its_values_as_people_do_and_has_also_what_was_set_elsewhere() -> None:
    view = PRESENTER.page(RulesFacts(), ruled(idle_s=90, idle_locked_s=0, keep_memory_mib=1_500), NOW)
    assert view.away is not None
    assert view.others is not None
    options = {
        field.rule: dict(field.options)
        for field in (*view.away.fields, *view.others.fields)
        if hasattr(field, "options")
    }
    assert options["idle_s"][90.0] == "1 min 30 s"
    assert options["idle_s"][7_200.0] == "2 h"
    assert options["idle_locked_s"][0.0] == "at once"
    assert options["keep_memory_mib"][1_500.0] == "1,500 MiB"
    assert options["keep_disk_mib"][51_200.0] == "50 GiB"


@pytest.mark.parametrize(
    ("wishes", "beside", "why"),
    [
        ({"battery_stop_percent": 70.0}, "battery_stop_percent", "raise that, too"),
        ({"battery_start_percent": 30.0}, "battery_start_percent", "at least 40 %"),
        ({"hot_stop_c": 70.0}, "hot_stop_c", "lower that, too"),
        ({"hot_start_c": 95.0}, "hot_start_c", "at most 90 °C"),
        ({"hot_stop_c": 70.0, "hot_start_c": 72.5}, "hot_start_c", "at most 70 °C"),
    ],
)
def test_thresholds_that_cannot_hold_together_are_said_beside_what_was_changed(
    wishes: dict[str, object], beside: str, why: str
) -> None:
    rules = SharingSettings()
    assert ready(rules, wishes) == {}
    view = PRESENTER.page(RulesFacts(wishes), snapshot(rules=rules), NOW)
    problems = {rule: field.problem for card in (view.battery, view.heat) for rule, field in numbers(card).items()}
    assert why in problems.pop(beside)
    assert set(problems.values()) == {""}


def test_both_halves_of_a_pair_go_together_once_they_fit() -> None:
    wishes = {"battery_stop_percent": 70.0, "battery_start_percent": 80.0, "idle_s": 60.0}
    assert ready(SharingSettings(), wishes) == wishes


def test_every_wish_that_is_let_go_is_one_the_agent_takes() -> None:
    for stop in range(0, 101, 20):
        for start in range(0, 101, 20):
            wishes = {"battery_stop_percent": float(stop), "battery_start_percent": float(start)}
            assert bool(ready(SharingSettings(), wishes)) is (start >= stop)
            if start >= stop:
                assert rules_with(SharingSettings(), dict(wishes)).battery_stop_percent == stop


def test_a_wish_is_met_when_the_rules_say_the_same_in_other_words() -> None:
    rules = SharingSettings(schedule="daily 22:00-07:00", exclusive_apps=("blender",))
    wishes: dict[str, object] = {
        "schedule": "mon-sun 00:00-07:00, mon-sun 22:00-24:00",
        "exclusive_apps": ["blender"],
        "idle_s": 60.0,
    }
    assert open_wishes(rules, wishes) == {"idle_s": 60.0}


@pytest.mark.parametrize(
    ("typed", "name"),
    [(r"C:\Games\Game.exe", "Game.exe"), ("/usr/bin/blender", "blender"), (" DaVinci Resolve ", "DaVinci Resolve")],
)
def test_a_program_is_known_by_the_name_of_its_file(typed: str, name: str) -> None:
    assert program_name(typed) == name


def test_the_week_says_how_much_of_it_is_open() -> None:
    def summary(schedule: str) -> str:
        return PRESENTER.week(SharingSettings(schedule=schedule), {}, NOW).summary

    assert summary("") == "Open all week."
    assert summary("never") == "No hour is open, so this PC never shares."
    assert summary("mon 08:00-09:30") == "Open for 1.5 of 168 hours a week."


def test_why_tells_everything_that_is_in_the_way_with_its_end_where_that_is_known() -> None:
    why = PRESENTER.why(held_back(), NOW)
    assert why.headline == "Outside your hours"
    assert why.others == (
        "The graphics card is too hot; sharing starts when it is below 75 °C.",
        "You keep the PC free while this runs: blender.",
        "You used this PC a moment ago. Over at 11:09, in 3:00.",
        "Other programs are using the processor.",
    )


def test_why_says_so_where_nothing_else_is_in_the_way() -> None:
    assert PRESENTER.why(ruled(schedule="never"), NOW).others_title == "Nothing else is in the way."
    assert PRESENTER.why(ruled(), NOW).others_title == ""


# --- the page at work ----------------------------------------------------------------------------------------------


def test_a_choice_becomes_a_command_and_shows_what_the_agent_says_then(
    qtbot: QtBot, acts: RulesActs, page: RulesPage, agent_told: Obeys
) -> None:
    field = choice(page, "idle_s")
    assert field.currentText() == "5 min"
    QTest.keyClick(field, Qt.Key.Key_Down)
    qtbot.waitUntil(lambda: agent_told.told == [{"idle_s": 600.0}])
    acts.show(agent_told.snapshot)
    assert field.currentText() == "10 min"


def test_memory_is_told_in_whole_numbers(qtbot: QtBot, acts: RulesActs, page: RulesPage, agent_told: Obeys) -> None:
    QTest.keyClick(choice(page, "keep_memory_mib"), Qt.Key.Key_Down)
    qtbot.waitUntil(lambda: bool(agent_told.told))
    assert msgspec.json.encode(agent_told.told[0]) == b'{"keep_memory_mib":2048}'
    assert agent_told.snapshot.rules.keep_memory_mib == 2_048


def test_a_number_that_is_stepped_through_is_told_once(
    qtbot: QtBot, acts: RulesActs, page: RulesPage, agent_told: Obeys
) -> None:
    field = number(page, "cpu_others_percent")
    for _ in range(5):
        QTest.keyClick(field, Qt.Key.Key_Up)
    qtbot.waitUntil(lambda: bool(agent_told.told))
    assert agent_told.told == [{"cpu_others_percent": 30.0}]


def test_a_switch_is_told_as_yes_or_no(qtbot: QtBot, acts: RulesActs, page: RulesPage, agent_told: Obeys) -> None:
    field = page.battery.rows["on_battery"].field
    assert isinstance(field, Check)
    QTest.mouseClick(field, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: agent_told.told == [{"on_battery": True}])
    acts.show(agent_told.snapshot)
    assert field.isChecked()


def test_a_threshold_on_the_wrong_side_is_not_told_until_its_other_half_fits(
    qtbot: QtBot, acts: RulesActs, page: RulesPage, agent_told: Obeys
) -> None:
    row = page.battery.rows["battery_stop_percent"]
    type_in(number(page, "battery_stop_percent"), "70")
    acts.send()
    assert agent_told.told == []
    assert row.problem.isVisible()
    assert row.field.accessibleDescription() == row.problem.accessibleName()
    acts.show(agent_told.snapshot)
    assert number(page, "battery_stop_percent").value() == 70
    type_in(number(page, "battery_start_percent"), "85")
    acts.send()
    assert agent_told.told == [{"battery_stop_percent": 70.0, "battery_start_percent": 85.0}]
    acts.show(agent_told.snapshot)
    assert not row.problem.isVisible()


def test_a_threshold_that_waits_goes_once_its_other_half_was_set_elsewhere(
    qtbot: QtBot, acts: RulesActs, page: RulesPage, agent_told: Obeys
) -> None:
    type_in(number(page, "battery_stop_percent"), "70")
    acts.send()
    agent_told.chosen["battery_start_percent"] = 90.0
    acts.show(agent_told.snapshot)
    qtbot.waitUntil(lambda: agent_told.told == [{"battery_stop_percent": 70.0}])


def test_what_the_agent_does_not_take_is_not_shown_for_long(
    qtbot: QtBot, acts: RulesActs, page: RulesPage, agent_told: Obeys
) -> None:
    acts._patience.setInterval(1)
    page.wished.emit("idle_s", 60.0)
    acts.send()
    agent_told.chosen.clear()
    qtbot.waitUntil(page.why.refused.isVisible)
    assert choice(page, "idle_s").currentText() == "5 min"
    page.wished.emit("idle_s", 120.0)
    assert not page.why.refused.isVisible()


def test_a_snapshot_made_before_the_command_arrived_does_not_undo_what_is_shown(
    acts: RulesActs, page: RulesPage, agent_told: Obeys
) -> None:
    before = agent_told.snapshot
    page.wished.emit("idle_s", 60.0)
    acts.send()
    acts.show(before)
    assert choice(page, "idle_s").currentText() == "1 min"
    acts.show(agent_told.snapshot)
    assert choice(page, "idle_s").currentText() == "1 min"


def test_who_changes_back_at_once_is_obeyed_too(acts: RulesActs, page: RulesPage, agent_told: Obeys) -> None:
    page.wished.emit("idle_s", 60.0)
    acts.send()
    page.wished.emit("idle_s", 300.0)
    acts.send()
    assert agent_told.told == [{"idle_s": 60.0}, {"idle_s": 300.0}]


def test_what_holds_already_is_not_told(acts: RulesActs, page: RulesPage, agent_told: Obeys) -> None:
    page.wished.emit("idle_s", 300.0)
    acts.send()
    assert agent_told.told == []


def test_who_leaves_the_page_at_once_is_obeyed_all_the_same(
    acts: RulesActs, page: RulesPage, agent_told: Obeys
) -> None:
    page.wished.emit("idle_s", 60.0)
    acts.hide()
    assert agent_told.told == [{"idle_s": 60.0}]
    assert not acts._rest.isActive()
    assert not acts._patience.isActive()


def test_the_defaults_of_a_card_are_its_rules_alone(acts: RulesActs, page: RulesPage, agent_told: Obeys) -> None:
    agent_told.chosen = {"hot_stop_c": 80.0, "idle_s": 60.0}
    acts.show(agent_told.snapshot)
    page.heat.defaults.click()
    assert agent_told.told == [{"hot_stop_c": None, "hot_start_c": None}]
    acts.show(agent_told.snapshot)
    assert number(page, "hot_stop_c").value() == 90
    assert choice(page, "idle_s").currentText() == "1 min"


def test_what_is_typed_survives_the_snapshots_that_come_meanwhile(
    acts: RulesActs, page: RulesPage, agent_told: Obeys
) -> None:
    field = number(page, "hot_stop_c")
    field.setFocus()
    field.selectAll()
    QTest.keyClicks(field, "8")
    acts.show(replace(agent_told.snapshot, running=1))
    QTest.keyClicks(field, "5")
    QTest.keyClick(field, Qt.Key.Key_Return)
    acts.send()
    assert agent_told.told == [{"hot_stop_c": 85.0}]


def test_the_wheel_scrolls_the_page_and_turns_no_field(acts: RulesActs, page: RulesPage, agent_told: Obeys) -> None:
    fields: list[QWidget] = [choice(page, "idle_s"), number(page, "hot_stop_c")]
    page.setFocus()
    for field in fields:
        wheel = QWheelEvent(
            QPointF(5, 5),
            field.mapToGlobal(QPointF(5, 5)),
            QPoint(0, 0),
            QPoint(0, -120),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(field, wheel)
    acts.send()
    assert agent_told.told == []


def test_without_the_agent_there_is_nothing_to_change(acts: RulesActs, page: RulesPage) -> None:
    acts.show(None)
    assert page.why.headline.text() == "Nothing to change now"
    assert not page.week.isVisible()
    assert not acts.ticking


def test_a_countdown_ticks(acts: RulesActs, page: RulesPage, clock: Clock) -> None:
    acts.show(held_back())
    assert acts.ticking
    clock.now += 60
    acts.show(held_back())
    assert page.why.others[2].text().endswith("in 2:00.")


def test_the_mark_of_now_moves_through_the_week(acts: RulesActs, page: RulesPage, clock: Clock) -> None:
    def now() -> float | None:
        return page.week.grid.now

    before = now()
    assert before == int(minute_of_the_week(NOW))
    clock.now += 60
    acts.show(held_back())
    assert now() == before + 1


# --- programs ------------------------------------------------------------------------------------------------------


def test_a_program_is_added_by_its_name_and_taken_off_again(
    acts: RulesActs, page: RulesPage, agent_told: Obeys
) -> None:
    card = page.programs
    assert card.empty.isVisible()
    QTest.keyClicks(card.typed, r"C:\Games\Game.exe")
    QTest.keyClick(card.typed, Qt.Key.Key_Return)
    acts.send()
    acts.show(agent_told.snapshot)
    assert agent_told.snapshot.rules.exclusive_apps == ("Game.exe",)
    assert (card.typed.text(), card.rows[0].name.text()) == ("", "Game.exe")
    card.rows[0].remove.click()
    acts.send()
    assert agent_told.told[-1] == {"exclusive_apps": []}


def test_two_programs_that_are_added_at_once_are_both_on_the_list(
    acts: RulesActs, page: RulesPage, agent_told: Obeys
) -> None:
    page.program_added.emit("blender")
    page.program_added.emit("game")
    acts.send()
    assert agent_told.told == [{"exclusive_apps": ["blender", "game"]}]


def test_a_program_that_is_on_the_list_is_not_added_again(acts: RulesActs, page: RulesPage, agent_told: Obeys) -> None:
    agent_told.chosen = {"exclusive_apps": ["Blender"]}
    acts.show(agent_told.snapshot)
    QTest.keyClicks(page.programs.typed, "blender")
    page.programs.add.click()
    acts.send()
    assert agent_told.told == []
    assert page.programs.problem.accessibleName() == "blender is on the list already."
    assert page.programs.typed.text() == "blender"


def test_a_program_that_runs_is_chosen_from_a_list(acts: RulesActs, page: RulesPage, agent_told: Obeys) -> None:
    page.programs.choose.click()
    (prompt,) = page.programs.findChildren(ProgramPrompt)
    assert prompt.windowTitle() == "Keep this PC free for a program"
    prompt.named.emit("blender")
    acts.send()
    assert agent_told.told == [{"exclusive_apps": ["blender"]}]
    prompt.reject()


# --- the week ------------------------------------------------------------------------------------------------------


def slots(text: str) -> frozenset[int]:
    return parse_schedule(text).slots


@pytest.fixture
def empty_week(acts: RulesActs, page: RulesPage, agent_told: Obeys) -> RulesPage:
    agent_told.chosen = {"schedule": "never"}
    acts.show(agent_told.snapshot)
    agent_told.told.clear()
    return page


def drag(page: RulesPage, *path: int) -> None:
    """Over these half hours, from the first to the last."""
    grid = page.week.grid
    points = [grid.place(slot).center().toPoint() for slot in path]
    QTest.mousePress(grid, Qt.MouseButton.LeftButton, pos=points[0])
    for point in points[1:]:
        point_at(grid, point, pressed=True)
    QTest.mouseRelease(grid, Qt.MouseButton.LeftButton, pos=points[-1])


def with_shift(grid: QWidget, *keys: Qt.Key) -> None:
    """While Shift stays pressed; `QTest` would release it after each."""
    for key in keys:
        QApplication.sendEvent(grid, QKeyEvent(QEvent.Type.KeyPress, key, Qt.KeyboardModifier.ShiftModifier))


def at(day: int, hour: float) -> int:
    return day * 48 + round(hour * 2)


def test_the_mouse_opens_what_it_is_dragged_over_on_all_days_between(
    acts: RulesActs, empty_week: RulesPage, agent_told: Obeys
) -> None:
    drag(empty_week, at(0, 18), at(2, 23.5))
    acts.send()
    assert parse_schedule(str(agent_told.told[0]["schedule"])).slots == slots("mon-wed 18:00-24:00")
    acts.show(agent_told.snapshot)
    assert empty_week.week.grid.open == slots("mon-wed 18:00-24:00")
    assert empty_week.week.summary.text() == "Open for 18 of 168 hours a week."


def test_a_stroke_that_begins_on_an_open_hour_closes(acts: RulesActs, empty_week: RulesPage, agent_told: Obeys) -> None:
    drag(empty_week, at(0, 8), at(0, 19.5))
    drag(empty_week, at(0, 12), at(0, 12.5))
    assert empty_week.week.grid.open == slots("mon 08:00-12:00, mon 13:00-20:00")


def test_a_stroke_that_goes_back_leaves_what_it_left(empty_week: RulesPage) -> None:
    drag(empty_week, at(1, 8), at(4, 20), at(1, 9))
    assert empty_week.week.grid.open == slots("tue 08:00-09:30")


def test_a_stroke_is_told_when_it_ends_and_a_snapshot_does_not_break_it(
    acts: RulesActs, empty_week: RulesPage, agent_told: Obeys
) -> None:
    grid = empty_week.week.grid
    QTest.mousePress(grid, Qt.MouseButton.LeftButton, pos=grid.place(at(0, 8)).center().toPoint())
    acts.show(replace(agent_told.snapshot, running=1))
    point_at(grid, grid.place(at(0, 9)).center().toPoint(), pressed=True)
    assert grid.open == slots("mon 08:00-09:30")
    assert not acts._rest.isActive()
    QTest.mouseRelease(grid, Qt.MouseButton.LeftButton, pos=grid.place(at(0, 9)).center().toPoint())
    acts.send()
    assert agent_told.told == [{"schedule": "mon 08:00-09:30"}]


def test_a_week_that_is_hidden_under_the_hand_shows_the_agents_again(
    acts: RulesActs, empty_week: RulesPage, agent_told: Obeys
) -> None:
    grid = empty_week.week.grid
    QTest.mousePress(grid, Qt.MouseButton.LeftButton, pos=grid.place(at(0, 8)).center().toPoint())
    empty_week.hide()
    empty_week.show()
    assert grid.open == frozenset()
    assert agent_told.told == []


def test_escape_gives_a_stroke_up(acts: RulesActs, empty_week: RulesPage, agent_told: Obeys) -> None:
    grid = empty_week.week.grid
    QTest.mousePress(grid, Qt.MouseButton.LeftButton, pos=grid.place(at(0, 8)).center().toPoint())
    QTest.keyClick(grid, Qt.Key.Key_Escape)
    QTest.mouseRelease(grid, Qt.MouseButton.LeftButton, pos=grid.place(at(0, 8)).center().toPoint())
    acts.send()
    assert (grid.open, agent_told.told) == (frozenset(), [])


def test_a_stroke_may_leave_the_grid_and_stays_within_the_week(empty_week: RulesPage) -> None:
    grid = empty_week.week.grid
    QTest.mousePress(grid, Qt.MouseButton.LeftButton, pos=grid.place(at(6, 23)).center().toPoint())
    point_at(grid, QPoint(grid.width() + 200, grid.height() + 200), pressed=True)
    QTest.mouseRelease(grid, Qt.MouseButton.LeftButton)
    assert grid.open == slots("sun 23:00-24:00")


def test_the_arrows_move_and_space_switches(acts: RulesActs, empty_week: RulesPage, agent_told: Obeys) -> None:
    grid = empty_week.week.grid
    for key in (Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Space):
        QTest.keyClick(grid, key)
    assert grid.open == slots("tue 01:00-01:30")
    assert grid.accessibleDescription() == "Tuesday 01:00–01:30: open"
    QTest.keyClick(grid, Qt.Key.Key_Space)
    QTest.keyClick(grid, Qt.Key.Key_End)
    QTest.keyClick(grid, Qt.Key.Key_Space)
    QTest.keyClick(grid, Qt.Key.Key_Right)
    assert grid.at == at(1, 23.5)
    acts.send()
    assert agent_told.told == [{"schedule": "tue 23:30-24:00"}]


def test_shift_and_the_arrows_paint_what_the_stroke_began_with(
    acts: RulesActs, empty_week: RulesPage, agent_told: Obeys
) -> None:
    grid = empty_week.week.grid
    QTest.keyClick(grid, Qt.Key.Key_Space)
    with_shift(grid, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Down)
    acts.show(replace(agent_told.snapshot, running=1))
    with_shift(grid, Qt.Key.Key_Left)
    QTest.keyRelease(grid, Qt.Key.Key_Shift)
    assert grid.open == slots("mon-tue 00:00-01:00")
    acts.send()
    assert agent_told.told == [{"schedule": "mon-tue 00:00-01:00"}]
    QTest.keyClick(grid, Qt.Key.Key_Up)
    QTest.keyClick(grid, Qt.Key.Key_Space)
    with_shift(grid, Qt.Key.Key_Down)
    assert grid.open == slots("mon-tue 00:00-00:30")


def test_the_half_hour_under_the_mouse_is_said(empty_week: RulesPage) -> None:
    grid = empty_week.week.grid
    point_at(grid, grid.place(at(4, 18.5)).center().toPoint())
    assert empty_week.week.pointed.text() == "Friday 18:30–19:00: closed"
    point_at(grid, QPoint(2, 2))
    assert empty_week.week.pointed.text() == ""


def test_time_runs_the_other_way_where_writing_does(empty_week: RulesPage) -> None:
    grid = empty_week.week.grid
    grid.setLayoutDirection(Qt.LayoutDirection.RightToLeft)
    assert grid.place(0).x() > grid.place(47).x()
    QTest.keyClick(grid, Qt.Key.Key_Left)
    assert grid.at == 1
    drag(empty_week, at(0, 1), at(0, 2))
    assert grid.open == slots("mon 01:00-02:30")


@pytest.mark.parametrize(
    ("preset", "week"),
    [("Always", Schedule()), ("Nights", NIGHTS), ("Clear", Schedule(frozenset()))],
)
def test_a_preset_is_a_whole_week(
    acts: RulesActs, page: RulesPage, agent_told: Obeys, preset: str, week: Schedule
) -> None:
    agent_told.chosen = {"schedule": "mon 08:00-09:00"}
    acts.show(agent_told.snapshot)
    page.week.presets[preset].click()
    acts.send()
    acts.show(agent_told.snapshot)
    assert parse_schedule(agent_told.snapshot.rules.schedule) == week
    assert page.week.grid.open == week.slots


def test_the_grid_is_reached_by_the_tab_key_and_says_what_it_is(empty_week: RulesPage) -> None:
    grid = empty_week.week.grid
    assert grid.focusPolicy() & Qt.FocusPolicy.TabFocus
    assert grid.accessibleName() == (
        "Hours of the week in which this PC may share. No hour is open, so this PC never shares."
    )
    assert grid.accessibleDescription() == "Monday 00:00–00:30: closed"


def test_every_half_hour_has_a_place_of_its_own(empty_week: RulesPage) -> None:
    grid = empty_week.week.grid
    centres: list[Any] = [grid.place(slot).center() for slot in range(WEEK_SLOTS)]
    assert [grid._slot_at(centre) for centre in centres] == list(range(WEEK_SLOTS))
