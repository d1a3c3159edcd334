"""Rows of Idempotency-Keys: who gets a key, and how long it is kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from relay.completions.repeats import claims
from relay.completions.repeats.claims import Claim, Taken
from relay.ledger.entries import CallId
from relay.storage.engine import Database
from relay.storage.tables import labels, usage

NOW = 1_000_000


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database.open(tmp_path / "relay.db") as opened:
        yield opened


def a_claim(number: int = 1, *, call: int = 7, body: bytes = b"b", expires_ms: int = NOW + 1000) -> Claim:
    return Claim(bytes([number]) * 32, body * 32, CallId(call), expires_ms)


def ask(database: Database, wanted: Claim, *, now_ms: int = NOW, over: bool = True) -> Taken | None:
    return database.write_sync(
        lambda connection: claims.claim(connection, wanted, now_ms=now_ms, is_over=lambda _: over)
    )


def keep(database: Database, wanted: Claim, answer: bytes | None, fate: str = claims.KEPT) -> None:
    database.write_sync(lambda connection: claims.keep(connection, wanted.scope, wanted.call, fate=fate, answer=answer))


def booked(database: Database, call: int, *, state: str, cost: int, tokens: int) -> None:
    def work(connection: Any) -> None:
        label = connection.execute(insert(labels).values(text=state).returning(labels.c.id)).scalar_one()
        row = {column.name: 0 for column in usage.columns} | {"call": call, "state": label}
        connection.execute(insert(usage).values(row | {"cost": cost, "completion_tokens": tokens}))

    database.write_sync(work)


def test_the_first_gets_the_key_and_its_answer_is_for_the_others(database: Database) -> None:
    wanted = a_claim()
    assert ask(database, wanted) is None
    keep(database, wanted, b"sealed")

    taken = ask(database, a_claim(call=8))

    assert taken == Taken(CallId(7), same_body=True, fate=claims.KEPT, answer=b"sealed", settled=None)


def test_another_body_does_not_get_it_whatever_became_of_the_first(database: Database) -> None:
    ask(database, a_claim())

    taken = ask(database, a_claim(call=8, body=b"c"))

    assert taken is not None
    assert not taken.same_body


def test_a_claim_whose_call_may_still_run_elsewhere_is_nobody_elses(database: Database) -> None:
    ask(database, a_claim())

    taken = ask(database, a_claim(call=8), over=False)

    assert taken == Taken(CallId(7), same_body=True, fate=claims.OPEN, answer=None, settled=None)


@pytest.mark.parametrize(("cost", "tokens", "free"), [(0, 0, True), (5, 2, False), (0, 2, False)])
def test_a_claim_whose_relay_died_is_free_again_unless_its_call_was_answered(
    database: Database, cost: int, tokens: int, free: bool
) -> None:
    ask(database, a_claim())
    booked(database, 7, state="failed", cost=cost, tokens=tokens)

    taken = ask(database, a_claim(call=8))

    assert (taken is None) == free
    if taken is not None:
        assert taken.settled is not None
        assert (taken.settled.cost, taken.settled.state) == (cost, "failed")


def test_who_lost_the_key_meanwhile_changes_nothing_of_the_new_claim(database: Database) -> None:
    old, new = a_claim(), a_claim(call=8)
    ask(database, old)
    assert ask(database, new) is None
    keep(database, old, b"old")
    database.write_sync(lambda connection: claims.release(connection, old.scope, old.call))
    keep(database, new, b"new")

    taken = ask(database, a_claim(call=9))

    assert taken is not None
    assert (taken.call, taken.answer) == (8, b"new")


def test_a_key_is_free_after_its_time_and_at_once_after_its_release(database: Database) -> None:
    first, second = a_claim(1), a_claim(2)
    for each in (first, second):
        ask(database, each)
        keep(database, each, b"sealed")
    database.write_sync(lambda connection: claims.release(connection, second.scope, second.call))

    assert ask(database, a_claim(1, call=8), now_ms=NOW + 1000) is None
    assert ask(database, a_claim(2, call=9)) is None


def test_the_sweep_takes_what_is_too_old_and_the_answers_that_end_first_if_there_are_too_many(
    database: Database,
) -> None:
    for number in range(1, 5):
        wanted = a_claim(number, call=number, expires_ms=NOW + number)
        ask(database, wanted)
        keep(database, wanted, b"x" * 100)

    touched = database.write_sync(lambda connection: claims.sweep(connection, now_ms=NOW + 1, stored_bytes=250))

    assert touched == 2
    fates = [ask(database, a_claim(number, call=9), now_ms=NOW) for number in (2, 3, 4)]
    assert [each.fate if each else None for each in fates] == [claims.EVICTED, claims.KEPT, claims.KEPT]
    assert ask(database, a_claim(1, call=9), now_ms=NOW) is None
