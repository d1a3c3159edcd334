from __future__ import annotations

from relay.nodes.seals import Seals

SEALS = Seals(b"secret of a relay")
FACTS = {"application": "ab", "browser": "cd"}


def test_sealed_facts_come_back_unchanged_until_their_time_is_over() -> None:
    text = SEALS.seal("proof", FACTS, expires_ms=1000)
    assert SEALS.open("proof", text, now_ms=999) == FACTS
    assert SEALS.open("proof", text, now_ms=1000) is None


def test_a_seal_for_one_purpose_opens_no_other() -> None:
    assert SEALS.open("code", SEALS.seal("proof", FACTS, expires_ms=1000), now_ms=0) is None


def test_another_relays_seal_is_no_seal() -> None:
    text = Seals(b"another relay").seal("proof", FACTS, expires_ms=1000)
    assert SEALS.open("proof", text, now_ms=0) is None


def test_every_changed_character_breaks_a_seal() -> None:
    text = SEALS.seal("proof", FACTS, expires_ms=1000)
    for at, letter in enumerate(text[:-1]):  # the last one holds bits that mean nothing
        changed = text[:at] + ("A" if letter != "A" else "B") + text[at + 1 :]
        assert SEALS.open("proof", changed, now_ms=0) is None


def test_what_is_no_seal_at_all_opens_nothing() -> None:
    for text in ("", "x", "ü", "a b", "A" * 21, "A" * 10_000):
        assert SEALS.open("proof", text, now_ms=0) is None


def test_a_nonce_is_fresh_for_its_time_and_purpose() -> None:
    nonce = SEALS.nonce("enrol", bytes(8), expires_ms=1000)
    assert len(nonce) == 32
    assert SEALS.is_fresh("enrol", nonce, now_ms=999)
    assert not SEALS.is_fresh("enrol", nonce, now_ms=1000)
    assert not SEALS.is_fresh("rotate", nonce, now_ms=0)
    assert not SEALS.is_fresh("enrol", bytes(32), now_ms=0)
    assert not SEALS.is_fresh("enrol", nonce[:-1], now_ms=0)
