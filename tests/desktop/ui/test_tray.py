from __future__ import annotations

from dataclasses import replace

import pytest
from pytestqt.qtbot import QtBot

from desktop.agent.state import Mode
from desktop.ui import examples
from desktop.ui.examples import NOW, snapshot
from desktop.ui.faces import every_face
from desktop.ui.pauses import Pause
from desktop.ui.presenters import Presenter
from desktop.ui.tray import Tray
from desktop.ui.tray_menu import TrayMenu
from desktop.ui.views import Shape
from tests.desktop.ui.conftest import Panel


@pytest.fixture
def rows(qtbot: QtBot) -> TrayMenu:
    made = TrayMenu()
    made.pause._on_battery = lambda: True
    made.pause.aboutToShow.emit()
    return made


def texts(rows: TrayMenu) -> list[str]:
    return [action.text() for action in rows.menu.actions() if not action.isSeparator()]


def test_the_menu_has_the_rows_that_work_and_no_others(rows: TrayMenu) -> None:
    assert texts(rows) == [
        "Starting…",
        "Nothing earned yet",
        "Sharing",
        "Pause",
        "Free memory now",
        "Open Nightjar…",
        "Models…",
        "Quit",
    ]
    assert [action.text() for action in rows.sharing.actions()] == ["Off", "When idle", "Always"]
    assert [action.text() for action in rows.pause.actions() if not action.isSeparator()] == [
        "30 minutes",
        "1 hour",
        "4 hours",
        "Until tomorrow",
        "Until plugged in",
        "Until a program closes…",
        "Resume now",
    ]


def test_rows_change_and_are_never_replaced(rows: TrayMenu, presenter: Presenter) -> None:
    before = [*rows.menu.actions(), *rows.sharing.actions(), *rows.pause.actions()]
    for face in every_face().values():
        rows.show_view(presenter.tray(face, NOW))
    assert [*rows.menu.actions(), *rows.sharing.actions(), *rows.pause.actions()] == before


def test_a_serving_pc_says_so_and_can_be_paused(rows: TrayMenu, presenter: Presenter) -> None:
    rows.show_view(presenter.tray(examples.serving(), NOW))
    assert texts(rows)[:2] == ["Sharing: 2 answers, 41 tok/s", "Today $0.31 · this month $6.20"]
    assert rows.quit.text() == "Quit (finishes 2 answers)"
    assert rows.modes[Mode.ALWAYS].isChecked()
    assert all(row.isEnabled() for row in rows.pause.lengths)
    assert not rows.resume.isEnabled()
    assert rows.free_memory.isEnabled()


def test_a_paused_pc_can_be_resumed_or_paused_longer(rows: TrayMenu, presenter: Presenter) -> None:
    rows.show_view(presenter.tray(snapshot(snoozed_until=NOW + 60), NOW))
    assert rows.resume.isEnabled()
    assert all(row.isEnabled() for row in rows.pause.lengths)


def test_only_a_pc_on_battery_can_wait_for_its_plug(rows: TrayMenu, presenter: Presenter) -> None:
    row = next(one for one in rows.pause.lengths if one.text() == "Until plugged in")
    rows.show_view(presenter.tray(snapshot(), NOW))
    assert row.isEnabled()
    rows.pause._on_battery = lambda: False
    rows.pause.aboutToShow.emit()
    assert not row.isEnabled()


def test_before_the_agents_first_word_only_opening_and_quitting_work(rows: TrayMenu, presenter: Presenter) -> None:
    rows.show_view(presenter.tray(None, NOW))
    choices = [*rows.modes.values(), *rows.pause.lengths, rows.resume, rows.free_memory]
    assert not any(row.isEnabled() for row in choices)
    assert rows.open.isEnabled()
    assert rows.quit.isEnabled()


def test_each_row_asks_for_what_it_says(qtbot: QtBot, rows: TrayMenu) -> None:
    for row, asked in (
        (rows.state, rows.open_asked),
        (rows.earnings, rows.open_asked),
        (rows.open, rows.open_asked),
        (rows.models, rows.models_asked),
        (rows.pause.program, rows.program_asked),
        (rows.resume, rows.resume_asked),
        (rows.free_memory, rows.free_memory_asked),
        (rows.quit, rows.quit_asked),
    ):
        with qtbot.waitSignal(asked):
            row.trigger()
    for mode in Mode:
        with qtbot.waitSignal(rows.mode_chosen) as chosen:
            rows.modes[mode].trigger()
        assert chosen.args == [mode]
    for row, pause in zip(rows.pause.lengths, Pause, strict=False):
        with qtbot.waitSignal(rows.pause_chosen) as paused:
            row.trigger()
        assert paused.args == [pause]


def test_no_icon_is_made_before_there_is_a_tray_and_one_when_it_comes(
    qtbot: QtBot, tray: Tray, panel: Panel, presenter: Presenter
) -> None:
    panel.there = False
    tray.start()
    tray.show_view(presenter.tray(examples.serving(), NOW))
    assert (tray.available, tray.icon) == (False, None)
    panel.there = True
    with qtbot.waitSignal(tray.availability_changed) as changed:
        tray.look()
    assert changed.args == [True]
    assert tray.icon is not None
    assert tray.icon.toolTip() == "Nightjar: Sharing: 2 answers, 41 tok/s"
    assert tray.icon.contextMenu() is tray.rows.menu


def test_a_missing_tray_is_looked_for_more_often_than_a_present_one(tray: Tray, panel: Panel) -> None:
    panel.there = False
    tray.start()
    assert tray._look.interval() == 2_000
    panel.there = True
    tray.look()
    assert tray._look.interval() == 30_000


def test_a_tray_that_goes_is_told(qtbot: QtBot, tray: Tray, panel: Panel) -> None:
    tray.start()
    panel.there = False
    with qtbot.waitSignal(tray.availability_changed) as changed:
        tray.look()
    assert changed.args == [False]


def test_numbers_alone_do_not_make_the_icon_flicker(tray: Tray, presenter: Presenter) -> None:
    tray.start()
    tray.show_view(presenter.tray(examples.serving(), NOW))
    faster = replace(examples.serving(), tokens_per_s=55.0)
    tray.show_view(presenter.tray(faster, NOW))
    assert tray.rows.state.text() == "Sharing: 2 answers, 41 tok/s"
    tray._later.timeout.emit()
    assert tray.rows.state.text() == "Sharing: 2 answers, 55 tok/s"


def test_a_menu_that_is_opened_shows_the_newest_numbers(tray: Tray, presenter: Presenter) -> None:
    tray.start()
    tray.show_view(presenter.tray(examples.serving(), NOW))
    tray.show_view(presenter.tray(replace(examples.serving(), tokens_per_s=55.0), NOW))
    tray.rows.menu.aboutToShow.emit()
    assert tray.rows.state.text() == "Sharing: 2 answers, 55 tok/s"


def test_a_new_state_shows_at_once(tray: Tray, presenter: Presenter) -> None:
    tray.start()
    tray.show_view(presenter.tray(examples.serving(), NOW))
    tray.show_view(presenter.tray(snapshot(mode=Mode.OFF), NOW))
    assert tray.rows.state.text() == "Sharing is off"
    assert tray._shown is not None
    assert tray._shown.shape is Shape.OFF
