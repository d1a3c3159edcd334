"""The language's numbers and times, from Qt's locale, as `figures` wants them."""

from __future__ import annotations

from PySide6.QtCore import QDateTime, QLocale

from desktop.ui.figures import Formats


def formats_of(locale: QLocale) -> Formats:
    return Formats(locale.decimalPoint(), locale.groupSeparator(), lambda at, now: _moment(locale, at, now))


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
