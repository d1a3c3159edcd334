"""A node whose every token is one numbered word, so that whoever reads its answers can count what was received.

It speaks the real language over a real socket, writes as many words as the call allows, all calls at the protocol's
full rate of frames, and comes back whenever its relay does.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from websockets.exceptions import ConnectionClosed

from relay.accounts import directory
from relay.nodes import store
from relay.storage.ids import NodeId
from relay.wire.frames import Account, Cancel, LegId, StepKind, Usage
from relay.wire.handshake import NodeIdentity
from relay.wire.identity import SigningKey
from relay.wire.session import CallOffered
from tests.end_to_end.books import opened
from tests.relay.nodes.desk import Desk, a_model, text

MODEL = "typist"
SLOTS = 64
PROMPT_TOKENS = 5
TICK_S = 0.004
"""Between two frames: 250 a second."""


def word(number: int) -> str:
    return f"w{number} "


def enrolled(data: Path) -> NodeIdentity:
    """A node of the first person, written into the database of a relay that has been started once."""
    key = SigningKey(bytes([7]) * 32)
    with opened(data) as database:
        record = database.write_sync(
            lambda connection: store.add_node(
                connection,
                key.public,
                {},
                organisation=directory.first_organisation(connection),
                owner=directory.first_person(connection),
                name="typist",
                pool="own",
                at_ms=1_767_225_600_000,
            )
        )
        relay_key = database.write_sync(lambda connection: store.signing_key(connection, at_ms=0)).public
    return NodeIdentity(NodeId(record.id), key, "", relay_key)


@dataclass
class Typist:
    """The node over all of its sessions."""

    identity: NodeIdentity
    slots: int = SLOTS
    sessions: int = 0
    account: Account | None = None
    """What it was last told of its earnings."""
    _limits: dict[LegId, int] = field(default_factory=dict)
    _written: dict[LegId, int] = field(default_factory=dict)

    @property
    def running(self) -> int:
        """Answers it is writing."""
        return len(self._limits)

    @contextlib.asynccontextmanager
    async def at(self, address: str) -> AsyncIterator[None]:
        """Serves the relay at `address` until the body ends or the relay does."""
        identity = replace(self.identity, host=address)
        async with Desk(f"ws://{address}/v1/node", identity) as desk:
            welcome = await desk.open()
            self.identity = replace(identity, link_secret=welcome.link_secret)
            await desk.share(a_model(model=MODEL, slots=self.slots, context=100_000), free_slots=self.slots)
            self.sessions += 1
            async with asyncio.TaskGroup() as tasks:
                both = [tasks.create_task(self._hear(desk)), tasks.create_task(self._type(desk))]
                try:
                    yield
                finally:
                    for task in both:
                        task.cancel()
                    self._limits.clear()
                    self._written.clear()

    async def _hear(self, desk: Desk) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                match await desk.hear(object):
                    case CallOffered(call=call):
                        self._limits[call.id] = call.max_tokens
                        self._written[call.id] = 0
                        await desk.say(
                            desk.session.accept(call.id, prompt_tokens=PROMPT_TOKENS, prompt_digest=bytes(32))
                        )
                    case Cancel(id=leg):
                        self._limits.pop(leg, None)
                    case Account() as account:
                        self.account = account
                    case _:
                        pass

    async def _type(self, desk: Desk) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                await asyncio.sleep(TICK_S)
                records = [text(leg, word(self._next(leg)), [self._written[leg]]) for leg in self._limits]
                if records:
                    await desk.step(*records)
                for leg in [leg for leg, limit in self._limits.items() if self._written[leg] >= limit]:
                    await self._finish(desk, leg)

    def _next(self, leg: LegId) -> int:
        self._written[leg] += 1
        return self._written[leg]

    async def _finish(self, desk: Desk, leg: LegId) -> None:
        del self._limits[leg]
        await desk.step(text(leg, "length", kind=int(StepKind.END)))
        usage = Usage(prompt_tokens=PROMPT_TOKENS, completion_tokens=self._written[leg])
        await desk.say(desk.session.finish(leg, "length", usage=usage, now=time.monotonic()))
