"""API keys: how one is made, and how the relay recognises one without storing it.

A key is `sk-nj-` and 32 random bytes, so its SHA-256 needs no salt and no slow hash: there is nothing to guess. Keys in
use stand in memory as their callers sent them; on disk there are only hashes.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from relay.accounts.errors import AuthenticationFault, NotAuthenticated
from relay.accounts.identity import Identity
from relay.clock import Clock
from relay.storage.secret import Secret

PREFIX = "sk-nj-"

_SHOWN = len(PREFIX) + 4
_SCHEME = b"bearer "
_MOST_SEEN = 4096
_MAX_HEADER_BYTES = 256
"""Longer than any key; hashing a header of 16 KiB would be work done for strangers."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key at the only moment its value is known. `digest` and `shown` (its first characters) are what is kept."""

    value: Secret[str]
    digest: bytes
    shown: str


def new_key() -> NewKey:
    value = PREFIX + secrets.token_urlsafe(32)
    return NewKey(value=Secret(value), digest=digest_of(value.encode()), shown=value[:_SHOWN])


def digest_of(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """One API key as the keyring knows it; the times are Unix milliseconds."""

    digest: bytes
    identity: Identity
    expires_ms: int | None = None
    revoked_ms: int | None = None


class Keyring:
    """Every key of the relay, in memory. A look-up touches no database; a header seen before is not hashed again."""

    def __init__(self, clock: Clock, records: Iterable[KeyRecord] = ()) -> None:
        self._clock = clock
        self._by_digest: dict[bytes, KeyRecord] = {}
        self._seen: dict[bytes, KeyRecord] = {}
        self.load(records)

    def load(self, records: Iterable[KeyRecord]) -> None:
        """Replaces all keys at once; calls already admitted are not affected."""
        self._by_digest = {record.digest: record for record in records}
        self._seen = {}

    def authenticate(self, authorization: bytes | None) -> Identity:
        """Who the value of an `Authorization` header stands for. Raises NotAuthenticated."""
        if not authorization:
            raise NotAuthenticated(AuthenticationFault.MISSING)
        record = self._seen.get(authorization) or self._look_up(authorization)
        if record.revoked_ms is not None:
            raise NotAuthenticated(AuthenticationFault.REVOKED)
        if record.expires_ms is not None and record.expires_ms <= self._clock.now_ms():
            raise NotAuthenticated(AuthenticationFault.EXPIRED)
        return record.identity

    def _look_up(self, authorization: bytes) -> KeyRecord:
        if len(authorization) > _MAX_HEADER_BYTES or authorization[:7].lower() != _SCHEME or len(authorization) == 7:
            raise NotAuthenticated(AuthenticationFault.MALFORMED)
        record = self._by_digest.get(digest_of(authorization[7:].strip()))
        if record is None:
            raise NotAuthenticated(AuthenticationFault.UNKNOWN)
        if len(self._seen) >= _MOST_SEEN:
            self._seen.clear()
        self._seen[authorization] = record
        return record
