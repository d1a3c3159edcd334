from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.ledger.calls import Closed, Delivered, LegTerms, NodePayee, Outcome, ProviderPayee
from relay.ledger.entries import NanoDollars, Unbalanced, entries_of, owner, settle_transaction
from relay.ledger.pricing import Price, rounded
from relay.ledger.rows import earned_by_node, shares
from relay.ledger.settlement import settle
from relay.storage.ids import NodeId, PersonId
from relay.wire.frames import PicoDollars
from tests.relay.ledger.values import PRICE, an_admission, node_leg, provider_leg

payees = st.one_of(
    st.integers(1, 3).map(lambda n: NodePayee(NodeId(f"node-{n}"), owner(PersonId(n % 2 + 1)))),
    st.integers(1, 2).map(lambda n: ProviderPayee(f"provider-{n}")),
)
prices = st.builds(
    Price, prompt=st.integers(0, 20_000_000).map(PicoDollars), completion=st.integers(0, 20_000_000).map(PicoDollars)
)
legs = st.lists(st.tuples(payees, prices, st.integers(0, 5000), st.integers(0, 5000), st.booleans()), max_size=6)
bounds = st.one_of(st.integers(0, 10**6), st.integers(0, 10**12))


def terms_and_delivered(
    drawn: list[tuple[NodePayee | ProviderPayee, Price, int, int, bool]],
) -> tuple[dict[int, LegTerms], tuple[Delivered, ...]]:
    terms = {
        number: LegTerms(number=number, target=f"target-{number}", payee=payee, price=price)
        for number, (payee, price, *_) in enumerate(drawn, start=1)
    }
    delivered = tuple(
        Delivered(number, prompt, completion)
        for number, (_, _, prompt, completion, wrote) in enumerate(drawn, start=1)
        if wrote
    )
    return terms, delivered


@given(drawn=legs, bound=bounds)
def test_the_shares_sum_to_the_cost_and_the_cost_stays_within_the_hold(drawn: list, bound: int) -> None:  # type: ignore[type-arg]
    terms, delivered = terms_and_delivered(drawn)
    settlement = settle(terms, delivered, NanoDollars(bound))
    assert 0 <= settlement.cost <= bound
    parts = [settlement, *settlement.legs]
    for part in parts:
        assert part.cost + part.operator_loss == part.owner_share + part.operator_share + part.provider_share
        assert min(part.owner_share, part.operator_share, part.provider_share, part.operator_loss) >= 0
    for total in ("cost", "owner_share", "operator_share", "provider_share", "operator_loss"):
        assert getattr(settlement, total) == sum(getattr(leg, total) for leg in settlement.legs)


@given(drawn=legs, bound=bounds, hold_posted=st.booleans())
def test_every_settlement_makes_a_transaction_that_sums_to_zero(drawn: list, bound: int, hold_posted: bool) -> None:  # type: ignore[type-arg]
    terms, delivered = terms_and_delivered(drawn)
    settlement = settle(terms, delivered, NanoDollars(bound))
    admission = an_admission(bound=bound)
    closed = Closed(admission, terms, Outcome(state="completed", delivered=delivered), settlement, 1, 1)
    transaction = settle_transaction(
        admission.call,
        admission.organisation,
        posted_hold=NanoDollars(bound if hold_posted else 0),
        cost=settlement.cost,
        shares=shares(closed),
        at_ms=1,
    )
    _, _, _, postings = transaction
    assert sum(amount for _, amount in postings) == 0
    accounts = [account for account, _ in postings]
    assert len(accounts) == len(set(accounts))
    assert sum(earned for _, earned in earned_by_node(closed)) == settlement.owner_share


@given(drawn=legs)
def test_a_call_is_rounded_once_however_many_legs_it_had(drawn: list) -> None:  # type: ignore[type-arg]
    terms, delivered = terms_and_delivered(drawn)
    settlement = settle(terms, delivered, NanoDollars(10**15))
    pico = sum(leg.completion_tokens * terms[leg.leg].price.completion for leg in delivered)
    if delivered:
        pico += delivered[0].prompt_tokens * terms[delivered[0].leg].price.prompt
    assert settlement.cost == rounded(pico)


def test_an_owner_gets_seventy_percent_rounded_down_and_the_operator_the_rest() -> None:
    price = Price(PicoDollars(0), PicoDollars(1000))
    settlement = settle({1: node_leg(price=price)}, [Delivered(1, 0, 99)], NanoDollars(1000))
    assert (settlement.cost, settlement.owner_share, settlement.operator_share) == (99, 69, 30)


def test_a_provider_gets_its_leg_in_full() -> None:
    settlement = settle({1: provider_leg()}, [Delivered(1, 10, 20)], NanoDollars(10**9))
    assert settlement.provider_share == settlement.cost == PRICE.cost(10, 20)


def test_what_a_provider_costs_over_the_hold_is_the_operators_loss() -> None:
    settlement = settle({1: provider_leg()}, [Delivered(1, 10, 20)], NanoDollars(1000))
    assert settlement.cost == 1000
    assert settlement.provider_share == PRICE.cost(10, 20)
    assert settlement.operator_loss == PRICE.cost(10, 20) - 1000


def test_the_prompt_is_paid_once_and_earned_by_output() -> None:
    price = Price(PicoDollars(1_000_000), PicoDollars(0))
    terms = {1: node_leg(1, price=price), 2: node_leg(2, price=price)}
    settlement = settle(terms, [Delivered(1, 100, 25), Delivered(2, 100, 75)], NanoDollars(10**9))
    assert [leg.cost for leg in settlement.legs] == [25_000, 75_000]


def test_a_leg_that_was_never_agreed_cannot_be_settled() -> None:
    with pytest.raises(ValueError, match="not agreed"):
        settle({1: node_leg()}, [Delivered(2, 0, 1)], NanoDollars(10))


def test_a_transaction_that_does_not_sum_to_zero_cannot_be_posted() -> None:
    unbalanced = settle_transaction(
        an_admission().call,
        an_admission().organisation,
        posted_hold=NanoDollars(0),
        cost=NanoDollars(5),
        shares=[(owner(PersonId(1)), NanoDollars(4))],
        at_ms=1,
    )
    with pytest.raises(Unbalanced):
        entries_of([unbalanced], defaultdict(int))
