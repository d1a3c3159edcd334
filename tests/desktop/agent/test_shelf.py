"""The library beside a running agent: what another process does to it is seen, carried out and told."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from desktop.agent.listing import Listing
from desktop.agent.shelf import Shelf
from desktop.models.bundled import asset, bundled_catalogue
from desktop.models.catalogue import Catalogue
from desktop.models.imports import find_in, take_in
from desktop.models.store import Servable, Store
from tests.desktop.models.conftest import CONTENT, an_entry, put
from tests.desktop.models.file_server import FileServer


class Agent:
    """What the shelf tells its agent."""

    def __init__(self, data: Path) -> None:
        self.store = Store(data)
        self.shelf = Shelf(Store(data), Listing(data), look_s=0.02)
        self.told: list[list[str]] = []
        self._moved = asyncio.Event()

    def served(self, models: tuple[Servable, ...], catalogue: Catalogue) -> None:
        assert catalogue.entries
        self.told.append([model.name for model in models])
        self._moved.set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.shelf.run(self.served, self._moved.set))
            yield
            task.cancel()

    async def until(self, fact: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not fact():
                self._moved.clear()
                await self._moved.wait()


@contextlib.contextmanager
def heard(words: str) -> Iterator[asyncio.Event]:
    """An event for the log's next line with these words."""
    event = asyncio.Event()

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if words in record.getMessage():
                event.set()

    listener = Listener()
    logging.getLogger("desktop.agent.shelf").addHandler(listener)
    try:
        yield event
    finally:
        logging.getLogger("desktop.agent.shelf").removeHandler(listener)


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    return Agent(tmp_path / "data")


@pytest.fixture
async def server() -> AsyncIterator[FileServer]:
    async with FileServer(CONTENT).serving() as server:
        yield server


async def test_what_a_command_line_does_is_seen_and_told_once(agent: Agent, tmp_path: Path) -> None:
    file = put(tmp_path / "mine.gguf", asset("nightjar-demo.gguf").read_bytes())
    async with agent.running():
        await agent.until(lambda: agent.told == [[]])
        take_in(agent.store, find_in(file)[0], bundled_catalogue())
        await agent.until(lambda: agent.told[-1] == ["nightjar-demo"])
        agent.store.pause("nightjar-demo")
        await agent.until(lambda: agent.told[-1] == [])
        agent.store.resume("nightjar-demo")
        await agent.until(lambda: agent.told[-1] == ["nightjar-demo"])
        file.unlink()
        await agent.until(lambda: agent.told[-1] == [])
        assert agent.shelf.missing == ("nightjar-demo",)
    assert agent.told == [[], ["nightjar-demo"], [], ["nightjar-demo"], []]


async def test_a_wish_of_a_command_line_is_carried_out_and_its_progress_shown(agent: Agent, server: FileServer) -> None:
    server.hold_after = 1_500_000
    async with agent.running():
        agent.store.want(an_entry(server))
        await agent.until(lambda: any(each.kind == "downloading" for each in agent.shelf.progress))
        server.hold_after = None
        agent.store.pause("tiny")
        await agent.until(lambda: [each.kind for each in agent.shelf.progress] == ["paused"])
        agent.store.resume("tiny")
        await agent.until(lambda: agent.told[-1] == ["tiny"] and not agent.shelf.progress)
        assert agent.shelf.arrived == ("tiny",)


async def test_a_download_that_was_given_up_has_not_arrived(agent: Agent, server: FileServer) -> None:
    server.hold_after = 1_500_000
    async with agent.running():
        agent.store.want(an_entry(server))
        await agent.until(lambda: any(each.kind == "downloading" for each in agent.shelf.progress))
        agent.store.remove("tiny")
        await agent.until(lambda: not agent.shelf.progress)
    assert agent.shelf.arrived == ()


async def test_downloads_wait_while_they_are_held(agent: Agent, server: FileServer) -> None:
    agent.shelf.hold("Waiting: this network is metered.")
    agent.store.want(an_entry(server))
    async with agent.running():
        await agent.until(lambda: [each.kind for each in agent.shelf.progress] == ["waiting"])
        assert agent.shelf.progress[0].sentence == "Waiting: this network is metered."
        assert server.asked == []
        agent.shelf.hold("")
        await agent.until(lambda: agent.told[-1:] == [["tiny"]])


async def test_a_library_that_is_damaged_meanwhile_ends_nothing(agent: Agent, tmp_path: Path) -> None:
    file = put(tmp_path / "mine.gguf", asset("nightjar-demo.gguf").read_bytes())
    async with agent.running():
        take_in(agent.store, find_in(file)[0], bundled_catalogue())
        await agent.until(lambda: agent.told[-1:] == [["nightjar-demo"]])
        record = tmp_path / "data" / "library.json"
        whole = record.read_bytes()
        with heard("the library cannot be read") as warned:
            record.write_bytes(b"{")
            await warned.wait()
        record.write_bytes(whole)
        agent.store.pause("nightjar-demo")
        await agent.until(lambda: agent.told[-1] == [])


def test_what_is_there_is_known_before_anything_runs(agent: Agent, tmp_path: Path) -> None:
    file = put(tmp_path / "mine.gguf", asset("nightjar-demo.gguf").read_bytes())
    take_in(agent.store, find_in(file)[0], bundled_catalogue())
    models, catalogue = agent.shelf.peek()
    assert [model.name for model in models] == ["nightjar-demo"]
    assert catalogue is bundled_catalogue()
