"""What is worth telling an owner who does not look: decided from what the agent knew before, and what it knows now.

Few things are. That this PC shares or waits, or that a network was lost for an hour, is routine and told in the tray.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from desktop.agent.state import Mode, Reason, Snapshot

DAY_S: Final = 86_400.0
WEEK_S: Final = 7 * DAY_S


class Kind(enum.StrEnum):
    """Good news first. The words are kept in a file."""

    FIRST_EARNED = "first_earned"
    ARRIVED = "arrived"
    NOT_KNOWN = "not_known"
    DOWNLOAD_STOPPED = "download_stopped"
    DISK_FULL = "disk_full"
    MISSING = "missing"


GOOD: Final = frozenset({Kind.FIRST_EARNED, Kind.ARRIVED})
"""They happen and are over; the others last until somebody mends them."""


class Wish(enum.StrEnum):
    """What the owner wants to be told."""

    ALL = "all"
    PROBLEMS = "problems"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Notice:
    """`subject` is the model it is about, if any; `said` what else there is to say, in the agent's words."""

    kind: Kind
    subject: str = ""
    said: str = field(default="", compare=False)

    @property
    def key(self) -> str:
        """The same news has the same key, however it is put."""
        return f"{self.kind} {self.subject}".strip()


@dataclass(frozen=True, slots=True)
class Told:
    """When a notice was shown last, in Unix seconds, and whether what it told of is over."""

    at: float
    over: bool


def settled(snapshot: Snapshot) -> bool:
    """Whether it can be compared. While the relay is dialled nobody knows whether it still refuses this PC."""
    return snapshot.link.kind != "connecting"


def news(before: Snapshot, now: Snapshot) -> tuple[Notice, ...]:
    """What has come between the two."""
    known = _troubles(before)
    return *_joys(before, now), *(notice for notice in _troubles(now) if notice not in known)


def over(before: Snapshot, now: Snapshot) -> tuple[Notice, ...]:
    """What has ended between the two: whoever still reads of it is misled."""
    lasting = _troubles(now)
    return tuple(notice for notice in _troubles(before) if notice not in lasting)


def due(notice: Notice, told: Mapping[str, Told], wish: Wish, now: float) -> bool:
    """Whether the owner wants to hear it, and has not just heard it.

    The same news is told once a day at most; while it lasts, once a week, over restarts too. A clock that was far
    ahead when it was told silences nothing for years.
    """
    if wish is Wish.NOTHING or (wish is Wish.PROBLEMS and notice.kind in GOOD):
        return False
    last = told.get(notice.key)
    if last is None:
        return True
    if notice.kind is Kind.FIRST_EARNED:
        return False
    return abs(now - last.at) >= (DAY_S if last.over else WEEK_S)


def remembered(told: Mapping[str, Told], now: float) -> dict[str, Told]:
    """What still has a say in what is told next."""
    return {key: last for key, last in told.items() if key == Kind.FIRST_EARNED or abs(now - last.at) < WEEK_S}


def _joys(before: Snapshot, now: Snapshot) -> tuple[Notice, ...]:
    earned, earns = before.earnings, now.earnings
    first = earned is not None and earns is not None and earned.lifetime == 0 < earns.lifetime
    arrived = (Notice(Kind.ARRIVED, name) for name in now.arrived[len(before.arrived) :])
    return *((Notice(Kind.FIRST_EARNED),) if first else ()), *arrived


def _troubles(snapshot: Snapshot) -> tuple[Notice, ...]:
    """What is wrong and needs the owner."""
    found = []
    if problem := snapshot.enrolment.problem or (snapshot.link.problem if snapshot.link.refused else ""):
        found.append(Notice(Kind.NOT_KNOWN, said=problem))
    found += [
        Notice(Kind.DOWNLOAD_STOPPED, each.name, f"{each.sentence} {each.remedy}".strip())
        for each in snapshot.downloads
        if each.kind == "stopped"
    ]
    # Who shares nothing on purpose has a disk as full as they like.
    if snapshot.mode is not Mode.OFF and any(each.reason is Reason.LOW_DISK for each in snapshot.obstacles):
        found.append(Notice(Kind.DISK_FULL))
    if snapshot.missing:
        found.append(Notice(Kind.MISSING, said=", ".join(snapshot.missing)))
    return tuple(found)
