from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
import shiboken6
from pytestqt.qtbot import QtBot

from desktop.agent.commands import Resume
from desktop.agent.state import Snapshot
from desktop.ui.bridge import Bridge
from desktop.ui.examples import snapshot
from tests.desktop.ui.agents import QuietAgent


@pytest.fixture
def bridge(qtbot: QtBot, agent: QuietAgent) -> Iterator[Bridge]:
    made = Bridge(agent)
    yield made
    made.close()
    shiboken6.delete(made)


def test_a_snapshot_from_the_agents_thread_arrives_on_qts(qtbot: QtBot, agent: QuietAgent, bridge: Bridge) -> None:
    threads: list[threading.Thread] = []
    bridge.arrived.connect(lambda _snapshot: threads.append(threading.current_thread()))
    bridge.start()
    with qtbot.waitSignal(bridge.arrived) as arrived:
        agent.say(snapshot())
    assert arrived.args == [snapshot()]
    assert threads == [threading.main_thread()]


def test_what_comes_while_the_interface_is_busy_is_not_queued_but_replaced(
    qtbot: QtBot, agent: QuietAgent, bridge: Bridge
) -> None:
    seen: list[Snapshot] = []
    bridge.arrived.connect(seen.append)
    bridge.start()
    agent.say(*(replace(snapshot(), at=float(number)) for number in range(1000)))
    with qtbot.waitSignal(bridge.ended):
        agent.end()  # Qt's loop stands still until the last one was said
    assert [one.at for one in seen] == [999.0]


def test_every_snapshot_arrives_where_the_interface_keeps_up(qtbot: QtBot, agent: QuietAgent, bridge: Bridge) -> None:
    seen: list[float] = []
    bridge.arrived.connect(lambda one: seen.append(one.at))
    bridge.start()
    for number in range(20):
        with qtbot.waitSignal(bridge.arrived):
            agent.say(replace(snapshot(), at=float(number)))
    assert seen == [float(number) for number in range(20)]


def test_the_agents_end_is_told_once(qtbot: QtBot, agent: QuietAgent, bridge: Bridge) -> None:
    ends: list[bool] = []
    bridge.ended.connect(lambda: ends.append(True))
    bridge.start()
    with qtbot.waitSignal(bridge.ended):
        agent.end()
    assert ends == [True]


def test_an_agent_that_speaks_after_the_close_is_not_heard_and_not_hurt(
    qtbot: QtBot, agent: QuietAgent, bridge: Bridge
) -> None:
    seen: list[Snapshot] = []
    bridge.arrived.connect(seen.append)
    bridge.start()
    heard = bridge._take
    heard(snapshot())
    bridge.close()
    heard(snapshot())
    agent.say(snapshot())
    agent.end()
    qtbot.wait(0)
    assert seen == []


def test_a_command_goes_down_as_it_is(agent: QuietAgent, bridge: Bridge) -> None:
    bridge.post(Resume())
    assert agent.commands == [Resume()]
