"""After a benchmark: was every measured call really accounted for? Reads the database as any bookkeeper could."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Books:
    """What the database says once the relay has ended."""

    usage_rows: int
    charged: int
    """Nano-dollars over all calls."""
    entries_sum: int
    balances_sum: int
    open_holds: int

    def faults(self, *, calls: int) -> list[str]:
        """What is wrong, given how many calls were made; empty when the books are right."""
        found = []
        if self.usage_rows != calls:
            found.append(f"{calls} calls were made and {self.usage_rows} usage rows written")
        if self.entries_sum or self.balances_sum:
            found.append(f"the ledger sums to {self.entries_sum} and its balances to {self.balances_sum}, not to zero")
        if self.open_holds:
            found.append(f"{self.open_holds} holds are still open")
        if not self.charged:
            found.append("nothing was charged, so accounting was not measured")
        return found


def read(data: Path) -> Books:
    connection = sqlite3.connect(f"file:{data / 'relay.db'}?mode=ro", uri=True)

    def number(query: str) -> int:
        return int(connection.execute(query).fetchone()[0] or 0)

    try:
        return Books(
            usage_rows=number("SELECT count(*) FROM usage"),
            charged=number("SELECT sum(cost) FROM usage"),
            entries_sum=number("SELECT sum(amount) FROM ledger_entries"),
            balances_sum=number("SELECT sum(balance) FROM ledger_accounts"),
            open_holds=number("SELECT count(*) FROM ledger_holds"),
        )
    finally:
        connection.close()
