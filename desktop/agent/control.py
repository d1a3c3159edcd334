"""The local control socket: how a command line, or a second start, speaks to the running agent.

One Unix socket, mode 0600 in a folder of mode 0700, so the file system decides who may. One JSON object a line each
way: `{"verb": …}` and `{"ok": true, "snapshot": …}` or `{"ok": false, "error": …, "remedy": …}`. The verb `follow`
answers with one line per change until the asker hangs up. Holds no state of its own: verbs become commands.

Windows has no Unix sockets in asyncio; there the agent runs without this socket until named pipes are in.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from desktop.agent.commands import (
    CancelEnrolment,
    Command,
    Enrol,
    Forget,
    FreeMemory,
    Quit,
    Resume,
    SetMode,
    SetRules,
    Snooze,
)
from desktop.agent.sharing.words import said_at
from desktop.agent.state import Mode, Snapshot
from desktop.errors import DesktopError, FolderUnusable

log = logging.getLogger(__name__)

LINE_LIMIT = 64 * 1024
"""Bytes of a request; a longer one is no request of ours."""

Verb = Literal[
    "status", "follow", "mode", "pause", "resume", "rules", "enroll", "cancel_enrolment", "free", "forget", "quit"
]


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One line to the agent. `until` is a Unix time; which fields a verb reads, `_command` says."""

    verb: Verb
    mode: Mode | None = None
    until: float | None = None
    ends_with: str = ""
    rules: dict[str, object] = {}
    relay: str = ""
    token: str | None = None
    drain: bool = True


class Reply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line from the agent. `sentence` is the sharing sentence with its countdown, true at `snapshot.at`."""

    ok: bool
    snapshot: Snapshot | None = None
    sentence: str = ""
    error: str = ""
    remedy: str = ""


class Controlled(Protocol):
    """What the socket needs of the agent."""

    @property
    def snapshot(self) -> Snapshot: ...

    async def perform(self, command: Command | None) -> Snapshot:
        """Obeys, and gives the snapshot after that. Raises DesktopError."""
        ...

    def subscribe(self, callback: Callable[[Snapshot], None]) -> Callable[[], None]: ...


class ControlSocket:
    """Serves one agent at `path` while `serving()` is entered. The caller holds the data folder's lock, so a socket
    file found there is a dead agent's and is replaced.
    """

    def __init__(self, path: Path, agent: Controlled) -> None:
        self._path = path
        self._agent = agent
        self._open: set[asyncio.StreamWriter] = set()

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Raises FolderUnusable."""
        if not hasattr(asyncio, "start_unix_server"):
            yield
            return
        server = await self._listen()
        try:
            yield
        finally:
            server.close()
            for writer in tuple(self._open):
                writer.close()
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)
            await server.wait_closed()

    async def _listen(self) -> asyncio.Server:
        try:
            self._path.unlink(missing_ok=True)
            server = await asyncio.start_unix_server(self._converse, self._path, limit=LINE_LIMIT)
            self._path.chmod(0o600)
        except OSError as error:
            raise FolderUnusable(self._path.parent, error.strerror or str(error)) from error
        return server

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while line := await reader.readline():
                await self._answer(line, writer)
        except (ConnectionError, ValueError):
            log.debug("a control connection ended early")
        finally:
            self._open.discard(writer)
            writer.close()

    async def _answer(self, line: bytes, writer: asyncio.StreamWriter) -> None:
        try:
            request = msgspec.json.decode(line, type=Request)
            command = _command(request)
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
            await _send(writer, Reply(ok=False, error=f"The agent does not understand that: {error}."))
            return
        if request.verb == "follow":
            await self._follow(writer)
            return
        try:
            reply = _reply(await self._agent.perform(command))
        except DesktopError as error:
            reply = Reply(ok=False, error=str(error), remedy=error.remedy)
        await _send(writer, reply)

    async def _follow(self, writer: asyncio.StreamWriter) -> None:
        """Only the newest snapshot waits for a slow reader; older ones are dropped."""
        newest: Snapshot | None = self._agent.snapshot
        changed = asyncio.Event()
        changed.set()

        def take(snapshot: Snapshot) -> None:
            nonlocal newest
            newest = snapshot
            changed.set()

        leave = self._agent.subscribe(take)
        try:
            while not writer.is_closing():
                await changed.wait()
                changed.clear()
                if newest is not None:
                    await _send(writer, _reply(newest))
        finally:
            leave()


def _reply(snapshot: Snapshot) -> Reply:
    return Reply(ok=True, snapshot=snapshot, sentence=said_at(snapshot.sharing, time.time()))


async def _send(writer: asyncio.StreamWriter, reply: Reply) -> None:
    writer.write(msgspec.json.encode(reply) + b"\n")
    await writer.drain()


def _command(request: Request) -> Command | None:
    """The command a verb stands for; None for those that only ask. Raises ValueError for a missing field."""
    match request.verb:
        case "status" | "follow":
            return None
        case "mode":
            return None if request.mode is None else SetMode(request.mode)
        case "pause":
            if request.until is None:
                raise ValueError("`pause` needs `until`")
            return Snooze(request.until, request.ends_with)
        case "rules":
            return SetRules(request.rules) if request.rules else None
        case "enroll":
            if not request.relay:
                raise ValueError("`enroll` needs `relay`")
            return Enrol(request.relay, request.token)
        case _:
            return _plain(request)


def _plain(request: Request) -> Command:
    simple: dict[str, Command] = {
        "resume": Resume(),
        "cancel_enrolment": CancelEnrolment(),
        "free": FreeMemory(),
        "forget": Forget(),
        "quit": Quit(drain=request.drain),
    }
    return simple[request.verb]
