"""A benchmark that measured a relay without its accounting would be worth nothing: its own check of the books."""

from __future__ import annotations

from dataclasses import replace

from tests.benchmarks.relay.books import Books

RIGHT = Books(usage_rows=10, charged=50, entries_sum=0, balances_sum=0, open_holds=0)


def test_right_books_have_no_faults() -> None:
    assert RIGHT.faults(calls=10) == []


def test_every_way_of_being_wrong_is_named() -> None:
    assert "usage rows" in RIGHT.faults(calls=11)[0]
    assert "not to zero" in replace(RIGHT, entries_sum=1).faults(calls=10)[0]
    assert "holds" in replace(RIGHT, open_holds=1).faults(calls=10)[0]
    assert "nothing was charged" in replace(RIGHT, charged=0).faults(calls=10)[0]
