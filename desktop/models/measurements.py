"""What was measured of a model on this PC: its speed, and the memory it took. Kept, so that it is measured once.

A record belongs to one file on one kind of hardware; another graphics card or a new version of the file starts anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

_MOST: Final = 256
"""Records kept; the oldest leave first."""


class Measured(msgspec.Struct, frozen=True):
    """Speeds are tokens per second of one answer alone; `factor` is true memory as a multiple of the estimate.

    `calm`: nothing else was going on. What was measured beside other work is measured again at the next chance.
    """

    prefill_tps: float
    decode_tps: float
    factor: float = 1.0
    calm: bool = True


def measured_key(file_sha256: str, hardware: Mapping[str, object]) -> str:
    """`hardware`: whatever changes the speed of a model, by name."""
    facts = "|".join(f"{name}={hardware[name]}" for name in sorted(hardware))
    return hashlib.sha256(f"{file_sha256}|{facts}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Measurements:
    """In one JSON file. One that cannot be read or written costs another measurement and nothing else."""

    path: Path

    def get(self, key: str) -> Measured | None:
        return self._load().get(key)

    def put(self, key: str, measured: Measured) -> None:
        known = self._load()
        known.pop(key, None)
        newest = dict([*known.items(), (key, measured)][-_MOST:])
        partial = self.path.with_suffix(".partial")
        try:
            partial.write_bytes(msgspec.json.encode(newest))
            partial.replace(self.path)
        except OSError:
            return

    def _load(self) -> dict[str, Measured]:
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=dict[str, Measured])
        except (OSError, msgspec.DecodeError):
            return {}
