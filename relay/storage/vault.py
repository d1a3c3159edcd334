"""Sealed bytes: what the database keeps of callers' answers, unreadable without a key that the database does not hold.

A stolen backup of the database tells nobody what was answered. The key lies in a file of the data folder, readable by
the relay's user alone; whoever loses it loses the kept answers and nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import zlib
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from relay.errors import RelayError
from relay.storage.errors import StorageProblem, StorageUnavailable, problem_of
from relay.storage.secret import Secret

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
_PERSON: Final = b"nightjar vault"


class SealBroken(RelayError):
    """Sealed bytes were changed, moved to another place, or sealed with another key."""

    def __str__(self) -> str:
        return "sealed bytes cannot be opened"


class Vault:
    """Seals bytes for one place each. Thread-safe: it keeps nothing but the key."""

    def __init__(self, key: Secret[bytes]) -> None:
        self._key = key

    def seal(self, place: bytes, data: bytes) -> bytes:
        """Compressed, encrypted, and bound to `place`: opened for any other place the seal is broken."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher(place).encrypt(nonce, zlib.compress(data, 1), place)

    def open(self, place: bytes, sealed: bytes, *, limit: int) -> bytes:
        """What was sealed for `place`; at most `limit` bytes of it. Raises SealBroken."""
        nonce, rest = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        try:
            packed = self._cipher(place).decrypt(nonce, rest, place)
        except (InvalidTag, ValueError) as error:
            raise SealBroken from error
        return zlib.decompressobj().decompress(packed, limit)

    def _cipher(self, place: bytes) -> ChaCha20Poly1305:
        """A key for each place, so that a nonce drawn twice among all of them gives nothing away."""
        master = self._key.reveal()
        return ChaCha20Poly1305(hashlib.blake2b(place, digest_size=KEY_BYTES, key=master, person=_PERSON).digest())


def open_vault(path: Path) -> Vault:
    """The vault with the key in `path`, which is made with a new one if it is not there. Raises StorageUnavailable."""
    try:
        with contextlib.suppress(FileExistsError):
            _make(path)
        key = path.read_bytes()
    except OSError as error:
        raise StorageUnavailable(str(path), problem_of(error), error.strerror or "") from error
    if len(key) != KEY_BYTES:
        raise StorageUnavailable(str(path), StorageProblem.DAMAGED, f"a key has {KEY_BYTES} bytes, not {len(key)}")
    return Vault(Secret(key))


def _make(path: Path) -> None:
    """Whole or not at all: a relay killed here must not find half a key at its next start."""
    if path.exists():
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}")
    part.unlink(missing_ok=True)
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(handle, os.urandom(KEY_BYTES))
        os.fsync(handle)
    finally:
        os.close(handle)
    try:
        os.link(part, path)  # unlike a rename it leaves a key alone that another process made meanwhile
    finally:
        part.unlink()
