"""The rows of `Idempotency-Key`s. Functions of a connection, each one transaction.

(no row) -> open -> kept          the answer can be given again
                 -> any other     it cannot, and the word says why
                 -> (no row)      the call failed or was cancelled: the key is free again
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from relay.ledger.entries import CallId, NanoDollars
from relay.storage.tables import idempotency_claims as claims
from relay.storage.tables import labels, usage

OPEN: Final = "open"
KEPT: Final = "kept"
TOO_LONG: Final = "too_long"
NO_ROOM: Final = "no_room"
NOT_KEPT: Final = "not_kept"
EVICTED: Final = "evicted"

SWEPT_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Claim:
    """What a caller asks with: the hashes of key and body, the id the call would have, and when the row ends."""

    scope: bytes
    body: bytes
    call: CallId
    expires_ms: int


@dataclass(frozen=True, slots=True)
class SettledFact:
    """What the books say of a call that ran under a key."""

    state: str
    prompt_tokens: int
    completion_tokens: int
    cost: NanoDollars


@dataclass(frozen=True, slots=True)
class Taken:
    """The key is in use. `settled` is None if the books know nothing of its call, yet or at all."""

    call: CallId
    same_body: bool
    fate: str
    answer: bytes | None
    settled: SettledFact | None


def claim(connection: Connection, wanted: Claim, *, now_ms: int, is_over: Callable[[CallId], bool]) -> Taken | None:
    """Takes the key: None if it is this call's now, otherwise who has it.

    An open claim whose call `is_over` belongs to a process that died. If its call was never charged anything, it may as
    well not have been, and the key goes to the new call; otherwise nobody is charged twice.
    """
    connection.execute(delete(claims).where(claims.c.scope == wanted.scope, claims.c.expires_ms <= now_ms))
    row = {
        "scope": wanted.scope,
        "body": wanted.body,
        "call": wanted.call,
        "expires_ms": wanted.expires_ms,
        "fate": OPEN,
        "size": 0,
    }
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    if connection.execute(dialect.insert(claims).values(row).on_conflict_do_nothing()).rowcount == 1:
        return None
    found = connection.execute(select(claims).where(claims.c.scope == wanted.scope)).one()
    same_body = found.body == wanted.body
    settled = _settled(connection, CallId(found.call))
    if (
        found.fate == OPEN
        and same_body
        and is_over(CallId(found.call))
        and (settled is None or not settled.cost + settled.completion_tokens)
    ):
        connection.execute(update(claims).where(claims.c.scope == wanted.scope).values(row))
        return None
    return Taken(CallId(found.call), same_body, found.fate, found.answer, settled)


def _settled(connection: Connection, call: CallId) -> SettledFact | None:
    columns = (labels.c.text, usage.c.prompt_tokens, usage.c.completion_tokens, usage.c.cost)
    query = select(*columns).join(labels, labels.c.id == usage.c.state).where(usage.c.call == call)
    row = connection.execute(query).first()
    return None if row is None else SettledFact(row.text, row.prompt_tokens, row.completion_tokens, row.cost)


def keep(connection: Connection, scope: bytes, call: CallId, *, fate: str, answer: bytes | None) -> None:
    """The call has ended, and this is what became of its answer."""
    values = {"fate": fate, "answer": answer, "size": len(answer or b"")}
    connection.execute(update(claims).where(claims.c.scope == scope, claims.c.call == call).values(values))


def release(connection: Connection, scope: bytes, call: CallId) -> None:
    """The call came to nothing: its key can be used again."""
    connection.execute(delete(claims).where(claims.c.scope == scope, claims.c.call == call))


def sweep(connection: Connection, *, now_ms: int, stored_bytes: int) -> int:
    """Removes rows that have ended, and the oldest answers beyond `stored_bytes`; returns how many that were."""
    touched = connection.execute(delete(claims).where(claims.c.expires_ms <= now_ms)).rowcount
    excess = (connection.execute(select(func.sum(claims.c.size))).scalar() or 0) - stored_bytes
    while excess > 0:
        oldest = select(claims.c.scope, claims.c.size).where(claims.c.size > 0).order_by(claims.c.expires_ms)
        rows = connection.execute(oldest.limit(SWEPT_AT_ONCE)).all()
        for row in rows:
            if excess <= 0:
                break
            emptied = update(claims).where(claims.c.scope == row.scope)
            connection.execute(emptied.values(fate=EVICTED, answer=None, size=0))
            excess -= row.size
            touched += 1
    return int(touched)
