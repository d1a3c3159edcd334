"""The legs of one session: which are open, how far each has come, and the tombstones of those just closed.

Both sides keep such a table. Ids rise and are never used twice, so three numbers tell everything about an id: open;
closed less than a minute ago (frames for it were on their way: dropped, no fault); or not to be spoken of (violation).
"""

from __future__ import annotations

import enum
from typing import Final

from relay.wire.errors import ProtocolViolation, SessionMisuse
from relay.wire.fields import MAX_LEG_ID
from relay.wire.frames import LegId, StepKind
from relay.wire.steps import StepRecord

TOMBSTONE_S: Final = 60.0
MAX_OPEN: Final = 1024
"""Legs open at once on one node; far above any number of slots."""


class Stage(enum.IntEnum):
    """How far a leg has come. A closed one has no stage: it is out of the table."""

    OFFERED = 0
    SENDING = 1
    """The header is accepted; the payload is on its way."""
    ACCEPTED = 2
    RUNNING = 3


class Leg:
    """One open leg.

    `plain` spares the hot path: a record of a choice below it, other than an end, needs no further check. It is the
    number of choices while the leg runs and none of them has ended, else 0.
    """

    __slots__ = ("_choices", "_ended", "id", "inline", "plain", "stage")

    def __init__(self, leg: LegId, *, choices: int, inline: bool) -> None:
        self.id: Final = leg
        self.inline: Final = inline
        self.stage = Stage.OFFERED
        self.plain = 0
        self._choices = choices
        self._ended = 0
        """A bit for each choice that has ended."""

    def advance(self, record: StepRecord) -> None:
        """Take note of a step: the leg must be accepted, the choice be one of its own and not have ended."""
        if self.stage < Stage.ACCEPTED:
            raise ProtocolViolation("a step before the accept")
        if record.choice >= self._choices:
            raise ProtocolViolation("a step of a choice the call does not have")
        if self._ended >> record.choice & 1:
            raise ProtocolViolation("a step of a choice that has ended")
        if record.kind == StepKind.END:
            self._ended |= 1 << record.choice
        self.stage = Stage.RUNNING
        self.plain = 0 if self._ended else self._choices


class LegTable:
    """The open legs by id, and when the tombstone of each closed one falls.

    `open` is for looking up on the hot path only; change it through the methods.
    """

    def __init__(self) -> None:
        self.open: Final[dict[int, Leg]] = {}
        self._tombstones: dict[int, float] = {}
        self._last = 0

    def next_id(self) -> LegId:
        """The id the relay gives to its next leg."""
        if len(self.open) >= MAX_OPEN or self._last >= MAX_LEG_ID:
            raise SessionMisuse("no room for another leg, or no id")
        return LegId(self._last + 1)

    def admit(self, leg: LegId, *, choices: int, inline: bool) -> None:
        """A leg of the id that the relay gave it."""
        if leg <= self._last:
            raise ProtocolViolation("a leg's id does not rise")
        if len(self.open) >= MAX_OPEN:
            raise ProtocolViolation("more open legs than any node has slots")
        self.open[leg] = Leg(leg, choices=choices, inline=inline)
        self._last = leg

    def find(self, leg: int, now: float) -> Leg | None:
        """The open leg; `None` for one closed within the last minute. Any other id is a violation."""
        found = self.open.get(leg)
        if found is None and self._tombstones.get(leg, now) <= now:
            raise ProtocolViolation("a frame for a leg that was never allocated, or is long closed")
        return found

    def close(self, leg: int, now: float) -> Leg | None:
        """Take a leg out, before anything else happens to it; `None` if it is not open."""
        closed = self.open.pop(leg, None)
        if closed is not None:
            self._bury(leg, now)
        return closed

    def clear(self) -> list[LegId]:
        """The session is over: which legs it takes with it."""
        lost = [leg.id for leg in self.open.values()]
        self.open.clear()
        self._tombstones.clear()
        return lost

    def _bury(self, leg: int, now: float) -> None:
        """Tombstones stand in order of time, so the fallen ones are in front."""
        while self._tombstones:
            oldest = next(iter(self._tombstones))
            if self._tombstones[oldest] > now:
                break
            del self._tombstones[oldest]
        self._tombstones[leg] = now + TOMBSTONE_S
