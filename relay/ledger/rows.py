"""A closed call as rows of `usage`, `usage_legs` and `node_days`, and as the shares of its transaction. Pure.

Rows are flat: the values of all of them end to end, in the order of the columns, as `BulkInsert` takes them. Values are
plain `int` and `str` wherever they can be: to the driver of SQLite a `bool` or `None` is a type it must look up an
adapter for, in vain, and that takes longer than writing ten numbers. Payees are told apart by their exact type, which
is six times as fast as `isinstance` of a struct.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from relay.ledger.calls import Closed, LegTerms, NodePayee, Settlement
from relay.ledger.earnings import DAY_MS
from relay.ledger.entries import OPERATOR, OPERATOR_LOSS, NanoDollars, Posting, merged, provider
from relay.storage.ids import NodeId

NO_LABEL = 0
"""Where a row has no word."""


def shares(closed: Closed) -> Sequence[Posting]:
    """Who gets what of the call's cost; what the operator loses is added to it."""
    settlement = closed.settlement
    if settlement.leg:
        return _postings(closed.legs[settlement.leg], settlement)
    return merged(posting for part in settlement.parts for posting in _postings(closed.legs[part.leg], part))


def _postings(terms: LegTerms, part: Settlement) -> Sequence[Posting]:
    payee = terms.payee
    if type(payee) is NodePayee:
        return (payee.account, part.owner_share), (OPERATOR, part.operator_share)
    paid = (provider(payee.provider), part.provider_share)
    return (paid, (OPERATOR_LOSS, NanoDollars(-part.operator_loss))) if part.operator_loss else (paid,)


def usage_row(closed: Closed, ids: Mapping[str, int]) -> tuple[object, ...]:
    """`ids` has the ids of labels."""
    admission, outcome, settlement = closed.admission, closed.outcome, closed.settlement
    delivered = outcome.delivered
    target, node, company = _target(closed.legs[delivered[-1].leg] if delivered else _last(closed), ids)
    reason, error = outcome.finish_reason, outcome.error
    return (
        admission.call,
        admission.organisation,
        admission.project,
        admission.key,
        ids[closed.model],
        ids[outcome.state],
        1 if admission.stream else 0,
        len(closed.legs),
        len(delivered),
        target,
        node,
        company,
        settlement.prompt_tokens,
        settlement.completion_tokens,
        outcome.cached_tokens,
        ids[outcome.source],
        ids[reason] if reason else NO_LABEL,
        ids[error] if error else NO_LABEL,
        admission.started_ms,
        outcome.ttft_ms,
        outcome.duration_ms,
        settlement.cost,
        settlement.owner_share,
        settlement.operator_share,
        settlement.provider_share,
        settlement.operator_loss,
    )


def leg_rows(closed: Closed, ids: Mapping[str, int]) -> Iterator[object]:
    for leg in closed.settlement.parts:
        yield closed.admission.call
        yield leg.leg
        yield from _target(closed.legs[leg.leg], ids)
        yield from (leg.prompt_tokens, leg.completion_tokens)
        yield from (leg.cost, leg.owner_share, leg.operator_share, leg.provider_share)


def earned_by_node(closed: Closed) -> Iterable[tuple[NodeId, NanoDollars]]:
    """What each node that delivered something of the call gets for it, all its legs together."""
    settlement = closed.settlement
    if settlement.leg:
        payee = closed.legs[settlement.leg].payee
        return ((payee.node, settlement.owner_share),) if type(payee) is NodePayee else ()
    earned: dict[NodeId, NanoDollars] = {}
    for part in settlement.parts:
        payee = closed.legs[part.leg].payee
        if type(payee) is NodePayee:
            earned[payee.node] = NanoDollars(earned.get(payee.node, 0) + part.owner_share)
    return earned.items()


def node_day_rows(closed: Iterable[Closed]) -> list[object]:
    """What each node earned on each day, and how many calls it answered, summed over the calls."""
    days: dict[tuple[NodeId, int], tuple[int, int]] = {}
    for call in closed:
        if call.settlement.provider_share and not call.settlement.parts:
            continue  # a provider's answer, as most are where there are providers: no node to look for
        for node, amount in earned_by_node(call):
            key = (node, call.at_ms // DAY_MS)
            earned, answers = days.get(key, (0, 0))
            days[key] = (earned + amount, answers + 1)
    return [value for (node, day), (earned, answers) in days.items() for value in (node, day, earned, answers)]


def _last(closed: Closed) -> LegTerms | None:
    return closed.legs[max(closed.legs)] if closed.legs else None


def _target(terms: LegTerms | None, ids: Mapping[str, int]) -> tuple[int, int, int]:
    """Name of the target, its node, its provider, as labels."""
    if terms is None:
        return NO_LABEL, NO_LABEL, NO_LABEL
    payee = terms.payee
    if type(payee) is NodePayee:
        return ids[terms.target], ids[payee.node], NO_LABEL
    return ids[terms.target], NO_LABEL, ids[payee.provider]
