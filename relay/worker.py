"""What makes a relay one of several processes: shared credit, the others' nodes, and what they are asked for.

Loaded only where there are several.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from relay.clock import Clock
from relay.cluster.crew import Worker
from relay.cluster.mesh import Mesh
from relay.completions.ids import WorkerCallIds
from relay.completions.repeats.elsewhere import Elsewhere
from relay.completions.repeats.idempotency import REPLAYED
from relay.ledger import store as ledger_store
from relay.ledger.calls import Listener
from relay.ledger.earnings import EarningsBook
from relay.ledger.past import worker_name
from relay.ledger.service import Ledger
from relay.ledger.shared_credit import SharedCredit
from relay.nodes.link import ACCOUNT_EVERY_S, NodeLink
from relay.nodes.siblings import Siblings
from relay.storage.engine import Database
from relay.storage.errors import StorageUnavailable
from relay.storage.ids import OrganisationId
from relay.wire.identity import NONCE_BYTES, SigningKey
from relay.wire.relay_session import RelaySession

LOCK_NAME: Final = "credit.lock"
FLUSH: Final = "flush"
BUSY: Final = "busy"
FIGURES: Final = "figures"
FIGURES_S: Final = 5.0
"""How long the others may take for them: a scraper waits for ten."""

_log = logging.getLogger(__name__)


def open_ledger(
    worker: Worker, database: Database, directory: Path, clock: Clock, *, listeners: Sequence[Listener]
) -> Ledger:
    """This process's part of the books. Blocks; raises LedgerInUse, StorageUnavailable."""
    cells = worker.cells(directory / LOCK_NAME)

    def credit(connection: Connection) -> SharedCredit:
        return SharedCredit(
            cells,
            before={OrganisationId(each): amount for each, amount in worker.crew.before.items()},
            deposited=ledger_store.deposits_of(connection),
            moved=ledger_store.credit_moved(connection, worker_name(worker.number)),
        )

    return Ledger.open_of_worker(
        database,
        directory,
        clock,
        worker=worker.number,
        credit=lambda: database.read_sync(credit),
        listeners=listeners,
    )


class Shared:
    """What one process has in common with the others. `open` once the relay is built, before it serves."""

    def __init__(
        self,
        worker: Worker,
        tasks: asyncio.TaskGroup,
        *,
        database: Database,
        ledger: Ledger,
        clock: Clock,
        key: SigningKey,
    ) -> None:
        self.mesh = Mesh(worker, tasks)
        self.registry = Siblings(self.mesh, lambda: RelaySession(key=key, hosts=(), nonce=bytes(NONCE_BYTES)))
        self._earnings = SharedEarnings(database, ledger, clock, tasks)
        self.tell_owner = self._earnings.tell
        self.next_id = WorkerCallIds(clock, after=ledger.last_call, worker=worker.number)
        self.elsewhere = Elsewhere(self.mesh, tasks, joined=REPLAYED)
        self._ledger = ledger
        self._figures: Callable[[], bytes] | None = None
        self._load_figures: Callable[[], Callable[[], bytes]] | None = None
        self.still_runs: Callable[[], bool] = lambda: False
        """Whether this process has been asked to end and has calls that have not ended."""
        self.mesh.answering[FLUSH] = self._flush
        self.mesh.answering[BUSY] = self._tell_busy
        ledger.others_flush = self._others_flush

    @property
    def number(self) -> int:
        """Which of the processes this is, from 0."""
        return self.mesh.number

    async def open(self, load_figures: Callable[[], Callable[[], bytes]] | None) -> None:
        """Be there for the others, who may ask for this process's figures if anybody may see them.

        `load_figures` gives what tells them. It takes a while, so it runs off the event loop, when somebody asks.
        """
        self._load_figures = load_figures
        self.mesh.answering[FIGURES] = self._tell_figures
        await self.mesh.open()

    async def _tell_figures(self, _worker: int, _body: bytes) -> bytes | None:
        if self._figures is None and self._load_figures is not None:
            self._figures = await asyncio.to_thread(self._load_figures)
        return None if self._figures is None else self._figures()

    async def figures_of_others(self) -> Mapping[int, bytes]:
        return await self.mesh.ask_all(FIGURES, within_s=FIGURES_S)

    def close(self) -> None:
        self.mesh.close()
        self._earnings.close()

    async def others_still_run(self) -> bool:
        """Whether another process that is to end, too, has calls left: one may yet need a node of this process."""
        return b"yes" in (await self.mesh.ask_all(BUSY)).values()

    async def _tell_busy(self, _worker: int, _body: bytes) -> bytes:
        return b"yes" if self.still_runs() else b"no"

    async def _flush(self, _worker: int, _body: bytes) -> bytes:
        await self._ledger.flush_own()
        return b"done"

    async def _others_flush(self) -> None:
        await self.mesh.ask_all(FLUSH)


class SharedEarnings:
    """Tells owners what their nodes have earned by whichever process: at most once a second, as the database has it."""

    def __init__(self, database: Database, ledger: Ledger, clock: Clock, tasks: asyncio.TaskGroup) -> None:
        self._database = database
        self._ledger = ledger
        self._clock = clock
        self._tasks = tasks
        self._due: dict[NodeLink, None] = {}
        self._telling: asyncio.Task[None] | None = None

    def tell(self, link: NodeLink) -> None:
        """Soon, what was booked for the node by now."""
        self._due[link] = None
        if self._telling is None or self._telling.done():
            self._telling = self._tasks.create_task(self._tell_due())

    def close(self) -> None:
        if self._telling is not None:
            self._telling.cancel()

    async def _tell_due(self) -> None:
        while self._due:
            due, self._due = self._due, {}
            await self._tell(due)
            await asyncio.sleep(ACCOUNT_EVERY_S)

    async def _tell(self, due: dict[NodeLink, None]) -> None:
        try:
            await self._ledger.flush()
            wanted = [link.node.node_id for link in due]
            rows = await self._database.read(partial(ledger_store.earned_days, nodes=wanted))
        except StorageUnavailable as error:
            _log.warning("owners are not told of earnings: %s", error)
            return
        except Exception:  # noqa: BLE001 - the supervisor of these news: what fails them must not end the calls beside
            _log.exception("owners are not told of earnings")
            return
        book = EarningsBook()
        book.load(rows)
        for link in due:
            link.send_account(book.of(link.node.node_id, self._clock.now_ms()))
