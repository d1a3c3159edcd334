"""A thousand worlds in which much goes wrong. Whatever happens, what a caller sees and what the books say holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from relay.accounts import directory
from relay.ledger import store
from relay.ledger.check import check
from relay.ledger.entries import NanoDollars
from relay.ledger.service import Ledger
from relay.storage.engine import Database
from relay.storage.ids import OrganisationId
from relay.usage import reports
from relay.usage.reports import CallUsage
from tests.relay.simulation.caller import HEARTBEAT_S, TICKS_S, Caller
from tests.relay.simulation.loop import VirtualClock, VirtualLoop
from tests.relay.simulation.truth import text
from tests.relay.simulation.upstreams import PROMPT
from tests.relay.simulation.world import TIMERS, Asked, World, ids

SEEDS, AT_ONCE = 1000, 50
STATES = {"completed", "failed", "cancelled", "expired"}


class Books:
    """Real books on disk, kept for many worlds."""

    def __init__(self, folder: Path) -> None:
        self._ids = ids()
        self._clock = VirtualClock()
        self.database = Database.open(folder / "relay.db")
        self.database.write_sync(lambda connection: directory.bootstrap(connection, at_ms=0))
        self.database.write_sync(
            lambda connection: store.deposit(
                connection, OrganisationId(1), amount=NanoDollars(10**15), reference="start", at_ms=0
            )
        )
        self._ledger = Ledger.open(self.database, folder / "ledger", self._clock)

    def play(self, seed: int) -> World:
        """A world of its own time, from its beginning until nothing happens in it any more."""
        self._clock.loop = VirtualLoop()
        world = World(seed, self._ledger, self._clock, self._ids)
        world.play()
        assert self._ledger.open_calls == 0
        return world

    def close(self) -> None:
        """Everything is in the database now."""
        self._ledger.close()

    def rows(self) -> dict[int, CallUsage]:
        rows = self.database.read_sync(lambda connection: reports.rows(connection, OrganisationId(1), limit=100_000))
        return {row.call: row for row in rows}


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    books = Books(tmp_path)
    yield books
    books.close()
    books.database.close()


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_callers_and_books_are_told_the_truth_whatever_goes_wrong(first: int, books: Books) -> None:
    """A seed that fails is named: `test_a_seed_replays` with it plays the same again."""
    worlds = {seed: _played(books, seed) for seed in range(first, first + AT_ONCE)}
    books.close()
    rows = books.rows()
    for seed, world in worlds.items():
        try:
            _judge(world, rows)
        except AssertionError as error:
            error.add_note(f"seed {seed}")
            raise
    found = books.database.read_sync(check)
    assert found.in_order
    assert found.open_holds == 0
    assert sum(node.resumes for world in worlds.values() for node in world.nodes) > 0
    assert len(rows) == sum(asked.id is not None for world in worlds.values() for asked in world.asked)


def _played(books: Books, seed: int) -> World:
    try:
        return books.play(seed)
    except BaseException as error:
        error.add_note(f"seed {seed}")
        raise


def _judge(world: World, rows: dict[int, CallUsage]) -> None:
    assert not len(world.completions.watch)
    assert all(attempt.over for provider in world.providers for attempt in provider.attempts)
    for node in world.nodes:
        assert node.link.running == 0
        assert node.bad_resumes == 0
    for asked in world.asked:
        if asked.id is None:
            assert asked.refused is not None
            assert not asked.caller.status
        else:
            _judge_caller(asked.caller)
            _judge_row(asked, rows[asked.id])


def _judge_caller(caller: Caller) -> None:
    """I4, I7, I8: an answer ends once, is never silent for long, and is whole or does not claim to be."""
    truth = text(caller.words)
    assert truth.startswith(caller.text)
    assert caller.closed_at is not None or caller.gone_at is not None
    if caller.stream:
        assert caller.quiet_s <= HEARTBEAT_S + TICKS_S
    if caller.gone_at is not None or caller.aborted:
        return
    if caller.finish_reason is not None:
        assert caller.text == truth
        assert not caller.failed
        assert caller.body.endswith(b"data: [DONE]\n\n") or not caller.stream
    else:
        assert caller.failed
        assert b"[DONE]" not in caller.body
        assert caller.status >= 400 or caller.stream


def _judge_row(asked: Asked, row: CallUsage) -> None:
    """I5, I6: one settlement, of no more than what left the relay."""
    caller = asked.caller
    assert row.state in STATES
    assert row.completion_tokens <= caller.words_received
    assert row.cost_nano == row.owner_nano + row.operator_nano + row.provider_nano
    assert row.duration_ms <= (TIMERS.call_s + TIMERS.drain_s + 1) * 1000
    if row.state == "completed":
        assert row.completion_tokens == caller.words
        assert row.prompt_tokens == PROMPT or row.token_source == "estimate"
        assert caller.finish_reason is not None
        assert row.cost_nano > 0
    if caller.finish_reason is None and caller.gone_at is None and not caller.aborted:
        assert row.state in {"failed", "expired"}


@pytest.mark.parametrize("seed", [0, 7, 400])
def test_a_seed_replays(seed: int, books: Books) -> None:
    def told(world: World) -> list[Any]:
        # Ids differ from run to run, and are of one length.
        return [
            (len(each.caller.body), each.caller.text, each.caller.status, each.caller.closed_at) for each in world.asked
        ]

    assert told(books.play(seed)) == told(books.play(seed))
