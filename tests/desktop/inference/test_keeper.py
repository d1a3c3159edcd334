"""What becomes of calls and memory when workers die, hang, or never start. Every worker here is a real process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from desktop.inference import process
from desktop.inference.generation import Failed, Loading, Ready, Restarting, Stopped
from desktop.inference.keeper import Keeper
from desktop.inference.process import WorkerProcess
from desktop.inference.worker_settings import WorkerSettings
from tests.desktop.inference.answers import PARIS, PARIS_ANSWER, STORY, Answer, a_call, ask
from tests.desktop.inference.conftest import Watch

Settings = Callable[..., WorkerSettings]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
async def test_a_worker_killed_in_mid_answer_fails_its_calls_at_once_and_is_back(
    keeper: Keeper, watch: Watch, how: signal.Signals
) -> None:
    answers = [Answer() for _ in range(3)]
    for number, answer in enumerate(answers):
        keeper.submit(a_call(STORY, id=number, logit_bias={"2": -100, "0": -100}, max_tokens=1900), answer)
    await asyncio.gather(*(answer.begun.wait() for answer in answers))
    died = time.monotonic()
    os.kill(keeper.pid, how)
    await asyncio.wait_for(asyncio.gather(*(answer.over.wait() for answer in answers)), 5)

    assert time.monotonic() - died < 1
    assert [answer.failure and answer.failure[::2] for answer in answers] == [("worker_died", "node")] * 3
    state = await watch.until(lambda state: isinstance(state, Restarting))
    assert isinstance(state, Restarting)
    assert how.name in state.why
    await watch.ready()
    assert time.monotonic() - died < 10
    assert (await ask(keeper, a_call(PARIS))).text() == PARIS_ANSWER


async def test_between_death_and_return_calls_are_declined(keeper: Keeper, watch: Watch) -> None:
    answer = Answer()
    keeper.submit(a_call(STORY, logit_bias={"2": -100, "0": -100}), answer)
    await answer.begun.wait()
    os.kill(keeper.pid, signal.SIGKILL)
    await answer.over.wait()
    late = await ask(keeper, a_call(PARIS, id=2))

    assert late.decline is not None
    assert late.decline[0] == "model"
    await watch.ready()


async def test_the_states_of_an_ordinary_life(settings: Settings, watch: Watch, model_path: Path) -> None:
    keeper = Keeper(settings(name="mine"), on_change=watch)
    assert isinstance(keeper.state, Stopped)
    await keeper.start()
    ready = await watch.ready()
    await keeper.stop()

    assert [type(state) for state in watch.states] == [Loading, Ready, Stopped]
    assert ready.facts.name == "mine"
    assert ready.facts.slots == 8
    assert ready.facts.decode_tps > 0
    assert ready.facts.prefill_tps > 0
    assert len(ready.facts.digest) == 64


async def test_stopping_ends_the_process_within_the_time_an_owner_is_promised(keeper: Keeper) -> None:
    worker = psutil.Process(keeper.pid)
    keeper.submit(a_call(STORY, logit_bias={"2": -100, "0": -100}, max_tokens=1900), Answer())
    begun = time.monotonic()
    await keeper.stop()

    assert time.monotonic() - begun < 3
    assert not worker.is_running()


async def test_stopping_while_it_loads_leaves_nothing_behind(
    settings: Settings, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = asyncio.Event()
    start = WorkerProcess.start

    async def noticed(*given: Any) -> WorkerProcess:
        worker = await start(*given)
        started.set()
        return worker

    monkeypatch.setattr(WorkerProcess, "start", noticed)
    keeper = Keeper(settings(), on_change=watch)
    await keeper.start()
    await started.wait()
    worker = psutil.Process(keeper.pid)
    await keeper.stop()

    assert not worker.is_running()


async def test_a_file_that_is_no_model_is_not_tried_again(settings: Settings, watch: Watch, tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + bytes(1000))
    keeper = Keeper(settings(model=broken), on_change=watch)
    await keeper.start()
    state = await watch.until(lambda state: isinstance(state, Failed))

    assert isinstance(state, Failed)
    assert state.reason.endswith(".")
    assert keeper.pid == 0
    await keeper.stop()


async def test_a_missing_file_is_named_as_the_reason(settings: Settings, watch: Watch, tmp_path: Path) -> None:
    keeper = Keeper(settings(model=tmp_path / "absent.gguf"), on_change=watch)
    await keeper.start()
    state = await watch.until(lambda state: isinstance(state, Failed))

    assert isinstance(state, Failed)
    assert "No such file" in state.reason
    await keeper.stop()


@pytest.fixture
def three_files(model_path: Path, tmp_path: Path) -> tuple[Path, Path, Path]:
    """The model, a copy of it, and one that differs in a byte that means nothing to llama.cpp."""
    copy, other = tmp_path / "copy.gguf", tmp_path / "other.gguf"
    copy.write_bytes(model_path.read_bytes())
    other.write_bytes(model_path.read_bytes() + b"\0")
    return model_path, copy, other


async def test_the_digest_changes_with_the_file_and_not_with_its_name(
    settings: Settings, three_files: tuple[Path, Path, Path], tmp_path: Path
) -> None:
    digests = []
    for path in three_files:
        watch = Watch()
        keeper = Keeper(settings(model=path, digest_cache=tmp_path / "digests.json"), on_change=watch)
        await keeper.start()
        digests.append((await watch.ready()).facts.digest)
        await keeper.stop()

    assert digests[0] == digests[1] != digests[2]


# --- workers of a strange kind, in place of ours ---


PREAMBLE = "import sys, time\nfrom desktop.inference import frames\nout = sys.stdout.buffer\n"


def stand_in(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    program = "import sys, time\nfrom desktop.inference import frames\nout = sys.stdout.buffer\n" + textwrap.dedent(
        code
    )
    monkeypatch.setattr(process, "command", lambda: [sys.executable, "-P", "-c", program])


READY = """
    out.write(frames.encode(frames.Loaded(name="x", context=9, slots=1, quantisation="", prefill_tps=1, decode_tps=1,
                                          numerics="", template="", parser=1)))
    out.flush()
"""


async def test_workers_that_never_get_ready_are_given_up(
    settings: Settings, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(monkeypatch, "sys.exit(7)")
    keeper = Keeper(settings(first_pause_s=0.01, hopeless=3), on_change=watch)
    await keeper.start()
    state = await watch.until(lambda state: isinstance(state, Failed))

    assert isinstance(state, Failed)
    assert "status 7" in state.reason
    assert sum(isinstance(state, Loading) for state in watch.states) == 3
    await keeper.stop()


async def test_the_pause_doubles_while_workers_keep_dying(
    settings: Settings, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(monkeypatch, f"{READY}\n    sys.exit(1)")
    keeper = Keeper(settings(first_pause_s=0.01, most_pause_s=0.04), on_change=watch, wall_clock=lambda: 0.0)
    await keeper.start()
    await watch.until(lambda _: sum(isinstance(state, Restarting) for state in watch.states) == 5)
    await keeper.stop()

    pauses = [state.at for state in watch.states if isinstance(state, Restarting)]
    assert pauses == [0.01, 0.02, 0.04, 0.04, 0.04]


@pytest.mark.skipif(sys.platform == "win32", reason="nothing stops a process there")
async def test_a_stopped_worker_fails_its_calls_within_ten_seconds_and_the_next_call_works(
    keeper: Keeper, watch: Watch
) -> None:
    answers = [Answer() for _ in range(3)]
    for number, answer in enumerate(answers):
        keeper.submit(a_call(STORY, id=number, logit_bias={"2": -100, "0": -100}, max_tokens=1900), answer)
    await asyncio.gather(*(answer.begun.wait() for answer in answers))
    stopped = time.monotonic()
    os.kill(keeper.pid, signal.SIGSTOP)
    await asyncio.gather(*(answer.over.wait() for answer in answers))

    assert time.monotonic() - stopped < 10
    assert [answer.failure and answer.failure[::2] for answer in answers] == [("worker_died", "node")] * 3
    state = await watch.until(lambda state: isinstance(state, Restarting))
    assert isinstance(state, Restarting)
    assert state.why == "The model's process did not answer any more and was ended."
    await watch.ready()
    assert (await ask(keeper, a_call(PARIS))).text() == PARIS_ANSWER


async def test_a_worker_whose_step_never_ends_is_replaced(
    settings: Settings, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is ready, and answers pings, as a worker does whose graphics driver hangs."""
    code = """
        out.write(frames.encode(frames.Loaded(name="x", context=9, slots=1, quantisation="", prefill_tps=1e9,
                                              decode_tps=1, numerics="", template="", parser=1)))
        out.flush()
        while head := sys.stdin.buffer.read(5):
            length, kind = frames.HEAD.unpack(head)
            sys.stdin.buffer.read(length)
            if kind == frames.Kind.PING:
                out.write(frames.encode(frames.Pong()))
                out.flush()
    """
    stand_in(monkeypatch, code)
    keeper = Keeper(settings(beat_s=0.02, silent_s=30, stuck_s=0.2, first_pause_s=60), on_change=watch)
    await keeper.start()
    await watch.ready()
    answer = await ask(keeper, a_call(PARIS))
    state = await watch.until(lambda state: isinstance(state, Restarting))

    assert answer.failure is not None
    assert answer.failure[0] == "worker_died"
    assert isinstance(state, Restarting)
    assert state.why == "The model's process did not get on with its answers and was ended."
    await keeper.stop()


async def test_a_worker_that_never_finishes_loading_is_replaced(
    settings: Settings, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(monkeypatch, "time.sleep(600)")
    keeper = Keeper(settings(loading_s=0.1, first_pause_s=60), on_change=watch)
    await keeper.start()
    state = await watch.until(lambda state: isinstance(state, Restarting))

    assert isinstance(state, Restarting)
    assert "did not finish loading" in state.why
    await keeper.stop()


async def test_what_a_dead_worker_said_is_still_there_for_diagnostics(
    settings: Settings, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(monkeypatch, "sys.exit('the driver is too old')")
    keeper = Keeper(settings(first_pause_s=60), on_change=watch)
    await keeper.start()
    await watch.until(lambda state: isinstance(state, Restarting))

    assert keeper.pid == 0
    assert "the driver is too old" in keeper.diagnostics
    await keeper.stop()


async def test_a_worker_that_writes_what_is_not_ours_is_replaced(
    settings: Settings, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(monkeypatch, "out.write(b'Hello, I am a library that prints.' * 9)\nout.flush()\ntime.sleep(600)")
    keeper = Keeper(settings(first_pause_s=60), on_change=watch)
    await keeper.start()
    state = await watch.until(lambda state: isinstance(state, Restarting))

    assert isinstance(state, Restarting)
    assert "SIGKILL" in state.why
    await keeper.stop()


async def test_what_a_worker_says_on_stderr_is_kept_up_to_a_bound() -> None:
    worker = WorkerProcess(lambda _: None, lambda: None)
    for _ in range(300):
        worker.pipe_data_received(2, b"x" * 1000)
    worker.pipe_data_received(2, b"the end")

    assert len(worker.stderr) == process.STDERR_BYTES
    assert worker.stderr.endswith(b"xthe end")


# --- the worker itself ---


def a_worker() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        process.command(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=process.environment(),
    )


def test_a_worker_ends_with_its_stdin_without_a_word() -> None:
    worker = a_worker()
    out, err = worker.communicate(timeout=20)

    assert (worker.returncode, out, err) == (0, b"", b"")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_a_worker_has_no_secrets_low_priority_and_no_core_dumps(
    settings: Settings, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTJAR_TOKEN", "secret")
    monkeypatch.setenv("HTTPS_PROXY", "http://user:secret@proxy")
    keeper = Keeper(settings(nice=10), on_change=watch)
    await keeper.start()
    await watch.ready()
    proc = Path(f"/proc/{keeper.pid}")

    with contextlib.suppress(PermissionError):  # nobody but root may look
        assert b"secret" not in (proc / "environ").read_bytes()
    assert "secret" not in str(process.environment())
    assert str(settings().model).encode() not in (proc / "cmdline").read_bytes()
    limits = (proc / "limits").read_text()
    assert [line.split()[4:6] for line in limits.splitlines() if line.startswith("Max core file size")] == [["0", "0"]]
    assert psutil.Process(keeper.pid).nice() == min(19, psutil.Process().nice() + 10)
    await keeper.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help exists on Linux only")
def test_a_worker_does_not_outlive_a_parent_that_was_killed(model_path: Path) -> None:
    program = textwrap.dedent(f"""
        import asyncio, pathlib
        from desktop.inference.generation import Ready
        from desktop.inference.keeper import Keeper
        from desktop.inference.worker_settings import WorkerSettings
        async def main():
            ready = asyncio.Event()
            settings = WorkerSettings(pathlib.Path({str(model_path)!r}))
            keeper = Keeper(settings, on_change=lambda state: isinstance(state, Ready) and ready.set())
            await keeper.start()
            await ready.wait()
            print(keeper.pid, flush=True)
            await asyncio.sleep(600)
        asyncio.run(main())
    """)
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=process.environment())
    assert parent.stdout is not None
    worker = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.communicate()

    gone, _ = psutil.wait_procs([worker], timeout=5)
    assert gone
