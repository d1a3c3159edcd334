"""Processes that die, at every named point and at any other instant, and the books their successor makes of it."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

import pytest

from relay.clock import SystemClock
from relay.faults import CrashPoint
from relay.ledger.check import check
from relay.ledger.entries import credit
from relay.ledger.service import Ledger
from relay.storage.engine import Database
from tests.relay.ledger import crasher
from tests.relay.ledger.crasher import NANO_PER_TOKEN
from tests.relay.ledger.values import ORGANISATION, PLENTY, balances, usage_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL and inherited pipes")


@dataclass
class Received:
    """What the client of a killed relay has."""

    dispatched: set[int] = field(default_factory=set)
    settled: set[int] = field(default_factory=set)
    tokens: dict[int, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))

    def total(self, call: int) -> int:
        return sum(self.tokens[call].values())


def received(pipe: int) -> Received:
    """Reads a pipe to its end; a last line that was cut off was not received."""
    with os.fdopen(pipe, "rb") as stream:
        return parse(stream.read())


def parse(data: bytes) -> Received:
    told = Received()
    for line in data.split(b"\n")[:-1]:
        what, *numbers = line.decode().split()
        call, *rest = (int(number) for number in numbers)
        if what == "dispatched":
            told.dispatched.add(call)
        elif what == "settled":
            told.settled.add(call)
        else:
            told.tokens[call][rest[0]] = rest[1]
    return told


def assert_books_match(database: Database, folder: Path, told: Received) -> None:
    Ledger.open(database, folder, SystemClock()).close()
    books = database.read_sync(check)
    assert books.in_order
    assert books.open_holds == 0
    rows = database.read_sync(usage_of)
    assert told.dispatched <= set(rows)
    for call, row in rows.items():
        charged = row["completion_tokens"]
        assert told.total(call) - (call not in told.settled) <= charged <= told.total(call)
        assert row["cost"] == charged * NANO_PER_TOKEN == row["owner_share"] + row["operator_share"]
        assert row["owner_share"] == row["cost"] * 70 // 100
        assert row["state"] == ("completed" if call in told.settled else row["state"])
    cost = sum(row["cost"] for row in rows.values())
    now = database.read_sync(balances)
    assert sum(now.values()) == 0
    assert now[credit(ORGANISATION)] == PLENTY - cost
    assert sum(amount for name, amount in now.items() if name.startswith("owner/")) == sum(
        row["owner_share"] for row in rows.values()
    )


def crash_at(point: str, folder: Path, *, calls: int = 200) -> Received:
    """Runs the crasher until it dies at a named point."""
    reader, writer = os.pipe()
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.relay.ledger.crasher", str(folder), str(writer), str(calls)],
        env={**os.environ, "CRASH_AT": point},
        pass_fds=[writer],
    )
    os.close(writer)
    told = received(reader)
    assert child.wait(30) == -signal.SIGKILL
    return told


@pytest.mark.parametrize("point", [each for each in get_args(CrashPoint) if each not in {"after_claim", "before_keep"}])
def test_the_books_are_in_order_after_a_crash_at_every_named_point(
    database: Database, tmp_path: Path, folder: Path, point: str
) -> None:
    if point in {"before_commit", "after_commit"}:
        # The first commit is the one that opens the ledger; there must be something to carry by then.
        told = crash_at("after_last_token", tmp_path)
        assert crash_at(point, tmp_path) == Received()
    else:
        told = crash_at(point, tmp_path)
    assert_books_match(database, folder, told)


@pytest.mark.parametrize("point", ["before_commit@2", "before_commit@4", "after_commit@2", "after_commit@3"])
def test_a_batch_is_carried_once_though_the_process_dies_beside_its_commit(
    database: Database, tmp_path: Path, folder: Path, point: str
) -> None:
    """The first commit is that of opening; the later ones carry calls."""
    told = crash_at(point, tmp_path, calls=1_000_000)
    assert told.settled
    assert_books_match(database, folder, told)


def test_a_crash_while_the_crash_is_repaired_changes_nothing(database: Database, tmp_path: Path, folder: Path) -> None:
    told = crash_at("mid_settle", tmp_path)
    for point in ("before_commit", "before_commit", "after_commit", "after_commit"):
        assert crash_at(point, tmp_path) == Received()
    assert_books_match(database, folder, told)


def test_opening_again_after_the_repair_changes_nothing(database: Database, tmp_path: Path, folder: Path) -> None:
    told = crash_at("before_settle", tmp_path)
    assert_books_match(database, folder, told)
    before = database.read_sync(balances), database.read_sync(usage_of)
    assert_books_match(database, folder, told)
    assert before == (database.read_sync(balances), database.read_sync(usage_of))


@pytest.fixture(scope="module")
def forkserver() -> multiprocessing.context.ForkServerContext:
    """Children that have everything imported: a kill comes at an instant of work and not of start-up."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.relay.ledger.crasher"])
    return context


@pytest.mark.parametrize("seed", range(50))
def test_the_books_are_in_order_after_a_kill_at_any_instant(
    database: Database, tmp_path: Path, folder: Path, seed: int, forkserver: multiprocessing.context.ForkServerContext
) -> None:
    instant = random.Random(seed).randrange(1, 60_000)
    reader, writer = forkserver.Pipe(duplex=False)
    child = forkserver.Process(target=_run, args=(str(tmp_path), writer, seed))
    child.start()
    writer.close()
    data = bytearray()
    while len(data) < instant:
        data += os.read(reader.fileno(), min(4096, instant - len(data)))
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    while part := os.read(reader.fileno(), 65536):
        data += part
    reader.close()
    assert_books_match(database, folder, parse(bytes(data)))


def _run(folder: str, writer: multiprocessing.connection.Connection, seed: int) -> None:
    crasher.run(folder, writer.fileno(), seed=seed)
