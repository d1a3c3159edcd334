"""One worker process as seen by its parent: how it is started, what comes out of its pipes, how it ended.

Knows frames as bytes and nothing of calls; `keeper` decides what they mean and when the next worker starts.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from typing_extensions import override

import desktop
from desktop.inference.frames import PARENT_VARIABLE, FrameReader, PipeBroken
from desktop.system.program import is_frozen

_INHERITED: Final = (
    "PATH", "LANG", "LC_ALL", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH",
    "OMP_NUM_THREADS", "OMP_PROC_BIND", "OMP_WAIT_POLICY", "CUDA_VISIBLE_DEVICES",
)  # fmt: skip
"""Names a worker may inherit. Everything else stays here: tokens, keys, proxies, the session bus."""

STDERR_BYTES: Final = 256 * 1024

_KILLED: Final = -9

OnFrames = Callable[[list[tuple[int, bytes]]], None]


class WorkerProcess(asyncio.SubprocessProtocol):
    """A running worker. `on_frames` gets what each read brought; `on_silence` is called once, when no more can come."""

    def __init__(self, on_frames: OnFrames, on_silence: Callable[[], None]) -> None:
        self.exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        """The exit status, negative for a signal."""
        self.stderr = b""
        """The end of what the worker said, for diagnostics."""
        self._on_frames = on_frames
        self._on_silence = on_silence
        self._killed_for = ""
        self.silent = False
        """Nothing more can come, and nothing said to it is heard."""
        self._frames = FrameReader()
        self._transport: asyncio.SubprocessTransport | None = None

    @classmethod
    async def start(cls, on_frames: OnFrames, on_silence: Callable[[], None]) -> WorkerProcess:
        """Raises OSError."""
        _, process = await asyncio.get_running_loop().subprocess_exec(
            lambda: cls(on_frames, on_silence),
            *command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
        )
        return process

    @property
    def pid(self) -> int:
        return self._transport.get_pid() if self._transport else 0

    def write(self, content: bytes) -> None:
        """Queues bytes for the worker's stdin; lost without a word if it is gone, which `on_silence` tells."""
        pipe = self._transport.get_pipe_transport(0) if self._transport else None
        if isinstance(pipe, asyncio.WriteTransport) and not pipe.is_closing():
            pipe.write(content)

    def close_stdin(self) -> None:
        """Asks the worker to end."""
        pipe = self._transport.get_pipe_transport(0) if self._transport else None
        if pipe is not None:
            pipe.close()

    def kill(self, why: str = "") -> None:
        """At once; `why` is a sentence for `ending`.

        Not by the transport where waiting reaps: it would ask first whether the process has ended, and so take its
        exit status away from asyncio, which then makes one up.
        """
        if self._transport is None or self.exited.done():
            return
        self._killed_for = self._killed_for or why
        if sys.platform == "win32":
            self._transport.kill()
        else:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def close(self) -> None:
        """Gives back the pipes; kills the process if it still runs."""
        if self._transport is not None:
            self._transport.close()

    @property
    def was_killed_from_outside(self) -> bool:
        """By SIGKILL, and not by us: by somebody, or by a system that ran out of memory."""
        return self.exited.done() and self.exited.result() == _KILLED and not self._killed_for

    def ending(self) -> str:
        """How it ended, in a sentence for people."""
        if self._killed_for:
            return self._killed_for
        status = self.exited.result() if self.exited.done() else 0
        if status < 0:
            return f"The model's process was ended by {signal.Signals(-status).name}."
        return f"The model's process ended with status {status}."

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.SubprocessTransport)  # noqa: S101
        self._transport = transport

    @override
    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd != 1:
            self.stderr = (self.stderr + data)[-STDERR_BYTES:]
            return
        try:
            self._on_frames(self._frames.feed(data))
        except PipeBroken:
            self.kill()

    @override
    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd == 1:
            self._silence()
            self.kill()

    @override
    def process_exited(self) -> None:
        assert self._transport is not None  # noqa: S101
        status = self._transport.get_returncode()
        self.exited.set_result(0 if status is None else status)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._silence()

    def _silence(self) -> None:
        if not self.silent:
            self.silent = True
            self._on_silence()


def command() -> list[str]:
    """In a frozen build the program itself, else this interpreter; `-P`: never a module from the current folder."""
    if is_frozen():
        return [sys.executable, "--worker"]
    return [sys.executable, "-P", "-m", "desktop.inference.worker"]


def environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    ours = {
        PARENT_VARIABLE: str(os.getpid()),
        "GGML_NO_BACKTRACE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "CUDA_CACHE_DISABLE": "1",  # nothing is written
    }
    if not is_frozen():
        ours["PYTHONPATH"] = str(Path(desktop.__file__).parents[1])
    return kept | ours
