"""One relay and one node for all tests that only ask: they start once per test process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import openai
import pytest

from tests.end_to_end.processes import NodeProcess, RelayProcess, eventually, first_key, running_node, running_relay

MODEL = "nightjar-demo"
ENDLESS = "Tell me a story that never ends."


@dataclass
class Stack:
    """A relay, its node, and who calls them."""

    relay: RelayProcess
    node: NodeProcess
    key: str

    def client(self) -> openai.OpenAI:
        """The unmodified client, which does not try again: a test is about the first answer."""
        return openai.OpenAI(base_url=self.relay.endpoint, api_key=self.key, max_retries=0, timeout=60)

    def generation(self, identifier: str) -> dict[str, object]:
        """What became of a call, as soon as it is settled."""

        def look() -> dict[str, object] | None:
            answer = httpx.get(
                f"{self.relay.endpoint}/generation",
                params={"id": identifier},
                headers={"Authorization": f"Bearer {self.key}"},
                trust_env=False,
            )
            if answer.status_code == 404:
                return None
            data: dict[str, object] = answer.raise_for_status().json()["data"]
            return data

        return eventually(look, f"the settlement of {identifier}", within_s=10)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("stack")
    (folder / "relay").mkdir()
    # Its model is killed again and again: the next test must not find it left alone for that.
    (folder / "relay" / "relay.toml").write_text("[routing]\nnode_failures = 1000\n")
    with running_relay(folder / "relay") as relay:
        key = first_key(relay.data)
        with running_node(folder / "home", relay) as node:
            yield Stack(relay, node, key)


@pytest.fixture
def client(stack: Stack) -> Iterator[openai.OpenAI]:
    """The node is free before each test and after it."""
    stack.node.idle_within(10)
    with stack.client() as opened:
        yield opened
