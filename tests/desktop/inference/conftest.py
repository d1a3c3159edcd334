"""Engines for tests, real ones with the demo model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from desktop.inference.engine import LlamaModel
from desktop.inference.fake import FakeEngine
from desktop.inference.generation import Engine, Ready, WorkerState
from desktop.inference.keeper import Keeper
from desktop.inference.worker_settings import WorkerSettings
from tests.desktop.inference.bench import Bench


class Watch:
    """Hears of an engine's states and lets a test wait for one."""

    def __init__(self) -> None:
        self.states: list[WorkerState] = []
        self._moved = asyncio.Event()

    def __call__(self, state: WorkerState) -> None:
        self.states.append(state)
        self._moved.set()

    async def until(self, fits: Callable[[WorkerState], bool], *, within: float = 20) -> WorkerState:
        """The newest state once it fits."""
        async with asyncio.timeout(within):
            while not (self.states and fits(self.states[-1])):
                self._moved.clear()
                await self._moved.wait()
        return self.states[-1]

    async def ready(self) -> Ready:
        state = await self.until(lambda state: isinstance(state, Ready))
        assert isinstance(state, Ready)
        return state


@pytest.fixture(scope="session")
def model_path() -> Path:
    return Path(__file__).parents[3] / "assets" / "nightjar-demo.gguf"


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def settings(model_path: Path) -> Callable[..., WorkerSettings]:
    def make(**changed: Any) -> WorkerSettings:
        values: dict[str, Any] = {"model": model_path, "threads": 1}
        return WorkerSettings(**values | changed)

    return make


@pytest.fixture
async def keeper(settings: Callable[..., WorkerSettings], watch: Watch) -> AsyncIterator[Keeper]:
    """Ready."""
    keeper = Keeper(settings(), on_change=watch)
    await keeper.start()
    await watch.ready()
    yield keeper
    await keeper.stop()


@pytest.fixture(params=["worker", "fake"])
async def engine(
    request: pytest.FixtureRequest, settings: Callable[..., WorkerSettings], watch: Watch
) -> AsyncIterator[Engine]:
    """Each implementation of the port, ready."""
    engine: Engine = Keeper(settings(), on_change=watch) if request.param == "worker" else FakeEngine(watch)
    await engine.start()
    await watch.ready()
    yield engine
    await engine.stop()


@pytest.fixture(scope="session")
def load(model_path: Path) -> Iterator[Callable[..., LlamaModel]]:
    loaded: dict[str, LlamaModel] = {}

    def make(**changed: Any) -> LlamaModel:
        values: dict[str, Any] = {"context": 0, "slots": 8, "pool": 0, "threads": 1, "gpu_layers": 0} | changed
        key = repr(sorted(values.items()))
        if key not in loaded:
            loaded[key] = LlamaModel(str(model_path), **values)
        for slot in range(loaded[key].slots):
            loaded[key].truncate(slot, 0)
        return loaded[key]

    yield make
    for model in loaded.values():
        model.close()


@pytest.fixture(params=[0, 1500], ids=["memory of its own", "shared memory"])
def bench(request: pytest.FixtureRequest, load: Callable[..., LlamaModel]) -> Bench:
    return Bench(load(context=512, pool=request.param))
