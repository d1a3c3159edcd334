"""Whether a worker with calls still works: pure, asked once a beat, told what comes out of the worker's pipe.

Two things can go wrong without an end of the process. It stands still as a whole (stopped, frozen, starved): then it
does not answer a ping, which a thread of its own does at once. Or its step never ends (a graphics driver that hangs):
then it answers, but says nothing of its calls for far longer than a step takes at the speed that was measured.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Final

STEP_TOKENS: Final = 512
"""Tokens of one step at most, as the engine sets it."""

_PATIENCE: Final = 10
"""How many times longer than measured a step may take: a long context slows it, and so does the owner's own work."""

UNKNOWN_STEP_S: Final = 12.0
"""What a step is thought to take while no speed is known."""


class Verdict(enum.Enum):
    """What to do now."""

    WAIT = enum.auto()
    PING = enum.auto()
    SILENT = enum.auto()
    """End it: it does not answer at all."""

    STUCK = enum.auto()
    """End it: it answers, and does not get on."""


@dataclass(slots=True)
class Watchdog:
    """Of one worker. Times are seconds of one steady clock; limits are those of `WorkerSettings`."""

    silent_s: float
    stuck_s: float
    step_s: float = UNKNOWN_STEP_S
    _heard: float = field(default=0.0, init=False)
    _said: float = field(default=0.0, init=False)
    _pinged: float = field(default=-1.0, init=False)
    _busy: bool = field(default=False, init=False)

    def measured(self, prefill_tps: float) -> None:
        """Prompt tokens per second, as measured after loading."""
        if prefill_tps > 0:
            self.step_s = STEP_TOKENS / prefill_tps

    def heard(self, now: float, *, of_calls: bool) -> None:
        """Something came; `of_calls`: more than an answer to a ping."""
        self._heard = now
        if of_calls:
            self._said = now

    def beat(self, now: float, *, busy: bool) -> Verdict:
        """`busy`: the worker has calls."""
        if busy and not self._busy:
            self._said = now
        self._busy = busy
        if not busy:
            return Verdict.WAIT
        if now - self._said > self.stuck_s + _PATIENCE * self.step_s:
            return Verdict.STUCK
        if self._heard >= self._pinged:
            self._pinged = now
            return Verdict.PING
        return Verdict.SILENT if now - self._pinged > self.silent_s else Verdict.WAIT
