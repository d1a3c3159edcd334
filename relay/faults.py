"""Named instants at which a test can kill the process, as a power cut would.

`CRASH_AT=before_settle nightjar-relay serve` dies by SIGKILL the first time that point is reached, `before_settle@3`
the third time. Without the variable `crash.point` does nothing.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from typing import Literal, get_args

from relay.errors import RelayError

CrashPoint = Literal[
    "after_hold",
    "after_dispatch",
    "after_last_token",
    "before_settle",
    "mid_settle",
    "before_commit",
    "after_commit",
    "after_claim",
    "before_keep",
]
"""The life of one call, in order; then the writer's batch, on either side of its database commit; then what is only
reached by calls with an `Idempotency-Key`: the key is claimed; the answer is about to be kept.

`after_hold`, `before_settle` and `mid_settle` are reached inside the ledger, `before_commit` and `after_commit` in its
carrier; the two others belong to whoever dispatches the call.
"""


class UnknownCrashPoint(RelayError):
    """`CRASH_AT` names no crash point; ignoring it would make a test of crashes pass without a crash."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    @property
    def remedy(self) -> str:
        return "Unset CRASH_AT, or set it to one of: " + ", ".join(get_args(CrashPoint))

    def __str__(self) -> str:
        return f"CRASH_AT={self.name} names no crash point"


class CrashPoints:
    """Dies at the armed point, passes every other."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        value = environment.get("CRASH_AT", "")
        name, at, nth = value.partition("@")
        if value and (name not in get_args(CrashPoint) or (at and not nth.isdecimal())):
            raise UnknownCrashPoint(value)
        self.armed = bool(value)
        """For hot paths, which can ask this in a third of the time of passing a point."""
        self._name = name
        self._passes_left = int(nth) - 1 if nth else 0

    def point(self, name: CrashPoint) -> None:
        """Ends the process here if this is the armed point: no handler, no flush, no goodbye."""
        if name == self._name:
            if not self._passes_left:
                os.kill(os.getpid(), signal.SIGKILL)
            self._passes_left -= 1


crash = CrashPoints(os.environ)
