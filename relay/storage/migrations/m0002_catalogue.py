"""Version 2: the catalogue of models, and ways to find a node's answers without reading everybody's."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Connection, MetaData, String, Table

metadata = MetaData()

catalogue_models = Table(
    "catalogue_models",
    metadata,
    Column("id", String, primary_key=True),
    Column("entry", JSON, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Column("retired_ms", BigInteger),
)


def upgrade(connection: Connection) -> None:
    metadata.create_all(connection)
    # Calls of providers are in no index of nodes: a gateway's bookings stay as quick as they were.
    connection.exec_driver_sql("CREATE INDEX usage_by_node ON usage (node, call) WHERE node != 0")
    connection.exec_driver_sql("CREATE INDEX usage_legs_by_node ON usage_legs (node)")
