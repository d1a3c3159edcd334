"""`run_ui` as its own process, around an agent that answers at once: prints what it is asked, one JSON object a line.

`program.py [--background]`. The test reads the lines; it drives the rest from outside, as an owner would.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, replace

from PySide6.QtCore import QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QMenu, QMessageBox, QSystemTrayIcon

from desktop.agent.commands import Command, FreeMemory, Quit, Resume, SetMode, Snooze
from desktop.agent.state import Snapshot
from desktop.system.paths import Paths
from desktop.ui import examples
from desktop.ui.application import run_ui
from desktop.ui.colour_scheme import is_dark


def tell(**facts: object) -> None:
    print(json.dumps(facts), flush=True)


class AnsweringAgent:
    """Obeys modes and pauses by saying so in a new snapshot, from another thread; ends when told to quit."""

    def __init__(self) -> None:
        self._callbacks: list[Callable[[Snapshot], None]] = []
        self._endings: list[Callable[[], None]] = []
        self._snapshot = examples.serving()
        self._witness: Witness | None = None

    def post(self, command: Command) -> None:
        tell(command=type(command).__name__, **asdict(command))
        match command:
            case SetMode(mode):
                self._say(replace(self._snapshot, mode=mode))
            case Snooze(until):
                self._say(examples.snapshot(snoozed_until=until))
            case FreeMemory():  # Whatever the memory is for: a model arrives.
                self._say(replace(self._snapshot, arrived=("gemma",)))
            case Resume():
                self._say(examples.serving())
            case Quit():
                threading.Thread(target=lambda: [ended() for ended in self._endings]).start()

    def subscribe(self, callback: Callable[[Snapshot], None]) -> Callable[[], None]:
        """Called on Qt's thread, when everything is built: the moment to start watching."""
        self._witness = Witness()
        self._callbacks.append(callback)
        self._say(self._snapshot)
        return self._callbacks.clear

    def on_ended(self, callback: Callable[[], None]) -> None:
        self._endings.append(callback)

    def _say(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        threading.Thread(target=lambda: [callback(snapshot) for callback in tuple(self._callbacks)]).start()


class Witness:
    """Tells where things are on the screen: tray icon, rows of an open menu, window."""

    def __init__(self) -> None:
        self._told: dict[str, object] = {}
        self._timer = QTimer(interval=50)
        self._timer.timeout.connect(self._look)
        self._timer.start()

    def _look(self) -> None:
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        windows = [one for one in application.topLevelWidgets() if one.isVisible() and one.windowTitle() == "Nightjar"]
        self._tell("window", bool(windows))
        self._tell("dark", is_dark(application.palette()))
        for box in (one for one in application.topLevelWidgets() if isinstance(one, QMessageBox) and one.isVisible()):
            self._tell("question", box.text().replace("\u200b", ""))
        for icon in application.findChildren(QSystemTrayIcon):
            centre = icon.geometry().center()
            self._tell("icon", [centre.x(), centre.y()])
        for menu in (one for one in application.topLevelWidgets() if isinstance(one, QMenu) and one.isVisible()):
            self._tell("menu", {row.text(): _centre(menu, row) for row in menu.actions() if row.text()})

    def _tell(self, name: str, fact: object) -> None:
        if self._told.get(name) != fact:
            self._told[name] = fact
            tell(**{name: fact})


def _centre(menu: QMenu, row: QAction) -> list[int]:
    at = menu.mapToGlobal(menu.actionGeometry(row).center())
    return [at.x(), at.y()]


if __name__ == "__main__":
    Paths.for_user().make()
    sys.exit(run_ui(AnsweringAgent(), Paths.for_user(), background="--background" in sys.argv))
