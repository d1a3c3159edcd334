"""The agent on a thread of its own, for a program whose main thread belongs to a window.

This is the handle the window gets: every method may be called from any thread and returns at once.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable

from desktop.agent.commands import Command
from desktop.agent.publisher import Subscriber
from desktop.agent.supervisor import Agent

log = logging.getLogger(__name__)


class AgentThread:
    """One agent, one thread, one life. `error` is what ended it, None if it ended as asked."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._thread = threading.Thread(target=self._run, name="agent")
        self._lock = threading.Lock()
        self._ended = False
        self._waiting: list[Callable[[], None]] = []
        self.error: BaseException | None = None

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        """Waits for the end, which must have been asked for."""
        self._thread.join()

    def post(self, command: Command) -> None:
        self._agent.post(command)

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """The present snapshot at once, every later one on the agent's thread."""
        leave = self._agent.subscribe(subscriber)
        subscriber(self._agent.snapshot)
        return leave

    def on_ended(self, callback: Callable[[], None]) -> None:
        """Called once, on whichever thread; at once if the agent has ended already."""
        with self._lock:
            if not self._ended:
                self._waiting.append(callback)
                return
        callback()

    def _run(self) -> None:
        try:
            asyncio.run(self._agent.run())
        except BaseException as error:
            self.error = error
            log.critical("the agent ended unexpectedly", exc_info=error)
        with self._lock:
            self._ended = True
            waiting, self._waiting = self._waiting, []
        for callback in waiting:
            callback()
