"""The queue of downloads: carries out the library's wishes, one after the other, over as many tries as it takes.

Of all processes only the one that holds the downloader's lock does so; the others see in the library how it goes. What
passes by itself (no network, a busy server) is waited for, twice as long each time; what does not is written down with
its reason, and waits for its owner.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import httpx

from desktop.errors import DesktopError
from desktop.models.disk import Disk, RealDisk
from desktop.models.download import Download, Order, Patience, client
from desktop.models.errors import DownloadStopped, FileInUse, Passing
from desktop.models.library import Library, Wish
from desktop.models.limiter import SpeedLimit
from desktop.models.partial import received
from desktop.models.progress import Progress
from desktop.models.store import Store

log = logging.getLogger(__name__)

_SPEED_OVER_S: Final = 10.0
_CLOSE_LOOK_S: Final = 1.0
"""While a download runs: whoever pauses it waits for the effect."""

_PROGRESS: Final = 1_000_000
"""Bytes after which a try counts as one that got somewhere: the next wait is a short one again."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Times in seconds."""

    look_s: float = 2.0
    """How often the library is looked at for changes by other processes."""

    first_wait_s: float = 1.0
    """Before the second try; doubles up to the longest, with jitter."""

    longest_wait_s: float = 300.0


class Downloads:
    """Carries out the wishes of one library while `run` runs. `changed` hears of everything that can be seen."""

    def __init__(
        self,
        store: Store,
        *,
        disk: Disk | None = None,
        patience: Patience | None = None,
        pace: Pace | None = None,
        changed: Callable[[], None] = lambda: None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._disk = disk or RealDisk()
        self._patience = patience or Patience()
        self._pace = pace or Pace()
        self._changed = changed
        self._chance = chance
        self._limit = SpeedLimit()
        self._resting: dict[str, _Rest] = {}
        self._current: _Meter | None = None
        self._stir = asyncio.Event()
        self._held = ""
        self.arrived: tuple[str, ...] = ()
        """Models that were downloaded whole since this began, in order."""

    # --- what others see and say

    def progress(self) -> tuple[Progress, ...]:
        """Every wish, in the order of the queue. Reads small files."""
        library = self._store.read()
        return tuple(self._progress(wish, library) for wish in library.wishes)

    def hold(self, sentence: str) -> None:
        """Downloads nothing until `hold("")`; `sentence` says why, as for a metered network."""
        if sentence != self._held:
            self._held = sentence
            self._stir.set()

    def _progress(self, wish: Wish, library: Library) -> Progress:
        meter = self._current if self._current and self._current.name == wish.name else None
        have = meter.here if meter else received(self._store.target(wish.entry, library))
        seen = Progress(wish.name, "queued", have, wish.entry.size)
        if wish.problem:
            return replace(seen, kind="stopped", sentence=wish.problem, remedy=wish.remedy)
        if wish.paused:
            return replace(seen, kind="paused", sentence="Paused by you.")
        if self._held:
            return replace(seen, kind="waiting", sentence=self._held)
        if meter:
            return replace(seen, kind="downloading", bytes_per_s=meter.speed(), sentence=meter.notice)
        if rest := self._resting.get(wish.name):
            return replace(seen, kind="waiting", sentence=rest.sentence, retry_at=rest.until)
        return seen

    # --- work

    async def run(self) -> None:
        """Until cancelled."""
        lock = self._store.downloader_lock()
        while not await asyncio.to_thread(self._acquired, lock.acquire):
            await self._next_look(self._pace.look_s)
        try:
            async with client(self._patience) as http:
                while True:
                    await self._step(http)
        finally:
            lock.release()

    @staticmethod
    def _acquired(acquire: Callable[[], bool]) -> bool:
        try:
            return acquire()
        except OSError:
            return False  # the folder is not there yet

    async def until_done(self, name: str) -> None:
        """Returns once `name` is no wish that goes on by itself; for a caller that runs `run` beside it."""
        while True:
            library = self._store.read()
            if not any(wish.name == name and wish.runnable for wish in library.wishes):
                return
            await asyncio.sleep(min(self._pace.look_s, 0.2))

    async def _step(self, http: httpx.AsyncClient) -> None:
        """Works on the next wish, or waits for one."""
        library = self._store.read()
        self._limit.bytes_per_s = library.speed_limit
        now = time.time()
        wanted = {wish.name: wish for wish in library.wishes if wish.runnable}
        self._resting = {name: rest for name, rest in self._resting.items() if name in wanted}
        ready = [wish for wish in wanted.values() if not self._rests(wish, now)]
        if ready and not self._held:
            await self._work_on(ready[0], library, http)
        else:
            await self._next_look(self._pace.look_s)

    def _rests(self, wish: Wish, now: float) -> bool:
        rest = self._resting.get(wish.name)
        return rest is not None and rest.until > now

    async def _next_look(self, at_most_s: float) -> None:
        now = time.time()
        rested = min((rest.until - now for rest in self._resting.values() if rest.until > now), default=at_most_s)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(at_most_s, rested)):
                await self._stir.wait()
        self._stir.clear()

    async def _work_on(self, wish: Wish, library: Library, http: httpx.AsyncClient) -> None:
        meter = self._current = _Meter(wish.name, self._changed)
        self._changed()
        target = self._store.target(wish.entry, library)
        try:
            async with asyncio.TaskGroup() as group:
                attempt = group.create_task(self._attempt(wish, meter, library, http), name="download")
                watch = group.create_task(self._watch(wish, attempt), name="download's wish")
                await asyncio.wait([attempt])
                watch.cancel()
        finally:
            self._current = None
        if wish.name not in self._store.read().names:
            await asyncio.to_thread(self._store.clear, target)
        self._changed()

    async def _attempt(self, wish: Wish, meter: _Meter, library: Library, http: httpx.AsyncClient) -> None:
        entry = wish.entry
        target = self._store.target(entry, library)
        order = Order(entry.url, target, entry.size, entry.sha256, entry.redirect_hosts)
        try:
            await Download(order, self._disk, limit=self._limit, report=meter).attempt(http)
            self._resting.pop(wish.name, None)
            done = await asyncio.to_thread(self._store.finished, entry, target)
            if done:
                self.arrived += (wish.name,)
            log.info("a download is done", extra={"model": wish.name, "kept": done})
        except Passing as error:
            self._rest(wish, error.why, error.wait_s, progressed=meter.gained >= _PROGRESS)
        except FileInUse as error:
            self._rest(wish, error.why, self._pace.look_s, progressed=False)
        except DownloadStopped as error:
            log.warning("a download stopped", extra={"model": wish.name, "why": error.why})
            await asyncio.to_thread(self._store.stopped, wish.name, str(error), error.remedy)

    def _rest(self, wish: Wish, why: str, wait_s: float | None, *, progressed: bool) -> None:
        before = self._resting.get(wish.name)
        tries = 0 if before is None or progressed else before.tries + 1
        span = min(self._pace.first_wait_s * 2**tries, self._pace.longest_wait_s)
        wait = span * (0.5 + self._chance() / 2) if wait_s is None else min(wait_s, self._pace.longest_wait_s)
        self._resting[wish.name] = _Rest(time.time() + wait, f"Waiting: {why}.", tries)
        log.info("a download waits", extra={"model": wish.name, "why": why, "seconds": round(wait, 1)})

    async def _watch(self, wish: Wish, attempt: asyncio.Task[None]) -> None:
        """Ends the attempt once its owner, or whoever holds downloads, no longer wants it."""
        seen = self._store.stamp()
        while True:
            await self._next_look(min(self._pace.look_s, _CLOSE_LOOK_S))
            if self._held:
                attempt.cancel()
                return
            if (stamp := self._store.stamp()) == seen:
                continue
            seen = stamp
            try:
                library = self._store.read()
            except DesktopError as error:
                log.warning("the library cannot be read", extra={"why": str(error)})
                continue
            self._limit.bytes_per_s = library.speed_limit
            current = next((each for each in library.wishes if each.name == wish.name), None)
            if current is None or current.paused:
                attempt.cancel()
                return


@dataclass(frozen=True, slots=True)
class _Rest:
    until: float
    sentence: str
    tries: int


class _Meter:
    """How one attempt goes: the `Report` of its download."""

    def __init__(self, name: str, changed: Callable[[], None]) -> None:
        self.name = name
        self.here = 0
        self.notice = ""
        self._first: int | None = None
        self._changed = changed
        self._marks: deque[tuple[float, int]] = deque(maxlen=64)

    @property
    def gained(self) -> int:
        """Bytes that this attempt has added."""
        return self.here - (self._first or 0)

    def received(self, size: int) -> None:
        if self._first is None or size < self.here:
            self._first = size
            self._marks.clear()
        self.here = size
        self._marks.append((time.monotonic(), size))
        self._changed()

    def note(self, sentence: str) -> None:
        self.notice = sentence
        log.info("a download says", extra={"model": self.name, "sentence": sentence})
        self._changed()

    def speed(self) -> float:
        """Bytes a second over the last ten seconds; 0 until there is something to measure."""
        now = time.monotonic()
        marks = [mark for mark in self._marks if now - mark[0] <= _SPEED_OVER_S]
        span = now - marks[0][0] if marks else 0.0
        return (marks[-1][1] - marks[0][1]) / span if span > 0 else 0.0
