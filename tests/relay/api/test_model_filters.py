from __future__ import annotations

from typing import Any

import pytest

from relay.api.model_filters import chosen
from relay.completions.refusal import Refusal
from relay.completions.targets import Offer
from relay.ledger.pricing import FREE
from relay.routing.breaker import PROVIDER
from relay.routing.health import Health

TEXT = {"input_modalities": ["text"], "output_modalities": ["text"]}
MODELS: list[dict[str, Any]] = [
    {
        "id": "acme/large",
        "name": "Acme Large",
        "description": "Thinks aloud",
        "created": 2,
        "context_length": 200_000,
        "pricing": {"prompt": "0.000003"},
        "architecture": TEXT,
    },
    {
        "id": "acme/small",
        "name": "Acme Small",
        "description": "",
        "created": 5,
        "context_length": 8_000,
        "pricing": {"prompt": "0.00000005"},
        "architecture": TEXT,
        "supported_parameters": ["seed", "tools"],
    },
]
OFFERS = {
    "acme/large": [Offer("alpha", "cloud", FREE, 1, Health(PROVIDER))],
    "acme/small": [Offer("beta", "cloud", FREE, 1, Health(PROVIDER))],
}


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({}, "large small"),
        ({"q": "LARGE"}, "large"),
        ({"q": "aloud acme"}, "large"),
        ({"context": "100000"}, "large"),
        ({"max_price": "0.05"}, "small"),
        ({"min_price": "0.06"}, "large"),
        ({"providers": "beta"}, "small"),
        ({"providers": "alpha, beta"}, "large small"),
        ({"limit": "1"}, "large"),
        ({"offset": "1"}, "small"),
        ({"offset": "7"}, ""),
        ({"sort": "newest"}, "small large"),
        ({"sort": "pricing-low-to-high"}, "small large"),
        ({"sort": "pricing-high-to-low"}, "large small"),
        ({"sort": "context-high-to-low"}, "large small"),
        ({"supported_parameters": "tools,seed"}, "small"),
        ({"supported_parameters": "tools,top_k"}, ""),
        ({"input_modalities": "text", "output_modalities": "text"}, "large small"),
        ({"input_modalities": "image"}, ""),
        ({"a_filter_of_tomorrow": "1"}, "large small"),
    ],
)
def test_a_list_is_narrowed_by_its_query(query: dict[str, str], ids: str) -> None:
    assert [each["id"] for each in chosen(MODELS, OFFERS, query)[1]] == [f"acme/{each}" for each in ids.split()]


def test_how_many_pass_is_told_whatever_the_page() -> None:
    assert chosen(MODELS, OFFERS, {"limit": "1"})[0] == 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sort", "best"),
        ("limit", "0"),
        ("limit", "1" * 11),
        ("offset", "-1"),
        ("offset", "\u0661"),
        ("context", "many"),
        ("max_price", "nan"),
        ("max_price", ""),
        ("min_price", "-1"),
        ("input_modalities", "smell"),
    ],
)
def test_a_value_that_cannot_be_read_is_refused(name: str, value: str) -> None:
    with pytest.raises(Refusal) as caught:
        chosen(MODELS, OFFERS, {name: value})

    assert (caught.value.status, caught.value.param) == (400, name)
