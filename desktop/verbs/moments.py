"""Spans and moments as a person types and reads them. Pure: the present is given."""

from __future__ import annotations

import argparse
import re
from datetime import datetime, timedelta

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
LONGEST_PAUSE_S = 30 * 86400.0


def moment(at: float) -> str:
    """By this PC's clock and zone."""
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def pause_span(text: str) -> float:
    """Seconds in `90s`, `30m`, `1h30m`, `2d`."""
    pieces = re.findall(r"(\d+)([smhd])", text)
    if not pieces or "".join(number + unit for number, unit in pieces) != text:
        raise argparse.ArgumentTypeError(f"{text!r} is no span of time like 30m, 4h or 1h30m")
    seconds = float(sum(int(number) * _UNITS[unit] for number, unit in pieces))
    if not 0 < seconds <= LONGEST_PAUSE_S:
        raise argparse.ArgumentTypeError("a pause lasts between one second and 30 days")
    return seconds


def next_moment(text: str, now: float) -> float:
    """The Unix time of `18:00` (the next one), `tomorrow` (8 in the morning), `2026-12-01` or `2026-12-01T09:30`.

    Raises ValueError with a sentence.
    """
    here = datetime.fromtimestamp(now).astimezone()
    if text == "tomorrow":
        return (here + timedelta(days=1)).replace(hour=8, minute=0, second=0, microsecond=0).timestamp()
    if match := re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", text):
        then = here.replace(hour=int(match[1]), minute=int(match[2]), second=0, microsecond=0)
        return (then if then > here else then + timedelta(days=1)).timestamp()
    try:
        then = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no moment like 18:00, tomorrow or 2026-12-01T09:30") from error
    if not now < then.timestamp() <= now + LONGEST_PAUSE_S:
        raise ValueError(f"{text!r} is past, or more than 30 days away")
    return then.timestamp()
