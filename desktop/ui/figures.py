"""Numbers for people: money from nano-dollars, speeds and moments. Pure; the language's habits come as `Formats`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

NANO = 1_000_000_000
"""Nano-dollars in a dollar."""

CENT = NANO // 100

MINUS = "−"

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class Formats:
    """How one language writes numbers and times.

    `moment(at, now)` names the Unix time `at` as somebody at `now` would: the hour alone today, with the day otherwise.
    """

    point: str
    group: str
    moment: Callable[[float, float], str]
    day: Callable[[date], str] = date.isoformat
    """A day of the last months, short: `5 Mar`."""
    clock: Callable[[int], str] = lambda minute: f"{minute // 60:02}:{minute % 60:02}"
    """A minute of the day: `18:30`."""
    weekday: Callable[[int], str] = _WEEKDAYS.__getitem__
    """A day of the week, 0 being Monday, in full."""
    weekday_short: Callable[[int], str] = lambda day: _WEEKDAYS[day][:3]
    """The same in a few letters: `Mon`."""
    money: Callable[[str], str] = "${}".format
    """An amount of dollars: `$1.20`, `1,20 $`."""


def dollars(nano: int, formats: Formats) -> str:
    """Whole cents, rounded down: earnings are never shown higher than they are. Less than a cent is said so.

    A debt is rounded away from zero, for the same reason.
    """
    if nano < 0:
        return MINUS + _cents(-(nano // CENT), formats)
    if 0 < nano < CENT:
        return f"< {_cents(1, formats)}"
    return _cents(nano // CENT, formats)


def _cents(cents: int, formats: Formats) -> str:
    return formats.money(f"{counted(cents // 100, formats)}{formats.point}{cents % 100:02}")


def exact_dollars(nano: int, formats: Formats) -> str:
    """Every digit there is, at least two decimals: `$0.0000018`."""
    whole, rest = divmod(abs(nano), NANO)
    decimals = f"{rest:09}".rstrip("0").ljust(2, "0")
    sign = MINUS if nano < 0 else ""
    return sign + formats.money(f"{counted(whole, formats)}{formats.point}{decimals}")


def speed(tokens_per_s: float, formats: Formats) -> str:
    """One decimal below ten, where it matters; none above, where it flickers."""
    if tokens_per_s < 0.05:
        return "0"
    if tokens_per_s < 9.95:
        return f"{tokens_per_s:.1f}".replace(".", formats.point)
    return counted(round(tokens_per_s), formats)


def data(size: int, formats: Formats) -> str:
    """Bytes as `5 kB`, `3.2 MB`, `850 MB` or `2.5 GB`, by thousands, as file managers and the catalogue count."""
    if 0 < size < 1_000_000:
        return f"{-(-size // 1_000)} kB"
    if 0 < size < 10_000_000:
        return f"{size / 1e6:.1f} MB".replace(".", formats.point)
    if size < 1_000_000_000:
        return f"{size / 1e6:.0f} MB"
    if size < 100_000_000_000:
        return f"{size / 1e9:.1f} GB".replace(".", formats.point)
    return f"{counted(round(size / 1e9), formats)} GB"


def percent(share: float) -> str:
    """Rounded down: what is not done yet never reads 100 %. The space does not break."""
    return f"{int(share * 100)}\N{NO-BREAK SPACE}%"


def tomorrow(now: float, zone: tzinfo | None = None) -> float:
    """When "until tomorrow" ends: the next eight in the morning at least four hours away, by this PC's clock."""
    here = datetime.fromtimestamp(now, zone)
    morning = here.replace(hour=8, minute=0, second=0, microsecond=0)
    while morning.timestamp() < now + 4 * 3600:
        morning += timedelta(days=1)
    return morning.timestamp()


def counted(value: int, formats: Formats) -> str:
    """A count, in groups of three digits."""
    return f"{value:,}".replace(",", formats.group)
