"""A connected node that plays one script for each call it is offered: a real link to a real relay."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection
from websockets.exceptions import ConnectionClosed

from relay.accounts import directory
from relay.clock import Clock
from relay.nodes import store
from relay.settings import ProviderSettings, TimerSettings
from relay.storage.ids import NodeId
from relay.wire.frames import Cancel, FinishReason, LegId, StepKind, Usage
from relay.wire.handshake import NodeIdentity
from relay.wire.identity import SigningKey
from relay.wire.session import CallOffered
from tests.relay.nodes.desk import Desk, a_model, text
from tests.relay.running import MODEL, RunningRelay, running_relay

Play = Callable[["Node", LegId], Awaitable[None]]
PROMPT = 5


class Node:
    """A desk that plays one script for each call it is offered."""

    def __init__(self, desk: Desk, *plays: Play) -> None:
        self.desk = desk
        self.calls: list[CallOffered] = []
        self.cancelled = asyncio.Event()
        self._plays = list(plays)

    async def serve(self) -> None:
        """Until the link closes."""
        with contextlib.suppress(ConnectionClosed):
            await self._serve()

    async def _serve(self) -> None:
        while True:
            event = await self.desk.hear(object)
            if isinstance(event, CallOffered):
                self.calls.append(event)
                play = self._plays.pop(0) if len(self._plays) > 1 else self._plays[0]
                await play(self, event.call.id)
            elif isinstance(event, Cancel):
                self.cancelled.set()

    async def accept(self, leg: LegId) -> None:
        await self.desk.say(self.desk.session.accept(leg, prompt_tokens=PROMPT, prompt_digest=bytes(32)))

    async def write(self, leg: LegId, *words: str, choice: int = 0, start: int = 1) -> None:
        """A token each, with ids from `start` on."""
        for number, each in enumerate(words, start):
            await self.desk.step(text(leg, each, [number], choice=choice))

    async def yield_(self, leg: LegId, tokens: int) -> None:
        session = self.desk.session
        await self.desk.say(session.yield_(leg, delivered_tokens=tokens, reason="input", now=time.monotonic()))

    async def end(self, leg: LegId, reason: str = "stop", *, choice: int = 0) -> None:
        await self.desk.step(text(leg, reason, choice=choice, kind=StepKind.END))

    async def finish(self, leg: LegId, tokens: int, reason: FinishReason = "stop") -> None:
        usage = Usage(prompt_tokens=PROMPT, completion_tokens=tokens)
        await self.desk.say(self.desk.session.finish(leg, reason=reason, usage=usage, now=time.monotonic()))


@asynccontextmanager
async def relay_with_node(
    folder: Path,
    *plays: Play,
    edge: str = "http",
    clock: Clock | None = None,
    providers: Sequence[ProviderSettings] = (),
    timers: TimerSettings | None = None,
    **model: Any,
) -> AsyncIterator[tuple[RunningRelay, Node]]:
    """A relay, and a node that shares `MODEL`, of which `model` are the advertised facts that matter."""
    timers = timers or TimerSettings()
    async with (
        running_relay(folder, edge=edge, clock=clock, providers=providers, timers=timers) as relay,
        connected_node(relay, *plays, **model) as node,
    ):
        yield relay, node


@asynccontextmanager
async def connected_node(relay: RunningRelay, *plays: Play, name: str = "desk", **model: Any) -> AsyncIterator[Node]:
    """A node of the first organisation, connected and shared until the end."""
    key = SigningKey(secrets.token_bytes(32))

    def enrol(connection: Connection) -> tuple[str, bytes]:
        record = store.add_node(
            connection,
            key.public,
            {},
            organisation=directory.first_organisation(connection),
            owner=directory.first_person(connection),
            name=name,
            pool="own",
            at_ms=0,
        )
        return record.id, store.signing_key(connection, at_ms=0).public

    node_id, relay_key = await relay.services.database.write(enrol)
    identity = NodeIdentity(NodeId(node_id), key, f"127.0.0.1:{relay.port}", relay_key)
    async with Desk(f"ws://127.0.0.1:{relay.port}/v1/node", identity) as desk, asyncio.TaskGroup() as tasks:
        node = Node(desk, *plays)
        await desk.open()
        registry, ready = relay.services.registry, asyncio.Event()
        stop = registry.listen(ready.set)
        await desk.share(a_model(model=MODEL, **model))
        while registry.get(NodeId(node_id)) not in registry.links_for(MODEL):
            ready.clear()
            await ready.wait()
        stop()
        serving = tasks.create_task(node.serve())
        yield node
        serving.cancel()


async def answer_rightly(node: Node, leg: LegId) -> None:
    """The right answer, in four pieces."""
    await node.accept(leg)
    await node.write(leg, "The ", "capital ", "is ", "Paris.")
    await node.end(leg)
    await node.finish(leg, 4)
