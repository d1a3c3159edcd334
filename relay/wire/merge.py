"""When the steps of a node leave: the first content of a call at once, all others gathered for up to 4 ms.

So a frame goes out at most every 4 ms (250 a second) however fast the engine is, and a caller never waits longer than
that for what is there. Records of a choice that follow each other and are of one kind become one record.
"""

from __future__ import annotations

from typing import Final

from relay.wire.frames import LegId, StepKind
from relay.wire.steps import MAX_RECORD_BYTES, MAX_RECORD_IDS, MAX_RECORDS, StepRecord

WINDOW_S: Final = 0.004
BATCH_BYTES: Final = 128 * 1024
"""Of one frame: half of the longest allowed."""

_MERGEABLE: Final = frozenset({StepKind.TEXT.value, StepKind.REASONING.value, StepKind.TOOL_ARGUMENTS.value})


class _Pending:
    """A record still growing."""

    __slots__ = ("choice", "data", "ids", "kind", "leg")

    def __init__(self, record: StepRecord) -> None:
        self.leg = record.leg
        self.choice = record.choice
        self.kind = record.kind
        self.ids = bytearray(record.ids)
        self.data = bytearray(record.data)

    def absorb(self, record: StepRecord) -> bool:
        """Grow by a record of the same choice and kind, unless it carries a whole event or there is no room."""
        if self.kind != record.kind or self.kind not in _MERGEABLE:
            return False
        room = MAX_RECORD_BYTES - len(self.data), 4 * MAX_RECORD_IDS - len(self.ids)
        if len(record.data) > room[0] or len(record.ids) > room[1]:
            return False
        self.ids += record.ids
        self.data += record.data
        return True

    def frozen(self) -> StepRecord:
        return StepRecord(self.leg, self.choice, self.kind, bytes(self.ids), bytes(self.data))


class StepMerger:
    """The records of one node on their way out. `due` says when to call `take`, `take` gives what goes into a frame."""

    def __init__(self) -> None:
        self._pending: list[_Pending] = []
        self._last: dict[tuple[LegId, int], _Pending] = {}
        self._begun: set[LegId] = set()
        self._urgent = False
        self._sent = float("-inf")

    def add(self, record: StepRecord) -> None:
        """What the engine sampled for one choice, in its order."""
        if record.data and record.leg not in self._begun:
            self._begun.add(record.leg)
            self._urgent = True
        key = record.leg, record.choice
        last = self._last.get(key)
        if last is None or not last.absorb(record):
            self._last[key] = pending = _Pending(record)
            self._pending.append(pending)

    def due(self, now: float) -> float | None:
        """Seconds until `take` gives something: 0 for now, `None` if nothing waits."""
        if not self._pending:
            return None
        return 0.0 if self._urgent else max(0.0, self._sent + WINDOW_S - now)

    def take(self, now: float) -> list[StepRecord]:
        """The records of the next frame if one is due. Call until it gives none: much text needs several."""
        return self.flush(now) if self.due(now) == 0.0 else []

    def flush(self, now: float) -> list[StepRecord]:
        """As `take`, due or not: before the terminal of a leg, which must not overtake its text."""
        batch: list[StepRecord] = []
        size = 0
        for pending in self._pending[:MAX_RECORDS]:
            record = pending.frozen()
            if batch and size + record.size > BATCH_BYTES:
                break
            batch.append(record)
            size += record.size
        if batch:
            del self._pending[: len(batch)]
            # What is left over goes at once; what was taken can no longer grow.
            self._urgent = bool(self._pending)
            self._last = {(pending.leg, pending.choice): pending for pending in self._pending}
            self._sent = now
        return batch

    def forget(self, leg: LegId) -> None:
        """The leg is closed: drop what waits of it."""
        self._begun.discard(leg)
        self._pending = [pending for pending in self._pending if pending.leg != leg]
        self._last = {key: pending for key, pending in self._last.items() if pending.leg != leg}
