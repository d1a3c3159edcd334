"""The language's numbers and times, from Qt's locale, as `figures` wants them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from PySide6.QtCore import QDate, QDateTime, QLocale, QTime

from desktop.ui.figures import Formats


def formats_of(locale: QLocale) -> Formats:
    return Formats(
        locale.decimalPoint(),
        locale.groupSeparator(),
        lambda at, now: _moment(locale, at, now),
        lambda day: _day(locale, day),
        lambda minute: locale.toString(QTime(minute // 60 % 24, minute % 60), QLocale.FormatType.ShortFormat),
        lambda day: locale.standaloneDayName(day + 1, QLocale.FormatType.LongFormat),
        lambda day: locale.standaloneDayName(day + 1, QLocale.FormatType.ShortFormat),
        _money(locale),
    )


def _money(locale: QLocale) -> Callable[[str], str]:
    """The amount is written by us, since Qt would round it; where its sign stands, Qt knows."""
    if locale.language() is QLocale.Language.C:  # A system without a language: its texts are English.
        return "${}".format
    one = locale.toCurrencyString(1, "$", 0)
    return lambda amount: one.replace(locale.toString(1), amount)


def _day(locale: QLocale, day: date) -> str:
    """`5 Mar`: day and month in the language's order, which is that of its short dates."""
    order = locale.dateFormat(QLocale.FormatType.ShortFormat).casefold()
    month_first = 0 <= order.find("m") < order.find("d")
    return locale.toString(QDate(day.year, day.month, day.day), "MMM d" if month_first else "d MMM")


def _moment(locale: QLocale, at: float, now: float) -> str:
    """`14:30` today, `Tue 08:00` within the week, with the date beyond."""
    then, here = _local(at), _local(now)
    time = locale.toString(then.time(), QLocale.FormatType.ShortFormat)
    days = here.date().daysTo(then.date())
    if days == 0:
        return time
    if abs(days) < 7:
        return f"{locale.dayName(then.date().dayOfWeek(), QLocale.FormatType.ShortFormat)} {time}"
    return f"{locale.toString(then.date(), QLocale.FormatType.ShortFormat)} {time}"


def _local(at: float) -> QDateTime:
    return QDateTime.fromMSecsSinceEpoch(round(at * 1000))
