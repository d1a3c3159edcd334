from __future__ import annotations

from relay.storage.secret import Secret


def test_a_secret_is_never_printed() -> None:
    secret = Secret("hunter2")
    assert f"{secret} {secret!r} {secret:>10} {[secret]}" == "*** *** *** [***]"


def test_a_secret_can_be_revealed_and_compared() -> None:
    assert Secret(b"key").reveal() == b"key"
    assert Secret("a") == Secret("a") != Secret("b")
