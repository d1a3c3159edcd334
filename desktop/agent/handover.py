"""When sharing ends while answers are being written: what happens to them, and when.

They are given back to the relay, which lets another node go on: at once or, where the owner allows it, after a grace in
which they may come to their end. While Nightjar itself closes they are finished instead; that is the supervisor's part.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from desktop.agent.sharing.decision import YIELDING, Facts
from desktop.agent.state import Reason, Sharing

log = logging.getLogger(__name__)

_KEEPS_ANSWERS = frozenset({Reason.SHUTTING_DOWN, Reason.NOT_ENROLLED, Reason.RELAY_UNREACHABLE, Reason.WARMING_UP})
"""Not sharing for one of these hands nothing over: answers are being finished, or there is nobody to hand them to."""


class HandOver:
    """`give_back` ends every running answer at the last token that was sampled, and tells the relay where and why."""

    def __init__(self, give_back: Callable[[str], None]) -> None:
        self._give_back = give_back
        self._grace: asyncio.TimerHandle | None = None

    def settle(self, facts: Facts, sharing: Sharing) -> None:
        """Does what the newest verdict asks for. To be called with each, on the loop."""
        over = sharing.sharing or not facts.running
        if over or sharing.reason not in YIELDING:
            self._forget()
        if over or sharing.reason in _KEEPS_ANSWERS:
            return
        grace = facts.rules.grace_s if sharing.reason in YIELDING else 0.0
        if not grace:
            self._now(sharing.reason)
        elif self._grace is None:
            self._grace = asyncio.get_running_loop().call_later(grace, self._now, sharing.reason)

    def _now(self, reason: Reason) -> None:
        self._forget()
        log.info("answers are handed over", extra={"why": reason.value})
        self._give_back(reason.value)

    def _forget(self) -> None:
        if self._grace is not None:
            self._grace.cancel()
            self._grace = None
