from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from relay.accounts import directory
from relay.clock import ManualClock
from relay.ledger import store
from relay.ledger.entries import NanoDollars
from relay.ledger.service import Ledger
from relay.storage.engine import Database
from tests.relay.ledger.values import ORGANISATION, PLENTY


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def database(tmp_path: Path, clock: ManualClock) -> Iterator[Database]:
    """A new database whose first organisation has credit."""
    with Database.open(tmp_path / "relay.db") as database:
        database.write_sync(lambda connection: directory.bootstrap(connection, at_ms=clock.now_ms()))
        database.write_sync(
            lambda connection: store.deposit(
                connection, ORGANISATION, amount=NanoDollars(PLENTY), reference="start", at_ms=clock.now_ms()
            )
        )
        yield database


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "ledger"


@pytest.fixture
def ledger(database: Database, folder: Path, clock: ManualClock) -> Iterator[Ledger]:
    ledger = Ledger.open(database, folder, clock)
    yield ledger
    ledger.close()
