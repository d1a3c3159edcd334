"""An agent, a theme, a window and a tray; a test asks for the one it is about."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import shiboken6
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from desktop.ui.bridge import Bridge
from desktop.ui.examples import NOW
from desktop.ui.gallery import PLAIN
from desktop.ui.interface import Interface
from desktop.ui.presenters import Presenter
from desktop.ui.theme import Theme
from desktop.ui.tray import Tray
from desktop.ui.window import MainWindow
from tests.desktop.ui.agents import QuietAgent

# The person's own desktop has no say in a test, however dark it is. Read once in a process, by Qt, so set at once.
os.environ["DBUS_SESSION_BUS_ADDRESS"] = "unix:path=/nowhere"


@pytest.fixture
def agent() -> Iterator[QuietAgent]:
    quiet = QuietAgent()
    yield quiet
    quiet.end()


@pytest.fixture
def theme(qapp: QApplication) -> Iterator[Theme]:
    made = Theme(qapp, scheme=Qt.ColorScheme.Light)
    yield made
    # At once: outside Qt's own loop `deleteLater` means never, and every live window slows the next one down.
    shiboken6.delete(made)


@pytest.fixture
def presenter(qapp: QApplication) -> Presenter:
    return Presenter(QCoreApplication.translate, PLAIN)


@pytest.fixture
def window(qtbot: QtBot, theme: Theme) -> Iterator[MainWindow]:
    made = MainWindow(theme)
    yield made
    shiboken6.delete(made)


class Panel:
    """Whether this desktop has a tray, as a test wishes."""

    def __init__(self, *, there: bool) -> None:
        self.there = there

    def __call__(self) -> bool:
        return self.there


@pytest.fixture
def panel() -> Panel:
    return Panel(there=True)


@pytest.fixture
def tray(qtbot: QtBot, panel: Panel) -> Iterator[Tray]:
    made = Tray(is_available=panel)
    yield made
    made.close()
    shiboken6.delete(made)


class Clock:
    """Time, as a test wishes."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def interface(agent: QuietAgent, tray: Tray, window: MainWindow, clock: Clock) -> Iterator[Interface]:
    bridge = Bridge(agent)
    made = Interface(bridge, tray, window, clock=clock)
    yield made
    made.stop()
    shiboken6.delete(made)
    shiboken6.delete(bridge)
