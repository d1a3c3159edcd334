"""What programs other than ours use of the processor: all there is to use, less what our own processes used.

Our own are this process and all it started, the model's worker above all: a PC that took its own work for somebody
else's would stop itself again and again.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from desktop.system.conditions import UNKNOWN, Unknown

SPAN_S = 10.0
"""Over which the use is a mean: shorter, and every click of the owner's mail program would count."""

_TOO_LONG_S = 3 * SPAN_S
"""A span in which the PC slept says nothing."""


class OwnProcesses:
    """This process and everything it started, however deep."""

    def __init__(self, root: int | None = None) -> None:
        self._root = root or os.getpid()

    def pids(self) -> frozenset[int]:
        children = _children_by_kernel(self._root)
        if children is None:
            children = _children_by_psutil(self._root)
        return frozenset((self._root, *children))

    def __contains__(self, pid: int) -> bool:
        return pid in self.pids()


class ProcessorUse:
    """`look` is to be called about every ten seconds; each answer is about the time since the one before."""

    def __init__(self, own: OwnProcesses) -> None:
        self._own = own
        self._last: _Sample | None = None

    def look(self) -> float | Unknown:
        """Share (0 to 1) of all cores; UNKNOWN at first, and after the PC slept."""
        before, now = self._last, _sample(self._own)
        self._last = now
        if before is None or not 0 < now.at - before.at <= _TOO_LONG_S or now.all <= before.all:
            return UNKNOWN
        # A process that has ended takes its time with it; the kernel then adds it to its parent's.
        others = (now.busy - before.busy) - max(0.0, now.ours - before.ours)
        return min(1.0, max(0.0, others / (now.all - before.all)))


@dataclass(frozen=True, slots=True)
class _Sample:
    """Seconds of all cores since the PC started: there were, were used, were used by us; at a time that sleep moves."""

    all: float
    busy: float
    ours: float
    at: float


def _sample(own: OwnProcesses) -> _Sample:
    times = psutil.cpu_times()
    # Guest time is counted in user time already.
    everything = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
    rest = times.idle + getattr(times, "iowait", 0.0)
    return _Sample(everything, everything - rest, sum(_used(pid) for pid in own.pids()), time.time())


def _used(pid: int) -> float:
    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)


def _children_by_kernel(root: int) -> list[int] | None:
    """Linux lists them, thread by thread; None where it does not."""
    found: list[int] = []
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        try:
            threads = list(Path(f"/proc/{pid}/task").iterdir())
            texts = [(thread / "children").read_text(encoding="ascii") for thread in threads]
        except (FileNotFoundError, ProcessLookupError):
            if pid == root:
                return None
            continue
        except OSError:
            continue
        children = [int(word) for text in texts for word in text.split()]
        found += children
        waiting += children
    return found


def _children_by_psutil(root: int) -> list[int]:
    try:
        return [child.pid for child in psutil.Process(root).children(recursive=True)]
    except psutil.Error:
        return []


def running_programs(names: frozenset[str]) -> frozenset[str]:
    """Those of `names` (lower case) that run now, by the name of their file with or without its ending. Blocks."""
    found: set[str] = set()
    for process in psutil.process_iter(["name"]):
        name = str(process.info["name"] or "").lower()
        found.update(names & {name, name.rpartition(".")[0]})
        if len(found) == len(names):
            break
    return frozenset(found)


def owners_programs() -> tuple[str, ...]:
    """Names of what this person's programs were started from, each once, in the order of the alphabet. Blocks."""
    own = psutil.Process()
    owner, found = own.username(), set[str]()
    for process in psutil.process_iter(["name", "username"]):
        if process.info["username"] == owner and process.pid != own.pid and process.info["name"]:
            found.add(process.info["name"])
    return tuple(sorted(found, key=str.lower))
