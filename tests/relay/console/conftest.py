from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from relay.accounts import directory
from relay.settings import EnrolmentSettings
from relay.storage.engine import Database
from tests.relay.portal import Browser, Portal, open_portal


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database.open(tmp_path / "relay.db") as opened:
        yield opened


@pytest.fixture
def enrolment_settings() -> EnrolmentSettings:
    return EnrolmentSettings()


@pytest.fixture
async def portal(database: Database, enrolment_settings: EnrolmentSettings) -> AsyncIterator[Portal]:
    first = database.write_sync(lambda connection: directory.bootstrap(connection, at_ms=1_767_225_600_000))
    assert first is not None
    async with open_portal(database, first, enrolment_settings) as opened:
        yield opened


@pytest.fixture
async def browser(portal: Portal) -> AsyncIterator[Browser]:
    async with Browser(portal) as opened:
        yield opened
