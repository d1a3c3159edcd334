"""Keys and what they sign: each text for one purpose, one place and one occasion."""

from __future__ import annotations

import hashlib
import itertools

import pytest

from relay.wire import version
from relay.wire.identity import (
    _SMALL_ORDER,
    LinkSecrets,
    SigningKey,
    catalogue_text,
    challenge_text,
    enrol_text,
    fingerprint,
    hello_text,
    is_signed,
    link_mac,
    owner_text,
    rotate_text,
)
from tests.wire.links import NODE_KEY, STRANGER_KEY


def test_a_key_is_its_seed_and_its_name_is_the_hash_of_its_public_half() -> None:
    assert SigningKey(NODE_KEY.seed).public == NODE_KEY.public
    assert NODE_KEY.fingerprint == fingerprint(NODE_KEY.public) == hashlib.sha256(NODE_KEY.public).hexdigest()


def test_a_signature_holds_for_its_text_and_its_key_only() -> None:
    signature = NODE_KEY.sign(b"text")
    assert is_signed(b"text", signature, by=NODE_KEY.public)
    assert not is_signed(b"texT", signature, by=NODE_KEY.public)
    assert not is_signed(b"text", signature, by=STRANGER_KEY.public)


def test_a_malformed_key_or_signature_has_signed_nothing() -> None:
    assert not is_signed(b"text", NODE_KEY.sign(b"text"), by=b"short")
    assert not is_signed(b"text", b"short", by=NODE_KEY.public)


@pytest.mark.parametrize("sign", [0x00, 0x80])
@pytest.mark.parametrize("encoding", sorted(_SMALL_ORDER), ids=bytes.hex)
def test_a_key_under_which_anybody_could_sign_has_signed_nothing(encoding: bytes, sign: int) -> None:
    degenerate = encoding[:31] + bytes([encoding[31] | sign])
    forged = [point + bytes(32) for point in _SMALL_ORDER]
    assert not any(is_signed(bytes([n]), signature, by=degenerate) for n in range(16) for signature in forged)


def test_the_hello_text_is_the_one_of_the_protocol() -> None:
    challenge, body = hashlib.sha256(b"challenge").digest(), hashlib.sha256(b"body").digest()
    assert hello_text(host="Relay.example:443", challenge=b"challenge", body=b"body") == (
        b"nightjar hello v1\0relay.example:443\0" + challenge + body
    )


def test_no_signature_serves_two_purposes() -> None:
    texts = [
        challenge_text(nonce=b"a" * 32, time=1, node_nonce=b"b" * 32),
        hello_text(host="h", challenge=b"a", body=b"b"),
        enrol_text(host="h", nonce=b"a", facts=b"b"),
        rotate_text(host="h", nonce=b"a", public_key=b"b"),
        owner_text(host="h", nonce=b"a", question=b"b"),
        catalogue_text(b"b"),
    ]
    purposes = [text.split(b"\0")[0] for text in texts]
    assert len(set(purposes)) == len(texts)


def test_no_part_of_a_signed_text_can_be_moved_into_another() -> None:
    variants = [
        hello_text(host=host, challenge=challenge, body=body)
        for host, challenge, body in itertools.product(["a", "ab"], [b"b", b"bc"], [b"c", b""])
    ]
    assert len(set(variants)) == len(variants)


def test_the_link_mac_depends_on_secret_host_challenge_and_body() -> None:
    macs = {
        link_mac(secret, host=host, challenge=challenge, body=body)
        for secret, host, challenge, body in itertools.product([b"s", b"t"], ["a", "b"], [b"c", b"d"], [b"e", b"f"])
    }
    assert len(macs) == 16
    assert {len(mac) for mac in macs} == {32}


def test_an_empty_link_is_shown_by_a_node_without_a_secret_only() -> None:
    fresh = LinkSecrets()
    assert fresh.shown(b"", host="h", challenge=b"c", body=b"b") == b""
    assert fresh.shown(bytes(32), host="h", challenge=b"c", body=b"b") is None
    known = LinkSecrets(newest=b"s" * 32, previous=b"t" * 32)
    assert known.shown(b"", host="h", challenge=b"c", body=b"b") is None


def test_the_highest_version_of_both_sides_is_chosen() -> None:
    assert version.choose([1]) == 1
    assert version.choose([3, 1, 2]) == 1
    assert version.choose([2]) is None
    assert version.choose([]) is None
