"""`python -m tests.benchmarks.window [--json] [--short]`: memory, processor, painting and opening of the window.

Memory is PSS of the program and all it has started: pages shared with other programs count by their share.
"""

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from tests.benchmarks import report
from tests.benchmarks.goals import goals_of
from tests.benchmarks.processes import Unmeasurable
from tests.desktop.x_server import x_server
from tests.end_to_end.demo import ROOT
from tests.end_to_end.processes import NodeProcess, eventually, nightjar, running_node, running_relay

OPENINGS = 5


class Subject:
    """The program under measurement."""

    def __init__(self, home: Path, display: str) -> None:
        environment = {
            "NIGHTJAR_HOME": str(home),
            "DISPLAY": display,
            "QT_QPA_PLATFORM": "xcb",
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={home}/no-bus",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.window.subject"],
            cwd=ROOT,
            env=os.environ | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.node = NodeProcess(self._process, home)
        self._heard("ready")

    def does(self, order: str, fact: str) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{order}\n".encode())
        self._process.stdin.flush()
        return self._heard(fact)

    def _heard(self, fact: str) -> Any:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told = json.loads(line)
            if fact in told:
                return told[fact]
        raise Unmeasurable(f"the program ended before it told {fact!r}")

    @property
    def _tree(self) -> list[psutil.Process]:
        root = psutil.Process(self._process.pid)
        return [root, *root.children(recursive=True)]

    def memory_mb(self) -> float:
        return sum(each.memory_full_info().pss for each in self._tree) / 1e6

    def cpu_s(self) -> float:
        return sum(sum(each.cpu_times()[:2]) for each in self._tree)

    def end(self) -> None:
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=20)
            return
        self._process.kill()
        self._process.wait()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench window", description=__doc__)
    parser.add_argument("--json", action="store_true", help="figures and goals as JSON on the last line")
    parser.add_argument("--short", action="store_true", help="only to see that it works: the figures mean nothing")
    parser.add_argument("--seconds", type=int, default=120, help="of rest with a hidden window")
    options = parser.parse_args(arguments)
    if sys.platform != "linux" or shutil.which("Xvfb") is None:
        print("bench window: needs Linux, and Xvfb to draw on", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(prefix="nightjar-bench-") as folder:
        figures = asyncio.run(measure(Path(folder), seconds=3 if options.short else options.seconds))
    report.show(figures, goals_of("window"), as_json=options.json)
    return 0


async def measure(folder: Path, *, seconds: int) -> dict[str, float]:
    async with x_server("1280x800") as (display, _):
        return await asyncio.to_thread(_measure, folder, display, seconds)


def _measure(folder: Path, display: str, seconds: int) -> dict[str, float]:
    with running_relay(folder / "relay") as relay:
        with running_node(folder / "home", relay) as node:
            done = nightjar("mode", "off", home=node.home)  # so that no model is loaded
            assert done.returncode == 0, done.stderr
        subject = Subject(folder / "home", display)
        try:
            eventually(lambda: subject.node.snapshot().link.kind == "ready" or None, "contact with the relay")
            return _figures(subject, seconds)
        finally:
            subject.end()


def _figures(subject: Subject, seconds: int) -> dict[str, float]:
    """First with Home alone, which the start has opened; then with all pages."""
    subject.does("hide", "hidden")
    time.sleep(seconds / 6)  # What a start asks of the system, with programs of its own, comes to its end.
    memory = subject.memory_mb()
    opened = []
    for _ in range(OPENINGS):
        opened.append(float(subject.does("open", "opened_ms")))
        subject.does("hide", "hidden")
    subject.does("open", "opened_ms")
    subject.does("walk", "places")
    subject.does("hide", "hidden")
    time.sleep(seconds / 6)  # What the pages asked when they were opened comes to its end.
    painted, used, began = subject.does("paints", "paints"), subject.cpu_s(), time.monotonic()
    time.sleep(seconds)
    share = (subject.cpu_s() - used) / (time.monotonic() - began)
    return {
        "memory_mb": memory,
        "memory_all_pages_mb": subject.memory_mb(),
        "idle_cpu_share": share,
        "hidden_paints": float(subject.does("paints", "paints") - painted),
        "opened_worst_ms": max(opened),
    }


if __name__ == "__main__":
    sys.exit(main())
