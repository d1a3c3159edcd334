"""What a relay's database says of its calls, read by itself while the relay runs or after it has died."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from relay.accounts import directory
from relay.app import DEMO_CREDIT
from relay.ledger.check import BooksCheck, check
from relay.ledger.entries import OPERATOR, Account, credit, owner
from relay.settings import RelaySettings
from relay.storage.engine import Database
from relay.usage import reports
from relay.usage.reports import CallUsage
from tests.relay.ledger.values import balances

OWNER_PERCENT = 70


@dataclass(frozen=True)
class Books:
    """Everything at one instant."""

    check: BooksCheck
    calls: dict[int, CallUsage]
    balances: dict[Account, int]

    def assert_in_order(self) -> None:
        """Sums of zero, no hold left, and every account as the calls make it."""
        assert self.check.in_order
        assert self.check.open_holds == 0
        assert sum(self.balances.values()) == 0
        calls = self.calls.values()
        assert self._of(credit) == DEMO_CREDIT - sum(call.cost_nano for call in calls)
        assert self._of(owner) == sum(call.owner_nano for call in calls)
        assert self.balances.get(OPERATOR, 0) == sum(call.operator_nano for call in calls)
        for call in calls:
            # Each leg is rounded down by itself.
            assert 0 <= call.cost_nano * OWNER_PERCENT // 100 - call.owner_nano < call.attempts
            assert call.owner_nano + call.operator_nano == call.cost_nano

    def _of(self, account: object) -> int:
        assert callable(account)
        return self.balances.get(account(1), 0)


def read_books(data: Path) -> Books:
    with opened(data) as database:
        return database.read_sync(_read)


def settled_books(data: Path) -> Books | None:
    """The books of a running relay, once it has carried every call that ended into its database: a matter of 50 ms."""
    books = read_books(data)
    return books if books.check.open_holds == 0 else None


@contextmanager
def opened(data: Path) -> Iterator[Database]:
    with Database.open(RelaySettings(data=data).database) as database:
        yield database


def _read(connection: Connection) -> Books:
    organisation = directory.first_organisation(connection)
    calls = reports.rows(connection, organisation, limit=1_000_000)
    return Books(check(connection), {call.call: call for call in calls}, balances(connection))
