"""How much a node may send: frames and bytes a second, as token buckets fed with `now`.

A node over its rate is not cut off but slowed: the socket stops reading until the bucket is level again, which also
serves one that catches up after its network stood still. Only a flood no standstill explains, or a node that keeps its
bucket strained, is closed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from relay.wire.frames import CloseCode, Limits

BURST_S: Final = 2.0
"""Bytes may come at once for what the limit allows in this time, as frames may up to their burst."""
LONGEST_PAUSE_S: Final = 20.0
"""A debt above this is a flood. 250 steps a second, held back for the 40 s a silent link may last, are a debt of 18."""
PATIENCE_S: Final = 30.0
"""How long a bucket may be strained, that is: run empty again and again without ever being half full in between."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Read nothing more for `seconds`; what was read already counts."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Close:
    """It does not stop: close the socket with this code."""

    code: CloseCode
    message: str


class RateGate:
    """The buckets of one socket."""

    __slots__ = (
        "_at",
        "_bytes",
        "_bytes_burst",
        "_bytes_rate",
        "_frames",
        "_frames_burst",
        "_frames_rate",
        "_strained",
    )

    def __init__(self, limits: Limits, *, now: float) -> None:
        self._frames_rate = float(limits.frames_per_s)
        self._bytes_rate = float(limits.bytes_per_s)
        self._frames_burst = float(limits.burst_frames)
        self._bytes_burst = limits.bytes_per_s * BURST_S
        self._frames, self._bytes = self._frames_burst, self._bytes_burst
        self._at = now
        self._strained: float | None = None

    def admit(self, *, frames: int, size: int, now: float) -> Pause | Close | None:
        """Count what one read brought: messages, and bytes. `None`: go on reading."""
        passed = now - self._at
        self._at = now
        self._frames = min(self._frames_burst, self._frames + passed * self._frames_rate)
        self._bytes = min(self._bytes_burst, self._bytes + passed * self._bytes_rate)
        if self._strained is not None and self._is_relaxed():
            self._strained = None
        self._frames -= frames
        self._bytes -= size
        return None if self._frames >= 0 and self._bytes >= 0 else self._over(now)

    def _over(self, now: float) -> Pause | Close:
        self._strained = now if self._strained is None else self._strained
        debt_s = max(-self._frames / self._frames_rate, -self._bytes / self._bytes_rate)
        if debt_s > LONGEST_PAUSE_S or now - self._strained > PATIENCE_S:
            return Close(CloseCode.TOO_MANY, "more frames or bytes than the relay takes from one node")
        return Pause(debt_s)

    def _is_relaxed(self) -> bool:
        return self._frames >= self._frames_burst / 2 and self._bytes >= self._bytes_burst / 2
