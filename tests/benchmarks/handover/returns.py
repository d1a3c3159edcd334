"""The owner of a PC returns while it writes answers: a whole agent, the real engine, and a relay that only listens."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from desktop.agent.sharing.lately import Lately
from desktop.inference.generation import Engine, OnChange
from desktop.inference.keeper import Keeper
from desktop.inference.worker_settings import WorkerSettings
from desktop.settings import LinkSettings, Settings, SharingSettings
from desktop.system.conditions import Presence
from desktop.system.watch.still import at_rest
from relay.wire.frames import Decline, Yield
from tests.desktop.agent.conftest import Desktop
from tests.fakes import FakeRelay

ANSWERS = 4
_SETTINGS = Settings(
    sharing=SharingSettings(first_mode="idle"), link=LinkSettings(retry_first_s=0.01, retry_most_s=0.05)
)
_PROMPT = "Tell me about the sea. "


class RealDesktop(Desktop):
    """With llama.cpp in a worker process instead of the fake engine, and patience for the largest models."""

    patience_s = 600.0

    def __init__(self, home: Path, model: Path, *, sentences: int = 60) -> None:
        self._model = model
        self.prompt = _PROMPT * sentences
        super().__init__(home, _SETTINGS)

    def _make_engine(self, on_change: OnChange) -> Engine:
        settings = WorkerSettings(
            self._model,
            name="fake",
            slots=ANSWERS,
            digest_cache=self.paths.data / "digests.json",
            measurements=self.paths.data / "measurements.json",
        )
        self.keeper = Keeper(settings, on_change=on_change)
        return self.keeper


@dataclass(frozen=True, slots=True)
class Return:
    """Seconds from the owner's input until every answer was handed over, and until the PC was free."""

    handed_over: float
    free: float


async def one_return(desktop: RealDesktop, relay: FakeRelay, number: int, *, decoding: bool) -> Return:
    """`desktop` runs and is enrolled. Not `decoding`: the prompts are still being read.

    Raises AssertionError if an answer was lost, a word miscounted, or the worker left behind.
    """
    desktop.agent._situation.lately = Lately()  # As if a day had passed since the return before.
    desktop.watch.becomes(at_rest())
    await desktop.until(lambda snapshot: snapshot.sharing.sharing and snapshot.models[0].kind == "ready")
    link = await relay.link()
    legs = [await link.offer(f"{number} {desktop.prompt}") for _ in range(ANSWERS)]
    if decoding:
        for leg in legs:
            await link.text(leg, 1)
    worker = psutil.Process(desktop.keeper.pid)
    began = time.monotonic()
    desktop.watch.becomes(replace(at_rest(), presence=Presence(time.time(), "test")))
    answers = [await link.answer(leg) for leg in legs]
    handed_over = time.monotonic() - began
    await desktop.until(lambda snapshot: snapshot.switches[-1].freed_s is not None)
    free = time.monotonic() - began
    assert not worker.is_running()
    for answer in answers:
        assert isinstance(answer.terminal, Yield | Decline)
        if isinstance(answer.terminal, Yield):
            assert answer.terminal.delivered_tokens == answer.tokens
    return Return(handed_over, free)
