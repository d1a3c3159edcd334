from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path

import pytest

from relay.accounts import directory
from relay.clock import ManualClock
from relay.ledger import journal as journals
from relay.ledger import mapped, store
from relay.ledger.books import CallBooks
from relay.ledger.calls import Delivered
from relay.ledger.check import check
from relay.ledger.entries import OPERATOR, OPERATOR_LOSS, NanoDollars, credit, held, provider
from relay.ledger.errors import AlreadySettled, InsufficientCredit, LedgerInUse, LedgerUnavailable
from relay.ledger.service import CALL_ROOM_BYTES, Ledger
from relay.storage.engine import Database
from relay.storage.errors import StorageProblem, StorageUnavailable
from relay.storage.ids import NodeId, OrganisationId
from tests.relay.ledger.values import (
    NODE,
    ORGANISATION,
    OWNER,
    PLENTY,
    PRICE,
    an_admission,
    an_outcome,
    balances,
    entry_count,
    node_leg,
    provider_leg,
    usage_of,
)

COST = PRICE.cost(12, 30)


def run_call(ledger: Ledger, call: int = 1, **changed: object) -> None:
    books = ledger.admit(an_admission(call, **changed))
    books.leg(node_leg())
    books.committed(12)
    books.progress(30, 120)
    books.settle(an_outcome())


async def test_a_hold_is_taken_at_admission_and_the_rest_of_it_given_back(ledger: Ledger) -> None:
    books = ledger.admit(an_admission(bound=10_000_000))
    assert ledger.available(ORGANISATION) == PLENTY - 10_000_000
    books.leg(node_leg())
    settlement = books.settle(an_outcome())
    assert settlement.cost == COST
    assert ledger.available(ORGANISATION) == PLENTY - COST


async def test_a_settled_call_is_in_the_books_of_everyone_it_concerns(ledger: Ledger, database: Database) -> None:
    run_call(ledger)
    await ledger.flush()
    now = database.read_sync(balances)
    assert now[credit(ORGANISATION)] == PLENTY - COST
    assert now[OWNER] == COST * 70 // 100
    assert now[OPERATOR] == COST - COST * 70 // 100
    row = database.read_sync(usage_of)[1]
    assert row["cost"] == COST
    assert (row["prompt_tokens"], row["completion_tokens"]) == (12, 30)
    assert (row["state"], row["finish_reason"], row["node"], row["target"]) == ("completed", "stop", NODE, "node/1")
    assert (row["ttft_ms"], row["duration_ms"], row["attempts"], row["delivered"]) == (20, 120, 1, 1)


async def test_a_call_that_comes_and_goes_between_two_batches_has_no_hold_posted(
    ledger: Ledger, database: Database
) -> None:
    before = database.read_sync(entry_count)
    run_call(ledger)
    await ledger.flush()
    assert held(ORGANISATION) not in database.read_sync(balances)
    assert database.read_sync(entry_count) == before + 3


async def test_a_call_that_stays_has_its_hold_posted_and_released_once(ledger: Ledger, database: Database) -> None:
    books = ledger.admit(an_admission(bound=5_000_000))
    books.leg(node_leg())
    await ledger.flush()
    assert database.read_sync(balances)[held(ORGANISATION)] == 5_000_000
    assert database.read_sync(check).open_holds == 1
    books.settle(an_outcome())
    await ledger.flush()
    now = database.read_sync(balances)
    assert now[held(ORGANISATION)] == 0
    assert now[credit(ORGANISATION)] == PLENTY - COST
    assert database.read_sync(check).open_holds == 0
    assert database.read_sync(check).in_order


async def test_a_second_settlement_is_refused_and_changes_nothing(ledger: Ledger, database: Database) -> None:
    books = ledger.admit(an_admission())
    books.leg(node_leg())
    books.settle(an_outcome())
    with pytest.raises(AlreadySettled):
        books.settle(an_outcome())
    await ledger.flush()
    assert ledger.available(ORGANISATION) == PLENTY - COST
    assert database.read_sync(balances)[OWNER] == COST * 70 // 100


async def test_the_first_call_over_the_credit_is_refused(ledger: Ledger) -> None:
    bound = PLENTY // 10
    for call in range(10):
        ledger.admit(an_admission(call + 1, bound=bound))
    with pytest.raises(InsufficientCredit) as caught:
        ledger.admit(an_admission(11, bound=1))
    assert (caught.value.needed, caught.value.available) == (1, 0)
    assert ledger.open_calls == 10


async def test_a_free_call_needs_no_credit(ledger: Ledger, database: Database) -> None:
    stranger = OrganisationId(99)
    books = ledger.admit(an_admission(bound=0, organisation=stranger))
    books.leg(node_leg())
    assert books.settle(an_outcome()).cost == 0
    await ledger.flush()
    assert database.read_sync(check).in_order


async def test_a_call_that_delivered_nothing_costs_nothing(ledger: Ledger, database: Database) -> None:
    books = ledger.admit(an_admission())
    books.leg(node_leg())
    books.settle(an_outcome(state="failed", delivered=(), error="no_target", finish_reason=None))
    await ledger.flush()
    row = database.read_sync(usage_of)[1]
    assert (row["cost"], row["state"], row["error"], row["target"]) == (0, "failed", "no_target", "node/1")
    assert ledger.available(ORGANISATION) == PLENTY


async def test_a_call_that_was_never_dispatched_still_has_its_row(ledger: Ledger, database: Database) -> None:
    ledger.admit(an_admission()).settle(an_outcome(state="expired", delivered=()))
    await ledger.flush()
    assert database.read_sync(usage_of)[1]["attempts"] == 0


async def test_each_leg_is_paid_for_what_it_delivered(ledger: Ledger, database: Database) -> None:
    books = ledger.admit(an_admission())
    books.leg(node_leg(1))
    books.leg(provider_leg(2))
    books.settle(an_outcome(delivered=(Delivered(1, 0, 10), Delivered(2, 0, 20))))
    await ledger.flush()
    now = database.read_sync(balances)
    assert now[OWNER] == PRICE.cost(0, 10) * 70 // 100
    assert now[provider("acme")] == PRICE.cost(0, 20)
    assert database.read_sync(check).in_order


async def test_a_providers_excess_over_the_hold_is_the_operators(ledger: Ledger, database: Database) -> None:
    books = ledger.admit(an_admission(bound=1000))
    books.leg(provider_leg())
    settlement = books.settle(an_outcome(source="provider"))
    await ledger.flush()
    assert settlement.cost == 1000
    assert database.read_sync(balances)[OPERATOR_LOSS] == 1000 - COST
    assert ledger.available(ORGANISATION) == PLENTY - 1000


async def test_a_finish_reason_without_end_is_cut_and_the_call_settled(ledger: Ledger, database: Database) -> None:
    books = ledger.admit(an_admission())
    books.leg(provider_leg())
    books.settle(an_outcome(finish_reason="x" * 100_000, error="y" * 100_000))
    await ledger.flush()
    row = database.read_sync(usage_of)[1]
    assert (row["finish_reason"], row["error"]) == ("x" * 100, "y" * 100)


async def test_an_admission_that_cannot_be_written_down_leaves_no_trace(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="model"):
        ledger.admit(an_admission(model="m" * 5000))
    with pytest.raises(ValueError, match="open already"):
        ledger.admit(an_admission(ledger.admit(an_admission(1)).admission.call))
    assert ledger.available(ORGANISATION) == PLENTY - an_admission().bound
    assert ledger.open_calls == 1


async def test_a_deposit_arrives_once_however_often_it_is_made(ledger: Ledger, database: Database) -> None:
    for _ in range(3):
        database.write_sync(
            lambda connection: store.deposit(
                connection, ORGANISATION, amount=NanoDollars(500), reference="invoice 7", at_ms=1
            )
        )
        await ledger.refresh()
    assert ledger.available(ORGANISATION) == PLENTY + 500
    assert database.read_sync(balances)[credit(ORGANISATION)] == PLENTY + 500


async def test_a_deposit_of_another_process_is_seen_after_a_refresh(ledger: Ledger, database: Database) -> None:
    run_call(ledger, 1)
    books = ledger.admit(an_admission(2))
    database.write_sync(
        lambda connection: store.deposit(
            connection, ORGANISATION, amount=NanoDollars(777), reference="by hand", at_ms=1
        )
    )
    await ledger.refresh()
    await ledger.refresh()
    assert ledger.available(ORGANISATION) == PLENTY - COST - books.bound + 777


async def test_earnings_are_known_at_once_and_after_opening_again(
    ledger: Ledger, database: Database, folder: Path, clock: ManualClock
) -> None:
    run_call(ledger)
    now = ledger.earnings(NODE, clock.now_ms())
    assert (now.today, now.month, now.lifetime, now.answers_today) == (COST * 70 // 100,) * 3 + (1,)
    await ledger.aclose()
    again = Ledger.open(database, folder, clock)
    assert again.earnings(NODE, clock.now_ms()) == now
    tomorrow = again.earnings(NODE, clock.now_ms() + 86_400_000)
    assert (tomorrow.today, tomorrow.answers_today, tomorrow.lifetime) == (0, 0, now.lifetime)
    assert again.earnings(NodeId("unknown"), clock.now_ms()).lifetime == 0
    again.close()


async def test_a_second_relay_on_the_same_folder_is_refused(ledger: Ledger, database: Database, folder: Path) -> None:
    with pytest.raises(LedgerInUse) as caught:
        Ledger.open(database, folder, ManualClock())
    assert caught.value.remedy


async def test_closing_and_opening_loses_nothing(database: Database, folder: Path, clock: ManualClock) -> None:
    for start in (1, 1001, 2001):
        ledger = Ledger.open(database, folder, clock)
        for call in range(start, start + 300):
            run_call(ledger, call)
        await ledger.aclose()
        assert ledger.last_call == max(start - 701, 0)
    assert len(database.read_sync(usage_of)) == 900
    assert database.read_sync(check).in_order
    assert database.read_sync(balances)[credit(ORGANISATION)] == PLENTY - 900 * COST


async def test_calls_open_when_the_ledger_closes_are_settled_at_their_line_when_it_opens(
    database: Database, folder: Path, clock: ManualClock
) -> None:
    ledger = Ledger.open(database, folder, clock)
    books = ledger.admit(an_admission())
    books.leg(node_leg())
    books.committed(12)
    books.progress(7, 28)
    await ledger.aclose()
    Ledger.open(database, folder, clock).close()
    row = database.read_sync(usage_of)[1]
    assert (row["state"], row["error"], row["completion_tokens"]) == ("failed", "relay_crashed", 7)
    assert row["cost"] == PRICE.cost(12, 7)
    assert database.read_sync(check).open_holds == 0


async def test_a_prompt_without_a_token_delivered_costs_nothing_after_a_crash(
    database: Database, folder: Path, clock: ManualClock
) -> None:
    ledger = Ledger.open(database, folder, clock)
    books = ledger.admit(an_admission())
    books.leg(node_leg())
    books.committed(12)
    await ledger.aclose()
    Ledger.open(database, folder, clock).close()
    assert database.read_sync(usage_of)[1]["cost"] == 0


def test_a_hold_whose_journal_is_lost_is_released(database: Database, folder: Path, clock: ManualClock) -> None:
    ledger = Ledger.open(database, folder, clock)
    ledger.admit(an_admission())
    ledger.close()
    assert database.read_sync(check).open_holds == 1
    for path in folder.glob("journal-*"):
        path.unlink()
    again = Ledger.open(database, folder, clock)
    assert again.available(ORGANISATION) == PLENTY
    assert database.read_sync(check).open_holds == 0
    assert database.read_sync(check).in_order
    again.close()


async def test_the_journal_is_forgotten_as_it_is_carried(database: Database, folder: Path, clock: ManualClock) -> None:
    ledger = Ledger.open(database, folder, clock, segment_bytes=64 * 1024)
    stays = ledger.admit(an_admission(1))
    stays.leg(node_leg())
    for call in range(2, 1002):
        run_call(ledger, call)
        if call % 100 == 0:
            await ledger.flush()
            if call == 500:
                stays.settle(an_outcome())
    await ledger.flush()
    assert len(journals.segments(folder)) <= 3
    await ledger.aclose()
    Ledger.open(database, folder, clock).close()
    assert len(database.read_sync(usage_of)) == 1001
    assert database.read_sync(check).in_order


async def test_without_room_to_write_down_its_end_no_call_is_admitted_but_open_ones_end_well(
    database: Database, folder: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger.open(database, folder, clock, segment_bytes=8 * CALL_ROOM_BYTES)

    def no_space(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(mapped, "_allocate", no_space)
    admitted: list[CallBooks] = []

    def admit_without_end() -> None:
        admitted.extend(ledger.admit(an_admission(call)) for call in range(1, 1000))

    with pytest.raises(LedgerUnavailable) as caught:
        admit_without_end()
    assert caught.value.remedy
    assert len(admitted) > 8
    for books in admitted:
        books.leg(node_leg())
        books.settle(an_outcome())
    await ledger.flush()
    assert database.read_sync(check).in_order
    assert len(database.read_sync(usage_of)) == len(admitted)
    assert ledger.available(ORGANISATION) == PLENTY - len(admitted) * COST
    await ledger.aclose()


async def test_while_the_database_fails_calls_go_on_and_are_carried_later(
    ledger: Ledger, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:

        def full(*_: object, **__: object) -> None:
            raise StorageUnavailable("relay.db", StorageProblem.FULL)

        patch.setattr(store, "_write_usage", full)
        run_call(ledger, 1)
        with pytest.raises(StorageUnavailable):
            await ledger.flush()
        run_call(ledger, 2)
    await ledger.flush()
    assert set(database.read_sync(usage_of)) == {1, 2}
    assert database.read_sync(check).in_order


async def test_a_commit_that_happened_though_it_was_reported_as_failed_is_not_repeated(
    ledger: Ledger, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_sync = database.write_sync
    with monkeypatch.context() as patch:

        def commits_then_fails(work: object) -> object:
            write_sync(work)  # type: ignore[arg-type]
            raise StorageUnavailable("relay.db", StorageProblem.OTHER)

        patch.setattr(database, "write_sync", commits_then_fails)
        run_call(ledger, 1)
        with pytest.raises(StorageUnavailable):
            await ledger.flush()
    run_call(ledger, 2)
    await ledger.flush()
    await ledger.refresh()
    assert database.read_sync(balances)[credit(ORGANISATION)] == PLENTY - 2 * COST == ledger.available(ORGANISATION)
    assert database.read_sync(check).in_order


async def test_many_calls_at_once_leave_the_books_in_order(ledger: Ledger, database: Database) -> None:
    async def call(number: int) -> None:
        books = ledger.admit(an_admission(number, bound=10_000_000))
        await asyncio.sleep(0)
        books.leg(node_leg())
        for token in range(30):
            books.progress(token + 1, token)
            await asyncio.sleep(0)
        books.settle(an_outcome())

    for round_ in range(5):
        await asyncio.gather(*(call(round_ * 40 + number) for number in range(1, 41)))
    await ledger.flush()
    assert database.read_sync(check) == database.read_sync(check)
    assert database.read_sync(check).in_order
    assert ledger.available(ORGANISATION) == PLENTY - 200 * COST == database.read_sync(balances)[credit(ORGANISATION)]


async def test_a_new_relay_starts_with_nothing_to_settle(tmp_path: Path, clock: ManualClock) -> None:
    with Database.open(tmp_path / "new.db") as database:
        database.write_sync(lambda connection: directory.bootstrap(connection, at_ms=1))
        ledger = Ledger.open(database, tmp_path / "new", clock)
        assert ledger.available(ORGANISATION) == 0
        ledger.close()
        assert database.read_sync(usage_of) == {}


async def test_a_folder_that_cannot_be_made_is_one_error(
    database: Database, tmp_path: Path, clock: ManualClock
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageUnavailable):
        Ledger.open(database, tmp_path / "file" / "ledger", clock)
