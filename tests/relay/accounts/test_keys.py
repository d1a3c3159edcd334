from __future__ import annotations

import hashlib

import pytest

from relay.accounts.errors import AuthenticationFault, NotAuthenticated
from relay.accounts.identity import Identity
from relay.accounts.keys import PREFIX, KeyRecord, Keyring, new_key
from relay.clock import ManualClock
from relay.storage.ids import KeyId, OrganisationId, ProjectId

IDENTITY = Identity(OrganisationId(1), ProjectId(2), KeyId(3), "laptop")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def reason(keyring: Keyring, header: bytes | None) -> AuthenticationFault:
    with pytest.raises(NotAuthenticated) as caught:
        keyring.authenticate(header)
    return caught.value.reason


def test_a_key_has_32_random_bytes_and_is_kept_as_its_sha256() -> None:
    key = new_key()
    value = key.value.reveal()
    assert value.startswith(PREFIX)
    assert len(value) == len(PREFIX) + 43
    assert key.digest == hashlib.sha256(value.encode()).digest()
    assert value.startswith(key.shown)
    assert len(key.shown) < 12
    assert new_key().value != key.value


@pytest.mark.parametrize("scheme", [b"Bearer ", b"bearer ", b"BEARER ", b"Bearer   "])
def test_a_valid_key_is_recognised_however_the_scheme_is_written(clock: ManualClock, scheme: bytes) -> None:
    key = new_key()
    keyring = Keyring(clock, [KeyRecord(key.digest, IDENTITY)])
    assert keyring.authenticate(scheme + key.value.reveal().encode()) is IDENTITY


@pytest.mark.parametrize(
    ("header", "fault"),
    [
        (None, AuthenticationFault.MISSING),
        (b"", AuthenticationFault.MISSING),
        (b"Bearer", AuthenticationFault.MALFORMED),
        (b"Bearer ", AuthenticationFault.MALFORMED),
        (b"Basic c2VjcmV0", AuthenticationFault.MALFORMED),
        (b"sk-nj-without-scheme", AuthenticationFault.MALFORMED),
        (b"Bearer " + b"x" * 10_000, AuthenticationFault.MALFORMED),
        (b"Bearer sk-nj-unknown", AuthenticationFault.UNKNOWN),
        (b"Bearer \xff\xfe\x00' OR 1=1", AuthenticationFault.UNKNOWN),
    ],
)
def test_anything_else_is_nobody(clock: ManualClock, header: bytes | None, fault: AuthenticationFault) -> None:
    key = new_key()
    assert reason(Keyring(clock, [KeyRecord(key.digest, IDENTITY)]), header) is fault


def test_an_empty_keyring_knows_nobody(clock: ManualClock) -> None:
    assert reason(Keyring(clock), b"Bearer " + new_key().value.reveal().encode()) is AuthenticationFault.UNKNOWN


def test_a_key_ends_at_its_expiry(clock: ManualClock) -> None:
    key = new_key()
    header = b"Bearer " + key.value.reveal().encode()
    keyring = Keyring(clock, [KeyRecord(key.digest, IDENTITY, expires_ms=clock.now_ms() + 1000)])
    assert keyring.authenticate(header) is IDENTITY
    clock.advance(1)
    assert reason(keyring, header) is AuthenticationFault.EXPIRED


def test_a_revoked_key_ends_with_the_next_load(clock: ManualClock) -> None:
    key = new_key()
    header = b"Bearer " + key.value.reveal().encode()
    keyring = Keyring(clock, [KeyRecord(key.digest, IDENTITY)])
    keyring.load([KeyRecord(key.digest, IDENTITY, revoked_ms=1)])
    assert reason(keyring, header) is AuthenticationFault.REVOKED


def test_the_error_holds_nothing_of_the_key(clock: ManualClock) -> None:
    with pytest.raises(NotAuthenticated) as caught:
        Keyring(clock).authenticate(b"Bearer sk-nj-secret")
    assert "secret" not in repr(caught.value) + str(caught.value)
