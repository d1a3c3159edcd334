"""The private relay that runs beside the app for as long as the app does, where its owner wants one.

It is the relay of `nightjar local`, with its books and key: they lie in the same folder, and only one of them runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable
from pathlib import Path

from desktop.agent.commands import Enrol
from desktop.errors import DesktopError, LocalRelayFailed
from desktop.local.api_key import api_key
from desktop.local.relay_process import Announcement, RelayProcess, is_installed
from desktop.system.files import write_private
from desktop.system.paths import make_private
from desktop.ui.private_relay import RelayState

log = logging.getLogger(__name__)

_INVITATION_S = 60.0


class RelayHost:
    """A `PrivateRelay`, on a thread of its own that begins when a relay is first wanted. `close` waits for its end."""

    def __init__(self, folder: Path, *, port: int) -> None:
        self._folder = folder
        self._port = port
        self._marker = folder / "starts-with-nightjar"
        self._lock = threading.Lock()
        self._hearers: tuple[Callable[[RelayState], None], ...] = ()
        self._state = RelayState()
        self._relay: tuple[RelayProcess, Announcement] | None = None
        self._on, self._off = asyncio.Event(), asyncio.Event()
        self._thread: threading.Thread | None = None
        self._alive = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    # --- for any thread

    def installed(self) -> bool:
        return is_installed()

    def subscribe(self, hear: Callable[[RelayState], None]) -> None:
        with self._lock:
            self._hearers += (hear,)
            hear(self._state)

    def take_up(self) -> None:
        """Starts it if it was left running."""
        if self._marker.exists() and self.installed():
            self._want(on=True)

    def start(self) -> None:
        try:
            make_private(self._folder)
            write_private(self._marker, b"")
        except (DesktopError, OSError) as error:
            log.warning("the wish for a private relay cannot be kept: %s", error)
        self._want(on=True)

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self._marker.unlink(missing_ok=True)
        self._want(on=False)

    def invitation(self) -> Enrol:
        relay, loop = self._relay, self._loop
        if relay is None or loop is None:
            raise LocalRelayFailed("it has not started yet")
        process, announcement = relay
        token = asyncio.run_coroutine_threadsafe(process.node_token(), loop).result(_INVITATION_S)
        return Enrol(announcement.origin, token)

    def close(self) -> None:
        """Ends the relay, but not the wish."""
        thread, self._thread = self._thread, None
        if thread is not None and self._loop is not None and self._task is not None:
            self._loop.call_soon_threadsafe(self._task.cancel)
            thread.join()

    def _want(self, *, on: bool) -> None:
        if self._thread is None:
            if not on:
                return
            self._thread = threading.Thread(target=self._run, name="private relay")
            self._thread.start()
            self._alive.wait()
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._turn, on)

    def _say(self, state: RelayState) -> None:
        with self._lock:
            self._state = state
            for hear in self._hearers:
                hear(state)

    # --- on its own thread

    def _run(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(self._live())

    def _turn(self, on: bool) -> None:  # noqa: FBT001 - a callback of the loop
        wanted, unwanted = (self._on, self._off) if on else (self._off, self._on)
        wanted.set()
        unwanted.clear()

    async def _live(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        self._alive.set()
        while True:
            await self._on.wait()
            await self._until_off()

    async def _until_off(self) -> None:
        """One run; one that fails is not tried again before somebody asks."""
        async with asyncio.TaskGroup() as group:
            run = group.create_task(self._serve(), name="relay")
            off = group.create_task(self._off.wait(), name="switch")
            await asyncio.wait({run, off}, return_when=asyncio.FIRST_COMPLETED)
            if not run.done():
                self._say(RelayState("stopping"))
                run.cancel()
            off.cancel()
        if run.cancelled():
            self._say(RelayState("off"))
        else:
            self._on.clear()
            self._say(RelayState("failed", problem=_explained(run.result()).line()))

    async def _serve(self) -> DesktopError:
        """Until it ends by itself: why it did."""
        self._say(RelayState("starting"))
        try:
            make_private(self._folder)
            async with RelayProcess.running(self._folder, port=self._port) as (relay, announcement):
                key = await api_key(self._folder, relay, announcement)
                self._relay = relay, announcement
                self._say(RelayState("running", announcement.endpoint, announcement.origin, key))
                return await relay.ended()
        except DesktopError as error:
            return error
        except OSError as error:
            return LocalRelayFailed((error.strerror or str(error)).lower())
        except Exception:  # the supervisor of this thread: it has to live on, to be asked again
            log.exception("the private relay met what nobody expected")
            return LocalRelayFailed("nobody expected this", "The log has the details: see Diagnostics.")
        finally:
            self._relay = None


def _explained(error: DesktopError) -> DesktopError:
    """A remedy that is an option of the relay's command line is none here, where nobody typed it."""
    if not isinstance(error, LocalRelayFailed) or "--" not in error.remedy:
        return error
    if error.why.startswith("cannot listen"):
        remedy = "Stop what uses it, or name another port: `port` under [private_relay] in settings.toml."
        return LocalRelayFailed(error.why, remedy)
    return LocalRelayFailed(error.why, "Stop it first.")
