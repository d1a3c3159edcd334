"""Version 6: several processes of one relay: whose journal has each hold, and what each took out of credit."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Connection, MetaData, String, Table

metadata = MetaData()

journal_credit = Table(
    "journal_credit",
    metadata,
    Column("journal", String, primary_key=True),
    Column("organisation", BigInteger, primary_key=True, autoincrement=False),
    Column("moved", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)


def upgrade(connection: Connection) -> None:
    connection.exec_driver_sql("ALTER TABLE ledger_holds ADD COLUMN journal VARCHAR NOT NULL DEFAULT 'main'")
    metadata.create_all(connection)
