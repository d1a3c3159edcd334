"""What an organisation brought in and what of it is spent. A function of a connection, for `Database.read`."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from relay.ledger.entries import credit, held
from relay.storage.ids import OrganisationId
from relay.storage.tables import ledger_accounts, ledger_deposits


@dataclass(frozen=True, slots=True)
class Statement:
    """Nano-dollars. What open calls hold is not spent."""

    deposited: int
    spent: int


def statement(connection: Connection, organisation: OrganisationId) -> Statement:
    """As far as it is in the database: `Ledger.flush` first."""
    deposits = select(func.coalesce(func.sum(ledger_deposits.c.amount), 0))
    deposited: int = connection.execute(deposits.where(ledger_deposits.c.organisation == organisation)).scalar_one()
    balances = select(func.coalesce(func.sum(ledger_accounts.c.balance), 0))
    names = [credit(organisation), held(organisation)]
    left: int = connection.execute(balances.where(ledger_accounts.c.name.in_(names))).scalar_one()
    return Statement(deposited, deposited - left)
