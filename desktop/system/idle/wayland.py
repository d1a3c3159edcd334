"""Wayland compositors with `ext_idle_notify_v1`: Plasma 6, Sway, Hyprland, COSMIC, labwc and others.

The compositor says when there was no input for a while, and when there is again; in between nothing is asked. The plain
notification heeds inhibitors: while a video plays, the PC is in use.
"""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path
from typing import cast

from typing_extensions import override

from desktop.errors import SourceSilent
from desktop.system.idle import wayland_wire as wire
from desktop.system.idle.wayland_wire import Event

log = logging.getLogger(__name__)

IDLE_MS = 5000
"""After so long without input the compositor speaks up; what is finer is not needed, and costs messages."""

_PATIENCE_S = 2.0
_REGISTRY, _CALLBACK, _NOTIFIER, _SEAT, _NOTIFICATION = 2, 3, 4, 5, 6


class WaylandIdle(asyncio.Protocol):
    """One connection of our own, beside any window's."""

    name = "Wayland (ext_idle_notify_v1)"

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._forget()

    def _forget(self) -> None:
        """Every connection begins anew."""
        self._rest = b""
        self._idle_since: float | None = None
        self._globals: dict[str, int] = {}
        self._synced = asyncio.Event()
        self._broken = ""

    async def open(self) -> None:
        self._forget()
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await asyncio.get_running_loop().create_unix_connection(lambda: self, _socket())
                self._send(wire.DISPLAY, wire.GET_REGISTRY, _REGISTRY)
                self._send(wire.DISPLAY, wire.SYNC, _CALLBACK)
                await self._synced.wait()
        except TimeoutError as error:
            await self.close()
            raise SourceSilent(self.name, "the compositor does not answer") from error
        except OSError as error:
            raise SourceSilent(self.name, f"there is no Wayland compositor ({error.strerror or error})") from error
        await self._subscribe()

    async def input_at(self, now: float) -> float:
        if self._transport is None:
            raise SourceSilent(self.name, self._broken or "the compositor hung up")
        if self._idle_since is None:
            return now
        return now - (asyncio.get_running_loop().time() - self._idle_since) - IDLE_MS / 1000

    async def close(self) -> None:
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()

    async def _subscribe(self) -> None:
        if "ext_idle_notifier_v1" not in self._globals or "wl_seat" not in self._globals:
            await self.close()
            raise SourceSilent(self.name, self._broken or "this compositor does not offer it")
        for interface, new in (("ext_idle_notifier_v1", _NOTIFIER), ("wl_seat", _SEAT)):
            self._send(_REGISTRY, wire.BIND, self._globals[interface], interface, 1, new)
        self._send(_NOTIFIER, wire.GET_IDLE_NOTIFICATION, _NOTIFICATION, IDLE_MS, _SEAT)

    def _send(self, target: int, opcode: int, *arguments: int | str) -> None:
        if self._transport is not None:
            self._transport.write(wire.request(target, opcode, *arguments))

    # --- what asyncio calls

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    @override
    def data_received(self, data: bytes) -> None:
        try:
            events, self._rest = wire.split(self._rest + data)
            for event in events:
                self._take(event)
        except ValueError as error:
            self._broken = str(error)
            if self._transport is not None:
                self._transport.abort()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._synced.set()

    def _take(self, event: Event) -> None:
        match event.object, event.opcode:
            case (wire.DISPLAY, wire.ERROR):
                _object, rest = wire.number(event.body)
                _code, rest = wire.number(rest)
                raise ValueError(wire.text(rest)[0])
            case (2, wire.GLOBAL):
                name, rest = wire.number(event.body)
                interface, _version = wire.text(rest)
                self._globals.setdefault(interface, name)
            case (3, wire.DONE):
                self._synced.set()
            case (6, wire.IDLED):
                self._idle_since = asyncio.get_running_loop().time()
            case (6, wire.RESUMED):
                self._idle_since = None
            case _:
                log.debug("a Wayland event without use here")


def _socket() -> str:
    """Raises FileNotFoundError without a session."""
    name = os.environ.get("WAYLAND_DISPLAY")
    if not name:
        raise FileNotFoundError(2, "no WAYLAND_DISPLAY")
    return str(Path(os.environ.get("XDG_RUNTIME_DIR", "/run")) / name)
