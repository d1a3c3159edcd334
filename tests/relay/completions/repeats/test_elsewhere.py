"""Retries that meet another process than their call: two of them, here in one, joined by a real socket."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from sqlalchemy import select

if sys.platform != "linux":
    pytest.skip("a relay of several processes needs Linux", allow_module_level=True)

from relay.accounts.identity import Identity
from relay.clock import SystemClock
from relay.cluster.mesh import Mesh, Peer
from relay.completions.ids import WorkerCallIds
from relay.completions.refusal import Refusal
from relay.completions.repeats import elsewhere
from relay.completions.repeats.elsewhere import Elsewhere, Found
from relay.completions.repeats.flight import Attached, Flight
from relay.completions.repeats.idempotency import REPLAYED, Idempotency
from relay.completions.repeats.question import Question
from relay.completions.reply import Reply
from relay.completions.request import parse
from relay.completions.running import Running
from relay.completions.watch import Watch
from relay.settings import IdempotencySettings, TimerSettings
from relay.storage.engine import Database
from relay.storage.ids import KeyId, OrganisationId, ProjectId
from relay.storage.tables import idempotency_claims as claims
from relay.storage.vault import open_vault
from tests.relay.completions.repeats.test_flight import Caller, FakeCall
from tests.relay.nodes.processes import joined, two_meshes

IDENTITY = Identity(OrganisationId(1), ProjectId(1), KeyId(1), "a key")
REQUEST = parse(b'{"model": "m", "messages": [{"role": "user", "content": "hi"}]}')


class Process:
    """What one process knows of keys. A call of its own, once begun, goes on until its callers are gone."""

    def __init__(self, mesh: Mesh, tasks: asyncio.TaskGroup, folder: Path) -> None:
        loop, clock = asyncio.get_running_loop(), SystemClock()
        self.database = Database.open(folder / "relay.db")
        self.elsewhere = Elsewhere(mesh, tasks, joined=REPLAYED)
        self.begun: list[tuple[FakeCall, Reply]] = []
        self._next_id = WorkerCallIds(clock, after=0, worker=mesh.number)
        self._idempotency = Idempotency(
            loop=loop,
            clock=clock,
            watch=Watch(loop),
            database=self.database,
            vault=open_vault(folder / "answers.key"),
            settings=IdempotencySettings(linger_s=0),
            timers=TimerSettings(),
            flush=self._nothing_to_flush,
            elsewhere=self.elsewhere,
        )

    def ask(self, caller: Caller) -> Attached:
        question = Question(IDENTITY, REQUEST, "chat", self._begin, self._refuse)
        return self._idempotency.begin(question, b"order-4711", caller, self._next_id())

    def _begin(self, reply: Reply) -> Running:
        call = FakeCall()
        self.begun.append((call, reply))
        return call

    def _refuse(self, refusal: Refusal, reply: Reply) -> None:
        reply.respond(refusal.status, b"", b"")

    async def _nothing_to_flush(self) -> None:
        """No call of these has books."""


class Unheard:
    """Hears nothing of nodes: there are none."""

    def met(self, peer: Peer) -> None:
        """Nothing to do."""

    def heard(self, peer: Peer, channel: int, payload: bytes) -> None:
        raise AssertionError((peer, channel, payload))

    def caught_up(self, peer: Peer) -> None:
        """Nothing to do."""

    def has_room(self, peer: Peer) -> None:
        """Nothing to do."""

    def parted(self, peer: Peer) -> None:
        """Nothing to do."""


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[tuple[Process, Process]]:
    async with two_meshes() as meshes, asyncio.TaskGroup() as tasks:
        for mesh in meshes:
            mesh.watcher = Unheard()
        one, two = (Process(mesh, tasks, tmp_path) for mesh in meshes)
        await joined(*meshes)
        yield one, two
    one.database.close()
    two.database.close()


async def until(look: Callable[[], bool]) -> None:
    while not look():  # noqa: ASYNC110 - a matter of some turns of the loop and a write to the disk
        await asyncio.sleep(0)


async def test_a_call_whose_claim_has_only_just_reached_the_database_is_not_told_as_gone(
    both: tuple[Process, Process],
) -> None:
    one, _ = both
    one.ask(Caller())
    one.database.write_sync(lambda _: None)  # holds up the loop, which has not heard that the key is its call's
    row = one.database.read_sync(lambda found: found.execute(select(claims.c.scope, claims.c.body)).one())
    found, flight = await one.elsewhere.look(row.scope, row.body)
    assert found is Found.JOINED
    assert flight is one.begun[0][1]


async def test_a_retry_that_was_not_waited_for_does_not_keep_the_call_running(
    both: tuple[Process, Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elsewhere, "ASK_S", 0)
    one, two = both
    first = one.ask(Caller())
    await until(lambda: bool(one.begun))
    call, flight = one.begun[0]
    assert isinstance(flight, Flight)
    retry = Caller()
    two.ask(retry)
    await until(lambda: flight.callers == 2)
    assert retry.head == b"503 "

    flight.begin(200, b"")
    await until(lambda: flight.callers == 1)
    first.caller_gone()
    assert call.gone


async def test_nothing_is_kept_of_a_caller_who_has_a_whole_answer_from_another_process(
    both: tuple[Process, Process],
) -> None:
    one, two = both
    one.ask(Caller())
    await until(lambda: bool(one.begun))
    flight = one.begun[0][1]
    assert isinstance(flight, Flight)
    retry = Caller()
    place = two.ask(retry)
    await until(lambda: flight.callers == 2)
    flight.respond(200, b"", b"{}")
    await until(lambda: retry.data == b"{}")
    retry.waiting = 0
    place.flushed()
    await until(lambda: not one.elsewhere._callers)
    assert not two.elsewhere._calls


async def test_a_retry_whose_question_is_lost_with_the_other_process_is_told_to_try_again(
    both: tuple[Process, Process],
) -> None:
    one, two = both
    one.ask(Caller())
    await until(lambda: bool(one.begun))
    retry = Caller()
    two.ask(retry)
    await until(lambda: bool(two.elsewhere._calls))
    for far in two.elsewhere._calls.values():
        far.peer.drop()
    await until(lambda: retry.over)
    assert (retry.head, retry.aborted) == (b"503 ", False)
