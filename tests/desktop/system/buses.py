"""A real D-Bus with made-up desktops on it: each service answers as its documentation says the real one does."""

from __future__ import annotations

import asyncio
import itertools
import os
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

from dbus_fast import BusType, DBusError, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.annotations import (
    DBusBool,
    DBusDouble,
    DBusInt32,
    DBusSignature,
    DBusStr,
    DBusUInt32,
    DBusUInt64,
    DBusUnixFd,
)
from dbus_fast.constants import PropertyAccess
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property, dbus_signal

Read = PropertyAccess.READ


@asynccontextmanager
async def daemon() -> AsyncIterator[str]:
    """A bus of our own; its address."""
    process = await asyncio.create_subprocess_exec(
        "dbus-daemon", "--session", "--nofork", "--print-address=1", stdout=PIPE, stderr=DEVNULL
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(20):
            yield (await process.stdout.readline()).decode().strip()
    finally:
        process.terminate()
        await process.wait()


@asynccontextmanager
async def offered(address: str, name: str, services: dict[str, ServiceInterface]) -> AsyncIterator[MessageBus]:
    """`services` by their paths, under `name`."""
    bus = await MessageBus(address, bus_type=BusType.SESSION, negotiate_unix_fd=True).connect()
    for path, service in services.items():
        bus.export(path, service)
    await bus.request_name(name)
    try:
        yield bus
    finally:
        bus.disconnect()


class Mutter(ServiceInterface):
    """GNOME's idle monitor."""

    NAME = "org.gnome.Mutter.IdleMonitor"
    PATH = "/org/gnome/Mutter/IdleMonitor/Core"

    def __init__(self) -> None:
        super().__init__(self.NAME)
        self.idle_ms = 0
        self.hangs = False

    @dbus_method()
    async def GetIdletime(self) -> DBusUInt64:  # noqa: N802
        if self.hangs:
            await asyncio.sleep(3600)
        return self.idle_ms


class ScreenSaver(ServiceInterface):
    """KDE's, and others' of that name. `wayland`: as Plasma answers there."""

    PATH = "/ScreenSaver"

    def __init__(self, *, wayland: bool = False) -> None:
        super().__init__("org.freedesktop.ScreenSaver")
        self.idle_ms = 0
        self._wayland = wayland

    @dbus_method()
    def GetSessionIdleTime(self) -> DBusUInt32:  # noqa: N802
        if self._wayland:
            raise DBusError("org.freedesktop.DBus.Error.NotSupported", "GetSessionIdleTime is not supported here")
        return self.idle_ms


class GnomeSession(ServiceInterface):
    def __init__(self) -> None:
        super().__init__("org.gnome.SessionManager")
        self.held = 0

    @dbus_method()
    def IsInhibited(self, flags: DBusUInt32) -> DBusBool:  # noqa: N802
        return bool(self.held & flags)


class PolicyAgent(ServiceInterface):
    def __init__(self) -> None:
        super().__init__("org.kde.Solid.PowerManagement.PolicyAgent")
        self.held = 0

    @dbus_method()
    def HasInhibition(self, types: DBusUInt32) -> DBusBool:  # noqa: N802
        return bool(self.held & types)


class PowerInhibit(ServiceInterface):
    def __init__(self) -> None:
        super().__init__("org.freedesktop.PowerManagement.Inhibit")
        self.held = False

    @dbus_method()
    def HasInhibit(self) -> DBusBool:  # noqa: N802
        return self.held


class GameModeService(ServiceInterface):
    def __init__(self) -> None:
        super().__init__("com.feralinteractive.GameMode")
        self.clients = 0

    @dbus_property(Read)
    def ClientCount(self) -> DBusInt32:  # noqa: N802
        return self.clients


Sessions = Annotated[list[tuple[str, int, str, str, str]], DBusSignature("a(susso)")]
Held = Annotated[list[tuple[str, str, str, str, int, int]], DBusSignature("a(ssssuu)")]


class LoginManager(ServiceInterface):
    NAME, PATH = "org.freedesktop.login1", "/org/freedesktop/login1"

    def __init__(self) -> None:
        super().__init__("org.freedesktop.login1.Manager")
        self.sessions: list[list[object]] = []
        self.inhibitors: list[list[object]] = []
        self.reading: list[int] = []

    @dbus_method()
    def ListSessions(self) -> Sessions:  # noqa: N802
        return self.sessions  # type: ignore[return-value]

    @dbus_method()
    def ListInhibitors(self) -> Held:  # noqa: N802
        return self.inhibitors  # type: ignore[return-value]

    @dbus_method()
    def Inhibit(self, what: DBusStr, who: DBusStr, why: DBusStr, mode: DBusStr) -> DBusUnixFd:  # noqa: N802
        assert (what, mode) == ("sleep:shutdown", "delay")
        assert who
        assert why
        reading, writing = os.pipe()
        self.reading.append(reading)
        asyncio.get_running_loop().call_later(1.0, os.close, writing)
        return writing

    @dbus_signal()
    def PrepareForSleep(self, begins: DBusBool) -> DBusBool:  # noqa: N802
        return begins

    @dbus_signal()
    def PrepareForShutdown(self, begins: DBusBool) -> DBusBool:  # noqa: N802
        return begins


class LoginSession(ServiceInterface):
    """One session of logind."""

    def __init__(self, *, kind: str = "x11", active: bool = True, who: str = "user", state: str = "active") -> None:
        super().__init__("org.freedesktop.login1.Session")
        self.kind, self.active, self.who, self.state, self.locked = kind, active, who, state, False

    @dbus_property(Read)
    def Type(self) -> DBusStr:  # noqa: N802
        return self.kind

    @dbus_property(Read)
    def Class(self) -> DBusStr:  # noqa: N802
        return self.who

    @dbus_property(Read)
    def State(self) -> DBusStr:  # noqa: N802
        return self.state

    @dbus_property(Read)
    def Active(self) -> DBusBool:  # noqa: N802
        return self.active

    @dbus_property(Read)
    def LockedHint(self) -> DBusBool:  # noqa: N802
        return self.locked

    @dbus_property(Read)
    def IdleHint(self) -> DBusBool:  # noqa: N802
        return True


class UPowerDaemon(ServiceInterface):
    NAME, PATH = "org.freedesktop.UPower", "/org/freedesktop/UPower"

    def __init__(self) -> None:
        super().__init__(self.NAME)
        self.on_battery = False

    @dbus_property(Read)
    def OnBattery(self) -> DBusBool:  # noqa: N802
        return self.on_battery


class DisplayDevice(ServiceInterface):
    PATH = "/org/freedesktop/UPower/devices/DisplayDevice"

    def __init__(self, percent: float, kind: int = 2, *, present: bool = True) -> None:
        super().__init__("org.freedesktop.UPower.Device")
        self.percent, self.kind, self.present = percent, kind, present

    @dbus_property(Read)
    def Percentage(self) -> DBusDouble:  # noqa: N802
        return self.percent

    @dbus_property(Read)
    def IsPresent(self) -> DBusBool:  # noqa: N802
        return self.present

    @dbus_property(Read)
    def Type(self) -> DBusUInt32:  # noqa: N802
        return self.kind


class PowerProfiles(ServiceInterface):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.profile = "balanced"

    @dbus_property(Read)
    def ActiveProfile(self) -> DBusStr:  # noqa: N802
        return self.profile


class Network(ServiceInterface):
    NAME, PATH = "org.freedesktop.NetworkManager", "/org/freedesktop/NetworkManager"

    def __init__(self) -> None:
        super().__init__(self.NAME)
        self.metered = 0

    @dbus_property(Read)
    def Metered(self) -> DBusUInt32:  # noqa: N802
        return self.metered

    @dbus_signal()
    def StateChanged(self, state: DBusUInt32) -> DBusUInt32:  # noqa: N802
        return state


Words = Annotated[list[str], DBusSignature("as")]
Hints = Annotated[dict[str, Variant], DBusSignature("a{sv}")]
Server = Annotated[tuple[str, str, str, str], DBusSignature("ssss")]
Nothing = Annotated[None, DBusSignature("")]


@dataclass
class Shown:
    """One notification as it came over the bus."""

    title: str
    body: str
    acts: list[str]
    hints: dict[str, object]


class NotificationServer(ServiceInterface):
    """What shows notifications, by version 1.2 of their specification."""

    NAME, PATH = "org.freedesktop.Notifications", "/org/freedesktop/Notifications"

    def __init__(self, able: tuple[str, ...] = ("body", "body-markup", "actions")) -> None:
        super().__init__(self.NAME)
        self.able = able
        self.presses_itself = False
        self.shown: dict[int, Shown] = {}
        self._numbers = itertools.count(1)

    @dbus_method()
    def GetCapabilities(self) -> Words:  # noqa: N802
        return list(self.able)

    @dbus_method()
    def Notify(  # noqa: N802, PLR0917 - as the specification has it
        self,
        program: DBusStr,
        replaces: DBusUInt32,
        icon: DBusStr,
        title: DBusStr,
        body: DBusStr,
        acts: Words,
        hints: Hints,
        expires: DBusInt32,
    ) -> DBusUInt32:
        assert (program, icon, expires) == ("Nightjar", "nightjar", -1)
        number = replaces or next(self._numbers)
        if self.presses_itself:
            asyncio.get_running_loop().call_soon(self.press, number)
        self.shown[number] = Shown(title, body, acts, {name: hint.value for name, hint in hints.items()})
        return number

    @dbus_method()
    def CloseNotification(self, number: DBusUInt32) -> Nothing:  # noqa: N802
        if number not in self.shown:
            raise DBusError("org.freedesktop.DBus.Error.InvalidArgs", "there is none of this number")
        self._close(number, 3)

    @dbus_signal()
    def NotificationClosed(self, number: DBusUInt32, why: DBusUInt32) -> Annotated[list[int], DBusSignature("uu")]:  # noqa: N802
        return [number, why]

    @dbus_signal()
    def ActionInvoked(self, number: int, act: str) -> Annotated[list[object], DBusSignature("us")]:  # noqa: N802
        return [number, act]

    @dbus_signal()
    def ActivationToken(self, number: int, token: str) -> Annotated[list[object], DBusSignature("us")]:  # noqa: N802
        return [number, token]

    def press(self, number: int, token: str = "", act: str = "open") -> None:
        """Its owner wishes what it offers."""
        if token:
            self.ActivationToken(number, token)
        self.ActionInvoked(number, act)
        if number in self.shown:
            self._close(number, 2)

    def dismiss(self, number: int) -> None:
        self._close(number, 2)

    def _close(self, number: int, why: int) -> None:
        del self.shown[number]
        self.NotificationClosed(number, why)
