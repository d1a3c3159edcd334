"""Whether the books are in order, as the database has them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from relay.storage.tables import ledger_accounts, ledger_entries, ledger_holds


@dataclass(frozen=True, slots=True)
class BooksCheck:
    """What is wrong: transactions that do not sum to zero, accounts whose balance is not the fold of their entries.

    `open_holds` is no fault while calls run, and one when none does.
    """

    unbalanced: tuple[tuple[int, int], ...]
    misfolded: tuple[str, ...]
    open_holds: int

    @property
    def in_order(self) -> bool:
        return not self.unbalanced and not self.misfolded


def check(connection: Connection) -> BooksCheck:
    """Reads every entry; for tests, and for the operator who wants to know."""
    amount = func.sum(ledger_entries.c.amount)
    unbalanced = connection.execute(
        select(ledger_entries.c.source, ledger_entries.c.kind)
        .group_by(ledger_entries.c.source, ledger_entries.c.kind)
        .having(amount != 0)
    )
    folded = select(ledger_entries.c.account, amount.label("fold")).group_by(ledger_entries.c.account).subquery()
    misfolded = connection.execute(
        select(ledger_accounts.c.name)
        .join(folded, folded.c.account == ledger_accounts.c.id, full=True)
        .where(func.coalesce(ledger_accounts.c.balance, 0) != func.coalesce(folded.c.fold, 0))
    )
    return BooksCheck(
        unbalanced=tuple((source, kind) for source, kind in unbalanced),
        misfolded=tuple(str(name) for (name,) in misfolded),
        open_holds=connection.execute(select(func.count()).select_from(ledger_holds)).scalar_one(),
    )
