"""The ledger's tables. Functions of a connection; each call of `post` and `deposit` belongs in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from sqlalchemy import Connection, delete, func, insert, select

from relay.faults import crash
from relay.ledger.batch import MAIN, Batch, JournalMark, OpenHold, transactions
from relay.ledger.calls import Closed
from relay.ledger.entries import Account, CallId, NanoDollars, creditor, deposit_transaction, entries_of
from relay.ledger.rows import leg_rows, node_day_rows, usage_row
from relay.storage import revision
from relay.storage.bulk import BulkInsert, Statement
from relay.storage.ids import NodeId, OrganisationId
from relay.storage.named import NamedRows
from relay.storage.tables import (
    journal_credit,
    journal_position,
    labels,
    ledger_accounts,
    ledger_deposits,
    ledger_entries,
    ledger_holds,
    node_days,
    usage,
    usage_legs,
)

_ENTRIES: Final = BulkInsert(ledger_entries, ("source", "kind", "account", "amount", "at_ms"))
_HOLDS: Final = BulkInsert(ledger_holds, ("call", "organisation", "amount", "at_ms", "journal"))
_USAGE: Final = BulkInsert(usage, tuple(column.name for column in usage.columns))
_LEGS: Final = BulkInsert(usage_legs, tuple(column.name for column in usage_legs.columns))
_NODE_DAYS: Final = BulkInsert(
    node_days,
    ("node", "day", "earned", "answers"),
    conflict="ON CONFLICT (node, day) DO UPDATE SET"
    " earned = node_days.earned + excluded.earned, answers = node_days.answers + excluded.answers",
)


_JOURNAL_CREDIT: Final = BulkInsert(
    journal_credit,
    ("journal", "organisation", "moved"),
    conflict="ON CONFLICT (journal, organisation) DO UPDATE SET moved = journal_credit.moved + excluded.moved",
)


class Known:
    """Ids of accounts and labels, remembered between transactions."""

    def __init__(self) -> None:
        self.accounts = NamedRows(ledger_accounts, "name")
        self.labels = NamedRows(labels, "text")


def read_mark(connection: Connection, journal: str) -> JournalMark:
    """How far the journal is in the database; a new one, nowhere."""
    query = select(journal_position.c.batch, journal_position.c.carried, journal_position.c.oldest)
    row = connection.execute(query.where(journal_position.c.journal == journal)).first()
    return JournalMark(0, 0, 0, journal) if row is None else JournalMark(row.batch, row.carried, row.oldest, journal)


def begin_journal(connection: Connection, journal: str) -> None:
    """Makes a row for its mark, if there is none."""
    if connection.execute(select(journal_position).where(journal_position.c.journal == journal)).first() is None:
        values = {"journal": journal, "batch": 0, "carried": 0, "oldest": 0}
        connection.execute(insert(journal_position).values(values))


def open_holds(connection: Connection, journal: str) -> dict[CallId, OpenHold]:
    """Those that only the replay of this journal may resolve; the main one stands for all that nobody else does."""
    query = select(ledger_holds)
    rows = connection.execute(query if journal == MAIN else query.where(ledger_holds.c.journal == journal))
    return {
        CallId(row.call): OpenHold(
            CallId(row.call), OrganisationId(row.organisation), NanoDollars(row.amount), row.at_ms
        )
        for row in rows
    }


def last_call(connection: Connection) -> CallId:
    """The highest id of a call that is settled; 0 if there is none."""
    return CallId(connection.execute(select(func.max(usage.c.call))).scalar() or 0)


def credits_of(connection: Connection) -> dict[OrganisationId, NanoDollars]:
    """What each organisation can spend, as far as the database knows."""
    query = select(ledger_accounts.c.name, ledger_accounts.c.balance).where(
        ledger_accounts.c.name.startswith("credit/")
    )
    rows = ((creditor(name), balance) for name, balance in connection.execute(query))
    return {organisation: NanoDollars(balance) for organisation, balance in rows if organisation is not None}


def deposits_of(connection: Connection) -> dict[OrganisationId, NanoDollars]:
    """What each organisation ever brought in."""
    query = select(ledger_deposits.c.organisation, func.sum(ledger_deposits.c.amount))
    rows = connection.execute(query.group_by(ledger_deposits.c.organisation))
    return {OrganisationId(organisation): NanoDollars(amount) for organisation, amount in rows}


def credit_moved(connection: Connection, journal: str) -> dict[OrganisationId, int]:
    """By how much a worker's journal has moved the credit of each organisation since `forget_credit_moved`."""
    query = select(journal_credit.c.organisation, journal_credit.c.moved)
    rows = connection.execute(query.where(journal_credit.c.journal == journal))
    return {OrganisationId(organisation): moved for organisation, moved in rows}


def forget_credit_moved(connection: Connection) -> None:
    """For the start of a relay of several processes, when none of them runs."""
    connection.execute(delete(journal_credit))


def earned_days(
    connection: Connection, nodes: Collection[NodeId] | None = None
) -> list[tuple[NodeId, int, NanoDollars, int]]:
    """Rows for `EarningsBook.load`, of all nodes or of some."""
    query = select(node_days.c.node, node_days.c.day, node_days.c.earned, node_days.c.answers).order_by(node_days.c.day)
    if nodes is not None:
        query = query.where(node_days.c.node.in_(nodes))
    return [
        (NodeId(node), day, NanoDollars(earned), answers) for node, day, earned, answers in connection.execute(query)
    ]


def deposit(
    connection: Connection, organisation: OrganisationId, *, amount: NanoDollars, reference: str, at_ms: int
) -> bool:
    """Adds credit; whether it did: the same reference a second time changes nothing."""
    if connection.execute(select(ledger_deposits.c.id).where(ledger_deposits.c.reference == reference)).first():
        return False
    row = {"organisation": organisation, "amount": amount, "reference": reference, "at_ms": at_ms}
    identifier = connection.execute(insert(ledger_deposits).values(row).returning(ledger_deposits.c.id)).scalar_one()
    ids = Known().accounts.lookup(connection)
    entries, moved = entries_of([deposit_transaction(identifier, organisation, amount=amount, at_ms=at_ms)], ids)
    _post_entries(connection, entries, moved=moved, ids=ids)
    revision.bump(connection)
    return True


def post(connection: Connection, batch: Batch, *, known: Known) -> Mapping[Account, int]:
    """Posts a batch, unless it is there already, and returns by how much it moves each account."""
    entries, moved = entries_of(transactions(batch), ids := known.accounts.lookup(connection))
    if not _advance(connection, batch.mark):
        return moved
    _post_entries(connection, entries, moved=moved, ids=ids)
    if batch.mark.journal != MAIN:
        _write_credit_moved(connection, batch.mark.journal, moved)
    _write_holds(connection, batch)
    _write_usage(connection, batch.closed, known.labels.lookup(connection))
    crash.point("before_commit")
    return moved


def _post_entries(
    connection: Connection, entries: list[object], *, moved: Mapping[Account, int], ids: Mapping[str, int]
) -> None:
    """Appends entries, and what they sum to to the balances."""
    _ENTRIES.insert(connection, entries)
    _FOLD.execute(connection, *((change, ids[account]) for account, change in moved.items() if change))


_FOLD: Final = Statement("UPDATE ledger_accounts SET balance = balance + ? WHERE id = ?")


def _write_credit_moved(connection: Connection, journal: str, moved: Mapping[Account, int]) -> None:
    values: list[object] = []
    for account, change in moved.items():
        if (organisation := creditor(account)) is not None:
            values += (journal, organisation, change)
    _JOURNAL_CREDIT.insert(connection, values)


def _write_holds(connection: Connection, batch: Batch) -> None:
    values: list[object] = []
    for hold in batch.held:
        values += (hold.call, hold.organisation, hold.amount, hold.at_ms, batch.mark.journal)
    _HOLDS.insert(connection, values)
    _RESOLVE.execute(connection, *((call,) for call in batch.resolved))


_RESOLVE: Final = Statement("DELETE FROM ledger_holds WHERE call = ?")


def _write_usage(connection: Connection, closed: Iterable[Closed], ids: Mapping[str, int]) -> None:
    calls: list[object] = []
    legs: list[object] = []
    for call in closed:
        calls += usage_row(call, ids)
        if call.settlement.parts:
            legs += leg_rows(call, ids)
    _USAGE.insert(connection, calls)
    _LEGS.insert(connection, legs)
    _NODE_DAYS.insert(connection, node_day_rows(closed))


def _advance(connection: Connection, mark: JournalMark) -> bool:
    """Moves the mark on; False if it is there already, because a commit that was reported as failed had happened."""
    return _ADVANCE.execute(connection, (mark.batch, mark.carried, mark.oldest, mark.journal, mark.batch)) == 1


_ADVANCE: Final = Statement(
    "UPDATE journal_position SET batch = ?, carried = ?, oldest = ? WHERE journal = ? AND batch < ?"
)
