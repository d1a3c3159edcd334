"""Ticks the meter of tokens: once a second while answers are written and for the minute after; asleep otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from desktop.agent.meter import RateMeter


class Metering:
    """`running` counts answers being written; `changed` hears of every tick."""

    def __init__(self, meter: RateMeter, *, running: Callable[[], int], changed: Callable[[], None]) -> None:
        self._meter = meter
        self._running = running
        self._changed = changed
        self._busy = asyncio.Event()

    def wake(self) -> None:
        """An answer has begun."""
        self._busy.set()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._busy.wait()
            self._busy.clear()
            last = loop.time()
            while self._running() or not self._meter.at_rest:
                await asyncio.sleep(1.0)
                now = loop.time()
                self._meter.tick(now - last)
                last = now
                self._changed()
            self._meter.still()
            self._changed()
