"""Two real nodes with the demo model: one is lost while four answers run, and no caller's stream shows it."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier
from typing import Any

import openai
import pytest

from tests.end_to_end.books import settled_books
from tests.end_to_end.conftest import ENDLESS, MODEL
from tests.end_to_end.processes import (
    NodeProcess,
    RelayProcess,
    eventually,
    first_key,
    nightjar,
    running_node,
    running_relay,
    start_node,
)

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals"),
]

several = pytest.mark.skipif(sys.platform != "linux", reason="a relay of several processes needs Linux")
LENGTHS = (500, 600, 700, 800)
"""Tokens of each caller's answer."""
ENOUGH = 12
"""Pieces of each answer, after which one of the nodes is lost."""
SAMPLING: dict[str, dict[str, Any]] = {"greedy": {"temperature": 0}, "seeded": {"temperature": 1.0, "seed": 7}}


def _kill_agent(node: NodeProcess) -> None:
    node.process.kill()
    node.process.wait(10)


def _kill_worker(node: NodeProcess) -> None:
    worker = node.worker()
    assert worker is not None
    worker.send_signal(signal.SIGKILL)


def _quit_now(node: NodeProcess) -> None:
    """It says so to the relay: a yield, and no loss."""
    assert nightjar("quit", "--now", home=node.home).returncode == 0


LOSSES = {"agent killed": _kill_agent, "worker killed": _kill_worker, "owner wants it back": _quit_now}


@dataclass
class House:
    relay: RelayProcess
    nodes: list[NodeProcess]
    key: str

    def texts(self, sampling: dict[str, Any], at_enough: Callable[[], None] = lambda: None) -> list[str]:
        """What four callers at once are told; `at_enough` is called when each of them has heard some of it."""
        barrier = Barrier(len(LENGTHS), action=at_enough)

        def ask(length: int) -> str:
            pieces = []
            with openai.OpenAI(base_url=self.relay.endpoint, api_key=self.key, max_retries=0, timeout=60) as client:
                messages: Any = [{"role": "user", "content": ENDLESS}]
                chunks = client.chat.completions.create(
                    model=MODEL, messages=messages, max_tokens=length, stream=True, **sampling
                )
                for number, chunk in enumerate(chunks):
                    pieces.append(chunk.choices[0].delta.content or "")
                    if number == ENOUGH:
                        barrier.wait(30)
            return "".join(pieces)

        with ThreadPoolExecutor(len(LENGTHS)) as pool:
            return list(pool.map(ask, LENGTHS))

    def bring_back(self) -> None:
        for at, node in enumerate(self.nodes):
            if node.process.poll() is not None:
                self.nodes[at] = start_node(node.home)
        for node in self.nodes:
            eventually(lambda node=node: node.snapshot().sharing.sharing or None, "a node that shares")  # type: ignore[misc]
            eventually(lambda node=node: node.worker(), "a worker")  # type: ignore[misc]


@pytest.fixture(scope="module", params=[1, pytest.param(3, marks=several)], ids=["one process", "three processes"])
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """With three processes the nodes are at home in any of them, and callers meet any other."""
    folder: Path = tmp_path_factory.mktemp("two_nodes")
    (folder / "relay").mkdir()
    (folder / "relay" / "relay.toml").write_text(f"[server]\nworkers = {request.param}\n")
    with running_relay(folder / "relay") as relay:
        homes = [folder / "one", folder / "two"]
        with running_node(homes[0], relay) as one, running_node(homes[1], relay) as two:
            house = House(relay, [one, two], first_key(relay.data))
            yield house
            for node in house.nodes:
                if node not in (one, two):
                    _kill_agent(node)


@pytest.mark.parametrize(
    ("sampling", "loss"),
    [("seeded", "agent killed"), ("seeded", "owner wants it back"), ("greedy", "worker killed")],
)
def test_no_caller_notices_that_a_node_was_lost(house: House, sampling: str, loss: str) -> None:
    house.bring_back()
    unbroken = house.texts(SAMPLING[sampling])
    assert house.texts(SAMPLING[sampling], lambda: LOSSES[loss](house.nodes[0])) == unbroken
    books = eventually(lambda: settled_books(house.relay.data), "settled books")
    books.assert_in_order()
    assert all(call.state == "completed" for call in books.calls.values())
