from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, inspect
from sqlalchemy.dialects import registry
from sqlalchemy.schema import CreateTable

from relay.storage import tables
from relay.storage.engine import Database
from relay.storage.migrations import m0001_initial, runner


def shapes(connection: Connection) -> dict[str, object]:
    inspector = inspect(connection)
    return {
        name: (
            [(column["name"], str(column["type"]), column["nullable"]) for column in inspector.get_columns(name)],
            inspector.get_pk_constraint(name)["constrained_columns"],
            sorted(index["column_names"] for index in inspector.get_indexes(name)),
            sorted(unique["column_names"] for unique in inspector.get_unique_constraints(name)),
        )
        for name in inspector.get_table_names()
        if name != "schema_version"
    }


def test_the_migrations_lead_to_the_tables_of_today(tmp_path: Path) -> None:
    with Database.open(tmp_path / "migrated.db") as database:
        migrated = database.read_sync(shapes)
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        tables.metadata.create_all(connection)
        assert migrated == shapes(connection)


def test_a_database_of_version_one_has_what_version_one_had() -> None:
    """A frozen step: a change here is a change of released databases."""
    assert sorted(m0001_initial.metadata.tables) == [
        "api_keys",
        "enrolment_tokens",
        "enrolments",
        "journal_position",
        "labels",
        "ledger_accounts",
        "ledger_deposits",
        "ledger_entries",
        "ledger_holds",
        "memberships",
        "node_days",
        "nodes",
        "organisations",
        "people",
        "projects",
        "providers",
        "relay_identity",
        "revision",
        "usage",
        "usage_legs",
    ]


def test_each_step_runs_once(tmp_path: Path) -> None:
    ran: list[str] = []
    first = (lambda _: ran.append("first"),)
    both = (*first, lambda _: ran.append("second"))
    engine = create_engine(f"sqlite:///{tmp_path / 'steps.db'}")
    for steps, version in ((first, 1), (first, 1), (both, 2), (both, 2)):
        with engine.begin() as connection:
            assert runner.upgrade(connection, steps=steps) == version
    assert ran == ["first", "second"]
    engine.dispose()


@pytest.mark.parametrize("name", ["sqlite", "postgresql"])
def test_every_table_can_be_made_in_both_databases(name: str) -> None:
    dialect = registry.load(name)()
    for table in tables.metadata.sorted_tables:
        assert str(CreateTable(table).compile(dialect=dialect))
