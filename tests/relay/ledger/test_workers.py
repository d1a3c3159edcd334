"""The books of a relay of several processes: each has a journal, and all of them spend one credit."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("a relay of several processes needs Linux", allow_module_level=True)

from relay.clock import ManualClock
from relay.cluster.cells import SharedCells, SharedMemory
from relay.cluster.crew import Crew, Worker
from relay.ledger import store
from relay.ledger.batch import MAIN
from relay.ledger.check import check
from relay.ledger.entries import OPERATOR, NanoDollars, credit, held
from relay.ledger.errors import InsufficientCredit, LedgerUnavailable
from relay.ledger.service import Ledger
from relay.ledger.shared_credit import SharedCredit
from relay.storage.engine import Database
from relay.storage.ids import OrganisationId
from relay.worker import open_ledger
from tests.relay.ledger.values import (
    ORGANISATION,
    OWNER,
    PLENTY,
    PRICE,
    an_admission,
    an_outcome,
    balances,
    node_leg,
    usage_of,
)

COST = PRICE.cost(12, 30)


class House:
    """Processes of one relay, here all in this one."""

    def __init__(self, database: Database, folder: Path, clock: ManualClock) -> None:
        folder.mkdir()
        self.database = database
        self._folder = folder
        self._clock = clock
        self.crew = Crew.gather(2, {})
        self.ledgers: list[Ledger] = [self.open(number) for number in range(2)]

    def open(self, number: int) -> Ledger:
        worker = Worker(number, self.crew)
        return open_ledger(worker, self.database, self._folder, self._clock, listeners=())

    def die(self, number: int) -> None:
        """As by SIGKILL: nothing more reaches the database, and the files stay as they are."""
        dead = self.ledgers[number]
        dead._carrier.stop()
        dead._release()

    def close(self) -> None:
        for ledger in self.ledgers:
            ledger.close()
        for each in self.crew.sockets:
            each.close()


@pytest.fixture
def house(database: Database, folder: Path, clock: ManualClock) -> Iterator[House]:
    house = House(database, folder, clock)
    yield house
    house.close()


def settle(ledger: Ledger, call: int) -> None:
    books = ledger.admit(an_admission(call))
    books.leg(node_leg())
    books.committed(12)
    books.progress(30, 120)
    books.settle(an_outcome())


async def test_what_one_process_holds_another_cannot_spend(house: House) -> None:
    one, other = house.ledgers
    one.admit(an_admission(1, bound=PLENTY - 10))
    assert other.available(ORGANISATION) == 10
    with pytest.raises(InsufficientCredit):
        other.admit(an_admission(2, bound=11))
    other.admit(an_admission(3, bound=10))
    assert one.available(ORGANISATION) == 0


async def test_what_one_process_gives_back_the_other_can_spend_at_once(house: House) -> None:
    one, other = house.ledgers
    books = one.admit(an_admission(1, bound=PLENTY))
    books.leg(node_leg())
    books.settle(an_outcome())
    assert other.available(ORGANISATION) == PLENTY - COST
    other.admit(an_admission(2, bound=PLENTY - COST))


async def test_settlements_of_all_processes_are_in_the_same_books(house: House) -> None:
    for call, ledger in enumerate(house.ledgers, start=1):
        settle(ledger, call)
        await ledger.flush()
    now = house.database.read_sync(balances)
    assert now[credit(ORGANISATION)] == PLENTY - 2 * COST
    assert now[OWNER] + now[OPERATOR] == 2 * COST
    assert all(ledger.available(ORGANISATION) == PLENTY - 2 * COST for ledger in house.ledgers)
    assert house.database.read_sync(check).in_order


def test_credit_that_the_processes_have_no_place_for_is_not_said_to_be_spent(tmp_path: Path) -> None:
    """Two organisations, of which only one has a place."""
    cells = SharedCells(SharedMemory(1, rows=2), process=0, lock=tmp_path / "lock")
    known, beyond = OrganisationId(1), OrganisationId(2)
    shared = SharedCredit(cells, before={known: 7, beyond: 7}, deposited={}, moved={})
    shared.take(known, NanoDollars(5))
    with pytest.raises(LedgerUnavailable, match="2 organisations at most"):
        shared.take(beyond, NanoDollars(5))
    assert (shared.available(known), shared.available(beyond)) == (2, 7)
    cells.close()


async def test_a_deposit_reaches_every_process(house: House) -> None:
    house.database.write_sync(
        lambda connection: store.deposit(
            connection, ORGANISATION, amount=NanoDollars(777), reference="by hand", at_ms=1
        )
    )
    for ledger in house.ledgers:
        await ledger.refresh()
        assert ledger.available(ORGANISATION) == PLENTY + 777


async def test_a_successor_settles_what_its_predecessor_left_and_touches_no_hold_of_a_living_process(
    house: House,
) -> None:
    one, other = house.ledgers
    kept = other.admit(an_admission(2, bound=3_000_000))
    kept.leg(node_leg())
    lost = one.admit(an_admission(1, bound=5_000_000))
    lost.leg(node_leg())
    lost.committed(12)
    lost.progress(30, 120)
    for ledger in house.ledgers:
        await ledger.flush()
    assert house.database.read_sync(balances)[held(ORGANISATION)] == 8_000_000

    house.die(0)
    house.ledgers[0] = house.open(0)

    assert house.database.read_sync(balances)[held(ORGANISATION)] == 3_000_000
    assert house.database.read_sync(usage_of)[1]["cost"] == COST
    assert other.available(ORGANISATION) == PLENTY - COST - 3_000_000
    kept.settle(an_outcome())
    await other.flush()
    found = house.database.read_sync(check)
    assert (found.in_order, found.open_holds) == (True, 0)
    assert all(ledger.available(ORGANISATION) == PLENTY - 2 * COST for ledger in house.ledgers)


async def test_credit_that_a_dead_process_took_for_calls_it_never_began_comes_back(house: House) -> None:
    one, other = house.ledgers
    settle(one, 1)
    await one.flush()
    one.admit(an_admission(2, bound=PLENTY // 2))
    house.die(0)
    assert other.available(ORGANISATION) == PLENTY - COST - PLENTY // 2
    house.ledgers[0] = house.open(0)
    assert other.available(ORGANISATION) == PLENTY - COST


async def test_a_relay_of_one_process_settles_what_several_left(
    house: House, folder: Path, clock: ManualClock, database: Database
) -> None:
    for call, ledger in enumerate(house.ledgers, start=1):
        books = ledger.admit(an_admission(call, bound=5_000_000))
        books.leg(node_leg())
        books.committed(12)
        books.progress(30, 120)
        await ledger.flush()
    for number in range(2):
        house.die(number)
    alone = Ledger.open(database, folder, clock)
    assert alone.available(ORGANISATION) == PLENTY - 2 * COST
    found = database.read_sync(check)
    assert (found.in_order, found.open_holds) == (True, 0)
    assert not database.read_sync(lambda connection: store.open_holds(connection, MAIN))
    alone.close()
