"""The owner returns while the real engine writes: every answer is handed over, and the worker is gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from desktop.app import demo_model
from tests.benchmarks.handover.returns import RealDesktop, one_return
from tests.fakes import FakeRelay


@pytest.mark.parametrize("decoding", [True, False], ids=["decode", "prefill"])
async def test_when_the_owner_returns_the_worker_is_gone_and_every_word_is_accounted_for(
    tmp_path: Path, relay: FakeRelay, decoding: bool
) -> None:
    desktop = RealDesktop(tmp_path / "pc", demo_model())
    async with desktop.running():
        await desktop.join(relay)
        for number in range(2):
            await one_return(desktop, relay, number, decoding=decoding)
        assert desktop.agent.snapshot.switches[-1].freed_s is not None
