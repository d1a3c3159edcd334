"""How much memory a worker takes, what happens when there is too little, and what is remembered of it."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import psutil
import pytest

from desktop.inference import process
from desktop.inference.generation import Failed, Ready, Restarting
from desktop.inference.keeper import Keeper
from desktop.inference.worker_settings import WorkerSettings
from desktop.models.measurements import Measured, Measurements
from desktop.models.model_file import read_model_file
from desktop.system import hardware
from desktop.system.hardware import Memory
from tests.desktop.inference.answers import PARIS, PARIS_ANSWER, STORY, Answer, a_call, ask
from tests.desktop.inference.conftest import Watch
from tests.desktop.models.gguf_files import a_gguf, entries_with

Settings = Callable[..., WorkerSettings]

MIB = 1024 * 1024
GIB = 1024 * MIB


@pytest.fixture
async def starting(
    settings: Settings, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[..., Keeper]]:
    """A keeper on a PC with so much memory, total and available; `started` by the test."""
    keepers: list[Keeper] = []

    def make(total: int, available: int, **changed: object) -> Keeper:
        monkeypatch.setattr(hardware, "memory", lambda: Memory(total, available))
        keepers.append(Keeper(settings(**changed), on_change=watch))
        return keepers[-1]

    yield make
    for keeper in keepers:
        await keeper.stop()


async def test_slots_are_what_fits_the_memory_that_may_be_taken(starting: Callable[..., Keeper], watch: Watch) -> None:
    """One answer of 2,048 tokens takes 4 MiB of the demo model's memory."""
    keeper = starting(8 * GIB, GIB + 218 * MIB)
    await keeper.start()

    facts = (await watch.ready()).facts

    assert 1 < facts.slots < 8
    assert facts.fit in {"roomy", "tight"}
    assert 3 * MIB < facts.memory < 64 * MIB


async def test_too_little_memory_now_is_waited_for_in_a_sentence_that_says_how_much(
    starting: Callable[..., Keeper], watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = starting(8 * GIB, GIB + 50 * MIB, most_pause_s=0.2)
    await keeper.start()
    state = await watch.until(lambda state: isinstance(state, Restarting))

    assert isinstance(state, Restarting)
    assert state.why.startswith("This model needs about 0.2 GiB of memory")
    monkeypatch.setattr(hardware, "memory", lambda: Memory(8 * GIB, 4 * GIB))
    assert (await watch.ready()).facts.slots == 8
    assert (await ask(keeper, a_call(PARIS))).text() == PARIS_ANSWER


async def test_memory_that_this_pc_does_not_have_at_all_is_not_waited_for(
    starting: Callable[..., Keeper], watch: Watch
) -> None:
    keeper = starting(GIB + 50 * MIB, GIB)
    await keeper.start()
    state = await watch.until(lambda state: isinstance(state, Failed))

    assert isinstance(state, Failed)
    assert state.reason.endswith("can be taken.")


async def test_a_file_whose_head_is_wrong_is_refused_before_llama_cpp_sees_it(
    settings: Settings, watch: Watch, tmp_path: Path
) -> None:
    path = tmp_path / "wrong.gguf"
    path.write_bytes(a_gguf(entries_with(llama__block_count=100_000)))
    keeper = Keeper(settings(model=path), on_change=watch)
    await keeper.start()
    state = await watch.until(lambda state: isinstance(state, Failed))
    diagnostics = keeper.diagnostics
    await keeper.stop()

    assert isinstance(state, Failed)
    assert state.reason == (
        "The model file is damaged or no GGUF file: llama.block_count is 100000, which cannot be. "
        "Download the model again, or choose another."
    )
    assert "llama" not in diagnostics


async def test_only_the_approved_chat_template_is_rendered_where_one_was_approved(
    settings: Settings, watch: Watch, model_path: Path
) -> None:
    approved = read_model_file(model_path).template_sha256
    keeper = Keeper(settings(template_sha256=approved), on_change=watch)
    await keeper.start()
    await watch.ready()
    await keeper.stop()
    keeper = Keeper(settings(template_sha256="0" * 64), on_change=watch)
    await keeper.start()
    state = await watch.until(lambda state: isinstance(state, Failed))
    await keeper.stop()

    assert isinstance(state, Failed)
    assert "not the one that was approved" in state.reason


async def test_what_was_measured_is_kept_and_used_at_the_next_start(
    settings: Settings, watch: Watch, tmp_path: Path
) -> None:
    path = tmp_path / "measurements.json"
    keeper = Keeper(settings(measurements=path), on_change=watch)
    await keeper.start()
    first = (await watch.ready()).facts
    await keeper.stop()
    ((key, kept),) = _records(path).items()

    assert (kept.prefill_tps, kept.decode_tps) == (first.prefill_tps, first.decode_tps)
    assert 0.9 < kept.factor < 1.1, "llama.cpp took what was expected"
    Measurements(path).put(key, Measured(prefill_tps=123.0, decode_tps=45.0))
    again = Watch()
    keeper = Keeper(settings(measurements=path, digest_cache=tmp_path / "digests.json"), on_change=again)
    await keeper.start()
    await again.ready()
    await keeper.stop()
    await keeper.start()
    await again.until(lambda state: isinstance(state, Ready) and state.facts.decode_tps == 45.0)
    await keeper.stop()


def _records(path: Path) -> dict[str, Measured]:
    return Measurements(path)._load()


async def test_all_memory_is_back_when_a_worker_has_ended(keeper: Keeper) -> None:
    answer = Answer()
    keeper.submit(a_call(STORY), answer)
    await answer.begun.wait()
    worker = psutil.Process(keeper.pid)
    family = [worker, *worker.children(recursive=True)]
    begun = time.monotonic()
    await keeper.stop()

    assert time.monotonic() - begun < 3
    assert not [process for process in family if process.is_running()]


@pytest.fixture
def small_group() -> Iterator[Path]:
    """A control group whose memory can be limited."""
    root = Path("/sys/fs/cgroup/memory")
    group = root / f"nightjar-test-{os.getpid()}"
    try:
        group.mkdir()
    except OSError:
        pytest.skip("no control groups can be made here")
    yield group
    for line in (group / "cgroup.procs").read_text().split():
        (root / "cgroup.procs").write_text(line)
    group.rmdir()


@pytest.mark.skipif(sys.platform != "linux", reason="control groups exist on Linux only")
async def test_a_worker_ended_for_want_of_memory_fails_its_calls_at_once_and_its_end_is_named(
    settings: Settings, watch: Watch, small_group: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = f"echo $$ > {small_group}/cgroup.procs; exec {' '.join(process.command())}"
    monkeypatch.setattr(process, "command", lambda: ["/bin/sh", "-c", inside])
    keeper = Keeper(settings(first_pause_s=0.5), on_change=watch)
    await keeper.start()
    await watch.ready()
    answer = Answer()
    keeper.submit(a_call(STORY, logit_bias={"2": -100, "0": -100}, max_tokens=1900), answer)
    await answer.begun.wait()
    used = int((small_group / "memory.usage_in_bytes").read_text())
    (small_group / "memory.limit_in_bytes").write_text(str(used + 2 * MIB))
    begun = time.monotonic()
    keeper.submit(a_call("lamp " * 5 * MIB, id=2), Answer())
    await asyncio.wait_for(answer.over.wait(), 10)
    ended = time.monotonic()
    state = await watch.until(lambda state: isinstance(state, Restarting))
    (small_group / "memory.limit_in_bytes").write_text("-1")

    assert ended - begun < 5, "the time to send so large a call included"
    assert answer.failure is not None
    assert answer.failure[0] == "worker_died"
    assert isinstance(state, Restarting)
    assert state.why == "This PC ran out of memory, and the system ended the model's process."
    await watch.ready()
    assert (await ask(keeper, a_call(PARIS, id=99))).text() == PARIS_ANSWER
    await keeper.stop()
