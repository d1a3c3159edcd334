"""What is sealed tells nothing, and opens only where it belongs."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from relay.storage.errors import StorageProblem, StorageUnavailable
from relay.storage.secret import Secret
from relay.storage.vault import KEY_BYTES, SealBroken, Vault, open_vault

ANSWER = b"The capital of France is Paris. " * 20


@pytest.fixture
def vault() -> Vault:
    return Vault(Secret(bytes(KEY_BYTES)))


def test_what_was_sealed_comes_out_again(vault: Vault) -> None:
    sealed = vault.seal(b"here", ANSWER)

    assert vault.open(b"here", sealed, limit=10_000) == ANSWER
    assert b"Paris" not in sealed
    assert len(sealed) < len(ANSWER)
    assert sealed != vault.seal(b"here", ANSWER)


def test_it_opens_neither_elsewhere_nor_changed_nor_with_another_key(vault: Vault) -> None:
    sealed = vault.seal(b"here", ANSWER)
    other = Vault(Secret(b"\x01" * KEY_BYTES))
    for opener, place, data in (
        (vault, b"there", sealed),
        (vault, b"here", sealed[:-1] + bytes([sealed[-1] ^ 1])),
        (vault, b"here", sealed[:9]),
        (vault, b"here", b""),
        (other, b"here", sealed),
    ):
        with pytest.raises(SealBroken):
            opener.open(place, data, limit=10_000)


def test_it_is_unpacked_no_further_than_asked(vault: Vault) -> None:
    assert len(vault.open(b"here", vault.seal(b"here", bytes(1_000_000)), limit=1000)) == 1000


def test_the_key_is_made_once_and_is_nobody_elses_to_read(tmp_path: Path) -> None:
    path = tmp_path / "data" / "answers.key"
    sealed = open_vault(path).seal(b"here", ANSWER)

    assert open_vault(path).open(b"here", sealed, limit=10_000) == ANSWER
    assert [each.name for each in path.parent.iterdir()] == ["answers.key"]
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_holds_no_key_is_not_taken_for_one(tmp_path: Path) -> None:
    (tmp_path / "answers.key").write_bytes(b"half a key")

    with pytest.raises(StorageUnavailable) as caught:
        open_vault(tmp_path / "answers.key")

    assert caught.value.problem is StorageProblem.DAMAGED


def test_a_vault_does_not_print_its_key(vault: Vault) -> None:
    assert "***" in repr(vault._key)
