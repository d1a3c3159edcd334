from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Connection, Integer, MetaData, String, Table, create_engine, select

from relay.storage.bulk import BulkInsert, Statement
from relay.storage.engine import Database
from relay.storage.tables import node_days, people

_numbers = Table("numbers", MetaData(), Column("number", Integer, primary_key=True), Column("word", String))


@given(count=st.integers(0, 1500))
def test_any_number_of_rows_arrives_in_order(count: int) -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        _numbers.create(connection)
        bulk = BulkInsert(_numbers, ("number", "word"))
        bulk.insert(connection, [value for number in range(count) for value in (number, f"word {number}")])
        rows = connection.execute(select(_numbers).order_by(_numbers.c.number)).all()
        assert [tuple(row) for row in rows] == [(number, f"word {number}") for number in range(count)]
    engine.dispose()


def test_a_conflict_clause_adds_to_what_is_there(tmp_path: Path) -> None:
    add = BulkInsert(
        node_days,
        ("node", "day", "earned", "answers"),
        conflict="ON CONFLICT (node, day) DO UPDATE SET earned = node_days.earned + excluded.earned",
    )

    def twice(connection: Connection) -> list[int]:
        add.insert(connection, ["a", 1, 5, 1, "b", 1, 7, 1])
        add.insert(connection, ["a", 1, 2, 1])
        return list(connection.execute(select(node_days.c.earned).order_by(node_days.c.node)).scalars())

    with Database.open(tmp_path / "relay.db") as database:
        assert database.write_sync(twice) == [7, 7]


def test_a_column_that_is_not_there_is_found_at_once() -> None:
    with pytest.raises(KeyError):
        BulkInsert(people, ("nickname",))


def test_a_statement_runs_for_each_row_and_tells_what_its_last_run_touched() -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        _numbers.create(connection)
        BulkInsert(_numbers, ("number", "word")).insert(connection, [1, "a", 2, "b"])
        rename = Statement("UPDATE numbers SET word = ? WHERE number = ?")
        assert rename.execute(connection, ("c", 1), ("d", 2)) == 1
        assert rename.execute(connection, ("e", 3)) == 0
        assert connection.execute(select(_numbers.c.word).order_by(_numbers.c.number)).scalars().all() == ["c", "d"]
    engine.dispose()
