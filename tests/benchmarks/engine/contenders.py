"""The two engines behind one face: our worker through its keeper, and llama-server through its HTTP API.

Each runs alone on the measured core with one thread; keeper and HTTP client run on the rig's core. CPU is read of the
engine's process only: what llama-server does for HTTP and our worker for its pipe is part of serving.
"""

import asyncio
import itertools
import json
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import httpx
import psutil

from desktop.inference.generation import Failed, GenerateCall, Ready, Record, RecordKind, Timings, Usage, WorkerState
from desktop.inference.keeper import Keeper
from desktop.inference.worker_settings import WorkerSettings
from tests.benchmarks.engine.questions import Answer, Question
from tests.benchmarks.processes import Cores, Unmeasurable, free_port, running

SLOTS, CONTEXT = 8, 1024
_SERVER = ("-np", str(SLOTS), "-c", str(SLOTS * CONTEXT), "-t", "1", "-tb", "1", "--cache-ram", "0", "--no-warmup")
SERVER_FLAGS = {
    "llama-server": ("-b", "2048", "-ub", "512"),
    "llama-server, unified": ("--kv-unified", "-b", "256", "-ub", "256"),
}
"""Two settings, pinned: the reference ones, and one pool for all calls with small steps, as ours works. Ours is
measured against whichever does better."""


_INTO_THE_PROMPT_S = 0.03


class Contender(Protocol):
    """An engine that is ready."""

    name: str

    def cpu_seconds(self) -> float: ...

    async def ask(self, question: Question) -> Answer:
        """Raises Unmeasurable when the answer is not whole."""


class _Sink:
    """Collects one answer of the keeper; `begun_` is done with `enough` tokens, with 0 as soon as it is accepted."""

    def __init__(self, enough: int = 0) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.begun_: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._enough = enough
        self.begun = time.perf_counter()
        self.first = 0.0
        self.tokens = 0
        self.text = b""

    def accepted(self, prompt_tokens: int, prompt_digest: bytes) -> None:
        self._look()

    def records(self, records: list[Record]) -> None:
        for record in records:
            if record.kind != RecordKind.END:
                self.first = self.first or time.perf_counter()
                self.tokens += len(record.ids) // 4
                self.text += record.data
        self._look()

    def _look(self) -> None:
        if self.tokens >= self._enough and not self.begun_.done():
            self.begun_.set_result(None)

    def finished(self, reason: str, usage: Usage, timings: Timings) -> None:
        self.done.set_result(None)

    def declined(self, reason: str, message: str) -> None:
        self.done.set_exception(Unmeasurable(f"our worker declined: {reason}: {message}"))

    def failed(self, code: str, message: str, at_fault: str) -> None:
        self.done.set_exception(Unmeasurable(f"our worker failed: {code}: {message}"))

    def answer(self) -> Answer:
        ended = time.perf_counter()
        return Answer(self.first - self.begun, ended - self.begun, self.tokens, self.text.decode())


class OurWorker:
    """The worker as the agent runs it, but for its niceness, which would lose it the core to any passer-by."""

    name = "worker"

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._ids = itertools.count(1)

    def cpu_seconds(self) -> float:
        return _cpu_seconds(self._keeper.pid)

    async def ask(self, question: Question) -> Answer:
        sink = _Sink()
        self._submit(question, sink, limit=question.tokens)
        await sink.done
        return _whole(sink.answer(), question)

    async def cancelled(self, question: Question, *, tokens: int) -> float:
        """Seconds from a cancel to an idle worker: after `tokens`, or with 0 while the prompt is computed.

        A call that only counts its prompt's tokens is answered as soon as the worker looks up.
        """
        sink, next_one = _Sink(enough=tokens), _Sink()
        number = self._submit(question, sink, limit=question.tokens)
        await sink.begun_
        if tokens == 0:
            await asyncio.sleep(_INTO_THE_PROMPT_S)
        begun = time.perf_counter()
        self._keeper.cancel(number)
        self._submit(question, next_one, limit=0)
        await next_one.done
        return time.perf_counter() - begun

    def _submit(self, question: Question, sink: "_Sink", *, limit: int) -> int:
        number = next(self._ids)
        call = GenerateCall(
            id=number, body=question.body, created=1_700_000_000, seed=number, max_tokens=limit, tenant="bench"
        )
        self._keeper.submit(call, sink)
        return number


@asynccontextmanager
async def our_worker(model: Path, cores: Cores) -> AsyncIterator[tuple[OurWorker, float]]:
    """The worker, and the seconds it took to be ready."""
    ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def heard(state: WorkerState) -> None:
        if isinstance(state, Ready) and not ready.done():
            ready.set_result(None)
        if isinstance(state, Failed) and not ready.done():
            ready.set_exception(Unmeasurable(state.reason))

    settings = WorkerSettings(model=model, slots=SLOTS, context=CONTEXT, pool=SLOTS * CONTEXT, threads=1, nice=0)
    keeper = Keeper(settings, on_change=heard)
    os.sched_setaffinity(0, {cores.measured})  # the worker inherits it
    begun = time.perf_counter()
    try:
        await keeper.start()
        await asyncio.wait_for(ready, 60)
        os.sched_setaffinity(0, {cores.rig})
        yield OurWorker(keeper), time.perf_counter() - begun
    finally:
        os.sched_setaffinity(0, {cores.rig})
        await keeper.stop()


class LlamaServer:
    """llama-server under one of its flag sets."""

    def __init__(self, name: str, pid: int, client: httpx.AsyncClient) -> None:
        self.name = name
        self._pid = pid
        self._client = client

    def cpu_seconds(self) -> float:
        return _cpu_seconds(self._pid)

    async def ask(self, question: Question) -> Answer:
        begun, first, text, tokens = time.perf_counter(), 0.0, "", 0
        headers = {"Content-Type": "application/json"}
        async with self._client.stream(
            "POST", "/v1/chat/completions", content=question.body, headers=headers
        ) as response:
            async for line in response.aiter_lines():
                if not line.startswith("data: {"):
                    continue
                event = json.loads(line[6:])
                if usage := event.get("usage"):
                    tokens = usage["completion_tokens"]
                said = "".join(choice["delta"].get("content") or "" for choice in event.get("choices", ()))
                first = first or (time.perf_counter() if said else 0.0)
                text += said
        return _whole(Answer(first - begun, time.perf_counter() - begun, tokens, text), question)


@asynccontextmanager
async def llama_server(
    program: Path, name: str, *, model: Path, cores: Cores, folder: Path
) -> AsyncIterator[LlamaServer]:
    port, log = free_port(), folder / "llama-server.log"
    command = [
        str(program),
        "-m",
        str(model),
        *_SERVER,
        *SERVER_FLAGS[name],
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    with running(command, core=cores.measured, log=log) as server:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=120) as client:
            if not await _healthy(client):
                raise Unmeasurable(f"llama-server did not start:\n{server.said()}")
            yield LlamaServer(name, server.process.pid, client)


async def _healthy(client: httpx.AsyncClient) -> bool:
    for _ in range(600):
        try:
            if (await client.get("/health")).status_code == 200:
                return True
        except httpx.TransportError:
            pass
        await asyncio.sleep(0.05)
    return False


def _cpu_seconds(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def _whole(answer: Answer, question: Question) -> Answer:
    if answer.tokens != question.tokens:
        raise Unmeasurable(f"an answer has {answer.tokens} tokens instead of {question.tokens}")
    return answer
