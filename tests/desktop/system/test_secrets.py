"""Both places a key can be in, held to one contract."""

from __future__ import annotations

from pathlib import Path

import pytest
from keyring.backend import KeyringBackend
from typing_extensions import override

from desktop.errors import SecretUnavailable
from desktop.system.secrets import FileStore, KeystoreStore, Secret, SecretStore, open_store


class MemoryKeyring(KeyringBackend):
    """What a keystore does, without one."""

    priority = 1

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str], str] = {}
        self.locked = False

    @override
    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise RuntimeError("locked")
        return self.entries.get((service, username))

    @override
    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password

    @override
    def delete_password(self, service: str, username: str) -> None:
        del self.entries[service, username]


@pytest.fixture(params=["file", "keystore"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> SecretStore:
    return FileStore(tmp_path / "secrets") if request.param == "file" else KeystoreStore(MemoryKeyring(), "nightjar")


def test_what_was_saved_is_loaded(store: SecretStore) -> None:
    store.save("key", Secret(b"\x00\xff" * 16))
    assert store.load("key") == Secret(b"\x00\xff" * 16)


def test_nothing_saved_is_nothing_loaded(store: SecretStore) -> None:
    assert store.load("key") is None


def test_a_later_secret_replaces_the_earlier(store: SecretStore) -> None:
    store.save("key", Secret(b"one"))
    store.save("key", Secret(b"two"))
    assert store.load("key") == Secret(b"two")


def test_a_forgotten_secret_is_gone_and_forgetting_twice_is_no_error(store: SecretStore) -> None:
    store.save("key", Secret(b"one"))
    store.forget("key")
    store.forget("key")
    assert store.load("key") is None


def test_the_place_is_said_in_words(store: SecretStore) -> None:
    assert ("only you can read" in store.where) == (store.kind == "file")


def test_a_secret_never_shows_itself() -> None:
    assert "hunter2" not in repr(Secret(b"hunter2"))
    assert "hunter2" not in f"{Secret(b'hunter2')}"


def test_a_locked_keystore_is_an_error_and_no_empty_answer() -> None:
    keyring = MemoryKeyring()
    keyring.locked = True
    with pytest.raises(SecretUnavailable, match="locked"):
        KeystoreStore(keyring, "nightjar").load("key")


def test_without_a_keystore_a_new_key_goes_into_a_file_and_an_old_one_is_not_looked_for_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desktop.system.secrets.keystore_backend", lambda: None)
    assert open_store(tmp_path, None).kind == "file"
    with pytest.raises(SecretUnavailable):
        open_store(tmp_path, "keystore")
