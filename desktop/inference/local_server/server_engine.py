"""A model that another engine on this PC serves, as an `Engine`: offered, streamed, cancelled and watched like our own.

Its tokens come without ids, so an answer cannot be continued elsewhere, and its prompt is counted only at the end. We
never queue: what does not fit the slots that were agreed on is declined. A server that is gone is looked for again with
a pause that doubles, and calls are declined meanwhile.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import httpx

from desktop.inference.fields import ParameterRefused
from desktop.inference.generation import (
    DeclineReason,
    GenerateCall,
    GenerateSink,
    Loading,
    ModelFacts,
    OnChange,
    Ready,
    Restarting,
    Stopped,
    Timings,
    Usage,
    WorkerState,
)
from desktop.inference.local_server.discovery import (
    FoundServer,
    ServedModel,
    local_client,
    local_url,
    look_at,
    offered_name,
)
from desktop.inference.local_server.event_stream import EventReader, StreamBroken
from desktop.inference.local_server.translation import AnswerReader, server_body

log = logging.getLogger(__name__)

_MAX_ERROR_BYTES: Final = 64 * 1024

_DECLINES: Final[dict[int, DeclineReason]] = {400: "parameter", 413: "context", 422: "parameter", 404: "model"}
_BUSY: Final = frozenset({401, 403, 408, 429, 503})
"""About this server now, not about the request."""

_MEASURED_TOKENS: Final = 16

_LEAST_CONTEXT: Final = 2048
"""Offered where a server does not say how much it takes."""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """A server and a model that the owner chose."""

    url: str
    model: str
    """As the server calls it."""

    name: str = ""
    """Name under which it is offered; empty: the server's."""

    key: str = ""
    slots: int = 0
    """Answers at once; 0: what the server says, or one. More than it computes at once would wait in its queue."""

    check_s: float = 15.0
    """How often an idle server is looked at."""

    first_pause_s: float = 1.0
    most_pause_s: float = 60.0
    connect_s: float = 2.0
    silent_s: float = 120.0
    """A server that sends nothing for so long hangs; loading a model counts."""


class LocalServer:
    """An `Engine`. `on_change` hears of every new state. Raises NotLocal for an address that is not this computer's."""

    def __init__(
        self, settings: ServerSettings, *, on_change: OnChange, wall_clock: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self._url = local_url(settings.url)
        self._on_change = on_change
        self._wall_clock = wall_clock
        self._state: WorkerState = Stopped()
        self._supervisor: asyncio.Task[None] | None = None
        self._group: asyncio.TaskGroup | None = None
        self._client: httpx.AsyncClient | None = None
        self._answers: dict[int, tuple[GenerateCall, GenerateSink, asyncio.Task[None]]] = {}
        self._look = asyncio.Event()
        self._speed = (0.0, 0.0)
        """Prefill and decode in tokens/s, as the first answer that was long enough showed."""

    @property
    def state(self) -> WorkerState:
        return self._state

    @property
    def running(self) -> int:
        return len(self._answers)

    async def start(self) -> None:
        if self._supervisor is None:
            self._enter(Loading())
            # One task for as long as the engine is started: `stop` ends and awaits it, so no group could hold it.
            self._supervisor = asyncio.get_running_loop().create_task(self._supervise())

    async def stop(self) -> None:
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is None:
            return
        for call_id in list(self._answers):
            self._end(call_id).failed("stopped", "The model was unloaded.", "node")
        self._enter(Stopped())
        supervisor.cancel()
        await asyncio.gather(supervisor, return_exceptions=True)

    def submit(self, call: GenerateCall, sink: GenerateSink) -> None:
        if self._group is None or self._client is None or not isinstance(self._state, Ready):
            sink.declined("model", "The local server is not ready.")
            return
        if call.kind != "chat":
            sink.declined("model", "This model is offered for chat answers only.")
        elif call.resume is not None:
            sink.declined("resume_mismatch", "This engine cannot continue another node's answer.")
        elif sum(other.n for other, _, _ in self._answers.values()) + call.n > self._state.facts.slots:
            sink.declined("busy", "All of this node's slots are taken.")
        else:
            task = self._group.create_task(self._answer(self._client, call, sink))
            self._answers[call.id] = call, sink, task

    def cancel(self, call_id: int) -> None:
        if call_id in self._answers:
            self._end(call_id)

    # --- the server ---

    async def _supervise(self) -> None:
        timeout = httpx.Timeout(self._settings.silent_s, connect=self._settings.connect_s)
        async with local_client(key=self._settings.key, timeout=timeout) as client, asyncio.TaskGroup() as group:
            self._client, self._group = client, group
            await self._watch(client)

    async def _watch(self, client: httpx.AsyncClient) -> None:
        """Looks at the server for ever: now and then while it is well, soon after a call has met trouble."""
        pause = self._settings.first_pause_s
        while True:
            self._look.clear()
            facts, problem = self._facts(await look_at(client, self._url))
            if facts is not None:
                pause = self._settings.first_pause_s
                if self._state != Ready(facts):
                    self._enter(Ready(facts))
                await self._rest(self._settings.check_s)
                continue
            log.warning("the local server cannot be used", extra={"url": self._url, "why": problem})
            self._enter(Restarting(self._wall_clock() + pause, problem))
            await asyncio.sleep(pause)
            pause = min(2 * pause, self._settings.most_pause_s)

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._look.wait()
        except TimeoutError:
            return

    def _facts(self, server: FoundServer | None) -> tuple[ModelFacts | None, str]:
        if server is None:
            return None, f"No engine answers at {self._url}."
        if server.problem:
            return None, f"The engine at {self._url} cannot be used: {server.problem}"
        model = next((model for model in server.models if model.name == self._settings.model), None)
        if model is None:
            return None, f"{server.kind} has no model named {self._settings.model}."
        prefill, decode = self._speed
        return replace(_facts(self._settings, server, model), prefill_tps=prefill, decode_tps=decode), ""

    def _enter(self, state: WorkerState) -> None:
        self._state = state
        self._on_change(state)

    # --- calls ---

    async def _answer(self, client: httpx.AsyncClient, call: GenerateCall, sink: GenerateSink) -> None:
        """One call from request to end. Whatever it comes to, its sink hears of it, unless it was cancelled."""
        try:
            pictures = isinstance(self._state, Ready) and self._state.facts.pictures
            body = server_body(call, self._settings.model, pictures=pictures)
        except ParameterRefused as refused:
            words = str(refused)
            self._forget(call.id, lambda: sink.declined("parameter", words))
            return
        begun = time.monotonic()
        try:
            headers = {"content-type": "application/json"}
            async with client.stream(
                "POST", f"{self._url}/v1/chat/completions", content=body, headers=headers
            ) as response:
                if response.status_code == 200:
                    await self._stream(response, call, sink, begun)
                else:
                    reason, why = await _refusal(response)
                    self._forget(call.id, lambda: sink.declined(reason, why))
        except (httpx.HTTPError, StreamBroken) as error:
            self._look.set()
            why = str(error) if isinstance(error, StreamBroken) else "The local server broke off its answer."
            self._forget(call.id, lambda: sink.failed("engine", why, "node"))
        except Exception:
            log.exception("a call to the local server failed")
            self._forget(call.id, lambda: sink.failed("engine", "The local server's answer was lost.", "node"))

    async def _stream(self, response: httpx.Response, call: GenerateCall, sink: GenerateSink, begun: float) -> None:
        sink.accepted(0, b"")
        events, reader, first = EventReader(), AnswerReader(call.n), 0.0
        async for part in response.aiter_bytes():
            records = [record for event in events.feed(part) for record in reader.feed(event)]
            if records:
                first = first or time.monotonic()
                sink.records(records)
            if events.done:
                break
        if not reader.complete:
            raise StreamBroken("The local server ended its answer in the middle.")
        now = time.monotonic()
        usage = reader.usage or Usage(0, 0)
        first = first or now
        timings = Timings(0.0, (first - begun) * 1e3, (now - first) * 1e3)
        self._measure(usage, timings)
        self._forget(call.id, lambda: sink.finished(reader.reasons[0], usage, timings))

    def _measure(self, usage: Usage, timings: Timings) -> None:
        """Nobody else tells how fast a server is; asking it for an answer of our own would load the owner's model."""
        if self._speed != (0.0, 0.0) or usage.completion_tokens < _MEASURED_TOKENS or timings.decode_ms <= 0:
            return
        prefill = usage.prompt_tokens / max(timings.prefill_ms, 1e-3) * 1e3
        self._speed = round(prefill, 1), round(usage.completion_tokens / timings.decode_ms * 1e3, 1)
        self._look.set()

    def _forget(self, call_id: int, last: Callable[[], None]) -> None:
        """A call is over by itself: it leaves its slot before anybody hears of it."""
        if self._answers.pop(call_id, None) is not None:
            last()

    def _end(self, call_id: int) -> GenerateSink:
        """Closes the connection of a call, which is how these servers are told to stop."""
        _, sink, task = self._answers.pop(call_id)
        task.cancel()
        return sink


def _facts(settings: ServerSettings, server: FoundServer, model: ServedModel) -> ModelFacts:
    digest = hashlib.sha256(f"local server\0{server.kind}\0{model.name}\0{model.digest}".encode()).hexdigest()
    return ModelFacts(
        name=settings.name or offered_name(model.name),
        digest=digest,
        context=model.context or _LEAST_CONTEXT,
        slots=settings.slots or model.slots or 1,
        quantisation=model.quantisation,
        prefill_tps=0.0,
        decode_tps=0.0,
        numerics=str(server.kind),
        resume="none",
        pictures=model.pictures,
    )


async def _refusal(response: httpx.Response) -> tuple[DeclineReason, str]:
    """Why a server did not take a call, in its own words where they can be read."""
    content = b""
    async for part in response.aiter_bytes():
        content = (content + part)[:_MAX_ERROR_BYTES]
    text = content.decode(errors="replace")
    if "context" in text and ("exceed" in text or "maximum" in text):
        return "context", "The messages are longer than the context that the local server gives this model."
    if response.status_code in _BUSY or response.status_code >= 500:
        return "busy", "The local server does not take a call now."
    reason = _DECLINES.get(response.status_code, "parameter")
    return reason, f"The local server refused the request with status {response.status_code}."
