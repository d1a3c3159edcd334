"""The ledger of this process: who may still spend what, and the way of every call into the books."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from relay.clock import Clock
from relay.ledger.books import CallBooks
from relay.ledger.calls import Admission
from relay.ledger.earnings import Earnings
from relay.ledger.entries import NanoDollars
from relay.storage.engine import Database
from relay.storage.ids import NodeId, OrganisationId


class Ledger:
    """The truth about credit while the process runs. All methods but `open` belong to the event loop's thread."""

    @classmethod
    def open(cls, database: Database, directory: Path, clock: Clock) -> Self:
        """Settles what a dead process left open, then is ready. Blocks; raises LedgerInUse, StorageUnavailable."""
        raise NotImplementedError

    def available(self, organisation: OrganisationId) -> NanoDollars:
        """What the organisation can spend now, holds taken off."""
        raise NotImplementedError

    def admit(self, admission: Admission) -> CallBooks:
        """Takes the hold and opens the call's books. Raises InsufficientCredit, LedgerUnavailable; neither leaves a trace."""
        raise NotImplementedError

    def earnings(self, node: NodeId, now_ms: int) -> Earnings:
        """What a node has earned up to now; `today` and `month` by UTC."""
        raise NotImplementedError

    async def deposit(self, organisation: OrganisationId, amount: NanoDollars, *, reference: str) -> None:
        """Adds credit. The same reference a second time changes nothing."""
        raise NotImplementedError

    async def refresh(self) -> None:
        """Takes in deposits that another process made; for when the revision moved."""
        raise NotImplementedError

    async def flush(self) -> None:
        """Waits until everything settled so far is in the database."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Carries everything into the database and lets go of the files. Open calls stay for the next `open`."""
        raise NotImplementedError
