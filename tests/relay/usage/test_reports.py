from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert

from relay.accounts import directory
from relay.clock import ManualClock
from relay.ledger import store
from relay.ledger.calls import Delivered, LegTerms, NodePayee
from relay.ledger.entries import NanoDollars
from relay.ledger.service import Ledger
from relay.storage.engine import Database
from relay.storage.ids import NodeId, OrganisationId
from relay.storage.tables import nodes
from relay.usage import reports
from relay.usage.reports import UsageSum
from tests.relay.ledger.values import ORGANISATION, OWNER, PRICE, an_admission, an_outcome, node_leg, provider_leg

DAY = 86_400_000
START = 1_767_225_600_000  # 2026-01-01


def other_node_leg(number: int) -> LegTerms:
    return node_leg(number, payee=NodePayee(NodeId("node-2"), OWNER))


def prepare(connection: Connection) -> None:
    directory.bootstrap(connection, at_ms=1)
    store.deposit(connection, ORGANISATION, amount=NanoDollars(10**9), reference="start", at_ms=1)
    connection.execute(
        insert(nodes).values(
            id="node-1",
            organisation=1,
            owner=1,
            name="attic",
            pool="own",
            public_key=b"k" * 32,
            key_id="k",
            facts={},
            created_ms=1,
        )
    )


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Calls of two days: one by a node, one by a provider, one by two nodes together, one that failed."""
    with Database.open(tmp_path / "relay.db") as database:
        database.write_sync(prepare)
        ledger = Ledger.open(database, tmp_path / "ledger", ManualClock())
        first = ledger.admit(an_admission(1, started_ms=START))
        first.leg(node_leg())
        first.settle(an_outcome(10, 20))
        second = ledger.admit(an_admission(2, started_ms=START + DAY, model="large"))
        second.leg(provider_leg())
        second.settle(an_outcome(10, 40, source="provider", cached_tokens=4))
        third = ledger.admit(an_admission(3, started_ms=START + DAY))
        third.leg(node_leg(1))
        third.leg(other_node_leg(2))
        third.settle(an_outcome(delivered=(Delivered(1, 0, 30), Delivered(2, 0, 70))))
        fourth = ledger.admit(an_admission(4, started_ms=START + DAY))
        fourth.leg(node_leg(1))
        fourth.settle(an_outcome(state="failed", delivered=(), error="node_gone", finish_reason=None, ttft_ms=None))
        ledger.close()
        yield database


def summary(database: Database, by: reports.Grouping, **period: int) -> list[UsageSum]:
    return list(database.read_sync(lambda connection: reports.summary(connection, ORGANISATION, by=by, **period)))


def test_calls_are_told_one_by_one_newest_first(database: Database) -> None:
    rows = database.read_sync(lambda connection: reports.rows(connection, ORGANISATION))
    assert [row.call for row in rows] == [4, 3, 2, 1]
    assert rows[0].error == "node_gone"
    assert (rows[2].provider, rows[2].token_source, rows[2].cached_tokens) == ("acme", "provider", 4)
    assert (rows[3].node, rows[3].cost_nano) == ("node-1", PRICE.cost(10, 20))


def test_a_period_has_its_start_and_not_its_end(database: Database) -> None:
    rows = database.read_sync(
        lambda connection: reports.rows(connection, ORGANISATION, since_ms=START, until_ms=START + DAY)
    )
    assert [row.call for row in rows] == [1]
    assert [group.group for group in summary(database, "day", since_ms=START + DAY)] == ["2026-01-02"]


def test_one_call_can_be_asked_for_by_its_organisation_only(database: Database) -> None:
    found = database.read_sync(lambda connection: reports.call(connection, ORGANISATION, 1))
    assert found is not None
    assert found.model == "nightjar-demo"
    assert database.read_sync(lambda connection: reports.call(connection, OrganisationId(2), 1)) is None


def test_days_come_in_order(database: Database) -> None:
    assert summary(database, "day") == [
        UsageSum("2026-01-01", 1, 10, 20, PRICE.cost(10, 20)),
        UsageSum("2026-01-02", 3, 10, 140, PRICE.cost(10, 40) + PRICE.cost(0, 100)),
    ]


def test_models_come_dearest_first(database: Database) -> None:
    assert [(group.group, group.calls) for group in summary(database, "model")] == [("nightjar-demo", 3), ("large", 1)]


def test_keys_are_named(database: Database) -> None:
    assert [(group.group, group.calls) for group in summary(database, "key")] == [("First key", 4)]


def test_a_call_that_two_nodes_answered_is_divided_between_them(database: Database) -> None:
    assert summary(database, "node") == [
        UsageSum("node-2", 1, 0, 70, PRICE.cost(0, 70)),
        UsageSum("attic", 2, 10, 50, PRICE.cost(10, 20) + PRICE.cost(0, 30)),
    ]


def test_a_provider_has_its_own_calls(database: Database) -> None:
    assert summary(database, "provider") == [UsageSum("acme", 1, 10, 40, PRICE.cost(10, 40))]


def test_every_grouping_sums_to_the_same_cost(database: Database) -> None:
    total = sum(group.cost_nano for group in summary(database, "day"))
    assert sum(group.cost_nano for group in summary(database, "key")) == total
    by_target = [*summary(database, "node"), *summary(database, "provider")]
    assert sum(group.cost_nano for group in by_target) == total
