"""Relay and node as the processes a person runs, for tests: started by their command lines, known by what they say.

Nothing here imports what it starts; what the books say is read from the database of a relay, running or dead.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil

from desktop.agent.asking import ask
from desktop.agent.control import Request
from desktop.agent.state import Snapshot
from desktop.errors import AgentNotRunning
from desktop.system.paths import Paths
from tests.end_to_end.demo import ROOT

T = TypeVar("T")

READY_WITHIN_S = 60.0
"""Of anything that starts. It takes seconds; a busy machine of two cores may need many more."""

LOOK_S = 0.01


def eventually(look: Callable[[], T | None], what: str, *, within_s: float = READY_WITHIN_S) -> T:
    """Looks until there is something. Another process cannot wake a test, so it has to look again and again."""
    deadline = time.monotonic() + within_s
    while (found := look()) is None:
        assert time.monotonic() < deadline, f"{what}: not within {within_s:g} s"
        time.sleep(LOOK_S)
    return found


@dataclass
class RelayProcess:
    """`nightjar-relay serve` on a free port."""

    process: subprocess.Popen[bytes]
    data: Path
    endpoint: str

    @property
    def address(self) -> str:
        """host:port."""
        return httpx.URL(self.endpoint).netloc.decode()


def relay_command(*verb: str, data: Path) -> list[str]:
    return [sys.executable, "-m", "relay", *verb, "--data", str(data)]


def ask_relay(*verb: str, data: Path) -> dict[str, Any]:
    """The JSON answer of one `nightjar-relay` command on a data folder."""
    command = [*relay_command(*verb, data=data), "--json"]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def start_relay(data: Path, **environment: str) -> subprocess.Popen[bytes]:
    """Started, perhaps to die on the way: see `await_relay`."""
    data.mkdir(parents=True, exist_ok=True)
    announcement(data).unlink(missing_ok=True)
    command = relay_command("serve", "--demo", "--port", "0", "--announce", str(announcement(data)), data=data)
    with (data.parent / "relay.log").open("ab") as log:
        return subprocess.Popen(
            command, cwd=ROOT, env=os.environ | environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )


def announcement(data: Path) -> Path:
    return data.parent / "relay.json"


def await_relay(process: subprocess.Popen[bytes], data: Path) -> RelayProcess:
    """The relay, once it takes calls."""

    def announced() -> dict[str, Any] | None:
        assert process.poll() is None, f"the relay ended: {(data.parent / 'relay.log').read_text()[-2000:]}"
        with contextlib.suppress(FileNotFoundError):
            said: dict[str, Any] = json.loads(announcement(data).read_text())
            return said
        return None

    return RelayProcess(process, data, eventually(announced, "a ready relay")["endpoint"])


@contextlib.contextmanager
def running_relay(data: Path, **environment: str) -> Iterator[RelayProcess]:
    process = start_relay(data, **environment)
    try:
        yield await_relay(process, data)
    finally:
        end(process)


def end(process: subprocess.Popen[Any]) -> None:
    """Asks for a clean end and insists after a while."""
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@dataclass
class NodeProcess:
    """`nightjar --headless` in a home of its own."""

    process: subprocess.Popen[bytes]
    home: Path

    def snapshot(self) -> Snapshot:
        """What `nightjar status --json` shows, without starting a program for it."""
        reply = ask(Paths.under(self.home).control, Request(verb="status"))
        assert reply.snapshot is not None
        return reply.snapshot

    def worker(self) -> psutil.Process | None:
        """The process that holds the model."""
        for child in psutil.Process(self.process.pid).children():
            with contextlib.suppress(psutil.NoSuchProcess):
                if child.cmdline()[-1].endswith("worker"):
                    return child
        return None

    def idle_within(self, seconds: float) -> None:
        eventually(lambda: self.snapshot().running == 0 or None, "an idle node", within_s=seconds)


def nightjar(*verb: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """One `nightjar` command line."""
    return subprocess.run(
        [sys.executable, "-m", "desktop", *verb],
        cwd=ROOT,
        env=os.environ | {"NIGHTJAR_HOME": str(home)} | environment,
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def start_node(home: Path, **environment: str) -> NodeProcess:
    """An agent in a home that may have been lived in, once it answers."""
    own = {"NIGHTJAR_HOME": str(home), "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
    with (home / "node.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "desktop", "--headless"],
            cwd=ROOT,
            env=os.environ | own | environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    node = NodeProcess(process, home)
    eventually(lambda: _answers(node), "an agent that answers")
    return node


@contextlib.contextmanager
def running_node(home: Path, relay: RelayProcess) -> Iterator[NodeProcess]:
    """Enrolled at the relay by a token, sharing the demo model, also while somebody uses the machine of the tests."""
    settings = Paths.under(home).config / "settings.toml"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text("[limits]\nanswers_in_use = 8\n")
    node = start_node(home)
    try:
        enrol(node, relay.address, token=ask_relay("node", "token", data=relay.data)["token"])
        yield node
    finally:
        end(node.process)


def enrol(node: NodeProcess, address: str, *, token: str) -> None:
    """Make it a node of the relay at host:port that always shares."""
    for verb in (["enroll", "--relay", f"http://{address}", "--token", token], ["mode", "always"]):
        done = nightjar(*verb, home=node.home)
        assert done.returncode == 0, done.stderr
    eventually(lambda: node.snapshot().sharing.sharing or None, "a node that shares")


def _answers(node: NodeProcess) -> Snapshot | None:
    with contextlib.suppress(AgentNotRunning):
        return node.snapshot()
    return None


def one_line(complaint: str) -> str:
    """The complaint of a program that did not start: a single line for people."""
    lines = complaint.splitlines()
    assert len(lines) == 1, complaint
    return lines[0]


def first_key(data: Path) -> str:
    """The key a relay announced at its first start."""
    said: Mapping[str, Any] = json.loads(announcement(data).read_text())
    return str(said["api_key"])
