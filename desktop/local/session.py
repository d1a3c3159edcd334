"""One run of `nightjar local`: relay up, this PC enrolled at it once, node up; all of it down again together.

Everything is kept in the folder `local` of the user's data, so the next run has the same key and the same node.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path

import msgspec

from desktop import app
from desktop.agent.commands import Quit
from desktop.agent.membership import Memberships
from desktop.agent.state import Mode
from desktop.agent.supervisor import Agent
from desktop.errors import AgentAlreadyRunning, DesktopError, LocalRelayFailed
from desktop.local.admission import Admission, Readmission
from desktop.local.api_key import api_key
from desktop.local.ready import Ready
from desktop.local.relay_process import Announcement, RelayProcess
from desktop.local.report import JsonReport, MakeReport, TextReport
from desktop.settings import MOST_ANSWERS, Settings, load_settings
from desktop.system import logs
from desktop.system.display import has_display
from desktop.system.lock import FileLock
from desktop.system.paths import Paths, make_private

log = logging.getLogger(__name__)


def run(paths: Paths, *, port: int | None, headless: bool, json_ready: bool) -> int:
    """Until Ctrl-C, SIGTERM, or the owner quits; the exit status. Raises DesktopError."""
    folder, node = paths.local, paths.local_node
    os.umask(0o077)  # logs and databases too are nobody else's
    make_private(folder)
    node.make()
    lock = FileLock(node.lock)
    if not lock.acquire():
        raise AgentAlreadyRunning
    try:
        settings = for_its_owner(load_settings(node.settings))
        logs.configure(node.logs, on_screen=logging.ERROR)
        report = JsonReport if json_ready else TextReport
        local = _Local(folder, node, settings=settings, port=port, make_report=report)
        return local.headless() if headless or not has_display() else local.with_window()
    finally:
        lock.release()


def for_its_owner(settings: Settings) -> Settings:
    """The calls of a private relay are the owner's own: none is turned away because the owner uses the PC."""
    limits = msgspec.structs.replace(settings.limits, answers_in_use=MOST_ANSWERS)
    return msgspec.structs.replace(settings, limits=limits)


@dataclass(frozen=True, slots=True)
class _Run:
    """A relay that runs and an agent that is yet to run. `trouble` returns when something ends them unasked."""

    agent: Agent
    trouble: Callable[[], Coroutine[None, None, DesktopError]]


class _Local:
    """The folders and wishes of one run."""

    def __init__(
        self, folder: Path, node: Paths, *, settings: Settings, port: int | None, make_report: MakeReport
    ) -> None:
        self._folder = folder
        self._node = node
        self._settings = settings
        self._port = port
        self._make_report = make_report

    def headless(self) -> int:
        """Relay and agent on this thread's loop."""
        return asyncio.run(self._on_this_loop())

    async def _on_this_loop(self) -> int:
        stopping = asyncio.Event()
        app.on_stop_signals(stopping.set)
        async with self._relay_and_agent(open_browser=False) as run:
            if not stopping.is_set():
                await self._together(run, stopping)
        return 0

    async def _together(self, run: _Run, stopping: asyncio.Event) -> None:
        """Ends with the first of: a signal, the agent, trouble. Raises what ended it, if it was no wish."""
        try:
            async with asyncio.TaskGroup() as group:
                running = group.create_task(run.agent.run(), name="agent")
                lost = group.create_task(run.trouble(), name="relay")
                asked = group.create_task(stopping.wait(), name="signals")
                await asyncio.wait({running, lost, asked}, return_when=asyncio.FIRST_COMPLETED)
                failure = lost.result() if lost.done() else None
                run.agent.post(Quit(drain=False))
                await asyncio.wait({running})
                asked.cancel()
                lost.cancel()
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None
        if failure is not None:
            raise failure

    def with_window(self) -> int:
        """Qt owns this thread, so the relay is watched from another."""
        host = _RelayThread(self._relay_and_agent)
        agent = host.start()
        try:
            status = app.run_with_window(agent, self._node, background=False)
        finally:
            host.stop()
        if host.failure is not None:
            raise host.failure
        return status

    @contextlib.asynccontextmanager
    async def _relay_and_agent(self, *, open_browser: bool) -> AsyncIterator[_Run]:
        """A ready relay, and an agent enrolled at it that is yet to run."""
        memberships = Memberships(self._node, secrets="file")
        async with RelayProcess.running(self._folder, port=self._port) as (relay, announcement):
            trouble = _Trouble(relay)
            report = self._make_report(trouble.report)
            report.began(self._ready(announcement, await api_key(self._folder, relay, announcement)))
            admission = Admission(relay, announcement)
            await admission.admit(memberships)
            # A private relay serves nobody but this PC's owner, who has just asked for it.
            memberships.change(mode=Mode.ALWAYS, snoozed_until=None)
            agent = app.build_agent(
                self._node, self._settings, memberships=memberships, open_browser=open_browser, keep_demo=True
            )
            readmission = Readmission(admission, agent, failed=trouble.report)
            agent.subscribe(lambda snapshot: None if readmission.mends(snapshot) else report.look(snapshot))
            try:
                yield _Run(agent, trouble.first)
            finally:
                await readmission.stop()

    def _ready(self, announcement: Announcement, api_key: str) -> Ready:
        model = app.worker_settings(self._node, self._settings).name
        return Ready(announcement.endpoint, announcement.console, api_key, model, str(self._folder))


class _Trouble:
    """What ends a run though nobody asked: the relay's end, or an error that is told from any thread."""

    def __init__(self, relay: RelayProcess) -> None:
        self._relay = relay
        self._loop = asyncio.get_running_loop()
        self._told: asyncio.Future[DesktopError] = self._loop.create_future()

    def report(self, error: DesktopError) -> None:
        """From any thread; the first one counts."""
        self._loop.call_soon_threadsafe(self._tell, error)

    def _tell(self, error: DesktopError) -> None:
        if not self._told.done():
            self._told.set_result(error)

    async def first(self) -> DesktopError:
        async with asyncio.TaskGroup() as group:
            ended: asyncio.Task[DesktopError] = group.create_task(self._relay.ended())
            await asyncio.wait({ended, self._told}, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                return ended.result()
            ended.cancel()
        return self._told.result()


class _RelayThread:
    """The relay's side of a run with a window: its own loop, from `start` to `stop`."""

    def __init__(self, relay_and_agent: Callable[..., contextlib.AbstractAsyncContextManager[_Run]]) -> None:
        self._relay_and_agent = relay_and_agent
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="relay")
        self._ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._agent: Agent | None = None
        self.failure: DesktopError | None = None

    def start(self) -> Agent:
        """Raises what kept the relay from starting."""
        self._thread.start()
        try:
            self._ready.wait()
        except KeyboardInterrupt:
            self.stop()
            raise
        if self._agent is None:
            self._thread.join()
            raise self.failure or LocalRelayFailed("it did not start")
        return self._agent

    def stop(self) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        try:
            async with self._relay_and_agent(open_browser=True) as run:
                self._agent = run.agent
                self._ready.set()
                await self._until_stopped(run)
        except DesktopError as error:
            self.failure = error
        finally:
            self._ready.set()

    async def _until_stopped(self, run: _Run) -> None:
        async with asyncio.TaskGroup() as group:
            lost = group.create_task(run.trouble())
            asked = group.create_task(self._stop.wait())
            await asyncio.wait({lost, asked}, return_when=asyncio.FIRST_COMPLETED)
            if lost.done():
                self.failure = lost.result()
                run.agent.post(Quit(drain=False))
            lost.cancel()
            asked.cancel()
