"""Commands from any thread, obeyed in order on the agent's loop; those that come before it runs wait for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue

from desktop.agent.commands import Command
from desktop.errors import DesktopError

log = logging.getLogger(__name__)


class Orders:
    """`obey` carries one out, and may raise DesktopError; `refused` hears of that."""

    def __init__(self, obey: Callable[[Command], None], refused: Callable[[Command, DesktopError], None]) -> None:
        self._obey = obey
        self._refused = refused
        self._waiting: SimpleQueue[tuple[Command, Future[None] | None]] = SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None

    def post(self, command: Command, done: Future[None] | None = None) -> None:
        """From any thread. `done` gets None, or the DesktopError."""
        self._waiting.put((command, done))
        loop = self._loop
        if loop is not None:
            try:
                loop.call_soon_threadsafe(self._obey_all)
            except RuntimeError:
                log.info("a command came after the end", extra={"command": type(command).__name__})

    async def perform(self, command: Command) -> None:
        """Returns once it is obeyed. Raises DesktopError."""
        done: Future[None] = Future()
        self.post(command, done)
        await asyncio.wrap_future(done)

    def begin(self) -> None:
        """From now on commands are obeyed on the running loop; those that waited, now."""
        self._loop = asyncio.get_running_loop()
        self._obey_all()

    def end(self) -> None:
        self._loop = None

    def _obey_all(self) -> None:
        while True:
            try:
                command, done = self._waiting.get_nowait()
            except Empty:
                return
            try:
                self._obey(command)
            except DesktopError as error:
                log.warning("a command failed", extra={"command": type(command).__name__, "why": str(error)})
                self._refused(command, error)
                if done is not None:
                    done.set_exception(error)
            else:
                if done is not None:
                    done.set_result(None)
