"""Version 5: rules for organisations, keys and models, and presets."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Connection, MetaData, String, Table

metadata = MetaData()

rules = Table(
    "rules",
    metadata,
    Column("organisation", BigInteger, primary_key=True, autoincrement=False),
    Column("scope", String, primary_key=True),
    Column("subject", String, primary_key=True),
    Column("rule", JSON, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
)

presets = Table(
    "presets",
    metadata,
    Column("organisation", BigInteger, primary_key=True, autoincrement=False),
    Column("slug", String, primary_key=True),
    Column("fields", JSON, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
)


def upgrade(connection: Connection) -> None:
    metadata.create_all(connection)
