"""Going on with an answer at another node: what is told of it, how often and how long that is tried, who gave what.

Pure: no I/O, no clock. What a node said is kept as it came, and only looked at when another has to go on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from relay.ledger.calls import Delivered
from relay.wire.frames import Channel, StepKind

MAX_SILENT: Final = 2
"""Losses of one call that nobody announced, after which it is given up."""
MAX_ANNOUNCED: Final = 6
"""As `MAX_SILENT`, of hand-overs."""
PATIENCE_S: Final = 30.0
"""From a loss on, for everything that is tried to go on; then the caller has the error."""

Heard = tuple[int, bytes, bytes]
"""Kind, ids and data of one step record."""

_END: Final = int(StepKind.END)


@dataclass(frozen=True, slots=True)
class Marks:
    """How far an answer of one choice has come: `position` tokens, their packed `ids`, and what came of them."""

    position: int
    ids: bytes
    channels: list[Channel]


def marks_of(heard: Iterable[Heard]) -> Marks:
    """Where another node has to go on after these records."""
    ids = bytearray()
    texts: dict[int, list[bytes]] = {}
    for kind, packed, data in heard:
        ids += packed
        if data and kind != _END:
            texts.setdefault(kind, []).append(data)
    channels = [_channel(kind, b"".join(parts)) for kind, parts in sorted(texts.items())]
    return Marks(len(ids) // 4, bytes(ids), channels)


def _channel(kind: int, data: bytes) -> Channel:
    return Channel(choice=0, channel=kind, bytes=len(data), digest=hashlib.sha256(data).digest())


class Handovers:
    """How often a call was handed on, and for how long somebody has been sought for it now."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._silent = 0
        self._announced = 0

    @property
    def searching(self) -> bool:
        """Whether nobody has gone on since the last loss."""
        return self._since is not None

    def lost(self, *, announced: bool, now: float) -> bool:
        """Whether another may be sought. A loss in the middle of a search is part of it."""
        if self._since is not None:
            return now - self._since < PATIENCE_S
        self._since = now
        if announced:
            self._announced += 1
        else:
            self._silent += 1
        return self._silent <= MAX_SILENT and self._announced <= MAX_ANNOUNCED

    def found(self) -> None:
        """The answer goes on."""
        self._since = None

    def left_s(self, now: float) -> float:
        """Seconds until the search is given up."""
        return PATIENCE_S if self._since is None else max(0.0, PATIENCE_S - (now - self._since))


def divide(shares: Sequence[tuple[int, int]], leg: int, *, prompt_tokens: int, tokens: int) -> tuple[Delivered, ...]:
    """Who gave what of `tokens`, which left in order; `shares` are legs with the tokens of all up to their end."""
    parts: list[tuple[int, int]] = []
    before = 0
    for number, end in (*shares, (leg, tokens)):
        given = min(end, tokens) - before
        if given > 0:
            parts.append((number, given))
            before += given
    if not parts:
        return (Delivered(shares[0][0] if shares else leg, prompt_tokens, 0),)
    first = Delivered(parts[0][0], prompt_tokens, parts[0][1])
    return (first, *(Delivered(number, 0, given) for number, given in parts[1:]))
