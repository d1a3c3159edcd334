"""What organisations can spend, where several processes of one relay spend it."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from relay.cluster.cells import CellsHeld, SharedCells
from relay.ledger import store
from relay.ledger.credit import Credit
from relay.ledger.entries import Account, NanoDollars
from relay.ledger.errors import InsufficientCredit, LedgerUnavailable
from relay.storage.ids import OrganisationId


class SharedCredit(Credit):
    """What came in from outside, less what each process took since the relay began.

    What a process took stands in memory that all of them see, in cells that it alone writes: credit is spent to the
    last nano-dollar by whichever process is asked, and never twice. Settlements need no word between processes: what
    one posts is what it took before. The cells of a process that died count until its journal is replayed.
    """

    def __init__(
        self,
        taken: SharedCells,
        *,
        before: Mapping[OrganisationId, int],
        deposited: Mapping[OrganisationId, NanoDollars],
        moved: Mapping[OrganisationId, int],
    ) -> None:
        """`before`: credit when the relay began, less all deposits by then. `moved`: by how much the journal of this
        process, in this life and those before it, has moved credit in the database since.
        """
        self._taken = taken
        self._before = before
        self._deposited = deposited
        for organisation in {*before, *deposited, *moved}:
            if organisation < taken.rows:
                taken.write(organisation, -moved.get(organisation, 0))

    def available(self, organisation: OrganisationId) -> int:
        brought_in = self._before.get(organisation, 0) + self._deposited.get(organisation, 0)
        return brought_in - (self._taken.total(organisation) if organisation < self._taken.rows else 0)

    def take(self, organisation: OrganisationId, amount: NanoDollars) -> None:
        if not amount:
            return
        if organisation >= self._taken.rows:
            raise LedgerUnavailable(f"several processes keep the credit of {self._taken.rows:,} organisations at most")
        try:
            with self._taken.lock:
                available = self.available(organisation)
                if amount > available:
                    raise InsufficientCredit(amount, NanoDollars(available))
                self._taken.add(organisation, amount)
        except CellsHeld as error:
            raise LedgerUnavailable("another process of this relay holds on to what can be spent") from error

    def change(self, organisation: OrganisationId, amount: int) -> None:
        if amount:
            self._taken.add(organisation, -amount)

    def posted(self, moved: Mapping[Account, int]) -> None:
        """Nothing: what is posted was taken before."""

    def look(self, connection: Connection) -> None:
        self._deposited = store.deposits_of(connection)
