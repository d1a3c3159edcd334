"""Version 4: answers that may be given again, of calls with an `Idempotency-Key` and of the response cache."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Connection, Index, LargeBinary, MetaData, String, Table

metadata = MetaData()

idempotency_claims = Table(
    "idempotency_claims",
    metadata,
    Column("scope", LargeBinary(32), primary_key=True),
    Column("body", LargeBinary(32), nullable=False),
    Column("call", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("fate", String, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("answer", LargeBinary),
    Index("idempotency_claims_by_end", "expires_ms"),
)

cached_answers = Table(
    "cached_answers",
    metadata,
    Column("key", LargeBinary(32), primary_key=True),
    Column("made_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("answer", LargeBinary, nullable=False),
    Index("cached_answers_by_end", "expires_ms"),
)


def upgrade(connection: Connection) -> None:
    metadata.create_all(connection)
