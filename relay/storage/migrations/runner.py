"""Brings a database to the newest version, one numbered step after the other, all in one transaction.

A step is a function of a connection in a module of its own and never imports `storage.tables`: those are the tables of
today, while a step must go on making the tables of its day.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Column, Connection, Integer, MetaData, Table, insert, inspect, select, update

from relay.storage.errors import StorageProblem, StorageUnavailable
from relay.storage.migrations import m0001_initial, m0002_catalogue, m0004_answers, m0005_rules, m0006_workers

Step = Callable[[Connection], None]

STEPS: Sequence[Step] = (
    m0001_initial.upgrade,
    m0002_catalogue.upgrade,
    m0004_answers.upgrade,
    m0005_rules.upgrade,
    m0006_workers.upgrade,
)

_schema_version = Table("schema_version", MetaData(), Column("version", Integer, nullable=False))


def upgrade(connection: Connection, *, steps: Sequence[Step] = STEPS) -> int:
    """Runs the steps this database has not seen and returns its version; refuses one that is ahead of this program."""
    found = _version(connection)
    if found > len(steps):
        detail = f"it is at version {found}, this relay knows {len(steps)}"
        raise StorageUnavailable(connection.engine.url.database or "database", StorageProblem.NEWER, detail)
    for step in steps[found:]:
        step(connection)
    if found < len(steps):
        connection.execute(update(_schema_version).values(version=len(steps)))
    return len(steps)


def _version(connection: Connection) -> int:
    if not inspect(connection).has_table(_schema_version.name):
        _schema_version.create(connection)
        connection.execute(insert(_schema_version).values(version=0))
    version: int = connection.execute(select(_schema_version.c.version)).scalar_one()
    return version
