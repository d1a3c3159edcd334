"""What organisations can spend, in memory.

Two threads share it. The event loop owns what can be spent now. The carrier owns what this process knows to be in the
database, and so sees what other processes brought in: the difference goes to the event loop through a queue.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping

from relay.ledger.entries import Account, NanoDollars, credit
from relay.ledger.errors import InsufficientCredit
from relay.storage.ids import OrganisationId


class Credit:
    """Spendable credit by organisation: the balance in the database, less what this process took since."""

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
        """Takes credit that there is. Raises InsufficientCredit; nothing needs no credit."""
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
        """This process has moved these accounts in the database."""
        for account, amount in moved.items():
            self._posted[account] = self._posted.get(account, 0) + amount

    def compare(self, balances: Mapping[OrganisationId, NanoDollars]) -> None:
        """Sends what somebody else has moved to the event loop's side."""
        for organisation, balance in balances.items():
            account = credit(organisation)
            if brought := balance - self._posted.get(account, 0):
                self._posted[account] = balance
                self._arrived.append((organisation, brought))

    def _take_in(self) -> None:
        while self._arrived:
            self.change(*self._arrived.popleft())
