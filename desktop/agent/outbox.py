"""Messages on their way to the relay: queued without waiting, sent in order, bounded, as fast as the owner allows."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from desktop.models.limiter import SpeedLimit

LIMIT_BYTES = 16 * 1024 * 1024
"""Seconds of every stream a PC can write. A link further behind than that serves nobody: it is given up."""


class LinkTooSlowError(ConnectionError):
    """More waits than the connection will carry in any useful time."""


class Outbox:
    """`add` from anywhere on the loop, one task in `run`."""

    def __init__(self, send: Callable[[bytes], Awaitable[None]], limit: SpeedLimit | None = None) -> None:
        self._send = send
        self._limit = limit or SpeedLimit()
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._filled = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    def add(self, message: bytes) -> None:
        """Nothing at all is a message that is not sent: the wire says so of legs closed meanwhile."""
        if not message:
            return
        self._waiting.append(message)
        self._size += len(message)
        self._empty.clear()
        self._filled.set()

    async def run(self) -> None:
        """Sends until cancelled or the connection fails; raises what `send` raises, or LinkTooSlowError."""
        try:
            while True:
                await self._filled.wait()
                self._filled.clear()
                await self._send_waiting()
        finally:
            # Whoever waits for `flushed` must not wait for a link that is gone.
            self._empty.set()

    async def _send_waiting(self) -> None:
        while self._waiting:
            if self._size > LIMIT_BYTES:
                raise LinkTooSlowError
            message = self._waiting.popleft()
            self._size -= len(message)
            await self._limit.spend(len(message))
            await self._send(message)
        self._empty.set()

    async def flushed(self) -> None:
        await self._empty.wait()
