"""Processes under measurement: pinned to a core, their whole tree's CPU and memory read, ended by their own id."""

import json
import os
import resource
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import psutil


class Unmeasurable(Exception):
    """This machine, or what is installed on it, does not allow the measurement; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Cores:
    """Who runs where: what is measured has a core of its own; load generator, provider and clients share the other."""

    measured: int
    rig: int

    @classmethod
    def of_this_machine(cls) -> Self:
        if not hasattr(os, "sched_getaffinity"):
            raise Unmeasurable("benchmarks pin processes to cores, which needs Linux")
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) < 2:
            raise Unmeasurable("benchmarks need two cores: one for what is measured, one for the rest")
        return cls(measured=cores[0], rig=cores[1])


@dataclass(frozen=True, slots=True)
class Running:
    """A started process and all it started."""

    process: subprocess.Popen[str]
    log: Path

    @property
    def tree(self) -> list[psutil.Process]:
        root = psutil.Process(self.process.pid)
        return [root, *root.children(recursive=True)]

    def cpu_seconds(self) -> float:
        """User and system time of the whole tree so far."""
        return sum(times.user + times.system for times in (process.cpu_times() for process in self.tree))

    def resident_mb(self) -> float:
        return sum(process.memory_info().rss for process in self.tree) / 1e6

    def check(self) -> None:
        """Raises Unmeasurable if it has ended."""
        if self.process.poll() is not None:
            raise Unmeasurable(f"{self.process.args!r} ended by itself:\n{self.said()}")

    def said(self) -> str:
        """The end of its output."""
        return self.log.read_text()[-2000:]


@contextmanager
def running(
    command: Sequence[str],
    *,
    core: int,
    log: Path,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Iterator[Running]:
    """Starts `command` in `folder`, pinned to `core`, its output in `log`; ends it and what it started at the end."""
    with log.open("w") as output:
        process = subprocess.Popen(
            ["taskset", "-c", str(core), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            cwd=folder,
            text=True,
        )
    started = Running(process, log)
    try:
        yield started
    finally:
        _end(started)


def _end(started: Running) -> None:
    """SIGTERM, as an operator would; SIGKILL to whatever of the tree is still there after ten seconds."""
    if started.process.poll() is not None:
        return
    tree = started.tree
    started.process.terminate()
    _, left = psutil.wait_procs(tree, timeout=10)
    for process in left:
        process.kill()
    started.process.wait()


def ask_json(command: Sequence[str], *, core: int) -> dict[str, Any]:
    """Runs a tool of the rig to its end and reads the one JSON object it prints."""
    done = subprocess.run(["taskset", "-c", str(core), *command], capture_output=True, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def busy_seconds(core: int) -> float:
    """Seconds this core has been at work since the machine started, for whomever."""
    times = psutil.cpu_times(percpu=True)[core]
    return sum(times) - times.idle - getattr(times, "iowait", 0.0)


def allow_many_files() -> None:
    """Lets this process and its children hold a thousand sockets and more, as far as the machine's hard limit goes."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65_536), hard))


def free_port() -> int:
    """A port nobody listens on now, for programs that cannot choose one themselves."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(fact: Callable[[], bool], *, within_s: float, what: str) -> None:
    """Polls closely until `fact()` holds. Raises Unmeasurable when it does not in time."""
    deadline = time.monotonic() + within_s
    while not fact():
        if time.monotonic() > deadline:
            raise Unmeasurable(f"{what} did not happen within {within_s:.0f} s")
        time.sleep(0.002)
