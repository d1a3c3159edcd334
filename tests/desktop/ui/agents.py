"""An agent that does nothing but say what a test tells it to say, on a thread of its own, and note what is asked."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from desktop.agent.commands import Command
from desktop.agent.state import Snapshot


class QuietAgent:
    """Holds what `desktop.ui.bridge.AgentHandle` promises: callbacks come on its own thread, never on Qt's."""

    def __init__(self) -> None:
        self.commands: list[Command] = []
        self.thread = threading.Thread(target=self._run, name="agent", daemon=True)
        self._said: queue.SimpleQueue[Snapshot | None] = queue.SimpleQueue()
        self._callbacks: list[Callable[[Snapshot], None]] = []
        self._endings: list[Callable[[], None]] = []
        self.thread.start()

    def post(self, command: Command) -> None:
        self.commands.append(command)

    def subscribe(self, callback: Callable[[Snapshot], None]) -> Callable[[], None]:
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)

    def on_ended(self, callback: Callable[[], None]) -> None:
        self._endings.append(callback)

    def say(self, *snapshots: Snapshot) -> None:
        for snapshot in snapshots:
            self._said.put(snapshot)

    def end(self) -> None:
        """What was said before is still heard."""
        if self.thread.is_alive():
            self._said.put(None)
            self.thread.join(5)

    def _run(self) -> None:
        while (snapshot := self._said.get()) is not None:
            for callback in tuple(self._callbacks):
                callback(snapshot)
        for ended in self._endings:
            ended()
