"""How fast bytes may come or go: a pace that all who use one share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable


class SpeedLimit:
    """`bytes_per_s` may be changed at any time; 0 is no limit."""

    def __init__(
        self,
        bytes_per_s: int = 0,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.bytes_per_s = bytes_per_s
        self._clock = clock
        self._sleep = sleep
        self._paid_until = 0.0

    async def spend(self, size: int) -> None:
        """Waits until `size` bytes more fit. Time in which nothing came is not saved up for a burst."""
        if not self.bytes_per_s:
            return
        now = self._clock()
        self._paid_until = max(self._paid_until, now) + size / self.bytes_per_s
        if self._paid_until > now:
            await self._sleep(self._paid_until - now)
