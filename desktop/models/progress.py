"""One download as people see it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["queued", "downloading", "waiting", "paused", "stopped"]


@dataclass(frozen=True, slots=True)
class Progress:
    """Bytes, and bytes a second; `retry_at` is a Unix time. `stopped` needs its owner, `waiting` passes by itself."""

    name: str
    kind: Kind
    received: int
    size: int
    bytes_per_s: float = 0.0
    sentence: str = ""
    remedy: str = ""
    retry_at: float | None = None

    @property
    def left_s(self) -> float | None:
        """Until it is done at this speed; None where nobody can say."""
        return (self.size - self.received) / self.bytes_per_s if self.bytes_per_s > 0 else None
