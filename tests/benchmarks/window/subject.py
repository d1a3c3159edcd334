"""`python -m tests.benchmarks.window.subject`: the program under measurement, which does what its standard input says.

`open` and `hide` the window, `walk` through all pages, or only tell `paints`; each is answered with a JSON object.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QSocketNotifier, QTimer
from PySide6.QtWidgets import QApplication
from typing_extensions import override

from desktop.agent.commands import Quit
from desktop.agent.membership import Memberships
from desktop.agent.state import Snapshot
from desktop.agent.thread import AgentThread
from desktop.app import build_agent
from desktop.settings import load_settings
from desktop.system.paths import Paths
from desktop.ui.application import run_ui
from desktop.ui.window import MainWindow


class Probe(QObject):
    """Counts what is painted, and obeys."""

    def __init__(self) -> None:
        super().__init__()
        self._paints = 0
        self._painted: Callable[[], None] = lambda: None
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        self._window = next(one for one in application.topLevelWidgets() if isinstance(one, MainWindow))
        application.installEventFilter(self)
        self._orders = QSocketNotifier(sys.stdin.fileno(), QSocketNotifier.Type.Read, self)
        self._orders.activated.connect(self._obey)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() is QEvent.Type.Paint:
            self._paints += 1
            if self._window.seen and self._window.windowHandle().isExposed():
                told, self._painted = self._painted, lambda: None
                QTimer.singleShot(0, told)  # once all of this picture is painted
        return False

    def _obey(self) -> None:
        match sys.stdin.readline().strip():
            case "open":
                began = time.perf_counter()
                self._painted = lambda: tell(opened_ms=(time.perf_counter() - began) * 1000)
                self._window.raise_up()
            case "hide":
                self._window.hide()
                tell(hidden=True)
            case "walk":
                for place in self._window.places:
                    self._window.go(place)
                    QApplication.processEvents()
                tell(places=len(self._window.places))
            case "paints":
                tell(paints=self._paints)
            case _:
                self._window.quit_asked.emit()


def tell(**facts: object) -> None:
    print(json.dumps(facts), flush=True)


class Watched(AgentThread):
    """Its agent; it is subscribed to on Qt's thread, when everything is built."""

    @override
    def subscribe(self, subscriber: Callable[[Snapshot], None]) -> Callable[[], None]:
        self.probe = Probe()
        tell(ready=True)
        return super().subscribe(subscriber)


def main() -> int:
    paths = Paths.for_user()
    agent = build_agent(
        paths, load_settings(paths.settings), memberships=Memberships(paths, secrets="file"), open_browser=False
    )
    thread = Watched(agent)
    thread.start()
    try:
        # Not in the background: without a tray, as here, the window would open by itself after a while.
        return run_ui(thread, paths, background=False)
    finally:
        thread.post(Quit(drain=False))
        thread.join()


if __name__ == "__main__":
    sys.exit(main())
