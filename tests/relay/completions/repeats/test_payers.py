"""Callers who share a call: every token is paid once, by somebody who received it, also when the relay dies."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from relay.accounts import directory
from relay.clock import ManualClock
from relay.completions.repeats.payers import Payer, SharedBooks
from relay.ledger import store
from relay.ledger.calls import Delivered, Outcome
from relay.ledger.check import check
from relay.ledger.entries import NanoDollars
from relay.ledger.service import Ledger
from relay.storage.engine import Database
from tests.relay.ledger.values import ORGANISATION, OWNER, PLENTY, PRICE, an_admission, balances, node_leg, usage_of

PROMPT = 12
BYTES_A_TOKEN = 10


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def database(tmp_path: Path, clock: ManualClock) -> Iterator[Database]:
    with Database.open(tmp_path / "relay.db") as database:
        database.write_sync(lambda connection: directory.bootstrap(connection, at_ms=clock.now_ms()))
        work = partial(store.deposit, organisation=ORGANISATION, amount=NanoDollars(PLENTY), reference="x", at_ms=1)
        database.write_sync(work)
        yield database


@pytest.fixture
def ledger(database: Database, tmp_path: Path, clock: ManualClock) -> Iterator[Ledger]:
    ledger = Ledger.open(database, tmp_path / "ledger", clock)
    yield ledger
    ledger.close()


@dataclass
class Shared:
    """A call, its callers, and how far each is behind what was written."""

    ledger: Ledger
    chance: random.Random
    behind: dict[int, int] = field(default_factory=dict)
    payers: dict[int, Payer] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)
    leg_tokens: list[int] = field(default_factory=lambda: [0])
    base: int = 0
    """Bytes of the legs before."""

    def __post_init__(self) -> None:
        self.behind[1] = 0
        self.books = SharedBooks(self.ledger.admit(an_admission(1)), partial(self.left, 1), prompt_estimate=3)
        self.payers[1] = self.books.payers[0]
        self.books.leg(node_leg(1))
        self.books.committed(PROMPT)

    @property
    def written(self) -> int:
        return sum(self.leg_tokens) * BYTES_A_TOKEN

    def left(self, call: int) -> int:
        return max(self.written - self.behind[call], 0)

    def join(self) -> None:
        call = len(self.behind) + 1
        self.behind[call] = 0
        self.payers[call] = self.books.join(self.ledger.admit(an_admission(call)), partial(self.left, call))

    def leave(self) -> None:
        here = self.here()
        if len(here) > 1:
            call = self.chance.choice(here)
            self.gone.add(call)
            self.books.leave(self.payers[call], state="cancelled", error="caller_gone", duration_ms=5)

    def write(self) -> None:
        self.leg_tokens[-1] += self.chance.randrange(1, 5)
        furthest = max(self.left(call) for call in self.here())
        if furthest == self.written:
            self.books.progress(self.leg_tokens[-1], self.written)

    def lag(self) -> None:
        """Somebody reads slowly, somebody else catches up; one is always up to date."""
        here = self.here()
        for call in here:
            self.behind[call] = self.chance.choice([0, 0, 15, 60])
        self.behind[self.chance.choice(here)] = 0

    def hand_over(self) -> None:
        """The target is lost, and another goes on."""
        self.books.progress(self.leg_tokens[-1], self.written)
        self.leg_tokens.append(0)
        self.books.leg(node_leg(len(self.leg_tokens)))

    def here(self) -> list[int]:
        return [call for call in self.behind if call not in self.gone]

    def delivered(self) -> tuple[Delivered, ...]:
        legs = [(number, tokens) for number, tokens in enumerate(self.leg_tokens, 1) if tokens]
        return tuple(Delivered(number, PROMPT if at == 0 else 0, tokens) for at, (number, tokens) in enumerate(legs))

    def live(self, steps: int) -> None:
        acts = [self.join, self.leave, self.write, self.write, self.write, self.lag, self.hand_over]
        weights = [3, 2, 4, 4, 4, 2, 1]
        for _ in range(steps):
            self.chance.choices(acts, weights)[0]()


@pytest.mark.parametrize("seed", range(40))
async def test_every_token_is_paid_once_whoever_comes_and_goes(ledger: Ledger, database: Database, seed: int) -> None:
    shared = Shared(ledger, random.Random(seed))
    shared.live(seed)
    shared.books.settle(Outcome(state="completed", delivered=shared.delivered(), finish_reason="stop", duration_ms=9))
    await ledger.flush()

    rows = database.read_sync(usage_of)
    total = sum(shared.leg_tokens)
    assert sorted(rows) == sorted(shared.behind)
    assert sum(row["completion_tokens"] for row in rows.values()) == total
    assert sum(row["prompt_tokens"] for row in rows.values()) == (PROMPT if total else 0)
    assert {rows[call]["state"] for call in shared.gone} <= {"cancelled"}
    assert {rows[call]["state"] for call in shared.here()} == {"completed"}
    assert {row["token_source"] for row in rows.values() if not row["cost"]} <= {"cache"}
    cost = sum(row["cost"] for row in rows.values())
    exact = PRICE.cost(PROMPT if total else 0, total)
    assert abs(cost - exact) <= len(rows)  # each row is rounded once
    assert database.read_sync(balances).get(OWNER, 0) == sum(row["owner_share"] for row in rows.values())
    books = database.read_sync(check)
    assert books.in_order
    assert books.open_holds == 0


@pytest.mark.parametrize("seed", range(15))
def test_after_a_crash_each_pays_for_what_was_counted_for_them(
    database: Database, tmp_path: Path, clock: ManualClock, seed: int
) -> None:
    ledger = Ledger.open(database, tmp_path / "ledger", clock)
    shared = Shared(ledger, random.Random(seed))
    shared.live(seed * 2)
    shared.books.progress(shared.leg_tokens[-1], shared.written)
    ledger.close()
    Ledger.open(database, tmp_path / "ledger", clock).close()

    rows = database.read_sync(usage_of)
    assert sorted(rows) == sorted(shared.behind)
    assert sum(row["completion_tokens"] for row in rows.values()) == sum(shared.leg_tokens)
    assert sum(row["prompt_tokens"] for row in rows.values()) == (PROMPT if sum(shared.leg_tokens) else 0)
    for call, payer in shared.payers.items():
        assert rows[call]["completion_tokens"] == payer.tokens
    books = database.read_sync(check)
    assert books.in_order
    assert books.open_holds == 0


async def test_a_provider_that_counts_less_in_the_end_is_paid_less(ledger: Ledger, database: Database) -> None:
    shared = Shared(ledger, random.Random(0))
    shared.join()
    shared.leg_tokens = [8]
    shared.books.progress(8, shared.written)
    shared.books.settle(Outcome(state="completed", delivered=(Delivered(1, 20, 5),)))
    await ledger.flush()

    rows = database.read_sync(usage_of)
    assert [(row["prompt_tokens"], row["completion_tokens"]) for row in rows.values()] == [(20, 5), (0, 0)]
    assert rows[2]["cached_tokens"] == 5
