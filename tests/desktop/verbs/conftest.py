"""A command line on a PC that is a node of a real relay, and a server with a model's file."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from desktop import cli
from desktop.agent.address import RelayAddress
from desktop.agent.enrolment import Joined
from desktop.agent.membership import Memberships
from desktop.models.store import Store
from desktop.system.paths import Paths
from relay.catalogue import store as catalogue_store
from relay.catalogue.entries import read_entry
from tests.desktop.models.conftest import CONTENT
from tests.desktop.models.file_server import FileServer
from tests.relay.nodes.player import answer_rightly, relay_with_node
from tests.relay.running import RunningRelay


@dataclass
class Terminal:
    """Runs verbs and reads what they print."""

    capsys: pytest.CaptureFixture[str]

    async def run(self, *words: str) -> tuple[int, str, str]:
        """Exit status, standard output and standard error."""
        self.capsys.readouterr()
        status = await asyncio.to_thread(cli.main, words)
        return status, *self.capsys.readouterr()

    async def json(self, *words: str) -> Any:
        status, out, err = await self.run(*words, "--json")
        assert (status, err) == (0, ""), (out, err)
        return json.loads(out)


@pytest.fixture
def terminal(capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(capsys)


@pytest.fixture
def store(own_home: Path) -> Store:
    return Store(Paths.under(own_home).data)


@pytest.fixture
async def relay(own_home: Path, tmp_path: Path) -> AsyncIterator[RunningRelay]:
    """With this PC as its node, which answers."""
    paths = Paths.under(own_home)
    paths.make()
    async with relay_with_node(tmp_path / "relay", answer_rightly) as (relay, node):
        identity = node.desk.identity
        address = RelayAddress.parse(f"http://127.0.0.1:{relay.port}")
        joined = Joined(address, identity.node_id, identity.key.fingerprint, identity.relay_key, identity.key)
        await Memberships(paths, secrets="file").join(joined)
        yield relay


@pytest.fixture
async def server() -> AsyncIterator[FileServer]:
    async with FileServer(CONTENT).serving() as server:
        yield server


async def offer(relay: RunningRelay, server: FileServer, **changed: Any) -> None:
    """Puts the server's file into the relay's catalogue."""
    fields = {
        "id": "tiny",
        "title": "Tiny",
        "file": "tiny.gguf",
        "size": len(CONTENT),
        "sha256": server.sha256,
        "url": server.url,
        "licence": "MIT",
    }
    entry = read_entry(fields | changed)
    await relay.services.database.write(lambda connection: catalogue_store.add(connection, entry, at_ms=1))
