"""What the owner does with models while the agent runs, and what the relay and the callers get of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from desktop.agent.desk import MakeEngine
from desktop.agent.listing import Listing
from desktop.agent.offers import Offers
from desktop.agent.shelf import Shelf
from desktop.agent.supervisor import Parts
from desktop.inference.fake import FACTS, FakeEngine
from desktop.inference.worker_settings import WorkerSettings
from desktop.models.bundled import asset, bundled_catalogue
from desktop.models.imports import find_in, take_in
from desktop.models.store import Store
from relay.wire.frames import Advertise, Decline, Finish
from tests.desktop.agent.conftest import Desktop
from tests.desktop.models.conftest import put
from tests.fakes import FakeLink, FakeRelay

DEMO = asset("nightjar-demo.gguf")


class Library(Desktop):
    """A PC whose agent offers what is in its library, by engines that say which model they are."""

    @property
    def store(self) -> Store:
        return Store(self.paths.data)

    def add(self, name: str, padding: int) -> Path:
        """A model of another program, as a command line imports it."""
        file = put(self.paths.data.parent / "theirs" / f"{name}.gguf", DEMO.read_bytes() + bytes(padding))
        take_in(self.store, find_in(file)[0], bundled_catalogue())
        return file

    def _parts(self) -> Parts:
        shelf = Shelf(self.store, Listing(self.paths.data), look_s=0.02)
        offers = Offers(WorkerSettings(model=DEMO, name="nightjar-demo"), _engine, keeps_configured=False)
        return replace(super()._parts(), shelf=shelf, make_offers=offers)


def _engine(worker: WorkerSettings) -> MakeEngine:
    answers = {"Who are you?": f"I am {worker.name}."}
    return lambda on_change: FakeEngine(on_change, answers=answers, facts=replace(FACTS, name=worker.name))


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "pc")


async def offered(link: FakeLink, *names: str) -> None:
    """Waits until the newest advertisement has these models."""

    def newest() -> list[str]:
        heard = [event for event in link.log if isinstance(event, Advertise)]
        return [model.model for model in heard[-1].models] if heard else []

    await link._until(lambda: newest() == list(names))


async def test_every_active_model_is_offered_and_answers_under_its_own_name(library: Library, relay: FakeRelay) -> None:
    library.add("one", 32)
    library.add("two", 64)
    library.restart()
    async with library.running():
        await library.join(relay)
        link = await relay.link()
        await offered(link, "one", "two")
        for name in ("two", "one"):
            answer = await link.answer(await link.offer("Who are you?", model=name))
            assert answer.text == f"I am {name}."
            assert isinstance(answer.terminal, Finish)


async def test_a_model_that_comes_while_the_agent_runs_takes_the_place_of_the_demo(
    library: Library, relay: FakeRelay
) -> None:
    async with library.running():
        await library.join(relay)
        link = await relay.link()
        await offered(link, "nightjar-demo")
        library.add("one", 32)
        await offered(link, "one")
        answer = await link.answer(await link.offer("Who are you?", model="nightjar-demo"))
        assert isinstance(answer.terminal, Decline)


async def test_a_model_that_is_paused_removed_or_gone_is_offered_no_longer(library: Library, relay: FakeRelay) -> None:
    library.add("one", 32)
    file = library.add("two", 64)
    library.restart()
    async with library.running():
        await library.join(relay)
        link = await relay.link()
        await offered(link, "one", "two")
        library.store.pause("one")
        await offered(link, "two")
        library.store.resume("one")
        file.unlink()
        await offered(link, "one")
        snapshot = await library.until(lambda seen: [model.name for model in seen.models] == ["one"])
    assert (snapshot.downloads, snapshot.arrived, snapshot.missing) == ((), (), ("two",))
