"""D-Bus, as far as our sources need it: a call, a property, a signal, each with a time limit and one error.

A connection is made when it is first needed, and again after it broke: a desktop that is restarted is found again.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any, Literal

from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from desktop.errors import SourceSilent

PATIENCE_S = 2.0
"""For one answer. Services answer in milliseconds, or are being started, or hang."""

_BUS = ("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus")

OnSignal = Callable[[list[Any]], None]


class Bus:
    """The session's bus or the system's. Every method raises SourceSilent."""

    def __init__(self, which: Literal["session", "system"]) -> None:
        self._which = which
        self._bus: MessageBus | None = None
        self._listening: list[tuple[str, str, OnSignal]] = []
        self._connecting = asyncio.Lock()

    @property
    def offered(self) -> bool:
        """Whether this login has such a bus at all, as far as can be told without trying."""
        if self._which == "session":
            return bool(os.environ.get("DBUS_SESSION_BUS_ADDRESS"))
        address = os.environ.get("DBUS_SYSTEM_BUS_ADDRESS")
        return bool(address) or os.path.exists("/run/dbus/system_bus_socket")  # noqa: PTH110 -- a socket, not a file

    async def call(
        self, destination: str, path: str, interface: str, member: str, signature: str = "", *arguments: Any
    ) -> list[Any]:
        """The values of the answer."""
        message = Message(
            destination=destination,
            path=path,
            interface=interface,
            member=member,
            signature=signature,
            body=list(arguments),
        )
        reply = await self._send(message)
        if reply.message_type is MessageType.ERROR:
            raise SourceSilent(destination, str(reply.body[0] if reply.body else reply.error_name))
        body: list[Any] = reply.body
        return body

    async def get(self, destination: str, path: str, interface: str, name: str) -> Any:
        """One property."""
        properties = "org.freedesktop.DBus.Properties"
        (value,) = await self.call(destination, path, properties, "Get", "ss", interface, name)
        return value.value if isinstance(value, Variant) else value

    async def get_all(self, destination: str, path: str, interface: str) -> dict[str, Any]:
        """All properties of one interface."""
        properties = "org.freedesktop.DBus.Properties"
        (values,) = await self.call(destination, path, properties, "GetAll", "s", interface)
        return {name: value.value for name, value in values.items()}

    async def has(self, name: str) -> bool:
        """Whether somebody offers this name now; nobody is started for it."""
        (owned,) = await self.call(*_BUS, "NameHasOwner", "s", name)
        return bool(owned)

    async def take(self, destination: str, path: str, interface: str, member: str, *texts: str) -> int:
        """A call whose answer is a file descriptor, which is the caller's from now on."""
        reply = await self._send(
            Message(
                destination=destination,
                path=path,
                interface=interface,
                member=member,
                signature="s" * len(texts),
                body=list(texts),
            )
        )
        if reply.message_type is MessageType.ERROR or not reply.unix_fds:
            raise SourceSilent(destination, str(reply.body[0] if reply.body else reply.error_name))
        return int(reply.unix_fds[0])

    async def listen(self, interface: str, member: str, hear: OnSignal) -> None:
        """`hear` gets the values of every such signal from now on, on the loop's thread."""
        await self.call(*_BUS, "AddMatch", "s", _match(interface, member))
        self._listening.append((interface, member, hear))

    def close(self) -> None:
        """Later calls connect again; nobody listens any more."""
        self._listening.clear()
        self._hang_up()

    def _hang_up(self) -> None:
        bus, self._bus = self._bus, None
        if bus is not None:
            bus.disconnect()

    async def _send(self, message: Message) -> Message:
        try:
            async with asyncio.timeout(PATIENCE_S):
                bus = await self._connected()
                reply = await bus.call(message)
        except TimeoutError as error:
            raise SourceSilent(message.destination or "D-Bus", "it does not answer") from error
        except (OSError, EOFError, ValueError) as error:
            self._hang_up()
            raise SourceSilent(f"the {self._which} bus", str(error) or "it hung up") from error
        except Exception as error:  # dbus-fast raises its own, and bare ones, for addresses and broken connections.
            self._hang_up()
            raise SourceSilent(f"the {self._which} bus", str(error) or type(error).__name__) from error
        if reply is None:
            raise SourceSilent(message.destination or "D-Bus", "it gives no answer")
        return reply

    async def _connected(self) -> MessageBus:
        async with self._connecting:
            if self._bus is None or not self._bus.connected:
                self._bus = await self._connect()
            return self._bus

    async def _connect(self) -> MessageBus:
        self._hang_up()
        kind = BusType.SESSION if self._which == "session" else BusType.SYSTEM
        bus = await MessageBus(bus_type=kind, negotiate_unix_fd=True).connect()
        bus.add_message_handler(self._hear)
        for interface, member, _hear in self._listening:  # What was listened to on a bus that broke.
            rule = _match(interface, member)
            destination, path, name = _BUS
            await bus.call(Message(destination, path, name, "AddMatch", signature="s", body=[rule]))
        return bus

    def _hear(self, message: Message) -> None:
        if message.message_type is MessageType.SIGNAL:
            for interface, member, hear in self._listening:
                if (message.interface, message.member) == (interface, member):
                    hear(message.body)


def _match(interface: str, member: str) -> str:
    return f"type='signal',interface='{interface}',member='{member}'"
