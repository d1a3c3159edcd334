"""Answers of the response cache: a front in memory, and the database behind it, sealed.

Belongs to the event loop's thread, but for the functions of a connection.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

import msgspec
from sqlalchemy import Connection, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from relay.completions.repeats.answer import Answer
from relay.storage.tables import cached_answers as cached
from relay.storage.vault import SealBroken, Vault

SWEPT_AT_ONCE: Final = 500
ENTRY_BYTES: Final = 512
"""What an entry takes in memory besides its answer."""


class Shelved(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A cached answer: when it was made and when it ends (Unix ms), who gave it, why it ended, and what it says."""

    made_ms: int
    expires_ms: int
    target: str
    reason: str
    answer: Answer


encode: Final = msgspec.msgpack.Encoder().encode
decode: Final = msgspec.msgpack.Decoder(Shelved).decode


class Front:
    """The answers used last, in memory, of bounded bytes. Each stands there encoded: it is given out rarely enough."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._entries: OrderedDict[bytes, bytes] = OrderedDict()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: bytes, *, now_ms: int, ttl_s: int) -> Shelved | None:
        """What is there under this key, if it has not ended and is no older than `ttl_s`."""
        data = self._entries.get(key)
        if data is None:
            return None
        shelved = decode(data)
        if shelved.expires_ms <= now_ms:
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return shelved if now_ms < shelved.made_ms + ttl_s * 1000 else None

    def put(self, key: bytes, shelved: Shelved) -> None:
        if key in self._entries:
            self._drop(key)
        data = self._entries[key] = encode(shelved)
        self.bytes += len(data) + ENTRY_BYTES
        while self.bytes > self._limit and self._entries:
            self._drop(next(iter(self._entries)))

    def _drop(self, key: bytes) -> None:
        self.bytes -= len(self._entries.pop(key)) + ENTRY_BYTES


def find(connection: Connection, key: bytes, *, vault: Vault, now_ms: int, limit_bytes: int) -> Shelved | None:
    """What the database has under this key."""
    query = select(cached.c.answer).where(cached.c.key == key, cached.c.expires_ms > now_ms)
    sealed = connection.execute(query).scalar()
    if sealed is None:
        return None
    try:
        return decode(vault.open(key, sealed, limit=limit_bytes * 2 + 65_536))
    except (SealBroken, msgspec.DecodeError):
        return None  # the key has changed: the sweep takes it when its time is over


def store(connection: Connection, key: bytes, shelved: Shelved, *, vault: Vault) -> None:
    """Takes the place of what was there."""
    sealed = vault.seal(key, encode(shelved))
    row = {"made_ms": shelved.made_ms, "expires_ms": shelved.expires_ms, "size": len(sealed), "answer": sealed}
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(cached).values(row | {"key": key})
    connection.execute(statement.on_conflict_do_update(index_elements=[cached.c.key], set_=row))


def sweep(connection: Connection, *, now_ms: int, stored_bytes: int) -> int:
    """Removes what has ended, and what ends first beyond `stored_bytes`; returns how many."""
    removed = connection.execute(delete(cached).where(cached.c.expires_ms <= now_ms)).rowcount
    excess = (connection.execute(select(func.sum(cached.c.size))).scalar() or 0) - stored_bytes
    while excess > 0:
        query = select(cached.c.key, cached.c.size).order_by(cached.c.expires_ms, cached.c.made_ms)
        for row in connection.execute(query.limit(SWEPT_AT_ONCE)).all():
            if excess > 0:
                connection.execute(delete(cached).where(cached.c.key == row.key))
                excess -= row.size
                removed += 1
    return int(removed)
