"""The response cache's shelf: what stays in memory, and what the database takes and gives up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from relay.completions.repeats import shelf
from relay.completions.repeats.answer import Answer
from relay.completions.repeats.shelf import Front, Shelved
from relay.storage.engine import Database
from relay.storage.secret import Secret
from relay.storage.vault import Vault

NOW = 1_000_000
VAULT = Vault(Secret(bytes(32)))


def shelved(text: str = "Paris", *, made_ms: int = NOW, ends_ms: int = NOW + 10_000) -> Shelved:
    message = {"role": "assistant", "content": text}
    choices: list[dict[str, Any]] = [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}]
    return Shelved(made_ms, ends_ms, "alpha", "stop", Answer({"model": "m"}, choices, 17, 7))


def name(number: int) -> bytes:
    return bytes([number]) * 32


# --- in memory --------------------------------------------------------------------------------------------------------


def get(front: Front, number: int, *, now_ms: int = NOW, ttl_s: int = 300) -> Shelved | None:
    return front.get(name(number), now_ms=now_ms, ttl_s=ttl_s)


def test_what_was_put_in_front_is_there_until_it_ends() -> None:
    front = Front(100_000)
    front.put(name(1), shelved())

    assert get(front, 1) == shelved()
    assert get(front, 2) is None
    assert get(front, 1, now_ms=NOW + 9_999) == shelved()
    assert get(front, 1, now_ms=NOW + 10_000) is None
    assert (len(front), front.bytes) == (0, 0)


def test_nobody_gets_what_is_older_than_they_asked_for() -> None:
    front = Front(100_000)
    front.put(name(1), shelved())

    assert get(front, 1, now_ms=NOW + 5000, ttl_s=5) is None
    assert get(front, 1, now_ms=NOW + 5000, ttl_s=6) == shelved()


def test_its_bytes_are_bounded_and_what_was_used_last_stays() -> None:
    front = Front(5000)
    for number in range(1, 5):
        front.put(name(number), shelved("x" * 1000))
        get(front, 1)

    assert front.bytes <= 5000
    assert [number for number in range(1, 5) if get(front, number)] == [1, 3, 4]
    front.put(name(9), shelved("x" * 10_000))
    assert front.bytes <= 5000


def test_a_new_answer_takes_the_place_of_the_old_one() -> None:
    front = Front(100_000)
    front.put(name(1), shelved("x" * 1000))
    front.put(name(1), shelved("y"))

    assert get(front, 1) == shelved("y")
    assert front.bytes < 1000


# --- in the database --------------------------------------------------------------------------------------------------


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database.open(tmp_path / "relay.db") as opened:
        yield opened


def find(database: Database, number: int, *, now_ms: int = NOW, vault: Vault = VAULT) -> Shelved | None:
    return database.read_sync(
        lambda connection: shelf.find(connection, name(number), vault=vault, now_ms=now_ms, limit_bytes=10_000)
    )


def store(database: Database, number: int, answer: Shelved) -> None:
    database.write_sync(lambda connection: shelf.store(connection, name(number), answer, vault=VAULT))


def test_an_answer_comes_back_from_the_database_until_it_ends(database: Database) -> None:
    store(database, 1, shelved("old"))
    store(database, 1, shelved())

    assert find(database, 1) == shelved()
    assert find(database, 1, now_ms=NOW + 10_000) is None
    assert find(database, 2) is None


def test_with_another_key_it_is_as_if_it_were_not_there(database: Database) -> None:
    store(database, 1, shelved())

    assert find(database, 1, vault=Vault(Secret(b"k" * 32))) is None


def test_the_sweep_takes_what_has_ended_and_what_ends_first_if_there_is_too_much(database: Database) -> None:
    for number in range(1, 6):
        store(database, number, shelved(ends_ms=NOW + number * 1000))
    size = database.read_sync(lambda connection: len(connection.exec_driver_sql(_SEALED).scalar() or b""))

    swept = database.write_sync(
        lambda connection: shelf.sweep(connection, now_ms=NOW + 1000, stored_bytes=2 * size + 20)
    )

    assert swept == 3
    assert [number for number in range(1, 6) if find(database, number)] == [4, 5]


_SEALED = "SELECT answer FROM cached_answers"
