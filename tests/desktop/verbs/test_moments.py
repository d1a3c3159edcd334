"""Moments as they are typed."""

from __future__ import annotations

import argparse
from datetime import datetime, timedelta

import pytest

from desktop.verbs.moments import next_moment, pause_span

NOW = datetime(2026, 3, 4, 15, 30).timestamp()  # noqa: DTZ001 -- this PC's clock


def shown(moment: float) -> str:
    return datetime.fromtimestamp(moment).strftime("%Y-%m-%d %H:%M")  # noqa: DTZ006 -- this PC's clock


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("18:00", "2026-03-04 18:00"),
        ("15:30", "2026-03-05 15:30"),
        ("7:05", "2026-03-05 07:05"),
        ("tomorrow", "2026-03-05 08:00"),
        ("2026-03-06", "2026-03-06 00:00"),
        ("2026-03-06T09:30", "2026-03-06 09:30"),
    ],
)
def test_a_moment_to_come(text: str, when: str) -> None:
    assert shown(next_moment(text, NOW)) == when


@pytest.mark.parametrize("text", ["25:00", "soon", "2026-03-04T15:00", "2027-03-04", ""])
def test_what_is_no_moment_or_out_of_reach_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"moment|past"):
        next_moment(text, NOW)


@pytest.mark.parametrize(("text", "span"), [("90s", 90), ("30m", 1800), ("1h30m", 5400), ("2d", 172800)])
def test_a_span(text: str, span: float) -> None:
    assert timedelta(seconds=pause_span(text)) == timedelta(seconds=span)


@pytest.mark.parametrize("text", ["", "soon", "5", "0s", "31d", "1h 30m"])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        pause_span(text)
