"""Notifications of the desktop, with one act each: what every freedesktop session offers over D-Bus.

Their urgency is *normal*, always. *Critical* ones break through do-not-disturb and full screen, which nothing here is
worth; *low* ones some servers drop before their owner is back. When they are shown is the server's decision.
"""

from __future__ import annotations

import asyncio
import html
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from dbus_fast import Variant

from desktop.system.bus import Bus, OnSignal

_NAME: Final = "org.freedesktop.Notifications"
_PATH: Final = "/org/freedesktop/Notifications"
_NORMAL: Final = 1
_AS_THE_SERVER_LIKES: Final = -1

Pressed = Callable[[int, str], None]
"""The number of a notification whose act is wished, and a token with which a window may come to the front, or none."""


@dataclass(frozen=True, slots=True)
class Notification:
    """`act` is what its button says; a click on the notification does the same."""

    title: str
    body: str
    act: str


class Notifications(Protocol):
    """Whoever shows them. All of it belongs to one event loop; methods raise SourceSilent."""

    async def show(self, notification: Notification, *, replaces: int = 0) -> int:
        """Its number, that of the one it `replaces` if that is still shown."""

    async def withdraw(self, number: int) -> None:
        """It is out of date. One that is gone already is no fault."""

    def close(self) -> None:
        """Nothing is heard any more."""


class SessionNotifications:
    """The server of this login's session. `pressed` is called on the loop."""

    def __init__(self, bus: Bus, pressed: Pressed) -> None:
        self._bus = bus
        self._pressed = pressed
        self._shown: set[int] = set()
        self._tokens: dict[int, str] = {}
        self._listens = False

    async def show(self, notification: Notification, *, replaces: int = 0) -> int:
        await self._listen()
        (able,) = await self._bus.call(_NAME, _PATH, _NAME, "GetCapabilities")
        body = html.escape(notification.body, quote=False) if "body-markup" in able else notification.body
        # The first is what a click on the whole does; most servers show no button for it.
        acts = ["default", notification.act, "open", notification.act] if "actions" in able else []
        hints = {"urgency": Variant("y", _NORMAL), "desktop-entry": Variant("s", "nightjar")}
        (number,) = await self._bus.call(
            _NAME, _PATH, _NAME, "Notify", "susssasa{sv}i",
            "Nightjar", replaces if replaces in self._shown else 0, "nightjar", notification.title, body, acts, hints,
            _AS_THE_SERVER_LIKES,
        )  # fmt: skip
        self._shown.add(number)
        return int(number)

    async def withdraw(self, number: int) -> None:
        if number in self._shown:
            self._forget(number)
            await self._bus.call(_NAME, _PATH, _NAME, "CloseNotification", "u", number)

    def close(self) -> None:
        self._bus.close()

    async def _listen(self) -> None:
        if not self._listens:
            await self._bus.listen(_NAME, "ActivationToken", _later(self._token_came))
            await self._bus.listen(_NAME, "ActionInvoked", _later(self._act_wished))
            await self._bus.listen(_NAME, "NotificationClosed", _later(self._closed))
            self._listens = True

    def _token_came(self, values: list[Any]) -> None:
        """Comes just before the act."""
        number, token = values
        if number in self._shown:
            self._tokens[number] = token

    def _act_wished(self, values: list[Any]) -> None:
        """Every program of the session hears of every notification."""
        number = values[0]
        if number in self._shown:
            self._pressed(number, self._tokens.pop(number, ""))

    def _closed(self, values: list[Any]) -> None:
        self._forget(values[0])

    def _forget(self, number: int) -> None:
        self._shown.discard(number)
        self._tokens.pop(number, None)


def _later(hear: OnSignal) -> OnSignal:
    """A signal can come in one read with the answer that brings the number it is about: whoever waits for that answer
    goes first.
    """

    def hear_later(values: list[Any]) -> None:
        asyncio.get_running_loop().call_soon(hear, values)

    return hear_later
