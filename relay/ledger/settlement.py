"""Who gets what of a call. Pure.

The prompt is paid once, at the price of the first leg that delivered; that fee is earned by output, so each leg has the
share of it that it has of the tokens. A leg's own output is paid at its own price. Legs are rounded at their running
total, so that they sum to the call's cost to the nano-dollar. Of a node's leg the owner gets 70 %, rounded down, the
operator the rest; a provider gets its leg in full, from the operator if it was more than the hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from relay.ledger.calls import Delivered, LegShare, LegTerms, NodePayee, Settlement
from relay.ledger.entries import NanoDollars
from relay.ledger.pricing import rounded

OWNER_PERCENT = 70

_ZERO = NanoDollars(0)
NOTHING = Settlement(_ZERO, _ZERO, _ZERO, _ZERO, _ZERO, ())


def settle(terms: Mapping[int, LegTerms], delivered: Sequence[Delivered], bound: NanoDollars) -> Settlement:
    """Prices what was delivered, never over `bound`. `terms` is by leg number; ValueError for a leg it lacks."""
    if len(delivered) == 1:
        return _settle_one(terms, delivered[0], bound)
    return _sum(_shares(terms, delivered, bound)) if delivered else NOTHING


def _settle_one(terms: Mapping[int, LegTerms], leg: Delivered, bound: NanoDollars) -> Settlement:
    """What nearly every call comes to."""
    agreed = _terms(terms, leg)
    share = _share(agreed, leg, agreed.price.cost(leg.prompt_tokens, leg.completion_tokens), bound)
    return Settlement(
        share.cost, share.owner_share, share.operator_share, share.provider_share, share.operator_loss, (share,)
    )


def _shares(terms: Mapping[int, LegTerms], delivered: Sequence[Delivered], bound: NanoDollars) -> list[LegShare]:
    first = delivered[0]
    fee = first.prompt_tokens * _terms(terms, first).price.prompt
    total = sum(leg.completion_tokens for leg in delivered)
    shares = []
    output = tokens = charged = 0
    left: int = bound
    for leg in delivered:
        agreed = _terms(terms, leg)
        tokens += leg.completion_tokens
        output += leg.completion_tokens * agreed.price.completion
        vested = fee * tokens // total if total else fee
        due = NanoDollars(rounded(output + vested) - charged)
        charged += due
        share = _share(agreed, leg, due, NanoDollars(left))
        left -= share.cost
        shares.append(share)
    return shares


def _share(agreed: LegTerms, leg: Delivered, due: NanoDollars, left: NanoDollars) -> LegShare:
    cost = due if due < left else left  # noqa: FURB136 - half the time of min(), on every call
    if isinstance(agreed.payee, NodePayee):
        owner_share: NanoDollars = cost * OWNER_PERCENT // 100  # type: ignore[assignment]  # a NewType call costs 70 ns
        rest: NanoDollars = cost - owner_share  # type: ignore[assignment]
        return LegShare(leg.leg, leg.prompt_tokens, leg.completion_tokens, cost, owner_share, rest)
    loss = NanoDollars(due - cost)
    return LegShare(leg.leg, leg.prompt_tokens, leg.completion_tokens, cost, _ZERO, _ZERO, due, loss)


def _sum(shares: Sequence[LegShare]) -> Settlement:
    return Settlement(
        cost=NanoDollars(sum(share.cost for share in shares)),
        owner_share=NanoDollars(sum(share.owner_share for share in shares)),
        operator_share=NanoDollars(sum(share.operator_share for share in shares)),
        provider_share=NanoDollars(sum(share.provider_share for share in shares)),
        operator_loss=NanoDollars(sum(share.operator_loss for share in shares)),
        legs=tuple(shares),
    )


def _terms(terms: Mapping[int, LegTerms], leg: Delivered) -> LegTerms:
    agreed = terms.get(leg.leg)
    if agreed is None or leg.prompt_tokens < 0 or leg.completion_tokens < 0:
        raise ValueError(f"{leg} was not agreed")
    return agreed
