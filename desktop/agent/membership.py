"""Which node this PC is: its record on disk and its secrets in their store, put together and kept together.

The order of writing is what makes a crash harmless: first the key, then the record that names it. A key without a
record is a stray that the next enrolment replaces; a record without its key is an error that says so.

Secrets may sit behind a password dialog, so they are only touched on a worker thread, never on the loop.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field

import msgspec

from desktop.agent.address import RelayAddress
from desktop.agent.enrolment import Joined
from desktop.agent.record import Membership, Record, load_record, save_record
from desktop.errors import DesktopError, SecretUnavailable, SecretUnusable
from desktop.system.paths import Paths
from desktop.system.secrets import Kind, Secret, SecretStore, open_store
from relay.wire.handshake import NodeIdentity
from relay.wire.identity import LINK_SECRET_BYTES, SEED_BYTES, SigningKey

log = logging.getLogger(__name__)

_KEY = "node-key"
_LINK = "link-secret"


@dataclass(frozen=True, slots=True)
class Member:
    """This PC as a node: whom it dials, and what it proves itself with."""

    relay: RelayAddress
    node_id: str
    relay_key: bytes
    key: SigningKey
    store: SecretStore
    link_secret: bytes = field(default=b"", repr=False)

    def identity(self) -> NodeIdentity:
        return NodeIdentity(self.node_id, self.key, self.relay.place, self.relay_key, self.link_secret)


class Memberships:
    """The record of one agent, in memory and on disk, and the member it names."""

    def __init__(self, paths: Paths, *, secrets: Kind | None = None) -> None:
        """`secrets` chooses the store of new keys; None leaves it to the platform. Raises SettingsUnreadable."""
        self._paths = paths
        self._wanted_store = secrets
        self.record: Record = load_record(paths.record)
        self.member: Member | None = None

    async def load(self) -> None:
        """Finds the member the record names, if any. Raises SecretUnavailable."""
        if self.record.membership is not None:
            self.member = await asyncio.to_thread(self._read, self.record.membership)

    def change(self, **changed: object) -> None:
        """Replaces fields of the record, in memory and on disk. Raises FolderUnusable."""
        self.record = msgspec.structs.replace(self.record, **changed)
        save_record(self._paths.record, self.record)

    async def join(self, joined: Joined) -> Member:
        """Keeps what an enrolment brought. Raises FolderUnusable, SecretUnavailable."""
        store = await asyncio.to_thread(self._write_key, joined.key)
        self.member = Member(joined.relay, joined.node_id, joined.relay_key, joined.key, store)
        self.change(
            membership=Membership(
                relay=joined.relay.url,
                node_id=joined.node_id,
                key_id=joined.key_id,
                relay_key=joined.relay_key,
                secrets=store.kind,
            )
        )
        return self.member

    async def leave(self) -> None:
        """The relay no longer knows this node: its key is of no more use to anyone."""
        member, self.member = self.member, None
        self.change(membership=None)
        if member is not None:
            await asyncio.to_thread(_forget, member.store)

    async def keep_link_secret(self, secret: bytes) -> None:
        """Must be durable before the session is used, or the next hello looks like that of a copy."""
        member = self.member
        if member is None:
            return
        await asyncio.to_thread(member.store.save, _LINK, Secret(secret))
        self.member = Member(member.relay, member.node_id, member.relay_key, member.key, member.store, secret)

    def _read(self, membership: Membership) -> Member:
        store = self._store(membership.secrets)
        signing, secret = _signing_key(store, membership), _link_secret(store, membership)
        relay = RelayAddress.parse(membership.relay)
        return Member(relay, membership.node_id, membership.relay_key, signing, store, secret)

    def _write_key(self, key: SigningKey) -> SecretStore:
        store = self._store(self._wanted_store)
        try:
            _write(store, key)
        except SecretUnavailable as error:
            if self._wanted_store is not None:
                raise
            # A keystore that is there but refuses (locked, dialog dismissed) must not keep a PC from being a node.
            log.warning("the keystore refused; keeping the key in a file", extra={"why": error.why})
            store = self._store("file")
            _write(store, key)
        return store

    def _store(self, kind: Kind | None) -> SecretStore:
        return open_store(self._paths.data / "secrets", kind, service=self._paths.keystore_service)


def _signing_key(store: SecretStore, membership: Membership) -> SigningKey:
    key = store.load(_KEY)
    if key is None:
        raise SecretUnusable(store.where, "it is not there", membership.relay)
    seed = key.reveal()
    if len(seed) != SEED_BYTES:
        raise SecretUnusable(store.where, f"{_KEY} is damaged", membership.relay)
    signing = SigningKey(seed)
    if signing.fingerprint != membership.key_id:
        raise SecretUnusable(store.where, "another key is there", membership.relay)
    return signing


def _link_secret(store: SecretStore, membership: Membership) -> bytes:
    """A damaged one is not tried: the relay would take this PC for a copy of itself, and bar both."""
    link = store.load(_LINK)
    secret = link.reveal() if link else b""
    if len(secret) not in (0, LINK_SECRET_BYTES):
        raise SecretUnusable(store.where, f"{_LINK} is damaged", membership.relay)
    return secret


def _write(store: SecretStore, key: SigningKey) -> None:
    store.forget(_LINK)
    store.save(_KEY, Secret(key.seed))


def _forget(store: SecretStore) -> None:
    for name in (_KEY, _LINK):
        try:
            store.forget(name)
        except DesktopError as error:
            log.info("a secret stays behind", extra={"where": store.where, "why": str(error)})
