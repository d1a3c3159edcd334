"""The ledger of this process: who may still spend what, and the way of every call into the books.

While the process runs the truth is in memory; journal and board are what it can be rebuilt from, the database is where
it ends up. An organisation's credit in memory is its balance in the database, less what this process took since.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Self

from relay.clock import Clock
from relay.faults import crash
from relay.ledger import journal as journals
from relay.ledger import store
from relay.ledger.batch import JournalMark
from relay.ledger.board import Board
from relay.ledger.books import CallBooks
from relay.ledger.calls import Admission, Closed, Listener
from relay.ledger.carrier import Carrier
from relay.ledger.credit import Credit, OwnCredit
from relay.ledger.earnings import Earnings, EarningsBook
from relay.ledger.entries import CallId, NanoDollars
from relay.ledger.errors import LedgerUnavailable
from relay.ledger.journal import Journal
from relay.ledger.lock import DirectoryLock
from relay.ledger.past import locked, settle_all, settle_one, worker_name
from relay.ledger.rows import earned_by_node
from relay.storage.engine import Database
from relay.storage.ids import NodeId, OrganisationId

CALL_ROOM_BYTES = 8192
"""Journal that an open call may still fill, kept free for it: its admission, `MAX_LEGS` legs and its settlement."""

MAX_MODEL_CHARS = 256
"""Longer than any model's name, short enough that an admission has a place in `CALL_ROOM_BYTES`."""


class Ledger:
    """The truth about credit while the process runs. Methods belong to the event loop's thread; `open` blocks it."""

    def __init__(
        self,
        database: Database,
        directory: Path,
        clock: Clock,
        *,
        mark: JournalMark,
        lock: DirectoryLock,
        credit: Credit,
        segment_bytes: int,
        listeners: Sequence[Listener],
    ) -> None:
        """Use `open` or `open_of_worker`."""
        self.others_flush: Callable[[], Awaitable[None]] | None = None
        """Has the other processes of this relay do as `flush` does, if there are any."""
        self._database = database
        self._clock = clock
        self._lock = lock
        self._closed = False
        self._credit = credit
        self._last_call = database.read_sync(store.last_call)
        self._earnings = EarningsBook()
        self._earnings.load(database.read_sync(store.earned_days))
        self._open: dict[CallId, CallBooks] = {}
        self._journal = Journal(directory, first=journals.segment_of(mark.oldest), segment_bytes=segment_bytes)
        self._board = Board(directory)
        self._carrier = Carrier(
            database=database,
            journal=self._journal,
            board=self._board,
            open_calls=self._open,
            mark=mark,
            on_carried=self._credit.posted,
            listeners=listeners,
        )
        self._queue = self._carrier.queue
        self._journal.prepare()
        self._carrier.start()

    @classmethod
    def open(
        cls,
        database: Database,
        directory: Path,
        clock: Clock,
        *,
        segment_bytes: int = journals.SEGMENT_BYTES,
        listeners: Sequence[Listener] = (),
    ) -> Self:
        """Settles what dead processes left open, then is ready. `listeners` hear of every call that ends
        from then on.

        Blocks; raises LedgerInUse, StorageUnavailable.
        """
        with locked(directory) as lock:
            return cls(
                database,
                directory,
                clock,
                mark=settle_all(database, directory, clock),
                lock=lock,
                credit=OwnCredit(database.read_sync(store.credits_of)),
                segment_bytes=segment_bytes,
                listeners=listeners,
            )

    @classmethod
    def open_of_worker(
        cls,
        database: Database,
        directory: Path,
        clock: Clock,
        *,
        worker: int,
        credit: Callable[[], Credit],
        listeners: Sequence[Listener] = (),
    ) -> Self:
        """As `open`, for one of several processes of a relay whose parent has locked `directory`.

        It has a folder of its own within it, and settles only what its own predecessor left. `credit` is made then.
        """
        name = worker_name(worker)
        with locked(directory / name) as lock:
            return cls(
                database,
                directory / name,
                clock,
                mark=settle_one(database, directory / name, clock, journal=name),
                lock=lock,
                credit=credit(),
                segment_bytes=journals.SEGMENT_BYTES,
                listeners=listeners,
            )

    @property
    def open_calls(self) -> int:
        """Calls admitted and not settled."""
        return len(self._open)

    @property
    def last_call(self) -> CallId:
        """The highest call id in the books when the ledger was opened: newer calls must have higher ones."""
        return self._last_call

    def available(self, organisation: OrganisationId) -> NanoDollars:
        """What the organisation can spend now, holds taken off."""
        return NanoDollars(self._credit.available(organisation))

    def admit(self, admission: Admission) -> CallBooks:
        """Takes the hold and opens the call's books. InsufficientCredit and LedgerUnavailable leave no trace."""
        call, journal, board = admission.call, self._journal, self._board
        calls = len(self._open) + 1
        if call in self._open:
            raise ValueError(f"call {call} is open already")
        if len(admission.model) > MAX_MODEL_CHARS:
            raise ValueError(f"call {call} has a model of {len(admission.model)} characters")
        if board.lines < calls or not journal.has_room(calls * CALL_ROOM_BYTES):
            self._find_room(calls)
        self._credit.take(admission.organisation, admission.bound)
        # In `open` before its first record, see `carrier`.
        books = self._open[call] = CallBooks(admission, journal, board, self._close)
        if self._carrier.idle:
            self._carrier.wake()
        if crash.armed:
            crash.point("after_hold")
        return books

    def earnings(self, node: NodeId, now_ms: int) -> Earnings:
        """What a node has earned up to now; `today` and `month` by UTC."""
        return self._earnings.of(node, now_ms)

    async def refresh(self) -> None:
        """Takes in what other processes posted; for when the revision moved. Raises StorageUnavailable."""
        await self._errand(self._find)

    async def flush(self) -> None:
        """Waits until everything settled so far is in the database. Raises StorageUnavailable."""
        await self.flush_own()
        if self.others_flush is not None:
            await self.others_flush()

    async def flush_own(self) -> None:
        """`flush` of what this very process has settled."""
        await self._errand(lambda: None)

    async def aclose(self) -> None:
        """Carries everything into the database and lets go of the files. Open calls stay for the next `open`."""
        if not self._closed:
            await asyncio.to_thread(self._carrier.stop)
        self._release()

    def close(self) -> None:
        """`aclose` for where no event loop runs."""
        if not self._closed:
            self._carrier.stop()
        self._release()

    def _close(self, books: CallBooks, closed: Closed) -> None:
        """A call's books are closed: its hold is gone, what it cost is spent, who served it has earned."""
        admission, settlement = closed.admission, closed.settlement
        self._queue.append(closed)  # before it leaves `open`, see `carrier`
        del self._open[admission.call]
        if books.seat is not None:
            self._board.give_back(books.seat)
        self._credit.change(admission.organisation, admission.bound - settlement.cost)
        if not settlement.provider_share or settlement.parts:  # else a provider had it all
            for node, earned in earned_by_node(closed):
                self._earnings.add(node, earned, closed.at_ms)

    def _find_room(self, calls: int) -> None:
        """For what so many open calls may still write: raises LedgerUnavailable, since a settlement must not fail."""
        if not self._journal.has_room(calls * CALL_ROOM_BYTES):
            raise LedgerUnavailable("its journal is full")
        try:
            self._board.reserve(calls)
        except OSError as error:
            raise LedgerUnavailable(f"no room for its board ({error.strerror})") from error

    def _find(self) -> None:
        """On the carrier's thread: takes notice of what other processes posted."""
        self._database.read_sync(self._credit.look)

    async def _errand(self, work: Callable[[], object]) -> None:
        await asyncio.wrap_future(self._carrier.errand(work))

    def _release(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._journal.close()
        self._board.close()
        self._lock.close()
