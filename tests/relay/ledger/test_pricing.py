from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.ledger.pricing import FREE, Price, rounded
from relay.wire.frames import PicoDollars

prices = st.builds(
    Price,
    prompt=st.integers(0, 100_000_000).map(PicoDollars),
    completion=st.integers(0, 100_000_000).map(PicoDollars),
)
tokens = st.integers(0, 2_000_000)


@pytest.mark.parametrize("pico, nano", [(0, 0), (499, 0), (500, 0), (501, 1), (1500, 2), (2500, 2), (2501, 3)])
def test_half_a_nano_dollar_goes_to_the_even_one(pico: int, nano: int) -> None:
    assert rounded(pico) == nano


@given(pico=st.integers(0, 10**18))
def test_rounding_is_what_exact_arithmetic_says(pico: int) -> None:
    assert rounded(pico) == round(Fraction(pico, 1000))


@given(price=prices, prompt=tokens, completion=tokens)
def test_a_call_never_costs_more_than_the_bound_of_its_tokens(price: Price, prompt: int, completion: int) -> None:
    assert price.cost(prompt, completion) <= price.bound(prompt, completion) <= price.cost(prompt, completion) + 1


def test_a_micro_dollar_per_million_tokens_is_a_pico_dollar_a_token() -> None:
    half_a_dollar = Price(PicoDollars(500_000), PicoDollars(0))
    assert half_a_dollar.cost(1_000_000, 0) == 500_000_000


def test_what_is_free_costs_nothing() -> None:
    assert FREE.cost(10**9, 10**9) == 0 == FREE.bound(10**9, 10**9)
