"""Steps on their way out of a node: first content at once, then at most one frame in 4 ms, and nothing out of order."""

from __future__ import annotations

import struct
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.wire.frames import LegId, StepKind
from relay.wire.merge import BATCH_BYTES, WINDOW_S, StepMerger
from relay.wire.steps import MAX_RECORD_BYTES, MAX_RECORDS, StepRecord, decode_steps, encode_steps
from tests.wire.links import end, text
from tests.wire.strategies import step_records

ONE, TWO, BOTH = struct.pack("<I", 1), struct.pack("<I", 2), struct.pack("<2I", 1, 2)


@pytest.fixture
def merger() -> StepMerger:
    return StepMerger()


def test_nothing_waits_at_first(merger: StepMerger) -> None:
    assert (merger.due(0.0), merger.take(0.0)) == (None, [])


def test_the_first_content_of_a_call_leaves_at_once(merger: StepMerger) -> None:
    merger.add(text(1, "a"))
    merger.take(10.0)
    merger.add(text(1, "b"))
    assert merger.take(10.0) == []
    merger.add(text(2, "first of another call"))
    assert merger.due(10.0) == 0.0
    assert merger.take(10.0) == [text(1, "b"), text(2, "first of another call")]


def test_after_that_steps_gather_for_four_milliseconds(merger: StepMerger) -> None:
    merger.add(text(1, "a"))
    merger.take(10.0)
    merger.add(text(1, "b", ids=ONE))
    merger.add(text(1, "c", ids=TWO))
    assert merger.due(10.001) == pytest.approx(0.003)
    assert merger.take(10.001) == []
    assert merger.take(10.0041) == [text(1, "bc", ids=BOTH)]


def test_a_step_of_a_slow_engine_does_not_wait(merger: StepMerger) -> None:
    merger.add(text(1, "a"))
    merger.take(10.0)
    merger.add(text(1, "b"))
    assert merger.take(10.02) == [text(1, "b")]


def test_a_token_whose_text_is_held_back_is_no_content_yet(merger: StepMerger) -> None:
    merger.add(text(1, ""))
    assert merger.take(10.0) == [text(1, "")]
    merger.add(text(1, "", ids=ONE))
    assert merger.due(10.0) == pytest.approx(WINDOW_S)
    merger.add(text(1, "now it shows", ids=TWO))
    assert merger.take(10.0) == [text(1, "now it shows", ids=BOTH)]


def test_choices_and_calls_are_merged_apart(merger: StepMerger) -> None:
    for data in "ab":
        for leg, choice in ((1, 0), (1, 1), (2, 0)):
            merger.add(text(leg, data, ids=ONE, choice=choice))
    assert merger.take(0.0) == [
        text(1, "ab", ids=ONE * 2),
        text(1, "ab", ids=ONE * 2, choice=1),
        text(2, "ab", ids=ONE * 2),
    ]


def test_a_change_of_kind_keeps_its_place(merger: StepMerger) -> None:
    said = [
        text(1, "think", kind=StepKind.REASONING),
        text(1, "say"),
        text(1, "think", kind=StepKind.REASONING),
        end(1),
    ]
    for record in said:
        merger.add(record)
    assert merger.take(0.0) == said


def test_events_are_never_joined(merger: StepMerger) -> None:
    event = text(1, "{}", kind=StepKind.DELTA)
    merger.add(event)
    merger.add(event)
    assert merger.take(0.0) == [event, event]


def test_a_terminal_does_not_overtake_its_text(merger: StepMerger) -> None:
    merger.add(text(1, "a"))
    merger.take(10.0)
    merger.add(text(1, "b"))
    assert merger.flush(10.0) == [text(1, "b")]


def test_what_was_taken_does_not_grow(merger: StepMerger) -> None:
    merger.add(text(1, "a"))
    taken = merger.take(0.0)
    merger.add(text(1, "b"))
    assert taken == [text(1, "a")]


def test_a_forgotten_leg_sends_nothing_and_starts_anew(merger: StepMerger) -> None:
    merger.add(text(1, "a"))
    merger.add(text(2, "b"))
    merger.forget(LegId(1))
    assert merger.take(0.0) == [text(2, "b")]
    merger.add(text(1, "a"))
    assert merger.due(0.0) == 0.0


def test_much_text_leaves_in_several_frames_one_after_the_other(merger: StepMerger) -> None:
    piece = text(1, "x" * (MAX_RECORD_BYTES // 2 + 1))
    for _ in range(10):
        merger.add(piece)
    frames = list(iter(lambda: merger.take(0.0), []))
    assert sum(map(len, frames)) == 10
    assert max(len(encode_steps(frame)) for frame in frames) <= BATCH_BYTES + 1


def test_many_records_leave_in_several_frames() -> None:
    merger = StepMerger()
    for leg in range(1, MAX_RECORDS + 2):
        merger.add(text(leg, "x"))
    assert [len(merger.take(0.0)), len(merger.take(0.0)), len(merger.take(0.0))] == [MAX_RECORDS, 1, 0]


def streams(records: list[StepRecord]) -> dict[tuple[int, int], list[tuple[int, bytes, bytes]]]:
    """What each choice says: its runs of one kind, joined; events alone."""
    said: dict[tuple[int, int], list[tuple[int, bytes, bytes]]] = defaultdict(list)
    for record in records:
        runs = said[record.leg, record.choice]
        joins = record.kind not in (StepKind.DELTA, StepKind.END, StepKind.VECTOR)
        if joins and runs and runs[-1][0] == record.kind:
            kind, ids, data = runs.pop()
            runs.append((kind, ids + record.ids, data + record.data))
        else:
            runs.append((record.kind, record.ids, record.data))
    return said


moments = st.floats(0, 0.003)


@given(st.lists(st.tuples(moments, step_records(st.integers(1, 3).map(LegId))), max_size=40))
def test_whatever_comes_when_each_choice_says_the_same_in_the_same_order(
    said: list[tuple[float, StepRecord]],
) -> None:
    merger, now, heard = StepMerger(), 0.0, list[StepRecord]()
    for passed, record in said:
        now += passed
        merger.add(record)
        if taken := merger.take(now):
            heard += decode_steps(encode_steps(taken))
    heard += merger.flush(now)
    assert streams(heard) == streams([record for _, record in said])


@settings(max_examples=20)
@given(st.integers(1, 3), st.integers(100, 5000))
def test_at_most_250_frames_a_second_leave_however_fast_the_engine(legs: int, rate: int) -> None:
    merger, frames = StepMerger(), 0
    for tick in range(rate):
        now = tick / rate
        for leg in range(1, legs + 1):
            merger.add(text(leg, "x"))
        frames += bool(merger.take(now))
    assert frames <= 251
