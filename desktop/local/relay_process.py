"""The private relay: a program of its own that lives exactly as long as this one.

It reads a pipe from us and ends when that does, so not even a SIGKILL of ours leaves it behind. It has a process group
of its own: Ctrl-C reaches us alone, and the node says goodbye before its relay goes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO, TypeVar
from urllib.parse import urlsplit

import msgspec

import desktop
from desktop.errors import LocalRelayFailed
from desktop.system.program import is_frozen

Answer = TypeVar("Answer")

log = logging.getLogger(__name__)

_START_S = 60.0
_LOOK_S = 0.02
"""Between two looks for the announcement, and only until it is there: a file is all that works on every system."""
_END_S = 40.0
"""The relay gives its own calls 30 s to finish."""
_SPEAKER = "nightjar-relay: "
"""Begins each line the relay says to people."""
_ROOT = Path(desktop.__file__).parent.parent


class Announcement(msgspec.Struct, frozen=True):
    """What the relay says when it is ready. The key only at its very first start; it knows no key afterwards."""

    endpoint: str
    console: str
    pid: int
    api_key: str | None = None

    @property
    def origin(self) -> str:
        """The relay's address, from that of its API."""
        parts = urlsplit(self.endpoint)
        return f"{parts.scheme}://{parts.netloc}"


class RelayProcess:
    """One running relay over one data folder."""

    def __init__(self, process: Process, data: Path, output: Path) -> None:
        self._process = process
        self._data = data
        self._output = output

    @classmethod
    @contextlib.asynccontextmanager
    async def running(cls, folder: Path, *, port: int | None) -> AsyncIterator[tuple[RelayProcess, Announcement]]:
        """Started and ready; ended on leaving. Raises LocalRelayFailed, with the relay's own words."""
        data, announce, output = folder / "relay", folder / "relay.json", folder / "relay.log"
        announce.unlink(missing_ok=True)
        arguments = ["serve", "--demo", "--data", str(data), "--host", "127.0.0.1", "--parent-pipe"]
        arguments += ["--announce", str(announce)]
        if port is not None:
            arguments += ["--port", str(port)]
        with _private(output) as log_file:
            # What it prints for people holds the API key, and we say that ourselves: only complaints are kept.
            process = await _spawn(arguments, stdin=PIPE, stdout=subprocess.DEVNULL, stderr=log_file)
        relay = cls(process, data, output)
        try:
            yield relay, await relay._announced(announce)
        finally:
            await relay._end()
            announce.unlink(missing_ok=True)

    async def ended(self) -> LocalRelayFailed:
        """Returns when it has ended by itself, which it should not."""
        await self._process.wait()
        return self._failure()

    async def ask(self, *verb: str) -> dict[str, Any]:
        """The JSON answer of one command on the same data folder. Raises LocalRelayFailed."""
        return await self._ask(verb, dict[str, Any])

    async def node_token(self) -> str:
        """A new one, which makes one PC its node. Raises LocalRelayFailed."""
        return str((await self.ask("node", "token"))["token"])

    async def ask_rows(self, *verb: str) -> list[dict[str, Any]]:
        """The same of a command that lists something."""
        return await self._ask(verb, list[dict[str, Any]])

    async def _ask(self, verb: Sequence[str], kind: type[Answer]) -> Answer:
        arguments = [*verb, "--data", str(self._data), "--json"]
        process = await _spawn(arguments, stdin=subprocess.DEVNULL, stdout=PIPE, stderr=PIPE)
        answer, complaint = await process.communicate()
        try:
            return msgspec.json.decode(answer, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            said = _last_line(complaint.decode(errors="replace")).removeprefix(_SPEAKER)
            raise LocalRelayFailed(f"`{' '.join(verb)}` failed: {said or 'it said nothing'}") from error

    async def _announced(self, announce: Path) -> Announcement:
        try:
            async with asyncio.timeout(_START_S):
                while (announcement := _read(announce)) is None:
                    if self._process.returncode is not None:
                        raise self._failure()
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError as error:
            raise LocalRelayFailed("it did not start in time", f"Its log: {self._output}") from error
        return announcement

    def _failure(self) -> LocalRelayFailed:
        """In its own words where it ended on purpose: those are meant for people, and name the remedy."""
        said = _last_line(self._output.read_text(encoding="utf-8", errors="replace"))
        if said.startswith(_SPEAKER):
            fact, _, remedy = said.removeprefix(_SPEAKER).partition(". ")
            return LocalRelayFailed(fact, f"{remedy}." if remedy else "")
        status = self._process.returncode or 0
        ended = f"it ended by {signal.Signals(-status).name}" if status < 0 else f"it ended with status {status}"
        return LocalRelayFailed(ended, f"Its log: {self._output}")

    async def _end(self) -> None:
        process = self._process
        if process.stdin is not None:
            process.stdin.close()
        for hurry in (process.terminate, process.kill):
            try:
                async with asyncio.timeout(_END_S):
                    await process.wait()
                return
            except TimeoutError:
                log.warning("the relay did not end in time")
                hurry()
        await process.wait()


def _private(path: Path) -> BinaryIO:
    """An empty file that only its owner reads, also where an older run left another one."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    path.chmod(0o600)
    return os.fdopen(descriptor, "wb")


def _read(announce: Path) -> Announcement | None:
    """It appears whole, by a rename."""
    try:
        return msgspec.json.decode(announce.read_bytes(), type=Announcement)
    except FileNotFoundError:
        return None


def _last_line(said: str) -> str:
    lines = said.strip().splitlines()
    return lines[-1].rstrip(".") if lines else ""


def is_installed() -> bool:
    """Whether there is a relay to start: the programs come apart, and so do their Python packages."""
    return _frozen_program() is not None if is_frozen() else find_spec("fastapi") is not None


async def _spawn(arguments: Sequence[str], *, stdin: int, stdout: int, stderr: int | BinaryIO) -> Process:
    """`nightjar-relay` of this very installation. What it makes is for its owner only."""
    command = [*_program(), *arguments]
    return await asyncio.create_subprocess_exec(
        *command,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        cwd=_ROOT,
        start_new_session=True,
        umask=-1 if sys.platform == "win32" else 0o077,
    )


def _program() -> list[str]:
    """Raises LocalRelayFailed."""
    if not is_frozen():
        return [sys.executable, "-m", "relay"]
    if (program := _frozen_program()) is None:
        raise LocalRelayFailed("its program is not installed", "Install the package nightjar-relay.")
    return [str(program)]


def _frozen_program() -> Path | None:
    """A program of its own, in a folder inside ours or, as packages have it, beside it."""
    here = Path(sys.executable).parent
    name = "nightjar-relay.exe" if sys.platform == "win32" else "nightjar-relay"
    folders = (here / "nightjar-relay", here.parent / "nightjar-relay")
    return next((folder / name for folder in folders if (folder / name).is_file()), None)
