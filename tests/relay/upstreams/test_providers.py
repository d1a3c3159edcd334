"""Providers as operators type them, kept in a database and in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from relay.accounts.errors import NameTaken
from relay.clock import ManualClock
from relay.ledger.pricing import Price
from relay.storage.engine import Database
from relay.storage.secret import Secret
from relay.upstreams.http import Pool
from relay.upstreams.provider import BadBaseUrl, BadProvider
from relay.upstreams.providers import Catalogue, OfferedModel, ProviderRecord, add_provider, list_providers
from relay.upstreams.target import target_headers
from relay.wire.frames import PicoDollars


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database.open(tmp_path / "relay.db") as opened:
        yield opened


def _model(name: str = "m", *, prompt: int = 1, **changed: Any) -> OfferedModel:
    price = Price(PicoDollars(prompt), PicoDollars(2))
    return OfferedModel(**{"name": name, "upstream": name, "price": price, **changed})


def _add(database: Database, name: str = "alpha", **changed: Any) -> list[ProviderRecord]:
    typed: dict[str, Any] = {"base_url": "https://x/v1", "key": Secret("sk-1"), "models": [_model()], **changed}
    database.write_sync(lambda connection: add_provider(connection, name, at_ms=1, **typed))
    return database.read_sync(list_providers)


def test_a_provider_comes_back_as_it_was_typed(database: Database) -> None:
    [record] = _add(database)

    assert (record.name, record.base_url, record.key.reveal()) == ("alpha", "https://x/v1", "sk-1")
    assert record.models == (_model(),)


def test_a_name_is_taken_once(database: Database) -> None:
    _add(database)

    with pytest.raises(NameTaken):
        _add(database)


@pytest.mark.parametrize("name", ["", "a\r\nset-cookie: x", "a\0", "x" * 65, "a\u2028b", "\x1b[2J"])
def test_a_name_that_could_not_stand_in_a_header_line_is_refused(database: Database, name: str) -> None:
    with pytest.raises(BadProvider, match="its name"):
        _add(database, name)
    assert database.read_sync(list_providers) == []


@pytest.mark.parametrize("key", ["sk\r\nx-evil: 1", "sk-1\n\nsk-2", "schlüssel", "x" * 5000])
def test_a_key_that_could_not_stand_in_a_header_line_is_refused_without_being_told(
    database: Database, key: str
) -> None:
    with pytest.raises(BadProvider, match="key") as caught:
        _add(database, key=Secret(key))
    assert key not in str(caught.value)


@pytest.mark.parametrize(
    "changed",
    [
        {"name": ""},
        {"name": "x" * 257},
        {"name": "a\nb"},
        {"upstream": ""},
        {"context": 0},
        {"context": -5},
        {"context": 2**63},
        {"prompt": -1},
        {"prompt": 10**13},
    ],
)
def test_a_model_that_no_book_could_be_kept_of_is_refused(database: Database, changed: dict[str, Any]) -> None:
    with pytest.raises(BadProvider):
        _add(database, models=[_model(**changed)])


def test_a_url_that_cannot_be_used_is_refused(database: Database) -> None:
    with pytest.raises(BadBaseUrl):
        _add(database, base_url="ftp://x")


def test_what_the_settings_file_says_is_held_to_the_same(database: Database) -> None:
    [record] = _add(database)
    catalogue = Catalogue(Pool(ManualClock(), lambda _coroutine: pytest.fail("nothing is dialled here")))

    with pytest.raises(BadProvider):
        catalogue.load([ProviderRecord(record.id, "a\r\nb", record.base_url, record.key, record.models)])
    catalogue.load([record])
    assert list(catalogue.routes) == ["m"]


@pytest.mark.parametrize("name", ["Büro", "東京", "a\r\nset-cookie: x"])
def test_no_name_makes_a_header_line_of_its_own(name: str) -> None:
    lines = target_headers(name, "own").split(b"\r\n")

    assert [line.partition(b":")[0] for line in lines] == [b"x-nightjar-target", b"x-nightjar-pool", b""]
    assert target_headers(name, "own").isascii()
