"""The carrier: a thread that takes what the event loop wrote down and makes it last.

Every 50 ms while calls run it syncs journal and board and posts one batch: the calls that closed, and holds of calls
still open. A call that comes and goes between two batches never has its hold posted. With nothing running it sleeps.

It takes no lock that the event loop takes. What makes that sound is an order of steps, the same on both sides:

- the loop enters a call in `open` before its first record, and on closing queues it before it leaves `open`;
- the carrier reads the journal's position, then `open`, then empties the queue.

So every call with a record before that position is in `open`, in the queue, or in the database, and the batch's
`oldest` is at or before the first record of each call that it does not carry.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from relay.errors import RelayError
from relay.faults import crash
from relay.ledger import store
from relay.ledger.batch import Batch, JournalMark, OpenHold
from relay.ledger.board import Board
from relay.ledger.books import CallBooks
from relay.ledger.calls import Closed, Listener
from relay.ledger.entries import Account, CallId
from relay.ledger.journal import Journal
from relay.ledger.store import Known
from relay.storage.engine import Database

TICK_S = 0.05
"""At most so much of what was delivered can be lost to a power cut; nothing to a crash of the process."""

FAILED_TICK_S = 1.0

T = TypeVar("T")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Errand:
    """Something that must happen between two batches, on the carrier's thread."""

    work: Callable[[], Any]
    done: Future[Any]


class Carrier:
    """The way from the journal into the database. Other threads use only `queue`, `idle`, `wake` and `errand`."""

    def __init__(
        self,
        *,
        database: Database,
        journal: Journal,
        board: Board,
        open_calls: Mapping[CallId, CallBooks],
        mark: JournalMark,
        on_carried: Callable[[Mapping[Account, int]], None],
        listeners: Sequence[Listener] = (),
    ) -> None:
        self.queue: deque[Closed] = deque()
        self.idle = False
        self._database = database
        self._journal = journal
        self._board = board
        self._open = open_calls
        self._mark = mark
        self._on_carried = on_carried
        self._listeners = listeners
        self._posted: dict[CallId, OpenHold] = {}
        self._unposted: Batch | None = None
        self._known = Known()
        self._errands: deque[_Errand] = deque()
        self._event = threading.Event()
        self._stopping = False
        self._failing = False
        self._cramped = False
        self._looked = 0
        self._thread = threading.Thread(target=self._run, name="ledger-carrier", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """To be called when `idle` is true and there is something to carry."""
        self._event.set()

    def errand(self, work: Callable[[], T]) -> Future[T]:
        """Runs `work` after the next batch; fails with that batch's error if it cannot be posted."""
        done: Future[T] = Future()
        self._errands.append(_Errand(work, done))
        self._event.set()
        return done

    def stop(self) -> None:
        """Carries what there is, once, and ends the thread. What could not be carried is in the journal."""
        self._stopping = True
        self._event.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping:
            self._pause()
            self._cycle()
        self._cycle()

    def _pause(self) -> None:
        self._event.clear()
        if self._nothing_to_do():
            self.idle = True
            if self._nothing_to_do():
                self._event.wait()
                self._event.clear()
            self.idle = False
        if not self._errands and not self._stopping:
            self._event.wait(FAILED_TICK_S if self._failing else TICK_S)

    def _nothing_to_do(self) -> bool:
        busy = self._open or self.queue or self._errands or self._unposted is not None
        return not busy and not self._stopping

    def _cycle(self) -> None:
        errands = [self._errands.popleft() for _ in range(len(self._errands))]
        try:
            self._make_last()
        except Exception as error:  # noqa: BLE001 - the supervisor of this thread: nothing may end it
            self._fail(error, errands)
            return
        self._failing = False
        for errand in errands:
            _run_errand(errand)

    def _make_last(self) -> None:
        self._prepare()
        self._journal.sync()
        self._board.sync()
        if self._unposted is not None:
            self._carry(self._unposted)
        if (batch := self._collect()) is not None:
            self._carry(batch)
        self._journal.forget_before(self._mark.oldest)

    def _prepare(self) -> None:
        """Without a next segment the ledger goes on until this one is nearly full; then it admits no more calls."""
        try:
            self._journal.prepare()
        except OSError as error:
            if not self._cramped:
                _log.error("no room for the ledger's journal: %s", error.strerror)
            self._cramped = True
        else:
            self._cramped = False

    def _collect(self) -> Batch | None:
        upto = self._journal.position
        still_open = list(self._open.values())  # in the order in which they began
        closed = [self.queue.popleft() for _ in range(len(self.queue))]
        posted, gone = self._posted, {call.admission.call for call in closed}
        held = [
            OpenHold(admission.call, admission.organisation, admission.bound, admission.started_ms)
            for admission in (books.admission for books in self._newly(still_open))
            if admission.bound and admission.call not in posted and admission.call not in gone
        ]
        self._looked = upto
        oldest = still_open[0].since if still_open else upto
        carried = closed[-1].end if closed else self._mark.carried
        if not closed and not held and oldest == self._mark.oldest:
            return None
        return Batch(
            mark=JournalMark(self._mark.batch + 1, carried, min(oldest, upto), self._mark.journal),
            closed=closed,
            held=held,
            resolved={call: posted[call] for call in posted.keys() & gone},
        )

    def _newly(self, still_open: list[CallBooks]) -> Iterator[CallBooks]:
        """Those that may have begun since the last look. With many long calls most have been seen many times."""
        for books in reversed(still_open):
            if books.since < self._looked:
                return
            yield books

    def _carry(self, batch: Batch) -> None:
        """Posts a batch. One that fails is kept as it is: its commit may have happened, and its number will tell."""
        self._unposted = batch
        moved = self._database.write_sync(partial(store.post, batch=batch, known=self._known))
        crash.point("after_commit")
        self._unposted = None
        self._mark = batch.mark
        self._posted.update({hold.call: hold for hold in batch.held})
        for call in batch.resolved:
            del self._posted[call]
        self._on_carried(moved)
        for listener in self._listeners:
            listener(batch.closed)

    def _fail(self, error: Exception, errands: list[_Errand]) -> None:
        if not self._failing:
            words = str(error) if isinstance(error, RelayError | OSError) else repr(error)
            _log.error("the ledger waits for its database: %s", words)
        self._failing = True
        for errand in errands:
            if errand.done.set_running_or_notify_cancel():
                errand.done.set_exception(error)


def _run_errand(errand: _Errand) -> None:
    if not errand.done.set_running_or_notify_cancel():
        return
    try:
        errand.done.set_result(errand.work())
    except Exception as error:  # noqa: BLE001 - belongs to whoever waits for the errand
        errand.done.set_exception(error)
