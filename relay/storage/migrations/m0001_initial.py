"""Version 1: the first tables."""

from __future__ import annotations

from sqlalchemy import Connection, insert

from relay.storage.tables import metadata, revision


def upgrade(connection: Connection) -> None:
    metadata.create_all(connection)
    connection.execute(insert(revision).values(name="control", value=0))
