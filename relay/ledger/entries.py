"""Double entry: accounts, and the transactions that move money between them. Pure.

Every transaction sums to zero or cannot be made, and none is ever changed: a correction is another transaction. What an
account holds is positive: a credit account shows what its organisation can spend, an owner's what the owner has earned.

    funding ──deposit──▶ credit/ORG ──hold──▶ held/ORG ──settle──▶ owner/PERSON, operator, provider/NAME
                              ▲                  └──────release──────┐
                              └──────────────────────────────────────┘

A provider that was dearer than the hold is paid from `operator/loss`: a caller never pays more than was held.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NewType

from relay.storage.ids import OrganisationId, PersonId

NanoDollars = NewType("NanoDollars", int)
"""Money: whole billionths of a US dollar, int64."""

CallId = NewType("CallId", int)
"""One call, end to end: a positive int63. Rising ids keep the ledger's tables append-mostly."""

Account = NewType("Account", str)
"""An account's name; the functions below are the only ones that spell it."""

FUNDING: Final = Account("funding")
"""Where deposits come from: minus the sum of all money ever brought in."""

OPERATOR: Final = Account("operator")
OPERATOR_LOSS: Final = Account("operator/loss")


def credit(organisation: OrganisationId) -> Account:
    """What an organisation can spend."""
    return Account(f"credit/{organisation}")


def held(organisation: OrganisationId) -> Account:
    """What an organisation's open calls have reserved."""
    return Account(f"held/{organisation}")


def owner(person: PersonId) -> Account:
    """What a node's owner has earned and may use."""
    return Account(f"owner/{person}")


def provider(name: str) -> Account:
    """What the operator owes a provider."""
    return Account(f"provider/{name}")


class TransactionKind(enum.IntEnum):
    """What a transaction does. With its source (the id of a call or deposit) it is the transaction's name."""

    DEPOSIT = 1
    HOLD = 2
    SETTLE = 3


class Unbalanced(ValueError):
    """Postings that do not sum to zero: a programming error, so it is no RelayError."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """Postings that happen together: account and amount, at most one per account, their sum zero.

    `source` and `kind` make the transaction happen once, however often it is posted.
    """

    source: int
    kind: TransactionKind
    at_ms: int
    postings: tuple[tuple[Account, NanoDollars], ...]

    def __post_init__(self) -> None:
        if sum(amount for _, amount in self.postings):
            raise Unbalanced(self.source, self.kind, self.postings)


def transaction(
    source: int, kind: TransactionKind, *, at_ms: int, postings: Iterable[tuple[Account, NanoDollars]]
) -> Transaction:
    """Merges postings to the same account and drops those of nothing."""
    folded: dict[Account, int] = {}
    for account, amount in postings:
        folded[account] = folded.get(account, 0) + amount
    kept = tuple((account, NanoDollars(amount)) for account, amount in folded.items() if amount)
    return Transaction(source=source, kind=kind, at_ms=at_ms, postings=kept)


def deposit_transaction(deposit: int, organisation: OrganisationId, *, amount: NanoDollars, at_ms: int) -> Transaction:
    """Money brought in from outside."""
    postings = ((FUNDING, NanoDollars(-amount)), (credit(organisation), amount))
    return transaction(deposit, TransactionKind.DEPOSIT, at_ms=at_ms, postings=postings)


def hold_transaction(call: CallId, organisation: OrganisationId, *, bound: NanoDollars, at_ms: int) -> Transaction:
    """Reserves the most a call may cost."""
    postings = ((credit(organisation), NanoDollars(-bound)), (held(organisation), bound))
    return transaction(call, TransactionKind.HOLD, at_ms=at_ms, postings=postings)


def settle_transaction(
    call: CallId,
    organisation: OrganisationId,
    *,
    posted_hold: NanoDollars,
    cost: NanoDollars,
    shares: Iterable[tuple[Account, NanoDollars]],
    at_ms: int,
) -> Transaction:
    """Charges a call and releases the rest of its hold; `posted_hold` is 0 for a hold that was never posted."""
    postings = (
        (held(organisation), NanoDollars(-posted_hold)),
        (credit(organisation), NanoDollars(posted_hold - cost)),
        *shares,
    )
    return transaction(call, TransactionKind.SETTLE, at_ms=at_ms, postings=postings)
