"""What one database transaction carries, and the ledger's transactions in it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from relay.ledger.calls import Closed
from relay.ledger.entries import CallId, NanoDollars, Transaction, hold_transaction, settle_transaction
from relay.ledger.rows import shares
from relay.storage.ids import OrganisationId

MAIN: Final = "main"
"""The journal of a relay of one process."""

_NOTHING = NanoDollars(0)


@dataclass(frozen=True, slots=True)
class JournalMark:
    """How far a journal is in the database; see the table `journal_position`."""

    batch: int
    carried: int
    oldest: int
    journal: str = MAIN


@dataclass(frozen=True, slots=True)
class OpenHold:
    """A hold that is posted and not resolved."""

    call: CallId
    organisation: OrganisationId
    amount: NanoDollars
    at_ms: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Calls that closed, and holds that begin and end.

    `held` are new holds, `resolved` those already in the database that end now: with the call of the same id in
    `closed`, or, where there is none because the journal lost it, given back in full.
    """

    mark: JournalMark
    closed: Sequence[Closed] = ()
    held: Collection[OpenHold] = ()
    resolved: Mapping[CallId, OpenHold] = field(default_factory=dict)


def transactions(batch: Batch) -> list[Transaction]:
    """The batch in double entry: new holds, settlements, and the release of holds that lost their call."""
    made = [hold_transaction(hold.call, hold.organisation, bound=hold.amount, at_ms=hold.at_ms) for hold in batch.held]
    resolved = batch.resolved
    for closed in batch.closed:
        admission = closed.admission
        made.append(
            settle_transaction(
                admission.call,
                admission.organisation,
                posted_hold=resolved[admission.call].amount if admission.call in resolved else _NOTHING,
                cost=closed.settlement.cost,
                shares=shares(closed),
                at_ms=closed.at_ms,
            )
        )
    if len(resolved) > 0:
        calls = {closed.admission.call for closed in batch.closed}
        made += [_released(hold) for call, hold in resolved.items() if call not in calls]
    return made


def _released(hold: OpenHold) -> Transaction:
    return settle_transaction(
        hold.call, hold.organisation, posted_hold=hold.amount, cost=_NOTHING, shares=(), at_ms=hold.at_ms
    )
