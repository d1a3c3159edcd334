"""A display, a bus, panels, and the program under test, each as a process of its own that ends with the test."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.annotations import DBusBool, DBusInt32, DBusSignature, DBusStr, DBusVariant
from dbus_fast.constants import PropertyAccess
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property, dbus_signal

from tests.desktop.x_server import x_server

ROOT = Path(__file__).parents[3]
PATIENCE_S = 30
WATCHER_NAME = "org.kde.StatusNotifierWatcher"


@asynccontextmanager
async def process(*command: str, env: dict[str, str] | None = None, stdout: int = DEVNULL) -> AsyncIterator[Process]:
    """Ended politely, then not."""
    running = await asyncio.create_subprocess_exec(*command, env=env, stdout=stdout, stderr=DEVNULL, cwd=ROOT)
    try:
        yield running
    finally:
        if running.returncode is None:
            running.terminate()
            try:
                async with asyncio.timeout(5):
                    await running.wait()
            except TimeoutError:
                running.kill()
                await running.wait()


@asynccontextmanager
async def display() -> AsyncIterator[str]:
    """An X server with a window manager; it picks a free number itself."""
    async with x_server("1280x800") as (name, _), process("openbox", env={**os.environ, "DISPLAY": name}):
        yield name


@asynccontextmanager
async def session_bus() -> AsyncIterator[str]:
    """The address of a D-Bus daemon that nobody else uses."""
    command = ("dbus-daemon", "--session", "--nofork", "--print-address=1")
    async with process(*command, stdout=PIPE) as daemon:
        assert daemon.stdout is not None
        yield (await daemon.stdout.readline()).decode().strip()


class Program:
    """The interface as its owner's process. What it told so far is in `told`, in order."""

    def __init__(self, running: Process) -> None:
        self.running = running
        self.told: list[dict[str, Any]] = []

    async def hears(self, wanted: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """The next thing it tells that is `wanted`."""
        assert self.running.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            while line := await self.running.stdout.readline():
                self.told.append(json.loads(line))
                if wanted(self.told[-1]):
                    return self.told[-1]
        raise AssertionError(f"ended without it; told: {self.told}")

    async def tells(self, name: str) -> Any:
        return (await self.hears(lambda fact: name in fact))[name]

    async def ends(self, number: signal.Signals | None = None) -> int:
        """Its exit status, after a signal if one is given."""
        if number is not None:
            self.running.send_signal(number)
        async with asyncio.timeout(PATIENCE_S):
            assert self.running.stdout is not None
            while line := await self.running.stdout.readline():
                self.told.append(json.loads(line))
            return await self.running.wait()


@asynccontextmanager
async def program(
    *arguments: str, home: Path, shown_on: str = "", bus: str = "", language: str = "C"
) -> AsyncIterator[Program]:
    """Without `shown_on` it draws into memory; without `bus` there is none to be found."""
    environment = {
        **os.environ,
        "NIGHTJAR_HOME": str(home),
        "DISPLAY": shown_on,
        "QT_QPA_PLATFORM": "xcb" if shown_on else "offscreen",
        "DBUS_SESSION_BUS_ADDRESS": bus or f"unix:path={home}/no-bus",
        "LANG": f"{language}.UTF-8",
    }
    command = (sys.executable, "-m", "tests.desktop.ui.program", *arguments)
    async with process(*command, env=environment, stdout=PIPE) as running:
        yield Program(running)


Nothing = Annotated[None, DBusSignature("")]
"""dbus-fast takes a plain `None`, once annotations are strings, for a missing signature."""


Setting = Annotated[list[Any], DBusSignature("ssv")]


class Watcher(ServiceInterface):
    """The half of a panel that knows which icons there are."""

    def __init__(self) -> None:
        super().__init__(WATCHER_NAME)
        self.items: asyncio.Queue[str] = asyncio.Queue()

    @dbus_method()
    def RegisterStatusNotifierItem(self, service: DBusStr) -> Nothing:  # noqa: N802 - the protocol's name
        self.items.put_nowait(service)

    @dbus_method()
    def RegisterStatusNotifierHost(self, service: DBusStr) -> Nothing:  # noqa: N802
        self.StatusNotifierHostRegistered()

    @dbus_property(access=PropertyAccess.READ)
    def IsStatusNotifierHostRegistered(self) -> DBusBool:  # noqa: N802
        return True

    @dbus_property(access=PropertyAccess.READ)
    def ProtocolVersion(self) -> DBusInt32:  # noqa: N802
        return 0

    @dbus_signal()
    def StatusNotifierHostRegistered(self) -> Nothing:  # noqa: N802
        return None


class Portal(ServiceInterface):
    """The desktop's settings, of which only the colour scheme is asked: 1 dark, 2 light."""

    def __init__(self, scheme: int) -> None:
        super().__init__("org.freedesktop.portal.Settings")
        self._scheme = scheme

    @classmethod
    @asynccontextmanager
    async def on(cls, address: str, scheme: int) -> AsyncIterator[Portal]:
        bus = await MessageBus(bus_address=address, bus_type=BusType.SESSION).connect()
        portal = cls(scheme)
        bus.export("/org/freedesktop/portal/desktop", portal)
        await bus.request_name("org.freedesktop.portal.Desktop")
        try:
            yield portal
        finally:
            bus.disconnect()

    @dbus_method()
    def Read(self, namespace: DBusStr, key: DBusStr) -> DBusVariant:  # noqa: N802
        assert (namespace, key) == ("org.freedesktop.appearance", "color-scheme")
        return Variant("v", Variant("u", self._scheme))

    @dbus_signal()
    def SettingChanged(self, scheme: int) -> Setting:  # noqa: N802
        return ["org.freedesktop.appearance", "color-scheme", Variant("u", scheme)]


class Panel:
    """Plays a StatusNotifierItem panel on `bus`: reads icons and menus, and clicks rows."""

    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus
        self._watcher = Watcher()

    @classmethod
    @asynccontextmanager
    async def on(cls, address: str) -> AsyncIterator[Panel]:
        bus = await MessageBus(bus_address=address, bus_type=BusType.SESSION).connect()
        try:
            yield cls(bus)
        finally:
            bus.disconnect()

    async def appear(self) -> None:
        self._bus.export("/StatusNotifierWatcher", self._watcher)
        await self._bus.request_name(WATCHER_NAME)

    async def item(self) -> str:
        """The bus name of the next icon that registers."""
        async with asyncio.timeout(PATIENCE_S):
            return await self._watcher.items.get()

    async def _call(self, item: str, path: str, interface: str, member: str, signature: str, *body: Any) -> list[Any]:
        call = Message(
            destination=item, path=path, interface=interface, member=member, signature=signature, body=list(body)
        )
        reply = await self._bus.call(call)
        assert reply is not None
        assert reply.message_type is MessageType.METHOD_RETURN, reply.body
        return reply.body

    async def property(self, item: str, name: str) -> Any:
        answer = await self._call(
            item,
            "/StatusNotifierItem",
            "org.freedesktop.DBus.Properties",
            "Get",
            "ss",
            "org.kde.StatusNotifierItem",
            name,
        )
        return answer[0].value

    async def rows(self, item: str) -> dict[str, int]:
        """Every row of the menu and its submenus: text to id."""
        path = await self.property(item, "Menu")
        _, layout = await self._call(item, path, "com.canonical.dbusmenu", "GetLayout", "iias", 0, -1, [])
        found: dict[str, int] = {}
        _collect(layout, found)
        return found

    async def click(self, item: str, row: int) -> None:
        path = await self.property(item, "Menu")
        await self._call(item, path, "com.canonical.dbusmenu", "Event", "isvu", row, "clicked", Variant("s", ""), 0)


def _collect(layout: list[Any], found: dict[str, int]) -> None:
    number, properties, children = layout
    if "label" in properties:
        found[properties["label"].value.replace("_", "")] = number
    for child in children:
        _collect(child.value, found)
