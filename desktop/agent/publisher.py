"""Hands snapshots to whoever subscribed: at once when the agent was quiet, else at most ten a second."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import threading
from collections.abc import Callable

from desktop.agent.state import Snapshot

log = logging.getLogger(__name__)

SPACING_S = 0.1
"""Least time between two snapshots: faster than anyone reads, slower than a busy node's calls come and go."""

Subscriber = Callable[[Snapshot], None]


class Publisher:
    """`touch` on the agent's loop says that something may have changed; `take` then makes the new snapshot."""

    def __init__(self, take: Callable[[], Snapshot]) -> None:
        self._take = take
        self._latest = take()
        self._subscribers: tuple[Subscriber, ...] = ()
        self._lock = threading.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._told_at = float("-inf")

    @property
    def latest(self) -> Snapshot:
        """The last one published; from any thread."""
        return self._latest

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """From any thread; `subscriber` runs on the agent's and must return at once. Returns what ends it."""
        with self._lock:
            self._subscribers += (subscriber,)

        def leave() -> None:
            with self._lock:
                self._subscribers = tuple(other for other in self._subscribers if other is not subscriber)

        return leave

    def touch(self) -> None:
        """Publishes now, or as soon as the spacing allows."""
        loop = asyncio.get_running_loop()
        if self._timer is None:
            self._timer = loop.call_at(max(loop.time(), self._told_at + SPACING_S), self.publish)

    def publish(self) -> Snapshot:
        """Takes the snapshot now; tells it only if something other than the time is new."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        snapshot = self._take()
        if dataclasses.replace(snapshot, at=self._latest.at) != self._latest:
            self._latest = snapshot
            self._told_at = asyncio.get_running_loop().time()
            self._tell(snapshot)
        return snapshot

    def _tell(self, snapshot: Snapshot) -> None:
        for subscriber in self._subscribers:
            try:
                subscriber(snapshot)
            except Exception:
                # A window that is being closed must not take the agent with it.
                log.exception("a subscriber failed")
