"""Keeps one worker alive, and stands between it and the agent.

A crash of llama.cpp costs a worker, never the agent: every running call fails at once, and the next worker starts after
a pause that doubles while they keep dying. A file that cannot be loaded is not tried again. Everything happens on the
loop that `start` ran on; a step costs a few microseconds per record here, since the agent's share of the PC is small.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from desktop.inference import frames
from desktop.inference.frames import Kind
from desktop.inference.generation import (
    Failed,
    GenerateCall,
    GenerateSink,
    Loading,
    ModelFacts,
    OnChange,
    Ready,
    Record,
    Restarting,
    Stopped,
    Timings,
    Usage,
    WorkerState,
)
from desktop.inference.load_orders import LoadOrders
from desktop.inference.process import STDERR_BYTES, WorkerProcess
from desktop.inference.watchdog import Verdict, Watchdog
from desktop.inference.worker_settings import WorkerSettings
from desktop.models.digest import DigestCache, file_sha256, model_digest
from desktop.system.hardware import out_of_memory_kills

log = logging.getLogger(__name__)

_SENTENCES: Final = {
    Stopped: "The model is not loaded.",
    Loading: "The model is still loading.",
    Restarting: "The model is restarting.",
    Failed: "The model cannot be used.",
}

_STARVED: Final = "This PC ran out of memory, and the system ended the model's process."

_QUICK_S: Final = 0.3
"""In this time a digest that is remembered is there; one that must be computed is not waited for."""

_SMALLER: Final = 0.75
"""After a worker that died before it was ready, the next takes so much of the memory that could be taken."""


class Keeper:
    """An `Engine` in a process of its own. `on_change` hears of every new state, on the loop's thread."""

    def __init__(
        self, settings: WorkerSettings, *, on_change: OnChange, wall_clock: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self._on_change = on_change
        self._wall_clock = wall_clock
        self._state: WorkerState = Stopped()
        self._process: WorkerProcess | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._loaded: asyncio.Future[frames.Loaded | frames.Unusable | None] | None = None
        self._sinks: dict[int, GenerateSink] = {}
        self._serials: dict[int, int] = {}
        self._ids: dict[int, int] = {}
        self._last_serial = 0
        self._orders = LoadOrders(settings)
        self._watchdog = self._new_watchdog()
        self._last_words = b""

    @property
    def state(self) -> WorkerState:
        return self._state

    @property
    def running(self) -> int:
        return len(self._sinks)

    @property
    def pid(self) -> int:
        """The worker's process id, 0 while there is none. Its memory and load are ours, not the owner's."""
        return self._process.pid if self._process else 0

    @property
    def diagnostics(self) -> str:
        """The end of what workers said on stderr, also those that are gone. Never holds text of calls."""
        now = self._process.stderr if self._process else b""
        return (self._last_words + now)[-STDERR_BYTES:].decode(errors="replace")

    async def start(self) -> None:
        if self._supervisor is None:
            # One task for as long as the keeper is started: `stop` ends and awaits it, so no group could hold it.
            self._supervisor = asyncio.get_running_loop().create_task(self._supervise())

    async def stop(self) -> None:
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is None:
            return
        self._fail_all("stopped", "The model was unloaded.")
        self._enter(Stopped())
        supervisor.cancel()
        await asyncio.gather(supervisor, return_exceptions=True)

    def submit(self, call: GenerateCall, sink: GenerateSink) -> None:
        if self._process is None or self._process.silent or not isinstance(self._state, Ready):
            sink.declined("model", _SENTENCES.get(type(self._state), "The model is not ready."))
            return
        self._last_serial += 1
        serial = self._last_serial
        self._sinks[serial], self._serials[call.id], self._ids[serial] = sink, serial, call.id
        self._process.write(frames.encode_call(serial, call))

    def cancel(self, call_id: int) -> None:
        serial = self._serials.get(call_id)
        if serial is not None and self._forget(serial) is not None and self._process is not None:
            self._process.write(frames.encode(frames.Cancel(serial=serial)))

    # --- one worker after another ---

    async def _supervise(self) -> None:
        digest = asyncio.get_running_loop().run_in_executor(None, self._file_digest)
        digest.add_done_callback(_heard)
        pause, unready = self._settings.first_pause_s, 0
        while True:
            self._enter(Loading())
            begun = self._wall_clock()
            try:
                why, ready = await self._live(digest, share=_SMALLER**unready)
            except _Hopeless as error:
                self._enter(Failed(str(error)))
                return
            except _MemoryShort as error:
                await self._rest(self._settings.most_pause_s, str(error))
                continue
            unready = 0 if ready else unready + 1
            if unready >= self._settings.hopeless:
                self._enter(Failed(f"The model cannot be loaded. {why}"))
                return
            if self._wall_clock() - begun >= self._settings.healthy_s:
                pause = self._settings.first_pause_s
            await self._rest(pause, why)
            pause = min(2 * pause, self._settings.most_pause_s)

    async def _rest(self, pause: float, why: str) -> None:
        log.warning("worker ended", extra={"why": why, "pause_s": pause})
        self._enter(Restarting(self._wall_clock() + pause, why))
        await asyncio.sleep(pause)

    async def _live(self, digest: asyncio.Future[str], *, share: float) -> tuple[str, bool]:
        """One worker's life: why it ended, and whether it was ever ready. Raises _Hopeless and _MemoryShort."""
        loop = asyncio.get_running_loop()
        self._loaded, self._watchdog, kills = loop.create_future(), self._new_watchdog(), out_of_memory_kills()
        try:
            await asyncio.wait({digest}, timeout=_QUICK_S)
            order = await loop.run_in_executor(None, lambda: self._orders.order(_known(digest), share=share))
            process = self._process = await WorkerProcess.start(self._receive, self._silence)
        except OSError as error:
            return f"No process could be started: {error.strerror or error}.", False
        try:
            process.write(frames.encode(order))
            await asyncio.wait({self._loaded}, timeout=self._settings.loading_s)
            if not self._loaded.done():
                process.kill("The model's process did not finish loading the model and was ended.")
            loaded = await self._loaded
            if isinstance(loaded, frames.Unusable):
                raise _MemoryShort(loaded.reason) if loaded.again else _Hopeless(loaded.reason)
            if loaded is not None:
                await self._begin(loaded, await digest)
            await self._ended(process)
            starved = process.was_killed_from_outside and out_of_memory_kills() > kills
            return _STARVED if starved else process.ending(), loaded is not None
        except OSError as error:
            raise _Hopeless(f"The model file cannot be read: {error.strerror or error}.") from error
        finally:
            await self._reap(process)

    async def _begin(self, loaded: frames.Loaded, file_digest: str) -> None:
        self._watchdog.measured(loaded.prefill_tps)
        await asyncio.get_running_loop().run_in_executor(None, self._orders.learn, file_digest, loaded)
        if loaded.unconfined:
            log.warning("nothing keeps the model's process from all of this", extra={"from": loaded.unconfined})
        if loaded.blind:
            log.warning("the model does not look at pictures", extra={"why": loaded.blind})
        if self._process is not None and not self._process.silent:
            self._enter(Ready(self._facts(loaded, file_digest)))

    async def _ended(self, process: WorkerProcess) -> None:
        """Waits for the end, and brings it about if the worker hangs."""
        while not process.exited.done():
            await asyncio.wait({process.exited}, timeout=self._settings.beat_s)
            match self._watchdog.beat(asyncio.get_running_loop().time(), busy=bool(self._sinks)):
                case Verdict.PING:
                    process.write(frames.encode(frames.Ping()))
                case Verdict.SILENT:
                    process.kill("The model's process did not answer any more and was ended.")
                case Verdict.STUCK:
                    process.kill("The model's process did not get on with its answers and was ended.")

    async def _reap(self, process: WorkerProcess) -> None:
        process.close_stdin()
        try:
            await asyncio.wait({process.exited}, timeout=self._settings.stop_s)
        finally:
            process.kill()
            await process.exited
            process.close()
            self._last_words = process.stderr
            self._process = None

    def _new_watchdog(self) -> Watchdog:
        return Watchdog(silent_s=self._settings.silent_s, stuck_s=self._settings.stuck_s)

    def _enter(self, state: WorkerState) -> None:
        self._state = state
        self._on_change(state)

    def _file_digest(self) -> str:
        cache = self._settings.digest_cache
        return DigestCache(cache).sha256(self._settings.model) if cache else file_sha256(self._settings.model)

    def _facts(self, loaded: frames.Loaded, file_digest: str) -> ModelFacts:
        return ModelFacts(
            name=self._settings.name or loaded.name,
            digest=model_digest(file_digest, loaded.template, loaded.parser, loaded.projector),
            context=loaded.context,
            slots=loaded.slots,
            quantisation=loaded.quantisation,
            prefill_tps=loaded.prefill_tps,
            decode_tps=loaded.decode_tps,
            numerics=loaded.numerics,
            unconfined=loaded.unconfined,
            memory=(loaded.taken or loaded.expected) + loaded.projector_bytes,
            fit=loaded.badge,
            pictures=bool(loaded.projector),
            blind=loaded.blind,
        )

    # --- what the worker says ---

    def _silence(self) -> None:
        """Nothing more can come from this worker: whoever waits for it hears so now, before the process is reaped."""
        self._settle(None)
        self._fail_all("worker_died", "The model's process died while it was writing this answer.")

    def _settle(self, loaded: frames.Loaded | frames.Unusable | None) -> None:
        """What became of loading; None if the worker died first."""
        if self._loaded is not None and not self._loaded.done():
            self._loaded.set_result(loaded)

    def _receive(self, received: list[tuple[int, bytes]]) -> None:
        """Steps of one read reach each sink as one list; whatever else comes keeps its place between them."""
        batch: dict[int, list[Record]] = {}
        of_calls = any(kind != Kind.PONG for kind, _ in received)
        self._watchdog.heard(asyncio.get_running_loop().time(), of_calls=of_calls)
        for kind, payload in received:
            if kind == Kind.STEP:
                for serial, record in frames.decode_step(payload):
                    if serial in batch:
                        batch[serial].append(record)
                    elif serial in self._sinks:
                        batch[serial] = [record]
            else:
                self._deliver(batch)
                self._control(kind, payload)
        self._deliver(batch)

    def _deliver(self, batch: dict[int, list[Record]]) -> None:
        for serial, records in batch.items():
            sink = self._sinks.get(serial)
            if sink is not None:
                sink.records(records)
        batch.clear()

    def _control(self, kind: int, payload: bytes) -> None:
        match kind:
            case Kind.ACCEPT:
                accept = frames.decode(payload, frames.Accept)
                if (sink := self._sinks.get(accept.serial)) is not None:
                    sink.accepted(accept.prompt_tokens, accept.prompt_digest)
            case Kind.FINISH:
                self._finish(frames.decode(payload, frames.Finish))
            case Kind.DECLINE:
                decline = frames.decode(payload, frames.Decline)
                if (sink := self._forget(decline.serial)) is not None:
                    sink.declined(decline.reason, decline.message)
            case Kind.FAIL:
                fail = frames.decode(payload, frames.Fail)
                if (sink := self._forget(fail.serial)) is not None:
                    sink.failed(fail.code, fail.message, fail.at_fault)
            case Kind.READY:
                self._settle(frames.decode(payload, frames.Loaded))
            case Kind.PONG:
                return
            case Kind.UNUSABLE:
                self._settle(frames.decode(payload, frames.Unusable))
            case _:
                raise frames.PipeBroken(f"A worker does not send frames of kind {kind}.")

    def _finish(self, finish: frames.Finish) -> None:
        sink = self._forget(finish.serial)
        if sink is not None:
            usage = Usage(finish.prompt_tokens, finish.completion_tokens, finish.cached_tokens)
            sink.finished(finish.reason, usage, Timings(finish.queued_ms, finish.prefill_ms, finish.decode_ms))

    def _forget(self, serial: int) -> GenerateSink | None:
        call_id = self._ids.pop(serial, None)
        if call_id is not None and self._serials.get(call_id) == serial:
            del self._serials[call_id]
        return self._sinks.pop(serial, None)

    def _fail_all(self, code: str, message: str) -> None:
        for serial in list(self._sinks):
            sink = self._forget(serial)
            if sink is not None:
                sink.failed(code, message, "node")


class _Hopeless(Exception):
    """Another worker would end the same way, as a sentence says."""


class _MemoryShort(Exception):
    """There is too little memory now, as a sentence says; later there may be enough."""


def _known(digest: asyncio.Future[str]) -> str | None:
    return digest.result() if digest.done() and not digest.cancelled() and digest.exception() is None else None


def _heard(digest: asyncio.Future[str]) -> None:
    """Whoever needs the digest meets its error; nobody may need it, when the worker could not read the file either."""
    if not digest.cancelled():
        digest.exception()
