"""Rows that are known by a unique name and referred to by their id: looked up, and made when missing."""

from __future__ import annotations

from sqlalchemy import Column, Connection, Table, insert, select


class Lookup(dict[str, int]):
    """Ids by name within one transaction. Asking for a name that has no row makes one."""

    def __init__(self, known: dict[str, int], connection: Connection, table: Table, name: Column[str]) -> None:
        super().__init__(known)
        self._known = known
        self._connection = connection
        self._table = table
        self._name = name

    def __missing__(self, name: str) -> int:
        column = self._table.c.id
        found: int | None = self._connection.execute(select(column).where(self._name == name)).scalar()
        if found is not None:
            self._known[name] = found
        else:
            made = insert(self._table).values({self._name.key: name}).returning(column)
            found = int(self._connection.execute(made).scalar_one())
        self[name] = found
        return found


class NamedRows:
    """Remembers ids from one transaction to the next; for tables whose rows are never deleted.

    Only what was found is remembered, not what was made: that is sure to be there only after its transaction.
    """

    def __init__(self, table: Table, name: str) -> None:
        self._table = table
        self._name = table.c[name]
        self._known: dict[str, int] = {}

    def lookup(self, connection: Connection) -> Lookup:
        return Lookup(self._known, connection, self._table, self._name)
