"""From inside a real worker that was taken over: what the kernel refuses, and that the worker still answers."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from desktop.inference import process
from desktop.inference.keeper import Keeper
from desktop.inference.worker_settings import WorkerSettings
from desktop.system import landlock
from tests.desktop.inference import hostile_worker
from tests.desktop.inference.answers import PARIS, PARIS_ANSWER, a_call, ask
from tests.desktop.inference.conftest import Watch

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help exists on Linux only"),
    pytest.mark.skipif(platform.machine() != "x86_64", reason="the attempts are numbered for this machine"),
]

Settings = Callable[..., WorkerSettings]

REFUSED = {"EPERM", "EACCES"}


def taken_over() -> list[str]:
    return [sys.executable, "-P", "-m", "tests.desktop.inference.hostile_worker"]


@pytest.fixture
async def hostile(
    settings: Settings, watch: Watch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[Keeper]:
    """A taken-over worker that is ready. Its owner has a file it should not see."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    (tmp_path / "nightjar-secret").write_text("the owner's diary")
    monkeypatch.setattr(process, "command", taken_over)
    keeper = Keeper(settings(), on_change=watch)
    await keeper.start()
    await watch.ready()
    yield keeper
    await keeper.stop()


def reported(keeper: Keeper, stage: str) -> dict[str, str]:
    lines = [line for line in keeper.diagnostics.splitlines() if line.startswith('{"stage"')]
    (found,) = [line for line in map(json.loads, lines) if line["stage"] == stage]
    results: dict[str, str] = found["results"]
    return results


async def test_a_serving_worker_is_refused_everything_by_the_kernel_and_still_answers(
    hostile: Keeper, tmp_path: Path
) -> None:
    answer = await ask(hostile, a_call(PARIS))
    results = reported(hostile, "serving")

    assert {name: code for name, code in results.items() if code != "EPERM"} == {}
    assert results.keys() == (hostile_worker.ATTEMPTS | hostile_worker.AFTER_LOADING).keys()
    assert answer.text() == PARIS_ANSWER
    assert (tmp_path / "nightjar-secret").read_text() == "the owner's diary"


@pytest.mark.skipif(not landlock.version(), reason="this kernel has no Landlock")
async def test_a_loading_worker_reads_the_model_and_libraries_and_nothing_else(hostile: Keeper) -> None:
    results = reported(hostile, "loading")

    assert {name: code for name, code in results.items() if code not in REFUSED} == {}


def said_by_the_kernel(keeper: Keeper, file: str) -> str:
    return Path(f"/proc/{keeper.pid}/{file}").read_text()


async def test_what_confines_the_worker_is_what_the_kernel_says(keeper: Keeper, watch: Watch) -> None:
    status = dict(line.split(":\t", 1) for line in said_by_the_kernel(keeper, "status").splitlines() if ":\t" in line)

    assert (status["Seccomp"], status["NoNewPrivs"]) == ("2", "1")
    assert int(status["Seccomp_filters"]) >= 2
    assert (await watch.ready()).facts.unconfined == ()


async def test_the_system_is_to_end_the_worker_first_when_memory_runs_out(keeper: Keeper) -> None:
    assert said_by_the_kernel(keeper, "oom_score_adj").strip() == "800"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look at everything")
async def test_nobody_else_may_look_into_the_worker(keeper: Keeper) -> None:
    with pytest.raises(PermissionError):
        said_by_the_kernel(keeper, "environ")


@pytest.mark.parametrize(
    ("lost", "missing"),
    [
        (["landlock"], ()),
        (["seccomp"], ("network", "programs")),
        (["landlock", "seccomp"], ("files", "network", "programs")),
    ],
)
async def test_a_kernel_that_cannot_do_it_all_is_used_and_what_is_missing_is_told(
    settings: Settings, watch: Watch, monkeypatch: pytest.MonkeyPatch, lost: list[str], missing: tuple[str, ...]
) -> None:
    without = {
        "landlock": "landlock.version = lambda: 0",
        "seccomp": "seccomp.NUMBERS.clear()",
    }
    program = "\n".join(
        [
            "import sys",
            "from desktop.inference import worker",
            "from desktop.system import landlock, seccomp",
            *(without[part] for part in lost),
            "sys.exit(worker.main())",
        ]
    )
    monkeypatch.setattr(process, "command", lambda: [sys.executable, "-P", "-c", program])
    keeper = Keeper(settings(), on_change=watch)
    await keeper.start()
    ready = await watch.ready()
    answer = await ask(keeper, a_call(PARIS))
    await keeper.stop()

    assert ready.facts.unconfined == missing
    assert answer.text() == PARIS_ANSWER


async def test_threads_of_llama_cpp_work_inside(settings: Settings, watch: Watch) -> None:
    keeper = Keeper(settings(threads=2), on_change=watch)
    await keeper.start()
    await watch.ready()
    answer = await ask(keeper, a_call(PARIS))
    threads = psutil.Process(keeper.pid).num_threads()
    await keeper.stop()

    assert answer.text() == PARIS_ANSWER
    assert threads >= 2
