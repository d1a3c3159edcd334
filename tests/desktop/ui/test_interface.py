from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from desktop.agent.commands import CancelEnrolment, Command, Enrol, FreeMemory, Quit, Resume, SetMode, Snooze
from desktop.agent.state import Mode, Snapshot
from desktop.ui import examples
from desktop.ui.examples import NOW, snapshot
from desktop.ui.faces import every_face
from desktop.ui.interface import Interface
from desktop.ui.program_prompt import ProgramPrompt
from desktop.ui.tray import Tray
from desktop.ui.window import MainWindow
from tests.desktop.ui.agents import QuietAgent
from tests.desktop.ui.conftest import Clock, Panel


def hear(qtbot: QtBot, agent: QuietAgent, interface: Interface, *said: Snapshot) -> None:
    for one in said:
        with qtbot.waitSignal(interface._bridge.arrived):
            agent.say(one)


def question(window: MainWindow) -> QMessageBox:
    found = window.findChild(QMessageBox)
    assert found is not None
    return found


def press(window: MainWindow, text: str) -> None:
    button = next(one for one in question(window).buttons() if one.text() == text)
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def test_a_snapshot_shows_in_tray_and_window(
    qtbot: QtBot, agent: QuietAgent, interface: Interface, tray: Tray, window: MainWindow
) -> None:
    interface.start(background=False)
    assert window.home.state.headline.text() == "Starting…"
    hear(qtbot, agent, interface, examples.serving())
    assert window.home.state.headline.text() == "Sharing"
    assert tray.rows.state.text() == "Sharing: 2 answers, 41 tok/s"


def test_every_wish_becomes_the_command_it_means(
    qtbot: QtBot, agent: QuietAgent, interface: Interface, tray: Tray, window: MainWindow
) -> None:
    interface.start(background=False)
    hear(qtbot, agent, interface, snapshot(snoozed_until=NOW + 60))
    rows, home = tray.rows, window.home
    wishes: list[tuple[QAction, Command]] = [
        (rows.modes[Mode.OFF], SetMode(Mode.OFF)),
        (rows.modes[Mode.IDLE], SetMode(Mode.IDLE)),
        (rows.pause.lengths[0], Snooze(NOW + 1_800)),
        (rows.pause.lengths[2], Snooze(NOW + 14_400)),
        (rows.pause.lengths[4], Snooze(NOW + 7 * 86_400, "plugged in")),
        (rows.resume, Resume()),
        (rows.free_memory, FreeMemory()),
    ]
    rows.pause._on_battery = lambda: True
    rows.pause.aboutToShow.emit()
    for row, _ in wishes:
        row.trigger()
    home.state.modes.segment(Mode.ALWAYS).click()
    home.state.resume.click()
    home.enrolment.relay_given.emit("https://relay.example.org")
    home.enrolment.cancelled.emit()
    assert agent.commands == [
        *(command for _, command in wishes),
        SetMode(Mode.ALWAYS),
        Resume(),
        Enrol("https://relay.example.org"),
        CancelEnrolment(),
    ]


def test_a_pause_for_a_program_asks_for_one_that_runs_and_ends_with_it(
    qtbot: QtBot, agent: QuietAgent, interface: Interface, tray: Tray, window: MainWindow
) -> None:
    interface.start(background=True)
    hear(qtbot, agent, interface, snapshot())
    tray.rows.pause.program.trigger()
    assert window.isVisible()
    prompt = window.findChild(ProgramPrompt)
    assert prompt is not None
    prompt.named.emit("blender")
    assert agent.commands == [Snooze(NOW + 7 * 86_400, "blender")]
    prompt.reject()


def test_a_start_in_the_background_opens_no_window_where_there_is_a_tray(
    interface: Interface, window: MainWindow
) -> None:
    interface.start(background=True, grace_ms=0)
    assert not interface._grace.isActive()
    assert not window.isVisible()


def test_a_start_in_the_background_without_a_tray_opens_the_window_and_says_why(
    qtbot: QtBot, interface: Interface, window: MainWindow, panel: Panel
) -> None:
    panel.there = False
    interface.start(background=True, grace_ms=20)
    assert not window.isVisible()
    qtbot.waitUntil(window.isVisible)
    assert window.footer.text().startswith("This desktop shows no tray")


def test_a_tray_that_comes_during_the_grace_keeps_the_window_closed(
    qtbot: QtBot, interface: Interface, tray: Tray, window: MainWindow, panel: Panel
) -> None:
    panel.there = False
    interface.start(background=True, grace_ms=60_000)
    assert interface._grace.isActive()
    panel.there = True
    tray.look()
    assert not interface._grace.isActive()
    assert window.footer.text() == "Closing this window leaves Nightjar running in the tray."


def test_closing_the_window_hides_it_where_the_tray_can_bring_it_back(
    interface: Interface, tray: Tray, window: MainWindow
) -> None:
    interface.start(background=False)
    window.close()
    assert not window.isVisible()
    tray.rows.open.trigger()
    assert window.isVisible()


def test_without_a_tray_closing_asks_and_never_hides_the_only_way_back(
    interface: Interface, window: MainWindow, panel: Panel, agent: QuietAgent
) -> None:
    panel.there = False
    interface.start(background=False)
    window.close()
    assert window.isVisible()
    assert {button.text() for button in question(window).buttons()} == {"Keep running, minimised", "Quit", "Cancel"}
    press(window, "Keep running, minimised")
    assert window.isMinimized()
    assert agent.commands == []


def test_without_a_tray_the_question_can_end_nightjar(
    interface: Interface, window: MainWindow, panel: Panel, agent: QuietAgent
) -> None:
    panel.there = False
    interface.start(background=False)
    window.close()
    press(window, "Quit")
    assert agent.commands == [Quit(drain=True)]


def test_a_tray_that_vanishes_brings_the_hidden_window_back(
    interface: Interface, tray: Tray, window: MainWindow, panel: Panel
) -> None:
    interface.start(background=True)
    panel.there = False
    tray.look()
    assert interface._grace.isActive()
    interface._grace.timeout.emit()
    assert window.isVisible()


def test_nothing_is_drawn_and_no_clock_runs_while_the_window_is_hidden(
    qtbot: QtBot, agent: QuietAgent, interface: Interface, window: MainWindow
) -> None:
    interface.start(background=True)
    hear(qtbot, agent, interface, snapshot(snoozed_until=NOW + 1_750))
    assert window._shown is None
    assert not interface._second.isActive()
    window.raise_up()
    assert window.home.state.headline.text() == "Paused"
    assert interface._second.isActive()
    window.close()
    assert not interface._second.isActive()


def test_a_countdown_moves_with_the_clock_and_stops_with_its_reason(
    qtbot: QtBot, agent: QuietAgent, interface: Interface, window: MainWindow, clock: Clock
) -> None:
    interface.start(background=False)
    hear(qtbot, agent, interface, snapshot(snoozed_until=NOW + 1_750))
    clock.now += 10
    interface._second.timeout.emit()
    assert window.home.state.detail.text().endswith("in 29:00.")
    hear(qtbot, agent, interface, snapshot())
    assert not interface._second.isActive()


def test_quitting_finishes_answers_first_and_ends_with_the_agent(
    qtbot: QtBot, agent: QuietAgent, interface: Interface, tray: Tray
) -> None:
    interface.start(background=True)
    hear(qtbot, agent, interface, examples.serving())
    tray.rows.quit.trigger()
    assert agent.commands == [Quit(drain=True)]
    with qtbot.waitSignal(interface.finished) as finished:
        agent.end()
    assert finished.args == [0]


def test_asked_again_it_does_not_wait_for_answers_and_then_for_nobody(
    qtbot: QtBot, agent: QuietAgent, interface: Interface
) -> None:
    interface.start(background=True)
    interface.quit()
    interface.quit()
    assert agent.commands == [Quit(drain=True), Quit(drain=False)]
    with qtbot.waitSignal(interface.finished) as finished:
        interface.quit()
    assert finished.args == [1]


def test_an_agent_that_was_told_to_quit_by_the_command_line_ends_the_interface(
    qtbot: QtBot, agent: QuietAgent, interface: Interface
) -> None:
    closing = every_face()["closing"]
    assert closing is not None
    interface.start(background=True)
    hear(qtbot, agent, interface, closing)
    with qtbot.waitSignal(interface.finished) as finished:
        agent.end()
    assert finished.args == [0]


@pytest.mark.usefixtures("tray")
def test_an_agent_that_dies_is_told_to_the_owner_who_may_then_only_quit(
    qtbot: QtBot, agent: QuietAgent, interface: Interface, tray: Tray, window: MainWindow
) -> None:
    interface.start(background=False)
    hear(qtbot, agent, interface, examples.serving())
    with qtbot.assertNotEmitted(interface.finished), qtbot.waitSignal(interface._bridge.ended):
        agent.end()
    assert window.home.state.headline.text() == "Nightjar stopped working"
    assert tray.rows.state.text() == "Nightjar stopped working"
    with qtbot.waitSignal(interface.finished) as finished:
        tray.rows.quit.trigger()
    assert finished.args == [1]
