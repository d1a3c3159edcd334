"""The agent on its own thread, as the window sees it."""

from __future__ import annotations

import threading
from queue import SimpleQueue

from desktop.agent.commands import Quit, SetMode
from desktop.agent.state import Mode, Snapshot
from desktop.agent.thread import AgentThread
from tests.desktop.agent.conftest import Desktop


def test_a_subscriber_gets_the_present_snapshot_and_every_later_one_on_the_agents_thread(desktop: Desktop) -> None:
    arrived: SimpleQueue[tuple[Snapshot, str]] = SimpleQueue()
    thread = AgentThread(desktop.agent)
    thread.subscribe(lambda snapshot: arrived.put((snapshot, threading.current_thread().name)))
    assert arrived.get(timeout=10)[0].mode is Mode.ALWAYS
    thread.start()
    thread.post(SetMode(Mode.OFF))
    snapshot, where = arrived.get(timeout=10)
    while snapshot.mode is not Mode.OFF:
        snapshot, where = arrived.get(timeout=10)
    assert where == "agent"
    thread.post(Quit(drain=True))
    thread.join()
    assert thread.error is None


def test_the_end_is_told_once_also_to_whoever_asks_late(desktop: Desktop) -> None:
    thread = AgentThread(desktop.agent)
    told: SimpleQueue[str] = SimpleQueue()
    thread.on_ended(lambda: told.put("early"))
    thread.start()
    thread.post(Quit(drain=False))
    assert told.get(timeout=10) == "early"
    thread.join()
    thread.on_ended(lambda: told.put("late"))
    assert told.get_nowait() == "late"
    assert told.empty()


def test_commands_posted_before_the_start_are_obeyed(desktop: Desktop) -> None:
    thread = AgentThread(desktop.agent)
    thread.post(SetMode(Mode.IDLE))
    thread.post(Quit(drain=False))
    thread.start()
    thread.join()
    assert desktop.agent.snapshot.mode is Mode.IDLE
    thread.post(SetMode(Mode.OFF))


def test_what_ends_the_agent_unexpectedly_is_kept(desktop: Desktop) -> None:
    desktop.paths.control.mkdir()
    thread = AgentThread(desktop.agent)
    thread.start()
    thread.join()
    assert thread.error is not None


def test_what_the_owner_chose_and_could_not_be_kept_holds_and_is_told(desktop: Desktop) -> None:
    arrived: SimpleQueue[Snapshot] = SimpleQueue()
    thread = AgentThread(desktop.agent)
    thread.subscribe(arrived.put)
    thread.start()
    desktop.paths.record.mkdir()  # which no file can take the place of
    thread.post(SetMode(Mode.OFF))
    while not (snapshot := arrived.get(timeout=10)).unkept:
        pass
    assert snapshot.mode is Mode.OFF
    assert snapshot.unkept.startswith(f"Cannot use the folder {desktop.paths.data}: ")
    desktop.paths.record.rmdir()
    thread.post(SetMode(Mode.IDLE))
    while (snapshot := arrived.get(timeout=10)).unkept:
        pass
    assert snapshot.mode is Mode.IDLE
    thread.post(Quit(drain=False))
    thread.join()
