"""What organisations can spend, in memory; see also `shared_credit`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict, deque
from collections.abc import Mapping

from sqlalchemy import Connection

from relay.ledger import store
from relay.ledger.entries import Account, NanoDollars, credit
from relay.ledger.errors import InsufficientCredit
from relay.storage.ids import OrganisationId


class Credit(ABC):
    """Spendable credit by organisation. `posted` and `look` belong to the carrier's thread, the rest to the loop's."""

    @abstractmethod
    def available(self, organisation: OrganisationId) -> int:
        """What can be spent now."""

    @abstractmethod
    def take(self, organisation: OrganisationId, amount: NanoDollars) -> None:
        """Takes credit that there is. Raises InsufficientCredit; nothing needs no credit."""

    @abstractmethod
    def change(self, organisation: OrganisationId, amount: int) -> None:
        """Gives back what was taken, or some of it."""

    @abstractmethod
    def posted(self, moved: Mapping[Account, int]) -> None:
        """This process has moved these accounts in the database."""

    @abstractmethod
    def look(self, connection: Connection) -> None:
        """Takes notice of what was brought in from outside."""


class OwnCredit(Credit):
    """Of a relay of one process: the balance in the database, less what this process took since.

    The event loop owns what can be spent now. The carrier owns what this process knows to be in the database, and so
    sees what others (the command line) brought in: the difference goes to the event loop through a queue.
    """

    def __init__(self, balances: Mapping[OrganisationId, NanoDollars]) -> None:
        self._spendable: defaultdict[OrganisationId, int] = defaultdict(int, balances)
        self._posted: dict[Account, int] = {credit(organisation): amount for organisation, amount in balances.items()}
        self._arrived: deque[tuple[OrganisationId, int]] = deque()

    # --- the event loop's side ---

    def available(self, organisation: OrganisationId) -> int:
        if self._arrived:
            self._take_in()
        return self._spendable[organisation]

    def take(self, organisation: OrganisationId, amount: NanoDollars) -> None:
        if self._arrived:
            self._take_in()
        available = self._spendable[organisation]
        if amount > available and amount:
            raise InsufficientCredit(amount, NanoDollars(available))
        self._spendable[organisation] = available - amount

    def change(self, organisation: OrganisationId, amount: int) -> None:
        self._spendable[organisation] += amount

    # --- the carrier's side ---

    def posted(self, moved: Mapping[Account, int]) -> None:
        for account, amount in moved.items():
            self._posted[account] = self._posted.get(account, 0) + amount

    def look(self, connection: Connection) -> None:
        for organisation, balance in store.credits_of(connection).items():
            account = credit(organisation)
            if brought := balance - self._posted.get(account, 0):
                self._posted[account] = balance
                self._arrived.append((organisation, brought))

    def _take_in(self) -> None:
        while self._arrived:
            self.change(*self._arrived.popleft())
