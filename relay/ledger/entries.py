"""Double entry: accounts, and the transactions that move money between them. Pure.

Every transaction sums to zero or cannot be posted, and none is ever changed: a correction is another transaction. What
an account holds is positive: a credit account shows what its organisation can spend, an owner's what they have earned.

    funding ──deposit──▶ credit/ORG ──hold──▶ held/ORG ──settle──▶ owner/PERSON, operator, provider/NAME
                              ▲                  └──────release──────┐
                              └──────────────────────────────────────┘

A provider that was dearer than the hold is paid from `operator/loss`: a caller never pays more than was held.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
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


@lru_cache(maxsize=4096)
def credit(organisation: OrganisationId) -> Account:
    """What an organisation can spend."""
    return Account(f"credit/{organisation}")


def creditor(account: Account) -> OrganisationId | None:
    """Whose credit an account is; None if it is another kind of account."""
    return OrganisationId(int(account[7:])) if account.startswith("credit/") else None


def held(organisation: OrganisationId) -> Account:
    """What an organisation's open calls have reserved."""
    return Account(f"held/{organisation}")


def owner(person: PersonId) -> Account:
    """What a node's owner has earned and may use."""
    return Account(f"owner/{person}")


@lru_cache(maxsize=4096)
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


Posting = tuple[Account, NanoDollars]


Transaction = tuple[int, int, int, Sequence[Posting]]
"""`(source, kind, at_ms, postings)`: postings that happen together, at most one an account, their sum zero.

`source` and `kind` (a TransactionKind as a plain number, as rows need it) make it happen once, however often it is
posted. A plain tuple: the writer makes one for every call and takes it apart at once.
"""


def entries_of(
    transactions: Iterable[Transaction], account_ids: Mapping[str, int]
) -> tuple[list[object], Mapping[Account, int]]:
    """The rows of transactions, end to end, and by how much they move each account.

    Nothing gets into the books but through here: raises Unbalanced for a transaction whose sum is not zero.
    """
    rows: list[object] = []
    moved: defaultdict[Account, int] = defaultdict(int)
    for source, kind, at_ms, postings in transactions:
        total = 0
        for account, amount in postings:
            if amount:
                total += amount
                moved[account] += amount
                rows += (source, kind, account_ids[account], amount, at_ms)
        if total:
            raise Unbalanced(source, kind, postings)
    return rows, moved


def deposit_transaction(deposit: int, organisation: OrganisationId, *, amount: NanoDollars, at_ms: int) -> Transaction:
    """Money brought in from outside."""
    postings = ((FUNDING, NanoDollars(-amount)), (credit(organisation), amount))
    return deposit, _DEPOSIT, at_ms, postings


def hold_transaction(call: CallId, organisation: OrganisationId, *, bound: NanoDollars, at_ms: int) -> Transaction:
    """Reserves the most a call may cost."""
    postings = ((credit(organisation), NanoDollars(-bound)), (held(organisation), bound))
    return call, _HOLD, at_ms, postings


def settle_transaction(
    call: CallId,
    organisation: OrganisationId,
    *,
    posted_hold: NanoDollars,
    cost: NanoDollars,
    shares: Sequence[Posting],
    at_ms: int,
) -> Transaction:
    """Charges a call and releases the rest of its hold; `posted_hold` is 0 for a hold that was never posted.

    `shares` must be merged: they go into the transaction as they are.
    """
    back: NanoDollars = posted_hold - cost  # type: ignore[assignment]  # a NewType call costs more than all the rest
    if posted_hold:
        return (
            call,
            _SETTLE,
            at_ms,
            ((credit(organisation), back), (held(organisation), NanoDollars(-posted_hold)), *shares),
        )
    return call, _SETTLE, at_ms, ((credit(organisation), back), *shares)


def merged(postings: Iterable[Posting]) -> Sequence[Posting]:
    """One posting an account: the legs of a call may pay the same one twice."""
    sums: dict[Account, int] = {}
    for account, amount in postings:
        sums[account] = sums.get(account, 0) + amount
    return [(account, NanoDollars(amount)) for account, amount in sums.items()]


_DEPOSIT: Final = int(TransactionKind.DEPOSIT)
_HOLD: Final = int(TransactionKind.HOLD)
_SETTLE: Final = int(TransactionKind.SETTLE)
