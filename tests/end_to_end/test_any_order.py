"""Agent, worker, relay and network taken away and the clock set wrong, in every order: no orphan, no lost setting, no
state that stays stuck.
"""

from __future__ import annotations

import contextlib
import itertools
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import openai
import psutil
import pytest

from desktop.agent.state import Mode
from tests.end_to_end.books import settled_books
from tests.end_to_end.conftest import ENDLESS, MODEL
from tests.end_to_end.network import Network, running_network
from tests.end_to_end.processes import (
    NodeProcess,
    RelayProcess,
    ask_relay,
    await_relay,
    end,
    enrol,
    eventually,
    first_key,
    start_node,
    start_relay,
)

pytestmark = [
    pytest.mark.soak,
    pytest.mark.timeout(180),
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals"),
]

FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
"""Sets the clock of one process: https://github.com/wolfcw/libfaketime. Without it the clock is left alone."""

BLOWS = ("agent", "worker", "relay", "network", *(["clock"] if FAKETIME else []))
HOURS = 7
ORPHANS_END_WITHIN_S = 5.0


class House:
    """A relay and a node with a network between them, each of which can be struck and put right again."""

    def __init__(self, folder: Path, network: Network) -> None:
        self._data = folder / "relay"
        self._home = folder / "home"
        self._home.mkdir()
        self._data.mkdir()
        (self._data / "relay.toml").write_text(f'[server]\nnames = ["{network.address}"]\n')
        self._network = network
        self._clock = folder / "clock"
        self._clock.write_text("+0")
        self._relay = self._started_relay()
        self._key = first_key(self._data)
        self._node = self._started_node()
        enrol(self._node, network.address, token=ask_relay("node", "token", data=self._data)["token"])

    def _started_relay(self) -> RelayProcess:
        relay = await_relay(start_relay(self._data), self._data)
        self._network.relay_port = int(relay.address.rpartition(":")[2])
        return relay

    def _started_node(self) -> NodeProcess:
        faked = {
            "LD_PRELOAD": str(FAKETIME),
            "FAKETIME_TIMESTAMP_FILE": str(self._clock),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }
        return start_node(self._home, **faked if FAKETIME else {})

    @property
    def node(self) -> NodeProcess:
        return self._node

    def strike(self, blow: str) -> None:
        """Whoever is gone already, because something else took it along, is left alone."""
        if blow == "network":
            self._network.cut()
        elif blow == "clock":
            self._clock.write_text(f"+{HOURS}h")
        elif blow == "worker":
            with contextlib.suppress(psutil.NoSuchProcess):
                if worker := self._node.worker():
                    worker.kill()
        else:
            process = (self._node if blow == "agent" else self._relay).process
            process.kill()
            assert process.wait(10) == -signal.SIGKILL

    def put_right(self, blow: str) -> None:
        """What its owner would do: start it again. A worker comes back by itself."""
        if blow == "network":
            self._network.mend()
        elif blow == "clock":
            self._clock.write_text("+0")
        elif blow == "relay":
            self._relay = self._started_relay()
        elif blow == "agent":
            self._node = self._started_node()

    def children(self) -> set[psutil.Process]:
        """What the agent has started and is running, and what those have."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return set(psutil.Process(self._node.process.pid).children(recursive=True))
        return set()

    def begin_answer(self) -> threading.Thread:
        """A caller who reads a long answer to whatever end it comes to."""

        def read() -> None:
            with contextlib.suppress(openai.APIError), self.client() as client:
                chunks = client.chat.completions.create(
                    model=MODEL, messages=[{"role": "user", "content": ENDLESS}], max_tokens=900, stream=True
                )
                list(chunks)

        caller = threading.Thread(target=read)
        caller.start()
        eventually(lambda: self._node.snapshot().running or None, "a running answer")
        return caller

    def client(self) -> openai.OpenAI:
        return openai.OpenAI(base_url=self._relay.endpoint, api_key=self._key, max_retries=0, timeout=60)

    def answers(self) -> str | None:
        with contextlib.suppress(openai.APIError), self.client() as client:
            words = "What is the capital of France?"
            answer = client.chat.completions.create(
                model=MODEL, messages=[{"role": "user", "content": words}], temperature=0
            )
            return answer.choices[0].message.content
        return None

    def assert_books_in_order(self) -> None:
        eventually(lambda: settled_books(self._data), "settled books").assert_in_order()

    def end(self) -> None:
        end(self._node.process)
        end(self._relay.process)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with running_network() as network:
        house = House(tmp_path_factory.mktemp("house"), network)
        try:
            yield house
        finally:
            house.end()


@pytest.mark.parametrize("order", list(itertools.permutations(BLOWS)), ids="-".join)
def test_whatever_is_taken_away_in_whatever_order_comes_back(house: House, order: tuple[str, ...]) -> None:
    caller = house.begin_answer()
    children: set[psutil.Process] = set()
    for blow in order:
        children |= house.children()
        house.strike(blow)
    caller.join(60)
    assert not caller.is_alive()
    assert children
    eventually(lambda: not any(map(_lives, children)) or None, "no orphan", within_s=ORPHANS_END_WITHIN_S)
    for blow in order:
        house.put_right(blow)
    assert eventually(house.answers, "an answer") == "The capital of France is Paris."
    assert house.node.snapshot().mode is Mode.ALWAYS
    house.assert_books_in_order()
