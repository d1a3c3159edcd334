"""The weekly schedule: half hours in which this PC may share, in the PC's own time.

Written as people say it: `mon-fri 18:00-08:00, sat-sun 00:00-24:00`. A span that ends before it begins goes on past
midnight, into the next day. Time zones are not here: the caller gives local time as days and minutes of a week.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SLOT_MINUTES = 30
DAY_SLOTS = 48
WEEK_SLOTS = 7 * DAY_SLOTS
_WEEK_MINUTES = 7 * 24 * 60

_ENTRY = re.compile(r"(?P<days>[a-z]{3}(?:-[a-z]{3})?|daily)\s+(?P<begin>\d{1,2}:\d\d)-(?P<end>\d{1,2}:\d\d)")


@dataclass(frozen=True, slots=True)
class Schedule:
    """`slots` are the half hours of the week that are open, 0 being Monday from 00:00. All of them: no schedule."""

    slots: frozenset[int] = frozenset(range(WEEK_SLOTS))

    @property
    def always(self) -> bool:
        return len(self.slots) == WEEK_SLOTS

    def is_open(self, minute: float) -> bool:
        """At `minute` of the week."""
        return int(minute % _WEEK_MINUTES) // SLOT_MINUTES in self.slots

    def opens_in(self, minute: float) -> float | None:
        """Minutes from `minute` of the week until it is open: 0 if it is, None if it never is."""
        if self.is_open(minute):
            return 0.0
        first = int(minute % _WEEK_MINUTES) // SLOT_MINUTES
        for ahead in range(1, WEEK_SLOTS + 1):
            if (first + ahead) % WEEK_SLOTS in self.slots:
                return (first + ahead) * SLOT_MINUTES - minute % _WEEK_MINUTES
        return None


def parse_schedule(text: str) -> Schedule:
    """Raises ValueError with a sentence for people. Empty text, or `always`, means no schedule; `never`, no hour."""
    said = text.strip().lower()
    if said in ("", "always"):
        return Schedule()
    if said == "never":
        return Schedule(frozenset())
    slots: set[int] = set()
    for entry in re.split(r"\s*[,;]\s*", said):
        slots.update(_slots(entry))
    return Schedule(frozenset(slots))


def schedule_text(schedule: Schedule) -> str:
    """What `parse_schedule` reads back as the same schedule."""
    if schedule.always or not schedule.slots:
        return "always" if schedule.always else "never"
    spans = [_spans(schedule, day) for day in range(7)]
    entries: list[str] = []
    for spoken, group in groupby(range(7), key=lambda day: spans[day]):
        days = list(group)
        name = DAYS[days[0]] if len(days) == 1 else f"{DAYS[days[0]]}-{DAYS[days[-1]]}"
        entries += [f"{name} {span}" for span in spoken]
    return ", ".join(entries)


def _slots(entry: str) -> Iterator[int]:
    match = _ENTRY.fullmatch(entry)
    if match is None:
        raise ValueError(f"{entry!r} is no part of a schedule; write for example mon-fri 18:00-08:00")
    begin, end = _slot(match["begin"]), _slot(match["end"])
    if begin == DAY_SLOTS:
        raise ValueError(f"{entry!r} begins at the end of the day; write 00:00 of the next one")
    length = end - begin if end > begin else end - begin + DAY_SLOTS
    for day in _days(match["days"]):
        for slot in range(begin, begin + length):
            yield (day * DAY_SLOTS + slot) % WEEK_SLOTS


def _days(text: str) -> Iterable[int]:
    if text == "daily":
        return range(7)
    first, _, last = text.partition("-")
    for name in (first, last or first):
        if name not in DAYS:
            raise ValueError(f"{name!r} is no day; days are {', '.join(DAYS)} and daily")
    begin, end = DAYS.index(first), DAYS.index(last or first)
    return [(begin + ahead) % 7 for ahead in range((end - begin) % 7 + 1)]


def _slot(text: str) -> int:
    hours, minutes = (int(part) for part in text.split(":"))
    if minutes not in (0, SLOT_MINUTES) or hours * 60 + minutes > 24 * 60:
        raise ValueError(f"{text!r} is no half hour of the day, like 08:00 or 18:30")
    return hours * 2 + minutes // SLOT_MINUTES


def _spans(schedule: Schedule, day: int) -> tuple[str, ...]:
    open_slots = [slot for slot in range(DAY_SLOTS) if day * DAY_SLOTS + slot in schedule.slots]
    spans: list[str] = []
    for _, group in groupby(enumerate(open_slots), key=lambda pair: pair[1] - pair[0]):
        run = [slot for _, slot in group]
        spans.append(f"{_clock(run[0])}-{_clock(run[-1] + 1)}")
    return tuple(spans)


def _clock(slot: int) -> str:
    return f"{slot // 2:02}:{slot % 2 * SLOT_MINUTES:02}"
