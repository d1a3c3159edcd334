"""systemd-logind: sleep and shutdown (which wait for us a moment), the lock, other people's sessions, inhibitors.

Its IdleHint is not asked: on some desktops it never changes.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable
from typing import Any

from desktop.errors import SourceSilent
from desktop.system.bus import Bus
from desktop.system.watch.senses import Seats

log = logging.getLogger(__name__)

_NAME = "org.freedesktop.login1"
_PATH = "/org/freedesktop/login1"
_MANAGER = "org.freedesktop.login1.Manager"
_SESSION = "org.freedesktop.login1.Session"

_GRAPHICAL = frozenset({"x11", "wayland", "mir"})


class Login1:
    """The manager on the system's bus. Methods raise SourceSilent."""

    name = "login sessions (logind)"

    def __init__(self, bus: Bus, *, user: int | None = None) -> None:
        """`user` is our own id."""
        self._bus = bus
        self._user = os.getuid() if user is None else user
        self._delay: int | None = None

    async def open(self) -> None:
        await self._bus.call(_NAME, _PATH, _MANAGER, "ListSessions")

    async def seats(self) -> Seats:
        (sessions,) = await self._bus.call(_NAME, _PATH, _MANAGER, "ListSessions")
        locked: list[bool] = []
        other = False
        for _id, user, _user_name, _seat, path in sessions:
            try:
                facts = await self._bus.get_all(_NAME, path, _SESSION)
            except SourceSilent:
                continue  # It ended meanwhile.
            if not _is_somebody(facts):
                continue
            if user == self._user:
                locked.append(bool(facts.get("LockedHint")))
            elif facts.get("Active") and not facts.get("LockedHint"):
                other = True
        return Seats(bool(locked) and all(locked), other)

    async def idle_inhibitors(self) -> list[str]:
        """Names of programs, other than we, that keep the PC from becoming idle: they play or present something."""
        (inhibitors,) = await self._bus.call(_NAME, _PATH, _MANAGER, "ListInhibitors")
        return [
            str(who)
            for what, who, _why, mode, _user, pid in inhibitors
            if "idle" in str(what).split(":") and mode == "block" and pid != os.getpid()
        ]

    # --- sleep and shutdown

    async def follow(self, slept: Callable[[bool], None], ended: Callable[[], None]) -> None:
        """`slept` hears True before sleep and False after it, `ended` that the PC is being shut down."""
        await self._bus.listen(_MANAGER, "PrepareForSleep", lambda body: slept(bool(body[0])))
        await self._bus.listen(_MANAGER, "PrepareForShutdown", lambda body: ended() if body[0] else None)
        await self.hold()

    async def hold(self) -> None:
        """Sleep and shutdown wait for `release` from now on, a few seconds at most."""
        if self._delay is None:
            why = "Handing answers over"
            self._delay = await self._bus.take(
                _NAME, _PATH, _MANAGER, "Inhibit", "sleep:shutdown", "Nightjar", why, "delay"
            )

    def release(self) -> None:
        if self._delay is not None:
            with contextlib.suppress(OSError):
                os.close(self._delay)
            self._delay = None


def _is_somebody(facts: dict[str, Any]) -> bool:
    """A person at a screen: not the greeter, not a service, not a session that is ending."""
    return facts.get("Type") in _GRAPHICAL and facts.get("Class") == "user" and facts.get("State") != "closing"
