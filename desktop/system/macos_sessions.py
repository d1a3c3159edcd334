"""macOS: the lock, and other people. Sleep is noticed after it, by the clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from desktop.errors import SourceSilent
from desktop.system.core_foundation import CoreFoundation
from desktop.system.watch.senses import Seats


class MacSessions:
    """See `watch.senses.Logins`. Without a session at the screen somebody else is there, or nobody is logged in."""

    name = "login session (macOS)"

    def __init__(self, foundation: CoreFoundation, graphics: Any) -> None:
        """`graphics` is the framework ApplicationServices."""
        self._foundation = foundation
        self._graphics = graphics

    async def seats(self) -> Seats:
        session = self._graphics.CGSessionCopyCurrentDictionary()
        if not session:
            raise SourceSilent(self.name, "there is no session at the screen")
        try:
            locked = self._foundation.is_true(session, "CGSSessionScreenIsLocked")
            ours = self._foundation.is_true(session, "kCGSSessionOnConsoleKey")
        finally:
            self._foundation.release(session)
        return Seats(locked, other_active=not ours)

    async def follow(self, slept: Callable[[bool], None], ended: Callable[[], None]) -> None:
        del slept, ended
        raise SourceSilent(self.name, "sleep is noticed after it")

    async def hold(self) -> None:
        """Sleep does not wait for us."""

    def release(self) -> None:
        """Nothing is held."""
