"""Nodes in the database: functions of a connection, to be run by `Database.write` and `Database.read`.

What changes which sockets may be open bumps the revision; a session's own bookkeeping (epoch, link secret) does not.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import Connection, insert, select, update

from relay.errors import RelayError
from relay.nodes.facts import NodeFacts
from relay.storage import revision
from relay.storage.ids import NodeId, OrganisationId, PersonId
from relay.storage.tables import nodes, relay_identity
from relay.wire.identity import SEED_BYTES, LinkSecrets, SigningKey, fingerprint

Pool = Literal["none", "own", "organisation", "trusted", "community"]
"""Who may use a node; `none` until somebody with the right to it has said so."""

POOLS: Final[tuple[Pool, ...]] = ("none", "own", "organisation", "trusted", "community")
_ROW: Final = "current"


class NoSuchNode(RelayError):
    """No node has this id, or it was revoked."""

    def __init__(self, node: NodeId) -> None:
        super().__init__(node)
        self.node = node

    def __str__(self) -> str:
        return f"there is no node {self.node}"


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """A node as the database knows it. `facts` is what it said of itself when it was enrolled."""

    id: NodeId
    organisation: OrganisationId
    owner: PersonId
    name: str
    pool: Pool
    public_key: bytes
    key_id: str
    facts: dict[str, Any]
    created_ms: int
    seen_ms: int | None
    suspended_ms: int | None
    suspended_reason: str | None
    revoked_ms: int | None

    @property
    def described(self) -> NodeFacts:
        return NodeFacts(self.id, self.organisation, self.owner, self.name, self.pool)

    @property
    def barred(self) -> str | None:
        """Why it may not connect; None if it may."""
        if self.revoked_ms is not None:
            return "revoked"
        return None if self.suspended_ms is None else (self.suspended_reason or "suspended")


_RECORD: Final = (
    nodes.c.id,
    nodes.c.organisation,
    nodes.c.owner,
    nodes.c.name,
    nodes.c.pool,
    nodes.c.public_key,
    nodes.c.key_id,
    nodes.c.facts,
    nodes.c.created_ms,
    nodes.c.seen_ms,
    nodes.c.suspended_ms,
    nodes.c.suspended_reason,
    nodes.c.revoked_ms,
)


def all_nodes(connection: Connection) -> Sequence[NodeRecord]:
    """Every node ever enrolled, oldest first, the revoked ones too."""
    return [_record(row) for row in connection.execute(select(*_RECORD).order_by(nodes.c.created_ms, nodes.c.id))]


def nodes_of(connection: Connection, organisation: OrganisationId) -> Sequence[NodeRecord]:
    """An organisation's nodes that are not revoked, oldest first."""
    query = select(*_RECORD).where(nodes.c.organisation == organisation, nodes.c.revoked_ms.is_(None))
    return [_record(row) for row in connection.execute(query.order_by(nodes.c.created_ms, nodes.c.id))]


def add_node(
    connection: Connection,
    public_key: bytes,
    facts: dict[str, Any],
    *,
    organisation: OrganisationId,
    owner: PersonId,
    name: str,
    pool: Pool,
    at_ms: int,
) -> NodeRecord:
    """Enrols a key. One that is already enrolled in this organisation gets its node back, under its new name.

    Raises KeyTaken if the key is another organisation's node, or was revoked: a key is never given away.
    """
    known = connection.execute(select(*_RECORD).where(nodes.c.public_key == public_key)).first()
    if known is not None:
        return _readmit(connection, _record(known), organisation, name=name, facts=facts, owner=owner)
    row = {
        "id": "node-" + secrets.token_hex(8),
        "organisation": organisation,
        "owner": owner,
        "name": name,
        "pool": pool,
        "public_key": public_key,
        "key_id": fingerprint(public_key),
        "facts": facts,
        "created_ms": at_ms,
    }
    connection.execute(insert(nodes).values(row))
    revision.bump(connection)
    return _by_key(connection, public_key)


class KeyTaken(RelayError):
    """The key belongs to another node already, or to one that was revoked."""

    remedy = "Start the enrolment again in the app on that PC: it makes a new key each time."

    def __str__(self) -> str:
        return "this PC's key was enrolled before and cannot be enrolled here"


def _readmit(
    connection: Connection,
    node: NodeRecord,
    organisation: OrganisationId,
    *,
    name: str,
    facts: dict[str, Any],
    owner: PersonId,
) -> NodeRecord:
    if node.revoked_ms is not None or node.organisation != organisation or node.owner != owner or node.suspended_ms:
        raise KeyTaken
    change = {"name": name, "facts": facts}
    connection.execute(update(nodes).where(nodes.c.id == node.id).values(change))
    revision.bump(connection)
    return _by_key(connection, node.public_key)


def set_pool(connection: Connection, node: NodeId, *, pool: Pool, organisation: OrganisationId) -> None:
    """Says who may use a node of this organisation. Raises NoSuchNode."""
    _change(connection, node, organisation, {"pool": pool})


def revoke(connection: Connection, node: NodeId, *, organisation: OrganisationId, at_ms: int) -> None:
    """Ends a node for good. Raises NoSuchNode."""
    _change(connection, node, organisation, {"revoked_ms": at_ms})


def suspend(connection: Connection, node: NodeId, *, reason: str, at_ms: int) -> None:
    """Bars a key until its owner has looked at it."""
    connection.execute(
        update(nodes)
        .where(nodes.c.id == node, nodes.c.suspended_ms.is_(None))
        .values(suspended_ms=at_ms, suspended_reason=reason)
    )
    revision.bump(connection)


@dataclass(frozen=True, slots=True)
class Known:
    """What a hello is judged by."""

    record: NodeRecord
    secrets: LinkSecrets
    epoch: int


def known(connection: Connection, node: NodeId) -> Known | None:
    """The node as it stands now, whatever its state; None if there is none."""
    query = select(*_RECORD, nodes.c.link_secret_current, nodes.c.link_secret_previous, nodes.c.epoch)
    row = connection.execute(query.where(nodes.c.id == node)).first()
    if row is None:
        return None
    newest, previous, epoch = row[-3:]
    return Known(_record(row[:-3]), LinkSecrets(newest=newest or b"", previous=previous or b""), epoch)


def begin_session(
    connection: Connection, node: NodeId, *, shown: LinkSecrets, remembered: LinkSecrets, at_ms: int
) -> int | None:
    """Notes the secrets that hold from now on, and returns the session's epoch.

    None if the secrets are no longer those the hello was judged by (another socket of the node was faster), or the
    node was barred meanwhile: look again.
    """
    unchanged = (
        (nodes.c.id == node)
        & (nodes.c.link_secret_current.is_not_distinct_from(shown.newest or None))
        & nodes.c.revoked_ms.is_(None)
        & nodes.c.suspended_ms.is_(None)
    )
    change = {
        "epoch": nodes.c.epoch + 1,
        "link_secret_current": remembered.newest,
        "link_secret_previous": remembered.previous or None,
        "seen_ms": at_ms,
    }
    if not connection.execute(update(nodes).where(unchanged).values(change)).rowcount:
        return None
    return int(connection.execute(select(nodes.c.epoch).where(nodes.c.id == node)).scalar_one())


def signing_key(connection: Connection, *, at_ms: int) -> SigningKey:
    """The relay's own key, made at the first call."""
    query = select(relay_identity.c.private_key).where(relay_identity.c.id == _ROW)
    seed = connection.execute(query).scalar_one_or_none()
    if seed is None:
        seed = secrets.token_bytes(SEED_BYTES)
        row = {"id": _ROW, "private_key": seed, "created_ms": at_ms}
        connection.execute(insert(relay_identity).values(row))
    return SigningKey(seed)


def _change(connection: Connection, node: NodeId, organisation: OrganisationId, change: dict[str, Any]) -> None:
    mine = (nodes.c.id == node) & (nodes.c.organisation == organisation) & nodes.c.revoked_ms.is_(None)
    if not connection.execute(update(nodes).where(mine).values(change)).rowcount:
        raise NoSuchNode(node)
    revision.bump(connection)


def _by_key(connection: Connection, public_key: bytes) -> NodeRecord:
    return _record(connection.execute(select(*_RECORD).where(nodes.c.public_key == public_key)).one())


def _record(row: Sequence[Any]) -> NodeRecord:
    return NodeRecord(*row)
