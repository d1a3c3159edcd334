"""Several models on one PC: loaded one after the other, called by name, given back together."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace as replaced

from desktop.agent.desk import MakeEngine
from desktop.agent.desks import Desks, Offer
from desktop.agent.offers import Offers
from desktop.inference.fake import FACTS, FakeEngine
from desktop.inference.generation import Engine, OnChange
from desktop.inference.worker_settings import WorkerSettings
from desktop.models.bundled import asset
from desktop.models.catalogue import Catalogue, Price
from desktop.models.digest import DigestCache, file_sha256
from desktop.models.store import Servable
from desktop.system.hardware import Memory
from relay.wire.frames import Ask, PicoDollars
from tests.desktop.inference.answers import Answer, a_call
from tests.desktop.models.conftest import an_offer, put


class Room:
    """Desks with fake engines, whose starts are written down."""

    def __init__(self) -> None:
        self.engines: dict[str, FakeEngine] = {}
        self.log: list[str] = []
        self.freed = 0
        self._moved = asyncio.Event()
        self.desks = Desks(changed=self._moved.set, freed=self._count)

    def offer(self, name: str, **changed: Any) -> Offer:
        def make(on_change: OnChange) -> Engine:
            def hear(state: Any) -> None:
                self.log.append(f"{name} {type(state).__name__.lower()}")
                on_change(state)

            self.engines[name] = FakeEngine(hear, facts=replace(FACTS, name=name))
            return self.engines[name]

        values: dict[str, Any] = {"name": name, "mark": name, "make_engine": make}
        return Offer(**values | changed)

    def _count(self) -> None:
        self.freed += 1
        self._moved.set()

    @contextlib.asynccontextmanager
    async def open(self, *offers: Offer) -> AsyncIterator[Desks]:
        self.desks.offer(offers)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.desks.run())
            self.desks.want(wanted=True)
            yield self.desks
            task.cancel()

    async def until(self, fact: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not fact():
                self._moved.clear()
                await self._moved.wait()

    async def ready(self, *names: str) -> None:
        await self.until(lambda: [each.model for each in self.desks.advertised()] == list(names))

    def kinds(self) -> dict[str, str]:
        return {state.name: state.kind for state in self.desks.states}


@pytest.fixture
def room() -> Room:
    return Room()


async def test_models_are_loaded_one_after_the_other_and_all_offered(room: Room) -> None:
    async with room.open(room.offer("a"), room.offer("b"), room.offer("c")) as desks:
        assert room.kinds() == {"a": "loading", "b": "loading", "c": "loading"}
        await room.ready("a", "b", "c")
        assert room.log == ["a loading", "a ready", "b loading", "b ready", "c loading", "c ready"]
        assert desks.slots == 3 * FACTS.slots


async def test_a_call_goes_to_the_engine_of_its_model(room: Room) -> None:
    async with room.open(room.offer("a"), room.offer("b")) as desks:
        await room.ready("a", "b")
        room.engines["b"].interval_s = 3600
        answer = Answer()
        desks.submit("b", a_call(id=7), answer)
        assert (room.engines["a"].running, room.engines["b"].running) == (0, 1)
        assert (desks.free_slots("a"), desks.free_slots("b")) == (FACTS.slots, FACTS.slots - 1)
        desks.cancel(7)
        assert desks.running == 0


async def test_a_model_without_room_beside_the_others_is_said_to_be_and_not_offered(room: Room) -> None:
    full = room.offer("b", shortage=lambda: "This model needs about 9 GiB.")
    async with room.open(room.offer("a"), full, room.offer("c")):
        await room.ready("a", "c")
        (state,) = [each for each in room.desks.states if each.name == "b"]
        assert (state.kind, state.problem) == ("failed", "This model needs about 9 GiB.")
        assert "b loading" not in room.log


async def test_the_first_model_is_never_judged_by_what_is_left(room: Room) -> None:
    async with room.open(room.offer("a", shortage=lambda: "no room")):
        await room.ready("a")


async def test_a_model_that_fails_does_not_keep_the_next_one_from_its_turn(room: Room) -> None:
    async with room.open(room.offer("a"), room.offer("b")):
        await room.until(lambda: "a loading" in room.log)
        room.engines["a"].fail("it is broken")
        await room.ready("b")
        assert room.kinds() == {"a": "failed", "b": "ready"}


async def test_when_the_owner_wants_the_pc_all_memory_is_given_back_and_said_once(room: Room) -> None:
    async with room.open(room.offer("a"), room.offer("b")) as desks:
        await room.ready("a", "b")
        desks.want(wanted=False)
        await room.until(lambda: room.freed > 0)
        assert (room.freed, desks.loaded) == (1, False)
        desks.want(wanted=True)
        await room.until(lambda: room.log[-1] == "b ready")


async def test_freed_memory_comes_back_with_the_next_call_for_that_model_only(room: Room) -> None:
    async with room.open(room.offer("a"), room.offer("b")) as desks:
        await room.ready("a", "b")
        desks.free()
        await room.until(lambda: not desks.loaded)
        answer = Answer()
        desks.submit("b", a_call(id=7), answer)
        await answer.over.wait()
        assert room.kinds() == {"a": "unloaded", "b": "ready"}


async def test_a_new_model_joins_and_those_that_stay_are_not_loaded_anew(room: Room) -> None:
    a = room.offer("a")
    async with room.open(a) as desks:
        await room.ready("a")
        desks.offer([a, room.offer("b")])
        await room.ready("a", "b")
        assert room.log.count("a loading") == 1


async def test_a_model_that_is_no_longer_offered_finishes_its_answers_and_goes(room: Room) -> None:
    a, b = room.offer("a"), room.offer("b")
    async with room.open(a, b) as desks:
        await room.ready("a", "b")
        room.engines["b"].interval_s = 3600
        desks.submit("b", a_call(id=7), Answer())
        desks.offer([a])
        assert [each.model for each in desks.advertised()] == ["a"]
        assert (desks.running, room.engines["b"].running) == (1, 1)
        desks.cancel(7)
        await room.until(lambda: room.log[-1] == "b stopped")
        assert desks.running == 0
        assert room.freed == 0, "the other model still has its memory"


async def test_a_model_that_never_was_loaded_goes_at_once(room: Room) -> None:
    async with room.open(room.offer("a")) as desks:
        await room.ready("a")
        desks.offer([room.offer("b", shortage=lambda: "x"), room.offer("c")])
        await room.until(lambda: "a stopped" in room.log)


async def test_a_price_may_change_without_a_new_start(room: Room) -> None:
    a = room.offer("a")
    async with room.open(a) as desks:
        await room.ready("a")
        ask = Ask(prompt=PicoDollars(1), completion=PicoDollars(2))
        desks.offer([replace(a, ask=ask)])
        assert [each.ask for each in desks.advertised()] == [ask]
        assert room.log.count("a loading") == 1


async def test_of_two_models_of_one_name_the_first_counts(room: Room) -> None:
    async with room.open(room.offer("a"), room.offer("a", mark="other")) as desks:
        await room.until(lambda: room.log.count("a ready") == 2)
        assert [each.model for each in desks.advertised()] == ["a"]


# --- from the library to offers

DEMO = asset("nightjar-demo.gguf")


def offers(folder: Path, *, keeps: bool = False) -> Offers:
    configured = WorkerSettings(model=DEMO, name="nightjar-demo", digest_cache=folder / "digests.json")

    def make_engine(_worker: WorkerSettings) -> MakeEngine:
        return FakeEngine

    return Offers(configured, make_engine, keeps_configured=keeps)


def a_servable(folder: Path, name: str = "mine") -> Servable:
    path = put(folder / f"{name}.gguf", DEMO.read_bytes() + bytes(32))
    return Servable(name, path, file_sha256(path), None)


NOTHING = Catalogue(issued_ms=0, entries=())


def test_the_demo_model_is_offered_until_there_is_another_one(tmp_path: Path) -> None:
    assert [each.name for each in offers(tmp_path)([], NOTHING)] == ["nightjar-demo"]
    assert [each.name for each in offers(tmp_path)([a_servable(tmp_path)], NOTHING)] == ["mine"]


def test_a_model_the_owner_configured_is_always_offered_first(tmp_path: Path) -> None:
    found = offers(tmp_path, keeps=True)([a_servable(tmp_path), a_servable(tmp_path, "nightjar-demo")], NOTHING)
    assert [each.name for each in found] == ["nightjar-demo", "mine"]


def test_the_configured_file_is_not_offered_twice(tmp_path: Path) -> None:
    again = Servable("again", DEMO, file_sha256(DEMO), None)
    assert [each.name for each in offers(tmp_path)([again], NOTHING)] == ["nightjar-demo"]


def test_a_model_of_the_catalogue_is_offered_at_its_price(tmp_path: Path) -> None:
    model = a_servable(tmp_path)
    entry = an_offer(id="mine", sha256=model.sha256, price=Price(7, 9))
    (offer,) = offers(tmp_path)([model], Catalogue(issued_ms=1, owner_percent=70, entries=(entry,)))
    assert offer.ask == Ask(prompt=PicoDollars(7), completion=PicoDollars(9))
    for without in (NOTHING, Catalogue(issued_ms=1, owner_percent=70, entries=(replaced(entry, url=""),))):
        (offer,) = offers(tmp_path)([model], without)
        assert offer.ask is None


def test_a_verified_file_is_not_hashed_again_before_its_first_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = a_servable(tmp_path)
    offers(tmp_path)([model], NOTHING)
    monkeypatch.setattr("desktop.models.digest.file_sha256", lambda *_: pytest.fail("it was read again"))
    assert DigestCache(tmp_path / "digests.json").sha256(model.path) == model.sha256


def test_room_is_judged_by_the_file_and_the_memory_that_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (offer,) = offers(tmp_path)([a_servable(tmp_path)], NOTHING)
    assert offer.shortage() == ""

    monkeypatch.setattr("desktop.agent.offers.hardware.memory", lambda: Memory(8 * 10**9, 1_000_000, ()))
    assert "needs about" in offer.shortage()


def test_a_limit_of_memory_is_for_one_model(tmp_path: Path) -> None:
    made = offers(tmp_path)
    (offer,) = replace(made, configured=replace(made.configured, most_ram=10**12))([a_servable(tmp_path)], NOTHING)
    assert "limited" in offer.shortage()


def test_a_file_that_cannot_be_judged_is_left_to_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = a_servable(tmp_path)
    (offer,) = offers(tmp_path)([model], NOTHING)
    model.path.write_bytes(b"GGUF")
    assert offer.shortage() == ""
