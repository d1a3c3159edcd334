"""Many rows in few statements, and statements as the text that the driver gets.

`executemany` steps the statement once a row, and each step hands the interpreter lock to the event loop and back. One
statement with many rows steps once. It is built as text and given to the driver as it is: compiling it from expressions
costs more than running it.
"""

from __future__ import annotations

from sqlalchemy import Connection, Table

_CHUNKS = (256, 64, 16, 4, 1)
"""Rows a statement: few enough sizes that the driver keeps all of them prepared, and none so large that it shows in the
process's memory: a value takes about a hundred bytes of a prepared statement."""


class Statement:
    """A statement that runs with every batch, as text: building it from expressions costs more. `?` is a value.

    Like `BulkInsert` it raises the driver's own errors.
    """

    def __init__(self, text: str) -> None:
        self._text = text

    def execute(self, connection: Connection, *rows: tuple[object, ...]) -> int:
        """Runs it once for each row of values; returns how many rows of the table it touched the last time."""
        text = self._text if connection.dialect.paramstyle == "qmark" else self._text.replace("?", "%s")
        cursor = connection.connection.cursor()
        for row in rows:
            cursor.execute(text, row)
        touched = int(cursor.rowcount)
        cursor.close()
        return touched


class BulkInsert:
    """Inserts rows into the named columns of one table. `conflict` is a whole `ON CONFLICT` clause, if any."""

    def __init__(self, table: Table, columns: tuple[str, ...], *, conflict: str = "") -> None:
        for column in columns:
            table.c[column]  # a misspelt one fails here, not on the first batch
        self._head = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES "  # noqa: S608 - names of our own tables
        self._width = len(columns)
        self._tail = f" {conflict}" if conflict else ""
        self._statements: dict[tuple[str, int], str] = {}

    def insert(self, connection: Connection, values: list[object]) -> None:
        """`values` has the rows end to end. Raises the driver's own errors, which `Database` knows as well."""
        paramstyle = connection.dialect.paramstyle
        cursor = connection.connection.cursor()
        start, rows_left = 0, len(values) // self._width
        for chunk in _CHUNKS:
            while rows_left >= chunk:
                end = start + chunk * self._width
                cursor.execute(self._statement(paramstyle, chunk), values[start:end])
                start, rows_left = end, rows_left - chunk
        cursor.close()

    def _statement(self, paramstyle: str, rows: int) -> str:
        statement = self._statements.get((paramstyle, rows))
        if statement is None:
            mark = "?" if paramstyle == "qmark" else "%s"
            row = f"({', '.join([mark] * self._width)})"
            statement = self._statements[paramstyle, rows] = self._head + ", ".join([row] * rows) + self._tail
        return statement
