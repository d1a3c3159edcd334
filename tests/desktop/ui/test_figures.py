from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.ui.figures import NANO, Formats, data, dollars, exact_dollars, speed, tomorrow

ENGLISH = Formats(".", ",", lambda _at, _now: "")
ROMANIAN = Formats(",", ".", lambda _at, _now: "")


@pytest.mark.parametrize(
    ("nano", "shown"),
    [
        (0, "$0.00"),
        (1, "< $0.01"),
        (1_800, "< $0.01"),
        (9_999_999, "< $0.01"),
        (10_000_000, "$0.01"),
        (312_451_800, "$0.31"),
        (6_199_999_999, "$6.19"),
        (1_234_567_890_000_000, "$1,234,567.89"),
        (-1, "−$0.01"),
        (-312_451_800, "−$0.32"),
    ],
)
def test_money_is_shown_in_whole_cents_never_better_than_it_is(nano: int, shown: str) -> None:
    assert dollars(nano, ENGLISH) == shown


@pytest.mark.parametrize(
    ("nano", "shown"),
    [
        (0, "$0.00"),
        (1_800, "$0.0000018"),
        (1, "$0.000000001"),
        (312_451_800, "$0.3124518"),
        (6_200_000_000, "$6.20"),
        (-1_800, "−$0.0000018"),
    ],
)
def test_the_exact_amount_has_every_digit_and_no_more(nano: int, shown: str) -> None:
    assert exact_dollars(nano, ENGLISH) == shown


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 MB"),
        (1, "1 kB"),
        (5_200, "6 kB"),
        (999_000, "999 kB"),
        (3_214_000, "3.2 MB"),
        (850_000_000, "850 MB"),
        (2_540_000_000, "2.5 GB"),
        (118_000_000_000, "118 GB"),
    ],
)
def test_a_size_has_the_unit_that_tells_it(size: int, shown: str) -> None:
    assert data(size, ENGLISH) == shown
    assert data(size, ROMANIAN) == shown.replace(".", ",")


def test_money_follows_the_languages_marks() -> None:
    assert dollars(1_234_560_000_000, ROMANIAN) == "$1.234,56"
    assert exact_dollars(1_800, ROMANIAN) == "$0,0000018"


@given(st.integers(min_value=-(10**15), max_value=10**18))
def test_what_is_shown_is_at_most_what_was_earned_and_less_than_a_cent_below(nano: int) -> None:
    shown = dollars(nano, ENGLISH)
    if shown.startswith("<"):
        assert 0 < nano < NANO // 100
        return
    cents = int(shown.replace("−", "-").replace("$", "").replace(",", "").replace(".", ""))
    assert cents * 10_000_000 <= nano < (cents + 1) * 10_000_000


@given(st.integers(min_value=0, max_value=10**18))
def test_the_exact_amount_loses_nothing(nano: int) -> None:
    whole, decimals = exact_dollars(nano, ENGLISH).removeprefix("$").replace(",", "").split(".")
    assert int(whole) * NANO + int(decimals.ljust(9, "0")) == nano


@pytest.mark.parametrize(
    ("rate", "shown"), [(0, "0"), (0.04, "0"), (4.27, "4.3"), (9.96, "10"), (41.3, "41"), (1_234.5, "1,234")]
)
def test_a_speed_has_a_decimal_only_where_it_matters(rate: float, shown: str) -> None:
    assert speed(rate, ENGLISH) == shown


@pytest.mark.parametrize(
    ("now", "ends"),
    [
        ("2026-11-24 15:30", "2026-11-25 08:00"),
        ("2026-11-24 23:59", "2026-11-25 08:00"),
        ("2026-11-24 02:00", "2026-11-24 08:00"),
        ("2026-11-24 06:00", "2026-11-25 08:00"),
        ("2026-10-24 20:00", "2026-10-25 08:00"),  # summer time ends in this night
    ],
)
def test_until_tomorrow_ends_at_eight_in_the_morning_after_the_night(now: str, ends: str) -> None:
    zone = ZoneInfo("Europe/Bucharest")
    moment = datetime.fromisoformat(now).replace(tzinfo=zone).timestamp()
    assert datetime.fromtimestamp(tomorrow(moment, zone), zone).strftime("%Y-%m-%d %H:%M") == ends
