"""What to do when a link ends: how long to wait, what to tell the owner, whether to try again at all. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from relay.wire.frames import CloseCode

SETTLED_S = 10.0
"""A session that lasted this long was a good one: the next failure is the first again."""

_SLOW_S = 60.0
"""Least wait where trying at once cannot help: another computer is linked, or the key is not known."""


@dataclass(frozen=True, slots=True)
class Parting:
    """How a link ended. `problem` reads after "no contact with the relay …": a short fact without a full stop.

    `gone` means that the relay no longer knows this node: there is nothing to retry. `refused` means that another try
    will end the same way until somebody changes something.
    """

    problem: str
    retry_after: float | None = None
    least_wait: float = 0.0
    gone: bool = False
    refused: bool = False


def parting(code: int, message: str = "", *, retry_after: float | None = None) -> Parting:
    """What a close or refusal with `code` means for this PC."""
    match code:
        case CloseCode.REVOKED:
            return Parting(_barred(message), gone=True)
        case CloseCode.NOT_AUTHENTICATED:
            return Parting(message or "the relay does not accept this PC's key", retry_after, _SLOW_S, refused=True)
        case CloseCode.REPLACED:
            return Parting("another computer is linked with this PC's key", retry_after, _SLOW_S)
        case CloseCode.TOO_MANY:
            return Parting(message or "too many computers of this owner are linked", retry_after, _SLOW_S)
        case CloseCode.GOING_AWAY:
            return Parting("the relay is restarting", retry_after)
        case CloseCode.TOO_SLOW:
            return Parting("the connection was too slow", retry_after)
        case CloseCode.VIOLATION:
            return Parting(
                message or "the relay and this version of Nightjar do not understand each other",
                retry_after,
                _SLOW_S,
                refused=True,
            )
        case _:
            return Parting(message or "the connection was lost", retry_after)


def _barred(message: str) -> str:
    """The relay's `this node may not connect any more: revoked`, to be read after "no longer knows this PC"."""
    why = message.removeprefix("this node may not connect any more: ")
    if why in ("", "revoked"):
        return "it was revoked there"
    if why.startswith("cloned"):
        return "its key is in use on two computers"
    return f"it was suspended there ({why})"


class Backoff:
    """Full jitter: a random wait below a bound that doubles, so that 2,000 nodes do not come back in one instant."""

    def __init__(self, *, first: float, most: float, chance: Callable[[], float]) -> None:
        """`chance` gives numbers from 0 up to 1."""
        self._first = first
        self._most = most
        self._chance = chance
        self._failures = 0

    def good(self) -> None:
        self._failures = 0

    def wait(self, ended: Parting) -> float:
        """Seconds until the next try. A wait the relay asked for is kept, and spread by a tenth."""
        chance = self._chance()
        if ended.retry_after is not None:
            return ended.retry_after * (1 + chance / 10)
        bound = min(self._most, self._first * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return max(chance * bound, ended.least_wait * (0.5 + chance))
