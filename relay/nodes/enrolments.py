"""Enrolments and tokens in the database: functions of a connection, to be run by `Database.write` and `Database.read`.

Of codes and tokens only digests are kept.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from relay.nodes.codes import digest, new_user_code
from relay.nodes.store import Pool
from relay.storage.ids import NodeId, OrganisationId, PersonId
from relay.storage.secret import Secret
from relay.storage.tables import enrolment_tokens, enrolments
from relay.wire.identity import fingerprint

State = Literal["waiting", "approved", "denied", "expired"]
KEPT_MS: Final = 24 * 3600 * 1000
"""How long an enrolment is remembered after its end, so that a late desktop hears what became of it."""
TOKEN_PREFIX: Final = "nj-enrol-"  # noqa: S105 - no token, its beginning


@dataclass(frozen=True, slots=True)
class Application:
    """A PC that wants to be a node. `id` is the digest of its device code; `facts` are fit to be shown."""

    id: bytes
    state: State
    public_key: bytes
    facts: dict[str, Any]
    address: str
    challenge: str
    created_ms: int
    expires_ms: int
    node: NodeId | None

    @property
    def key_id(self) -> str:
        return fingerprint(self.public_key)

    @property
    def name(self) -> str:
        return str(self.facts.get("name", ""))


@dataclass(frozen=True, slots=True)
class Issued:
    """The two codes of a new application, known only now."""

    device_code: Secret[str]
    user_code: str


@dataclass(frozen=True, slots=True)
class TokenGrant:
    """What a token gives to whoever shows it."""

    organisation: OrganisationId
    owner: PersonId
    pool: Pool


_COLUMNS: Final = (
    enrolments.c.device_code_hash,
    enrolments.c.state,
    enrolments.c.public_key,
    enrolments.c.facts,
    enrolments.c.address,
    enrolments.c.pkce_challenge,
    enrolments.c.created_ms,
    enrolments.c.expires_ms,
    enrolments.c.node,
)


def apply(
    connection: Connection,
    public_key: bytes,
    facts: dict[str, Any],
    *,
    address: str,
    challenge: str,
    at_ms: int,
    expires_ms: int,
) -> Issued:
    """A new application; forgets those long over."""
    connection.execute(delete(enrolments).where(enrolments.c.expires_ms < at_ms - KEPT_MS))
    device_code = secrets.token_urlsafe(32)
    row = {
        "device_code_hash": digest("device code", device_code),
        "state": "waiting",
        "public_key": public_key,
        "facts": facts,
        "address": address,
        "pkce_challenge": challenge,
        "created_ms": at_ms,
        "expires_ms": expires_ms,
    }
    while True:
        user_code = new_user_code(secrets.randbelow)
        try:
            with connection.begin_nested():
                connection.execute(insert(enrolments).values(row | {"user_code": _kept(user_code)}))
        except IntegrityError:
            continue  # one chance in millions: the code is in use
        return Issued(Secret(device_code), user_code)


def waiting(connection: Connection, *, at_ms: int) -> int:
    """How many applications wait for a decision."""
    query = select(func.count()).where(enrolments.c.state == "waiting", enrolments.c.expires_ms > at_ms)
    return connection.execute(query).scalar_one()


def by_user_code(connection: Connection, code: str) -> Application | None:
    """`code` as `as_typed` gives it."""
    return _one(connection, enrolments.c.user_code == _kept(code))


def by_device_code(connection: Connection, code: str) -> Application | None:
    return by_id(connection, digest("device code", code))


def by_id(connection: Connection, identifier: bytes) -> Application | None:
    return _one(connection, enrolments.c.device_code_hash == identifier)


def decide(
    connection: Connection,
    application: Application,
    state: Literal["approved", "denied"],
    *,
    by: PersonId,
    organisation: OrganisationId,
    node: NodeId | None,
) -> bool:
    """Closes an application; False if somebody was faster."""
    open_one = (enrolments.c.device_code_hash == application.id) & (enrolments.c.state == "waiting")
    change = {"state": state, "approved_by": by, "organisation": organisation, "node": node}
    return bool(connection.execute(update(enrolments).where(open_one).values(change)).rowcount)


def count_wrong(connection: Connection, application: Application, *, limit: int) -> None:
    """A wrong proof was shown; after `limit` of them nobody can approve it any more."""
    this = enrolments.c.device_code_hash == application.id
    connection.execute(update(enrolments).where(this).values(tries=enrolments.c.tries + 1))
    worn_out = this & (enrolments.c.tries >= limit) & (enrolments.c.state == "waiting")
    connection.execute(update(enrolments).where(worn_out).values(state="expired"))


# --- tokens ----------------------------------------------------------------------------------------------------------


def issue_token(connection: Connection, grant: TokenGrant, *, uses: int, at_ms: int, expires_ms: int) -> Secret[str]:
    """A token that enrols `uses` PCs without a browser. Shown this once."""
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    row = {
        "hash": digest("enrolment token", token),
        "organisation": grant.organisation,
        "created_by": grant.owner,
        "pool": grant.pool,
        "uses_left": uses,
        "created_ms": at_ms,
        "expires_ms": expires_ms,
    }
    connection.execute(insert(enrolment_tokens).values(row))
    return Secret(token)


def use_token(connection: Connection, token: str, *, at_ms: int) -> TokenGrant | None:
    """Takes one use of a token; None if it has none left, is over, or never was."""
    valid = (
        (enrolment_tokens.c.hash == digest("enrolment token", token))
        & (enrolment_tokens.c.uses_left > 0)
        & (enrolment_tokens.c.expires_ms > at_ms)
    )
    if not connection.execute(
        update(enrolment_tokens).where(valid).values(uses_left=enrolment_tokens.c.uses_left - 1)
    ).rowcount:
        return None
    query = select(enrolment_tokens.c.organisation, enrolment_tokens.c.created_by, enrolment_tokens.c.pool)
    row = connection.execute(query.where(enrolment_tokens.c.hash == digest("enrolment token", token))).one()
    return TokenGrant(OrganisationId(row[0]), PersonId(row[1]), row[2])


def _kept(user_code: str) -> str:
    return digest("user code", user_code).hex()


def _one(connection: Connection, condition: Any) -> Application | None:
    row = connection.execute(select(*_COLUMNS).where(condition)).first()
    return None if row is None else Application(*row)
