"""A watch over a PC that changes only when told to: for tests, and for an agent that shares whatever happens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from desktop.system.conditions import Conditions, Load, Presence
from desktop.system.watch.port import Attention

_LONG_AGO_S = 86400.0


def at_rest() -> Conditions:
    """Nobody has used the PC for a day, and nothing else runs."""
    return Conditions(presence=Presence(time.time() - _LONG_AGO_S, "nobody"), load=Load(cpu=0.0))


class StillWatch:
    """Tells what `becomes` was given last; at first, that everything is at rest."""

    def __init__(self, conditions: Conditions | None = None) -> None:
        self._conditions = conditions or at_rest()
        self._changed: Callable[[], None] | None = None
        self.attention = Attention()
        self.slept = 0
        self._broken = asyncio.Event()

    @property
    def conditions(self) -> Conditions:
        return self._conditions

    def becomes(self, conditions: Conditions) -> None:
        """The PC is like this now."""
        self._conditions = conditions
        if self._changed is not None:
            self._changed()

    def fail(self, conditions: Conditions) -> None:
        """Ends `run` with an error, as a watch that breaks does; `conditions` are what it leaves behind."""
        self._conditions = conditions
        self._broken.set()

    async def run(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        changed()
        await self._broken.wait()
        self._broken.clear()
        raise RuntimeError("a watch that was told to fail")

    def attend(self, attention: Attention) -> None:
        self.attention = attention

    def may_sleep(self) -> None:
        self.slept += 1
