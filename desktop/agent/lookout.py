"""How closely the PC is watched, and when to decide again because time has passed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from desktop.agent.sharing.decision import Facts, look_again_at
from desktop.agent.state import Mode, Reason, Sharing
from desktop.system.watch.port import Attention, Watch

log = logging.getLogger(__name__)

_CRASH_PAUSE_S = 5.0

_LONGEST_TIMER_S = 600.0
"""What is timed by the wall clock is looked at again at least so often: the clock may be set while we wait."""

_SOON_S = 20.0
"""So long before sharing may start, the PC is watched as closely as while it shares."""


class Lookout:
    """Keeps one watch going. `changed` is called whenever something may have changed, if only the time."""

    def __init__(self, watch: Watch, changed: Callable[[], None]) -> None:
        self._watch = watch
        self._changed = changed
        self._timer: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Until cancelled. A watch that dies is started again: nobody may take its last word for the present."""
        try:
            while True:
                try:
                    await self._watch.run(self._changed)
                except Exception:
                    log.exception("the watch over this PC failed; starting it again")
                    self._changed()
                await asyncio.sleep(_CRASH_PAUSE_S)
        finally:
            self._disarm()

    def heed(self, facts: Facts, sharing: Sharing) -> None:
        """Looks closely while an input has to be known at once, and again when the clock alone may change something."""
        soon = sharing.until is not None and sharing.until - facts.now <= _SOON_S
        closely = facts.mode is Mode.IDLE and (sharing.sharing or soon or sharing.reason is Reason.WARMING_UP)
        programs = {name.lower() for name in (*facts.rules.exclusive_apps, facts.snoozed_for) if name}
        self._watch.attend(Attention(closely=closely, programs=frozenset(programs)))
        self._disarm()
        again = look_again_at(facts)
        if again is not None:
            wait = min(max(again - facts.now, 0.0), _LONGEST_TIMER_S)
            self._timer = asyncio.get_running_loop().call_later(wait, self._changed)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
