"""The agent's part in the library: carries out downloads, sees what changes on disk, says what can be served.

The library is shared with the command line, which changes it while the agent runs; a look at it every few seconds costs
less than being told by every process that could.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Final

from desktop.agent.listing import Listing
from desktop.agent.membership import Member
from desktop.agent.relay_view import RelaySilent
from desktop.errors import DesktopError
from desktop.models.catalogue import Catalogue
from desktop.models.downloads import Downloads, Pace
from desktop.models.progress import Progress
from desktop.models.store import Servable, Store

log = logging.getLogger(__name__)

LOOK_S: Final = 1.5
REFRESH_S: Final = 6 * 3600.0
RETRY_S: Final = 600.0

Served = Callable[[tuple[Servable, ...], Catalogue], None]
"""Hears which models can be served now, and what the catalogue says."""


class Shelf:
    """Runs beside the agent's other parts. `progress`, `arrived` and `missing` are what the snapshot shows."""

    def __init__(self, store: Store, listing: Listing, *, look_s: float = LOOK_S) -> None:
        self._store = store
        self._listing = listing
        self._look_s = look_s
        self._downloads = Downloads(store, pace=Pace(look_s=look_s), changed=self._downloading)
        self._catalogue: tuple[object, Catalogue] | None = None
        self._heard: Callable[[], None] = lambda: None
        self._served: Served = lambda _models, _catalogue: None
        self._stir = asyncio.Event()
        self._joined = asyncio.Event()
        self._member: Member | None = None
        self._told_changed: set[str] = set()
        self.progress: tuple[Progress, ...] = ()
        self.arrived: tuple[str, ...] = ()
        self.missing: tuple[str, ...] = ()

    async def run(self, served: Served, changed: Callable[[], None]) -> None:
        """Until cancelled. `served` hears which models can be served, now and after each change.

        `changed` hears when `progress`, `arrived` or `missing` is another one.
        """
        self._served, self._heard = served, changed
        async with asyncio.TaskGroup() as group:
            group.create_task(self._download(), name="downloads")
            group.create_task(self._watch(), name="library")
            group.create_task(self._refresh(), name="catalogue")

    def peek(self) -> tuple[tuple[Servable, ...], Catalogue]:
        """What `served` would hear now, as far as it is known without waiting. Raises SettingsUnreadable."""
        return self._store.servable(), self._listing.current(self._member)

    def hold(self, sentence: str) -> None:
        """Holds downloads, and says why; the empty sentence lets them go on."""
        self._downloads.hold(sentence)

    def joined(self, member: Member | None) -> None:
        """Whose catalogue it is."""
        self._member = member
        self._joined.set()
        self._stir.set()

    # --- three things that go on

    async def _download(self) -> None:
        while True:
            try:
                await self._downloads.run()
            except DesktopError as error:
                log.warning("downloads cannot go on just now", extra={"why": str(error)})
            except Exception:
                log.exception("downloads failed; starting them again")
            await asyncio.sleep(self._look_s)

    def _downloading(self) -> None:
        self._stir.set()

    async def _watch(self) -> None:
        seen: object = None
        while True:
            try:
                seen = await self._look(seen)
            except DesktopError as error:
                log.warning("the library cannot be read", extra={"why": str(error)})
            except Exception:
                log.exception("the look at the library failed")
            await _within(self._look_s, self._stir)
            self._stir.clear()

    async def _look(self, seen: object) -> object:
        """Tells what is different from what was `seen`; what is seen now."""
        self._show(self._downloads.progress(), self._downloads.arrived, self.missing)
        # Files may lie on a disk that is slow to answer; the record lies beside ours.
        models, missing = await asyncio.to_thread(self._files) if self._store.read().models else ((), ())
        self._show(self.progress, self.arrived, missing)
        catalogue = await self._current()
        now = models, catalogue.issued_ms, catalogue.entries
        if now != seen:
            self._served(models, catalogue)
        return now

    def _show(self, progress: tuple[Progress, ...], arrived: tuple[str, ...], missing: tuple[str, ...]) -> None:
        shown = self.progress, self.arrived, self.missing
        self.progress, self.arrived, self.missing = progress, arrived, missing
        if (progress, arrived, missing) != shown:
            self._heard()

    async def _current(self) -> Catalogue:
        """Read again when any process has refreshed it, or it is another relay's."""
        of = self._listing.stamp(), self._member
        if self._catalogue is None or self._catalogue[0] != of:
            self._catalogue = of, await asyncio.to_thread(self._listing.current, self._member)
        return self._catalogue[1]

    def _files(self) -> tuple[tuple[Servable, ...], tuple[str, ...]]:
        """What can be served, and what is missing."""
        changed = {model.name for model in self._store.recheck()}
        for name in changed - self._told_changed:
            log.warning("a model's file was changed by another program", extra={"model": name})
        self._told_changed = changed
        return self._store.servable(), self._store.missing()

    async def _refresh(self) -> None:
        """The catalogue, once there is a relay to ask, and every few hours."""
        while True:
            await self._joined.wait()
            member, wait = self._member, RETRY_S
            if member is not None:
                try:
                    await self._listing.refresh(member)
                    wait = REFRESH_S
                    self._stir.set()
                except RelaySilent as error:
                    log.info("no catalogue from the relay", extra={"why": error.why})
                except DesktopError as error:
                    log.warning("the relay's catalogue is of no use", extra={"why": str(error)})
            self._joined.clear()
            await _within(wait, self._joined)
            self._joined.set()


async def _within(seconds: float, event: asyncio.Event) -> None:
    """Until `event`, or the time is over."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
