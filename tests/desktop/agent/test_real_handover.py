"""The owner returns while the real engine writes: every answer is handed over, and the worker is gone."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest

from desktop.agent.sharing.lately import Lately
from desktop.app import demo_model
from desktop.inference.generation import Engine, OnChange
from desktop.inference.keeper import Keeper
from desktop.inference.worker_settings import WorkerSettings
from desktop.settings import LinkSettings, Settings, SharingSettings
from desktop.system.conditions import Presence
from desktop.system.watch.still import at_rest
from relay.wire.frames import Decline, Yield
from tests.desktop.agent.conftest import Desktop
from tests.fakes import FakeRelay

QUICK = Settings(sharing=SharingSettings(first_mode="idle"), link=LinkSettings(retry_first_s=0.01, retry_most_s=0.05))
LONG_PROMPT = "Tell me about the sea. " * 60


class RealDesktop(Desktop):
    """With llama.cpp in a worker process instead of the fake engine."""

    def _make_engine(self, on_change: OnChange) -> Engine:
        self.keeper = Keeper(WorkerSettings(demo_model(), name="fake", slots=4), on_change=on_change)
        return self.keeper


@dataclass
class Round:
    """Seconds from the owner's input until every answer was handed over, and until the PC was free."""

    handed_over: float
    free: float


@pytest.fixture
def desktop(tmp_path: Path) -> RealDesktop:
    return RealDesktop(tmp_path / "pc", QUICK)


async def one_round(desktop: RealDesktop, relay: FakeRelay, number: int, *, decoding: bool) -> Round:
    desktop.agent._situation.lately = Lately()  # As if a day had passed since the round before.
    desktop.watch.becomes(at_rest())
    await desktop.until(lambda snapshot: snapshot.sharing.sharing and snapshot.models[0].kind == "ready")
    link = await relay.link()
    legs = [await link.offer(f"{number} {LONG_PROMPT}") for _ in range(4)]
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
    return Round(handed_over, free)


@pytest.mark.parametrize("decoding", [True, False], ids=["decode", "prefill"])
async def test_when_the_owner_returns_the_worker_is_gone_and_every_word_is_accounted_for(
    desktop: RealDesktop, relay: FakeRelay, decoding: bool
) -> None:
    async with desktop.running():
        desktop.watch.becomes(at_rest())
        await desktop.join(relay)
        for number in range(2):
            await one_round(desktop, relay, number, decoding=decoding)
        assert desktop.agent.snapshot.switches[-1].freed_s is not None


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_a_hundred_returns_each_free_the_pc_within_three_seconds(desktop: RealDesktop, relay: FakeRelay) -> None:
    rounds: list[Round] = []
    async with desktop.running():
        await desktop.join(relay)
        for number in range(100):
            rounds.append(await one_round(desktop, relay, number, decoding=number % 2 == 0))
            await asyncio.sleep(0)
    worst = Round(max(each.handed_over for each in rounds), max(each.free for each in rounds))
    mean = sum(each.free for each in rounds) / len(rounds)
    print(f"handed over within {worst.handed_over:.3f} s, PC free after {mean:.3f} s, at most {worst.free:.3f} s")
    assert worst.handed_over < 1
    assert worst.free < 3
