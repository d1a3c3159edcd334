"""What one database transaction carries, and the ledger's transactions in it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from relay.ledger.calls import Closed
from relay.ledger.entries import CallId, NanoDollars, Transaction, hold_transaction, settle_transaction
from relay.ledger.rows import shares
from relay.storage.ids import OrganisationId

_NOTHING = NanoDollars(0)


@dataclass(frozen=True, slots=True)
class JournalMark:
    """How far the journal is in the database; see the table `journal_position`."""

    batch: int
    carried: int
    oldest: int


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
    made += _settlements(batch)
    if len(batch.resolved) > 0:
        closed = {call.admission.call for call in batch.closed}
        made += [_released(hold) for call, hold in batch.resolved.items() if call not in closed]
    return made


def _settlements(batch: Batch) -> Iterator[Transaction]:
    resolved = batch.resolved
    for closed in batch.closed:
        admission = closed.admission
        hold = resolved.get(admission.call)
        yield settle_transaction(
            admission.call,
            admission.organisation,
            posted_hold=hold.amount if hold is not None else _NOTHING,
            cost=closed.settlement.cost,
            shares=shares(closed),
            at_ms=closed.at_ms,
        )


def _released(hold: OpenHold) -> Transaction:
    return settle_transaction(
        hold.call, hold.organisation, posted_hold=hold.amount, cost=_NOTHING, shares=(), at_ms=hold.at_ms
    )
