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


class _Run:
    """Records of one choice and kind that follow each other and will leave as one; mostly there is one."""

    __slots__ = ("_bytes", "_ids", "_records", "key")

    def __init__(self, record: StepRecord, key: tuple[LegId, int]) -> None:
        self.key = key
        self._records = [record]
        self._ids = len(record.ids)
        self._bytes = len(record.data)

    def absorb(self, record: StepRecord) -> bool:
        """Grow by a record of the same choice, unless it is of another kind, a whole event, or there is no room."""
        kind = self._records[0].kind
        self._ids += len(record.ids)
        self._bytes += len(record.data)
        if kind != record.kind or kind not in _MERGEABLE or self._is_full():
            self._ids -= len(record.ids)
            self._bytes -= len(record.data)
            return False
        self._records.append(record)
        return True

    def _is_full(self) -> bool:
        return self._ids > 4 * MAX_RECORD_IDS or self._bytes > MAX_RECORD_BYTES

    def joined(self) -> StepRecord:
        first, *more = self._records
        if not more:
            return first
        ids, data = (b"".join(parts) for parts in zip(*((r.ids, r.data) for r in self._records), strict=True))
        return StepRecord(first.leg, first.choice, first.kind, ids, data)


class StepMerger:
    """The records of one node on their way out. `due` says when to call `take`, `take` gives what goes into a frame."""

    def __init__(self) -> None:
        self._runs: list[_Run] = []
        self._last: dict[tuple[LegId, int], _Run] = {}
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
            self._last[key] = run = _Run(record, key)
            self._runs.append(run)

    def due(self, now: float) -> float | None:
        """Seconds until `take` gives something: 0 for now, `None` if nothing waits."""
        if not self._runs:
            return None
        return 0.0 if self._urgent else max(0.0, self._sent + WINDOW_S - now)

    def take(self, now: float) -> list[StepRecord]:
        """The records of the next frame if one is due. Call until it gives none: much text needs several."""
        return self.flush(now) if self.due(now) == 0.0 else []

    def flush(self, now: float) -> list[StepRecord]:
        """As `take`, due or not: before the terminal of a leg, which must not overtake its text."""
        batch: list[StepRecord] = []
        size = 0
        for run in self._runs[:MAX_RECORDS]:
            record = run.joined()
            size += record.size
            if batch and size > BATCH_BYTES:
                break
            batch.append(record)
        if batch:
            self._keep(self._runs[len(batch) :])
            # What is left over goes at once.
            self._urgent = bool(self._runs)
            self._sent = now
        return batch

    def forget(self, leg: LegId) -> None:
        """The leg is closed: drop what waits of it."""
        self._begun.discard(leg)
        self._keep([run for run in self._runs if run.key[0] != leg])

    def _keep(self, runs: list[_Run]) -> None:
        self._runs = runs
        self._last = {run.key: run for run in runs}
