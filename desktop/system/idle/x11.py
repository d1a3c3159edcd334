"""X11, by way of a helper process with a time limit: the X server may hang, and Xlib ends whoever uses it at an error.

On Wayland the X server (XWayland) sees only what goes to X windows, so there it is not asked about idle time.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from dataclasses import dataclass
from pathlib import Path

import desktop
from desktop.errors import SourceSilent
from desktop.system.program import is_frozen

HELPER_FLAG = "--x11-helper"
"""The first argument with which our own executable becomes the helper."""

_PATIENCE_S = 4.0
"""The first answer includes the start of the helper's interpreter, on a PC that may be busy."""

_FRESH_S = 0.5
"""Idle time and full screen are asked for together; an answer so young serves both."""

_PAUSE_S = 30.0
"""After a helper that failed: an X server that hangs or is not there must not cost a process every second."""


@dataclass(frozen=True, slots=True)
class Screen:
    """One answer, at the monotonic time `at`. `full_screen_pid` is 0 if no window fills the screen."""

    idle_s: float
    full_screen_pid: int
    at: float


class XServer:
    """Started when first asked, and again after it died. Every method raises SourceSilent."""

    name = "X11 (XScreenSaver)"

    def __init__(self, command: tuple[str, ...] = ()) -> None:
        """`command` starts the helper; left out, it is our own."""
        self._command = command or helper_command()
        self._process: Process | None = None
        self._last: Screen | None = None
        self._not_before = float("-inf")
        self._problem = ""
        self._turn = asyncio.Lock()

    async def open(self) -> None:
        await self.screen()

    async def input_at(self, now: float) -> float:
        return now - (await self.screen()).idle_s

    async def screen(self) -> Screen:
        async with self._turn:
            if self._last is not None and time.monotonic() - self._last.at < _FRESH_S:
                return self._last
            self._last = await self._ask()
            return self._last

    async def close(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    async def _ask(self) -> Screen:
        if not os.environ.get("DISPLAY"):
            raise SourceSilent(self.name, "there is no X display")
        if time.monotonic() < self._not_before:
            raise SourceSilent(self.name, self._problem)
        try:
            async with asyncio.timeout(_PATIENCE_S):
                answer = json.loads(await self._line())
                return Screen(answer["idle_ms"] / 1000, answer["full_screen_pid"], time.monotonic())
        except TimeoutError:
            self._problem = "the X server hangs"
        except (OSError, ValueError, KeyError) as error:
            self._problem = str(error) or "the helper died"
        self._not_before = time.monotonic() + _PAUSE_S
        await self.close()
        raise SourceSilent(self.name, self._problem)

    async def _line(self) -> bytes:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, start_new_session=True, env=_environment()
            )
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise OSError("no pipes")
        stdin.write(b"?\n")
        await stdin.drain()
        line = await stdout.readline()
        if not line:
            raise OSError("the X server does not answer")
        return line


def helper_command() -> tuple[str, ...]:
    """In a frozen build the program itself, else this interpreter; `-P`: never a module from the current folder."""
    if is_frozen():
        return (sys.executable, HELPER_FLAG)
    return (sys.executable, "-P", "-m", "desktop.system.idle.x11_helper")


def _environment() -> dict[str, str]:
    """A checkout that is not installed is found by its path."""
    return dict(os.environ) | {"PYTHONPATH": str(Path(desktop.__file__).parents[1])}
