"""The weekly grid: how it is written, when it is open, how long until it opens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.agent.sharing.schedule import WEEK_SLOTS, Schedule, parse_schedule, schedule_text

DAY = 24 * 60


@pytest.mark.parametrize("text", ["", "always", "daily 00:00-24:00"])
def test_no_schedule_means_every_hour(text: str) -> None:
    assert parse_schedule(text).always


def test_a_span_past_midnight_goes_on_into_the_next_day() -> None:
    schedule = parse_schedule("fri 18:00-08:00")
    assert [schedule.is_open(4 * DAY + hour * 60) for hour in (17, 18, 23)] == [False, True, True]
    assert [schedule.is_open(5 * DAY + hour * 60) for hour in (0, 7, 8)] == [True, True, False]


def test_the_week_is_round() -> None:
    schedule = parse_schedule("sun 22:00-02:00")
    assert schedule.is_open(60)
    assert schedule.opens_in(3 * 60) == 6 * DAY + 19 * 60


@pytest.mark.parametrize(
    ("minute", "wait"), [(18 * 60, 0), (17 * 60 + 59.5, 0.5), (7 * 60, 11 * 60), (20 * 60, 6 * DAY + 22 * 60)]
)
def test_it_says_how_long_until_it_opens(minute: float, wait: float) -> None:
    assert parse_schedule("mon 18:00-20:00").opens_in(minute) == wait


def test_an_empty_week_never_opens() -> None:
    assert Schedule(frozenset()).opens_in(0) is None


@pytest.mark.parametrize(
    "text", ["mon-fri 18:00-24:00", "mon 00:00-08:00, tue-sun 00:00-08:00", "mon-tue 08:00-09:30, thu 22:30-23:00"]
)
def test_what_is_written_is_read_back_as_the_same(text: str) -> None:
    assert parse_schedule(schedule_text(parse_schedule(text))) == parse_schedule(text)


def test_a_week_without_an_open_hour_is_said_and_is_not_no_schedule() -> None:
    assert schedule_text(Schedule(frozenset())) == "never"
    assert parse_schedule("never").opens_in(0) is None


@given(st.frozensets(st.integers(0, WEEK_SLOTS - 1)))
def test_every_grid_can_be_written(slots: frozenset[int]) -> None:
    assert parse_schedule(schedule_text(Schedule(slots))) == Schedule(slots)


@given(st.frozensets(st.integers(0, WEEK_SLOTS - 1), min_size=1), st.floats(0, 7 * DAY, exclude_max=True))
def test_it_is_open_when_it_said_it_would_be_and_not_before(slots: frozenset[int], minute: float) -> None:
    schedule = Schedule(slots)
    wait = schedule.opens_in(minute)
    assert wait is not None
    assert schedule.is_open(minute + wait)
    assert not wait or not schedule.is_open(minute + wait - 0.5)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("weekdays 9-17", "no part of a schedule"),
        ("mon 18:15-20:00", "no half hour"),
        ("mon 18:00-25:00", "no half hour"),
        ("moo 18:00-20:00", "no day"),
        ("mon 24:00-02:00", "begins at the end"),
    ],
)
def test_what_makes_no_sense_is_answered_with_a_sentence(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_schedule(text)
