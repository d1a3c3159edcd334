"""The keys of one provider: taken in turn, each resting or refused for itself."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from relay.errors import RelayError

FIRST_REST_S: Final = 1.0
LONGEST_REST_S: Final = 60.0
"""Of a key that was told to wait and not for how long: a second, then twice as long each time."""
LONGEST_WAIT_S: Final = 3600.0
"""However long a provider asks for, after an hour somebody looks again."""


class KeysUsedUp(RelayError):
    """Every key of a provider rests or is refused."""

    def __init__(self, provider: str) -> None:
        super().__init__(provider)
        self.provider = provider

    def __str__(self) -> str:
        return f"every key of provider {self.provider} is at rest"


class ProviderKey:
    """One key. `prefix` is everything of a call's request before the digits of its length, `look` a whole request for
    the list of models.
    """

    __slots__ = ("_refusals", "look", "prefix", "refused", "rests_until")

    def __init__(self, prefix: bytes, look: bytes = b"") -> None:
        self.prefix = prefix
        self.look = look
        self.refused = False
        self.rests_until = 0.0
        self._refusals = 0

    def rest(self, now: float, retry_after: float | None, chance: Callable[[], float] = random.random) -> None:
        """The provider asked for less: for so many seconds, else for a while, with full jitter."""
        longest = min(LONGEST_REST_S, FIRST_REST_S * 2.0**self._refusals)
        self._refusals = min(self._refusals + 1, 10)
        self.rests_until = now + (longest * chance() if retry_after is None else min(retry_after, LONGEST_WAIT_S))

    def refuse(self) -> None:
        """The provider does not know it any more, or it is not paid for."""
        self.refused = True

    def worked(self) -> None:
        """The provider took it."""
        self.refused = False
        self._refusals = 0


class ProviderKeys:
    """All keys of one provider; there is at least one, empty where the provider asks for none."""

    __slots__ = ("_keys", "_next")

    def __init__(self, keys: Sequence[ProviderKey]) -> None:
        self._keys = tuple(keys)
        self._next = 0

    def __iter__(self) -> Iterator[ProviderKey]:
        return iter(self._keys)

    def remember(self, before: Iterable[ProviderKey]) -> None:
        """Keys that were there before keep their state."""
        known = {each.prefix: each for each in before}
        self._keys = tuple(known.get(each.prefix, each) for each in self._keys)

    def take(self, now: float) -> ProviderKey | None:
        """The next that may be used; None if none may."""
        keys = self._keys
        if len(keys) == 1:
            key = keys[0]
            return None if key.refused or key.rests_until > now else key
        for _ in keys:
            key = keys[self._next % len(keys)]
            self._next += 1
            if not key.refused and key.rests_until <= now:
                return key
        return None

    def rests_s(self, now: float) -> float:
        """In how many seconds one may be used; 0: now. Infinite if all are refused."""
        return max(0.0, min((each.rests_until for each in self._keys if not each.refused), default=float("inf")) - now)
