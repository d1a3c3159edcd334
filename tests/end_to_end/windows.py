"""A PC with its window open: the real agent on its thread, and the window as the program builds it, in this process."""

from __future__ import annotations

import asyncio
import heapq
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import shiboken6
from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QWidget

from desktop.agent.commands import Quit
from desktop.agent.membership import Memberships
from desktop.agent.state import Snapshot
from desktop.agent.supervisor import Agent
from desktop.agent.thread import AgentThread
from desktop.app import build_agent
from desktop.settings import load_settings
from desktop.system.paths import Paths
from desktop.ui.appearance import Appearance
from desktop.ui.background import Background
from desktop.ui.bridge import Bridge
from desktop.ui.gallery import PLAIN
from desktop.ui.interface import Interface
from desktop.ui.notice_book import NoticeBook
from desktop.ui.openings import openings_of
from desktop.ui.preferences import Preferences
from desktop.ui.theme import Theme
from desktop.ui.tray import Tray
from desktop.ui.window import MainWindow

_BEAT_MS = 10
_DELAYS = Path("/proc/thread-self/schedstat")


@dataclass
class OpenWindow:
    """One PC in use."""

    paths: Paths
    agent: Agent
    bridge: Bridge
    window: MainWindow

    @property
    def snapshot(self) -> Snapshot:
        return self.agent.snapshot

    @property
    def words(self) -> str:
        """All that can be read in the window, as a screen reader says it."""
        return " ".join(_words(self.window))

    def worker(self) -> psutil.Process:
        """The process that holds the model."""
        (worker,) = (each for each in psutil.Process().children() if each.cmdline()[-1].endswith("worker"))
        return worker

    def kill_agent(self) -> None:
        """As a fault of its own would: its main task ends, and all it has started with it."""
        loop = self.agent._loop
        assert loop is not None
        loop.call_soon_threadsafe(lambda: [task.cancel() for task in asyncio.all_tasks(loop)])


def _words(widget: QWidget) -> Iterator[str]:
    for each in widget.findChildren(QWidget):
        if isinstance(each, QLabel | QAbstractButton) and each.isVisible():
            yield each.accessibleName() or each.text()


@contextmanager
def open_window(qapp: QApplication, home: Path) -> Iterator[OpenWindow]:
    """As `desktop.ui.application` builds it, without a first run."""
    paths = Paths.under(home)
    paths.make()
    memberships = Memberships(paths, secrets="file")
    agent = build_agent(paths, load_settings(paths.settings), memberships=memberships, open_browser=False)
    thread = AgentThread(agent)
    thread.start()
    theme, works = Theme(qapp, scheme=Qt.ColorScheme.Light), Background(qapp)
    bridge = Bridge(thread, qapp)
    appearance = Appearance(theme, Preferences(paths.data / "interface.json"))
    notices = NoticeBook(paths.data / "notices.json")
    openings = openings_of(theme, paths, works, PLAIN, appearance=appearance, notices=notices, post=bridge.post)
    window = MainWindow(theme, openings)
    interface = Interface(bridge, Tray(qapp), window, clock=time.time)
    interface.start(background=False)
    try:
        yield OpenWindow(paths, agent, bridge, window)
    finally:
        interface.stop()
        works.close()
        thread.post(Quit(drain=False))
        thread.join()
        shiboken6.delete(window)


class Heartbeat(QObject):
    """Asks to be called every ten milliseconds; `longest` are the two longest times, in seconds,
    for which Qt's loop has let it wait beyond that.

    Time in which the system gave this thread no processor does not count, where it tells: other programs took that.
    """

    def __init__(self, delays: int | None) -> None:
        """`delays` is the open file in which the system tells how long this thread had to wait for a processor."""
        super().__init__()
        self.longest = [0.0, 0.0]
        self._delays = delays
        self._beat = QTimer(self, interval=_BEAT_MS, timerType=Qt.TimerType.PreciseTimer)
        self._beat.timeout.connect(self._note)
        self._last = self._moment()
        self._beat.start()

    def _moment(self) -> float:
        delayed_ns = 0 if self._delays is None else int(os.pread(self._delays, 100, 0).split()[1])
        return time.perf_counter() - delayed_ns / 1e9

    def _note(self) -> None:
        now = self._moment()
        self.longest = heapq.nlargest(2, [*self.longest, now - self._last - _BEAT_MS / 1000])
        self._last = now


@contextmanager
def heartbeat() -> Iterator[Heartbeat]:
    """From now on, to the end."""
    delays = os.open(_DELAYS, os.O_RDONLY) if _DELAYS.exists() else None
    heart = Heartbeat(delays)
    try:
        yield heart
    finally:
        shiboken6.delete(heart)
        if delays is not None:
            os.close(delays)
