"""A closed call as rows of `usage`, `usage_legs` and `node_days`, and as the shares of its transaction. Pure.

Rows are flat: the values of all of them end to end, in the order of the columns, as `BulkInsert` takes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from relay.ledger.calls import Closed, LegTerms, NodePayee
from relay.ledger.earnings import DAY_MS
from relay.ledger.entries import OPERATOR, OPERATOR_LOSS, NanoDollars, Posting, merged, provider
from relay.storage.ids import NodeId


def shares(closed: Closed) -> Sequence[Posting]:
    """Who gets what of the call's cost; what the operator loses is added to it."""
    postings: list[Posting] = []
    for leg in closed.settlement.legs:
        payee = closed.legs[leg.leg].payee
        if isinstance(payee, NodePayee):
            postings += ((payee.account, leg.owner_share), (OPERATOR, leg.operator_share))
        else:
            postings.append((provider(payee.provider), leg.provider_share))
            if leg.operator_loss:
                postings.append((OPERATOR_LOSS, NanoDollars(-leg.operator_loss)))
    return postings if len(closed.settlement.legs) < 2 else merged(postings)


def usage_row(closed: Closed, ids: Mapping[str, int]) -> tuple[object, ...]:
    """`ids` has the ids of labels."""
    admission, outcome, settlement = closed.admission, closed.outcome, closed.settlement
    delivered = settlement.legs
    terms = closed.legs[delivered[-1].leg] if delivered else _last(closed)
    target, node, company = _target(terms, ids)
    reason, error = outcome.finish_reason, outcome.error
    if len(delivered) == 1:
        prompt_tokens, completion_tokens = delivered[0].prompt_tokens, delivered[0].completion_tokens
    else:
        prompt_tokens = sum(leg.prompt_tokens for leg in delivered)
        completion_tokens = sum(leg.completion_tokens for leg in delivered)
    return (
        admission.call,
        admission.organisation,
        admission.project,
        admission.key,
        ids[admission.model],
        ids[outcome.state],
        admission.stream,
        len(closed.legs),
        len(delivered),
        target,
        node,
        company,
        prompt_tokens,
        completion_tokens,
        outcome.cached_tokens,
        ids[outcome.source],
        ids[reason] if reason is not None else None,
        ids[error] if error is not None else None,
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
    for leg in closed.settlement.legs:
        yield closed.admission.call
        yield leg.leg
        yield from _target(closed.legs[leg.leg], ids)
        yield from (leg.prompt_tokens, leg.completion_tokens)
        yield from (leg.cost, leg.owner_share, leg.operator_share, leg.provider_share)


def earned_by_node(closed: Closed) -> Iterable[tuple[NodeId, NanoDollars]]:
    """What each node that delivered something of the call gets for it, all its legs together."""
    delivered = closed.settlement.legs
    if len(delivered) == 1:
        payee = closed.legs[delivered[0].leg].payee
        return ((payee.node, delivered[0].owner_share),) if isinstance(payee, NodePayee) else ()
    earned: dict[NodeId, NanoDollars] = {}
    for leg in delivered:
        payee = closed.legs[leg.leg].payee
        if isinstance(payee, NodePayee):
            earned[payee.node] = NanoDollars(earned.get(payee.node, 0) + leg.owner_share)
    return earned.items()


def node_day_rows(closed: Iterable[Closed]) -> list[object]:
    """What each node earned on each day, and how many calls it answered, summed over the calls."""
    days: dict[tuple[NodeId, int], tuple[int, int]] = {}
    for call in closed:
        for node, amount in earned_by_node(call):
            key = (node, call.at_ms // DAY_MS)
            earned, answers = days.get(key, (0, 0))
            days[key] = (earned + amount, answers + 1)
    return [value for (node, day), (earned, answers) in days.items() for value in (node, day, earned, answers)]


def _last(closed: Closed) -> LegTerms | None:
    return closed.legs[max(closed.legs)] if closed.legs else None


def _target(terms: LegTerms | None, ids: Mapping[str, int]) -> tuple[int | None, int | None, int | None]:
    """Name of the target, its node, its provider, as labels."""
    if terms is None:
        return None, None, None
    payee = terms.payee
    if isinstance(payee, NodePayee):
        return ids[terms.target], ids[payee.node], None
    return ids[terms.target], None, ids[payee.provider]
