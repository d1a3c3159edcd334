from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from relay.accounts import directory
from relay.accounts.directory import Bootstrap
from relay.accounts.errors import NameTaken, NoSuchRecord, NotAuthenticated
from relay.accounts.identity import DEFAULT_EXPOSURE
from relay.accounts.keys import Keyring
from relay.clock import ManualClock
from relay.storage import revision
from relay.storage.engine import Database
from relay.storage.ids import KeyId, OrganisationId, ProjectId


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database.open(tmp_path / "relay.db") as database:
        yield database


@pytest.fixture
def made(database: Database) -> Bootstrap:
    made = database.write_sync(lambda connection: directory.bootstrap(connection, at_ms=5))
    assert made is not None
    return made


def keyring(database: Database) -> Keyring:
    return Keyring(ManualClock(), database.read_sync(directory.key_records))


def header(key: directory.IssuedKey) -> bytes:
    return b"Bearer " + key.value.reveal().encode()


def test_the_first_start_makes_one_of_each_and_a_key_that_works(database: Database, made: Bootstrap) -> None:
    identity = keyring(database).authenticate(header(made.key))
    assert (identity.organisation, identity.project, identity.key) == (made.organisation, made.project, made.key.id)
    assert identity.exposure == DEFAULT_EXPOSURE


def test_a_later_start_makes_nothing(database: Database, made: Bootstrap) -> None:
    assert database.write_sync(lambda connection: directory.bootstrap(connection, at_ms=6)) is None
    assert len(database.read_sync(directory.list_keys)) == 1


def test_a_key_is_listed_without_its_value(database: Database, made: Bootstrap) -> None:
    (listed,) = database.read_sync(directory.list_keys)
    assert (listed.id, listed.name, listed.organisation_name, listed.created_ms) == (
        made.key.id,
        "First key",
        "Default",
        5,
    )
    assert made.key.value.reveal() not in repr(listed)
    assert made.key.value.reveal().startswith(listed.shown)


def test_the_database_file_does_not_contain_the_key(tmp_path: Path, database: Database, made: Bootstrap) -> None:
    files = b"".join(path.read_bytes() for path in tmp_path.glob("relay.db*"))
    assert made.key.shown.encode() in files
    assert made.key.value.reveal().encode() not in files


def test_a_revoked_key_is_refused_and_says_when(database: Database, made: Bootstrap) -> None:
    for at_ms in (7, 8):
        database.write_sync(partial(directory.revoke_key, key=made.key.id, at_ms=at_ms))
    with pytest.raises(NotAuthenticated):
        keyring(database).authenticate(header(made.key))
    (listed,) = database.read_sync(directory.list_keys)
    assert listed.revoked_ms == 7


def test_keys_of_another_organisation_are_not_listed(database: Database, made: Bootstrap) -> None:
    other = database.write_sync(lambda connection: directory.create_organisation(connection, "Other", at_ms=1))
    assert database.read_sync(lambda connection: directory.list_keys(connection, organisation=other)) == []


def test_a_name_is_taken_once(database: Database, made: Bootstrap) -> None:
    with pytest.raises(NameTaken) as caught:
        database.write_sync(lambda connection: directory.create_organisation(connection, "Default", at_ms=1))
    assert caught.value.remedy
    with pytest.raises(NameTaken):
        database.write_sync(
            lambda connection: directory.create_project(connection, made.organisation, name="Default", at_ms=1)
        )


def test_a_key_may_have_its_own_pools_and_end(database: Database, made: Bootstrap) -> None:
    key = database.write_sync(
        lambda connection: directory.create_key(
            connection, made.project, name="ci", at_ms=1, expires_ms=10**15, exposure=frozenset({"own"})
        )
    )
    assert keyring(database).authenticate(header(key)).exposure == {"own"}


@pytest.mark.parametrize("exposure", [frozenset({"moon"}), frozenset({"own", "cluod"})])
def test_a_pool_that_does_not_exist_is_refused(database: Database, made: Bootstrap, exposure: frozenset[str]) -> None:
    with pytest.raises(NoSuchRecord):
        database.write_sync(
            lambda connection: directory.create_key(connection, made.project, name="x", at_ms=1, exposure=exposure)
        )


def test_what_does_not_exist_cannot_be_built_upon(database: Database, made: Bootstrap) -> None:
    with pytest.raises(NoSuchRecord):
        database.write_sync(lambda connection: directory.create_key(connection, ProjectId(9), name="x", at_ms=1))
    with pytest.raises(NoSuchRecord):
        database.write_sync(lambda connection: directory.revoke_key(connection, KeyId(9), at_ms=1))
    with pytest.raises(NoSuchRecord):
        database.write_sync(
            lambda connection: directory.create_project(connection, OrganisationId(9), name="x", at_ms=1)
        )


def test_every_change_moves_the_revision_and_looking_does_not(database: Database, made: Bootstrap) -> None:
    before = database.read_sync(revision.current)
    database.read_sync(directory.list_keys)
    assert database.read_sync(revision.current) == before
    database.write_sync(lambda connection: directory.revoke_key(connection, made.key.id, at_ms=1))
    assert database.read_sync(revision.current) > before
