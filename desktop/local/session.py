"""One run of `nightjar local`: relay up, this PC enrolled at it once, node up; all of it down again together.

Everything is kept in the folder `local` of the user's data, so the next run has the same key and the same node.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from desktop import app
from desktop.agent.address import RelayAddress
from desktop.agent.commands import Quit
from desktop.agent.link import Introduction
from desktop.agent.membership import Memberships
from desktop.agent.state import Snapshot
from desktop.agent.supervisor import Agent
from desktop.errors import AgentAlreadyRunning, DesktopError, LocalRelayFailed
from desktop.local.ready import Ready, as_json, as_text
from desktop.local.relay_process import Announcement, RelayProcess
from desktop.settings import Settings, load_settings
from desktop.system import logs
from desktop.system.display import has_display
from desktop.system.hardware import hardware_facts, operating_system
from desktop.system.lock import FileLock
from desktop.system.paths import Paths
from desktop.system.secrets import FileStore, Secret

log = logging.getLogger(__name__)

_API_KEY = "api-key"


def run(paths: Paths, *, port: int | None, headless: bool, json_ready: bool) -> int:
    """Until Ctrl-C, SIGTERM, or the owner quits; the exit status. Raises DesktopError."""
    folder, node = paths.local, paths.local_node
    node.make()
    lock = FileLock(node.lock)
    if not lock.acquire():
        raise AgentAlreadyRunning
    try:
        settings = load_settings(paths.settings)
        logs.configure(node.logs, on_screen=logging.ERROR)
        say = as_json if json_ready else as_text
        local = _Local(folder, node, settings=settings, port=port, say=say)
        return local.headless() if headless or not has_display() else local.with_window()
    finally:
        lock.release()


class _Local:
    """The folders and wishes of one run."""

    def __init__(
        self, folder: Path, node: Paths, *, settings: Settings, port: int | None, say: Callable[[Ready], str]
    ) -> None:
        self._folder = folder
        self._node = node
        # A private relay serves nobody but this PC's owner, who has just asked for it.
        self._settings = msgspec.structs.replace(
            settings, sharing=msgspec.structs.replace(settings.sharing, first_mode="always")
        )
        self._port = port
        self._say = say

    def headless(self) -> int:
        """Relay and agent on this thread's loop."""
        return asyncio.run(self._on_this_loop())

    async def _on_this_loop(self) -> int:
        stopping = asyncio.Event()
        app.on_stop_signals(stopping.set)
        async with self._relay_and_agent(open_browser=False) as (relay, agent):
            if not stopping.is_set():
                await self._together(relay, agent, stopping)
        return 0

    async def _together(self, relay: RelayProcess, agent: Agent, stopping: asyncio.Event) -> None:
        """Ends with the first of: a signal, the agent, the relay. Raises what ended it, if it was no wish."""
        try:
            async with asyncio.TaskGroup() as group:
                running = group.create_task(agent.run(), name="agent")
                lost = group.create_task(relay.ended(), name="relay")
                asked = group.create_task(stopping.wait(), name="signals")
                await asyncio.wait({running, lost, asked}, return_when=asyncio.FIRST_COMPLETED)
                failure = lost.result() if lost.done() else None
                agent.post(Quit(drain=False))
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
            status = app.run_with_window(agent, background=False)
        finally:
            host.stop()
        if host.failure is not None:
            raise host.failure
        return status

    @contextlib.asynccontextmanager
    async def _relay_and_agent(self, *, open_browser: bool) -> AsyncIterator[tuple[RelayProcess, Agent]]:
        """A ready relay, and an agent enrolled at it that is yet to run."""
        async with RelayProcess.running(self._folder, port=self._port) as (relay, announcement):
            memberships = Memberships(self._node, secrets="file")
            await self._enrol(relay, announcement, memberships)
            agent = app.build_agent(self._node, self._settings, memberships=memberships, open_browser=open_browser)
            self._say_when_ready(agent, announcement, await self._api_key(relay, announcement))
            yield relay, agent

    async def _enrol(self, relay: RelayProcess, announcement: Announcement, memberships: Memberships) -> None:
        """At the first run by a one-use token; later only the port may have changed.

        A relay that announces its first key has just been made: whatever node this PC was, it was another's.
        """
        address = RelayAddress.parse(_origin(announcement.endpoint))
        known = memberships.record.membership
        if known is not None and not announcement.api_key:
            memberships.change(membership=msgspec.structs.replace(known, relay=address.url))
            return
        token = (await relay.ask("node", "token"))["token"]
        introduction = Introduction(app.version(), operating_system(), hardware_facts())
        await memberships.join(await app.enroller(address, introduction).by_token(token))

    async def _api_key(self, relay: RelayProcess, announcement: Announcement) -> str:
        """The relay keeps only a hash, so the key itself is kept here."""
        store = FileStore(self._folder / "secrets")
        key = announcement.api_key
        if not key:
            kept = store.load(_API_KEY)
            if kept is not None:
                return kept.reveal().decode()
            key = str((await relay.ask("key", "create", "local"))["key"])
        store.save(_API_KEY, Secret(key.encode()))
        return key

    def _say_when_ready(self, agent: Agent, announcement: Announcement, api_key: str) -> None:
        """Once, when the first call would be answered; what is in the way instead, if it will not go away by itself."""

        def look(snapshot: Snapshot) -> None:
            if snapshot.sharing.sharing:
                leave()
                model = snapshot.models[0].name
                ready = Ready(announcement.endpoint, announcement.console, api_key, model, str(self._folder))
                sys.stdout.write(self._say(ready) + "\n")
                sys.stdout.flush()
            elif snapshot.models and snapshot.models[0].kind == "failed":
                leave()
                sys.stderr.write(f"nightjar: {snapshot.sharing.sentence} {snapshot.sharing.remedy}\n")

        leave = agent.subscribe(look)


class _RelayThread:
    """The relay's side of a run with a window: its own loop, from `start` to `stop`."""

    def __init__(
        self, relay_and_agent: Callable[..., contextlib.AbstractAsyncContextManager[tuple[RelayProcess, Agent]]]
    ) -> None:
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
            async with self._relay_and_agent(open_browser=True) as (relay, self._agent):
                self._ready.set()
                await self._until_stopped(relay, self._agent)
        except DesktopError as error:
            self.failure = error
        finally:
            self._ready.set()

    async def _until_stopped(self, relay: RelayProcess, agent: Agent) -> None:
        async with asyncio.TaskGroup() as group:
            lost = group.create_task(relay.ended())
            asked = group.create_task(self._stop.wait())
            await asyncio.wait({lost, asked}, return_when=asyncio.FIRST_COMPLETED)
            if lost.done():
                self.failure = lost.result()
                agent.post(Quit(drain=False))
            lost.cancel()
            asked.cancel()


def _origin(endpoint: str) -> str:
    """The relay's address, from that of its API."""
    parts = urlsplit(endpoint)
    return f"{parts.scheme}://{parts.netloc}"
