from __future__ import annotations

import pytest
from PySide6.QtCore import QLocale

from desktop.ui.figures import dollars
from desktop.ui.formats import formats_of


@pytest.mark.parametrize(
    ("language", "evening", "midnight", "monday", "short"),
    [
        ("en_US", "6:30 PM", "12:00 AM", "Monday", "Mon"),
        ("de_DE", "18:30", "00:00", "Montag", "Mo"),
        ("ro_RO", "18:30", "00:00", "luni", "lun."),
    ],
)
def test_hours_and_days_are_those_of_the_language(
    language: str, evening: str, midnight: str, monday: str, short: str
) -> None:
    formats = formats_of(QLocale(language))
    assert formats.clock(18 * 60 + 30).replace("\N{NARROW NO-BREAK SPACE}", " ") == evening
    assert formats.clock(24 * 60).replace("\N{NARROW NO-BREAK SPACE}", " ") == midnight
    assert (formats.weekday(0), formats.weekday_short(0)) == (monday, short)


@pytest.mark.parametrize(
    ("language", "shown"),
    [("en_US", "$1.20"), ("C", "$1.20"), ("ro_RO", "1,20\N{NO-BREAK SPACE}$"), ("nl_NL", "$\N{NO-BREAK SPACE}1,20")],
)
def test_the_dollar_stands_where_the_language_has_it(language: str, shown: str) -> None:
    assert dollars(1_200_000_000, formats_of(QLocale(language))) == shown
