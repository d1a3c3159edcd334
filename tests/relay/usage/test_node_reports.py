from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Connection

from relay.clock import ManualClock
from relay.ledger.books import CallBooks
from relay.ledger.calls import Delivered
from relay.ledger.service import Ledger
from relay.storage.engine import Database
from relay.storage.ids import NodeId
from relay.usage import node_reports
from relay.usage.node_reports import DayEarned, ModelCalls, ModelDay
from tests.relay.ledger.values import PRICE, an_admission, an_outcome, node_leg, provider_leg
from tests.relay.usage.test_reports import DAY, START, other_node_leg, prepare

DAY_ONE = START // DAY
NODE = NodeId("node-1")


def call_id(day: int, number: int) -> int:
    """As the relay makes them: the time in milliseconds comes first."""
    return ((START + day * DAY) << 20) + number


def owners(prompt: int, completion: int) -> int:
    return PRICE.cost(prompt, completion) * 70 // 100


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Two days: the node alone, a provider, the node with another one, a failure, another model."""
    with Database.open(tmp_path / "relay.db") as database:
        database.write_sync(prepare)
        clock = ManualClock()
        ledger = Ledger.open(database, tmp_path / "ledger", clock)

        def call(day: int, number: int, **changed: object) -> CallBooks:
            return ledger.admit(an_admission(call_id(day, number), started_ms=START + day * DAY, **changed))

        first = call(0, 1)
        first.leg(node_leg())
        first.settle(an_outcome(10, 20))
        clock.advance(86_400)
        second = call(1, 2, model="large")
        second.leg(provider_leg())
        second.settle(an_outcome(10, 40, source="provider"))
        third = call(1, 3)
        third.leg(node_leg(1))
        third.leg(other_node_leg(2))
        third.settle(an_outcome(delivered=(Delivered(1, 0, 30), Delivered(2, 0, 70))))
        fourth = call(1, 4)
        fourth.leg(node_leg(1))
        fourth.settle(an_outcome(state="failed", delivered=(), error="node_gone", finish_reason=None, ttft_ms=None))
        fifth = call(1, 5, model="large")
        fifth.leg(node_leg())
        fifth.settle(an_outcome(1, 1))
        ledger.close()
        yield database


def test_a_nodes_days_are_in_order_and_sum_to_its_lifetime(database: Database) -> None:
    assert database.read_sync(lambda connection: node_reports.days(connection, NODE)) == [
        DayEarned(DAY_ONE, owners(10, 20), 1),
        DayEarned(DAY_ONE + 1, owners(0, 30) + owners(1, 1), 2),
    ]


def test_each_model_of_each_day_has_its_share_and_sums_to_the_day(database: Database) -> None:
    found = database.read_sync(lambda connection: node_reports.model_days(connection, NODE, since_ms=START))
    assert found == [
        ModelDay(DAY_ONE + 1, "nightjar-demo", owners(0, 30), 1, 0, 30),
        ModelDay(DAY_ONE + 1, "large", owners(1, 1), 1, 1, 1),
        ModelDay(DAY_ONE, "nightjar-demo", owners(10, 20), 1, 10, 20),
    ]
    later = database.read_sync(lambda connection: node_reports.model_days(connection, NODE, since_ms=START + 1))
    assert {each.day for each in later} == {DAY_ONE + 1}


def test_what_was_earned_since_a_moment(database: Database) -> None:
    def since(at_ms: int) -> int:
        return database.read_sync(lambda connection: node_reports.earned_since(connection, NODE, since_ms=at_ms))

    assert since(START) == owners(10, 20) + owners(0, 30) + owners(1, 1)
    assert since(START + DAY + 1) == 0


def test_answers_come_newest_first_in_pages_and_without_those_of_others(database: Database) -> None:
    def page(before: int | None, limit: int) -> list[tuple[int, str, int, int]]:
        found = database.read_sync(
            lambda connection: node_reports.answers(connection, NODE, before=before, limit=limit)
        )
        return [(each.call & 0xFF, each.model, each.completion_tokens, each.earned) for each in found]

    assert page(None, 10) == [
        (5, "large", 1, owners(1, 1)),
        (3, "nightjar-demo", 30, owners(0, 30)),
        (1, "nightjar-demo", 20, owners(10, 20)),
    ]
    assert [number for number, *_ in page(None, 2)] == [5, 3]
    assert [number for number, *_ in page(call_id(1, 3), 2)] == [1]


def test_a_node_that_served_nothing_has_nothing(database: Database) -> None:
    nobody = NodeId("node-9")
    assert database.read_sync(lambda connection: node_reports.days(connection, nobody)) == []
    assert database.read_sync(lambda connection: node_reports.model_days(connection, nobody, since_ms=0)) == []
    assert database.read_sync(lambda connection: node_reports.answers(connection, nobody, before=None, limit=9)) == []
    assert database.read_sync(lambda connection: node_reports.earned_since(connection, nobody, since_ms=0)) == 0


def test_demand_counts_every_call_whoever_answered(database: Database) -> None:
    found = database.read_sync(lambda connection: node_reports.demand(connection, since_ms=START + DAY))
    assert list(found.items()) == [
        ("large", ModelCalls(2, 11, 41)),
        ("nightjar-demo", ModelCalls(2, 0, 100)),
    ]


def test_a_nodes_answers_are_found_without_reading_everybodys(database: Database) -> None:
    def plan(connection: Connection) -> Sequence[object]:
        query = "SELECT * FROM usage WHERE node = 3 AND node != 0 AND delivered = 1 AND started_ms >= 5"
        return connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").fetchall()

    assert "usage_by_node" in str(database.read_sync(plan))


def test_a_page_of_answers_reads_no_more_of_a_nodes_past_than_it_shows(database: Database) -> None:
    query = node_reports._newest(3, before=5, limit=2).compile(compile_kwargs={"literal_binds": True})

    def plan(connection: Connection) -> list[str]:
        return [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}")]

    found = database.read_sync(plan)
    assert [each for each in found if "node=?" in each] == [
        "SEARCH usage USING INDEX usage_by_node (node=? AND call<?)",
        "SEARCH usage_legs USING COVERING INDEX usage_legs_by_node (node=? AND call<?)",
    ]
    assert not [each for each in found if "DISTINCT" in each]
