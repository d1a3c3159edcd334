"""Who shows a notification: the session's server over D-Bus, or the tray's balloon.

D-Bus has its own thread and loop, which begin with the first notification: Qt's own D-Bus cannot send the types that a
notification is made of. The rest is on Qt's thread.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from PySide6.QtCore import QObject, Qt, Signal, SignalInstance
from PySide6.QtWidgets import QSystemTrayIcon

from desktop.errors import SourceSilent
from desktop.system.bus import Bus
from desktop.system.notifications import Notification, Notifications, Pressed, SessionNotifications
from desktop.ui.tray import Tray

_log = logging.getLogger(__name__)

_BALLOON_MS = 10_000
_GOODBYE_S = 3.0


class Voice(Protocol):
    """Shows one notification for each key. `pressed` carries the key, and a token for the window or nothing."""

    @property
    def pressed(self) -> SignalInstance: ...
    def say(self, key: str, notification: Notification, /) -> None: ...
    def take_back(self, key: str, /) -> None: ...
    def close(self) -> None: ...


class TrayVoice(QObject):
    """The balloon of the tray icon: one at a time, and a click on it is a click on the last."""

    pressed = Signal(str, str)

    def __init__(self, tray: Tray) -> None:
        super().__init__(tray)
        self._tray = tray
        self._key = ""
        tray.balloon_clicked.connect(lambda: self.pressed.emit(self._key, ""))

    def say(self, key: str, notification: Notification) -> None:
        if self._tray.icon is not None:
            self._key = key
            self._tray.icon.showMessage(
                notification.title, notification.body, QSystemTrayIcon.MessageIcon.NoIcon, _BALLOON_MS
            )

    def take_back(self, key: str) -> None:
        """A balloon goes by itself."""

    def close(self) -> None:
        """It goes with its icon."""


@dataclass(frozen=True, slots=True)
class _Say:
    key: str
    notification: Notification


@dataclass(frozen=True, slots=True)
class _TakeBack:
    key: str


_Order = _Say | _TakeBack | None


def _session(pressed: Pressed) -> Notifications:
    return SessionNotifications(Bus("session"), pressed)


class SessionVoice(QObject):
    """The session's server; what it cannot be told goes to `otherwise`."""

    pressed = Signal(str, str)
    _unsaid = Signal(object)

    def __init__(
        self, otherwise: Voice, parent: QObject | None = None, *, make: Callable[[Pressed], Notifications] = _session
    ) -> None:
        super().__init__(parent)
        self._make = make
        self._thread: _Thread | None = None
        self._otherwise = otherwise
        self._unsaid.connect(self._say_otherwise, Qt.ConnectionType.QueuedConnection)
        otherwise.pressed.connect(self.pressed)

    def say(self, key: str, notification: Notification) -> None:
        if self._thread is None:
            self._thread = _Thread(self._make, pressed=self.pressed.emit, unsaid=self._unsaid.emit)
        self._thread.order(_Say(key, notification))

    def take_back(self, key: str) -> None:
        if self._thread is not None:
            self._thread.order(_TakeBack(key))

    def close(self) -> None:
        """Takes back what is shown: nobody would hear a press any more."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.end()

    def _say_otherwise(self, order: _Say) -> None:
        self._otherwise.say(order.key, order.notification)


class _Thread:
    """Carries orders out one after the other. Its callbacks come on its own thread."""

    def __init__(
        self,
        make: Callable[[Pressed], Notifications],
        *,
        pressed: Callable[[str, str], None],
        unsaid: Callable[[_Say], None],
    ) -> None:
        self._make, self._on_pressed, self._unsaid = make, pressed, unsaid
        self._numbers: dict[str, int] = {}
        self._loop = asyncio.new_event_loop()
        self._orders: asyncio.Queue[_Order] = asyncio.Queue()
        self._thread = threading.Thread(target=self._run, name="notifications", daemon=True)
        self._thread.start()

    def order(self, order: _Order) -> None:
        self._loop.call_soon_threadsafe(self._orders.put_nowait, order)

    def end(self) -> None:
        self.order(None)
        self._thread.join(_GOODBYE_S)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        server = self._make(self._pressed)
        while (order := await self._orders.get()) is not None:
            await self._carry_out(order, server)
        for key in tuple(self._numbers):
            await self._carry_out(_TakeBack(key), server)
        server.close()

    async def _carry_out(self, order: _Say | _TakeBack, server: Notifications) -> None:
        number = self._numbers.pop(order.key, 0)
        try:
            if isinstance(order, _Say):
                self._numbers[order.key] = await server.show(order.notification, replaces=number)
            elif number:
                await server.withdraw(number)
        except SourceSilent as error:
            _log.info("no server of notifications: %s", error)
        except Exception:  # noqa: BLE001 - one odd answer must not be the end of all notifications
            _log.exception("a server of notifications answers oddly")
        else:
            return
        if isinstance(order, _Say):
            self._unsaid(order)

    def _pressed(self, number: int, token: str) -> None:
        key = next((key for key, shown in self._numbers.items() if shown == number), None)
        if key is not None:
            self._on_pressed(key, token)
