"""The list that desktops get: every entry with what it pays and how much it is asked for, signed by the relay. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from relay.catalogue.entries import Price
from relay.catalogue.store import Listed
from relay.wire.identity import SigningKey, catalogue_text


class Demand(msgspec.Struct, frozen=True):
    """Calls for one model and their tokens over the last days, and how many nodes have it now."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    nodes: int = 0


class Signed(msgspec.Struct, frozen=True):
    """`body` is the JSON that was signed, to the byte."""

    body: bytes
    signature: bytes


def signed_listing(
    models: Sequence[Listed],
    demand: Mapping[str, Demand],
    *,
    price: Price,
    owner_percent: int,
    key: SigningKey,
    at_ms: int,
) -> Signed:
    """`price` is what a node's tokens cost where an entry names none."""
    body = msgspec.json.encode(
        {
            "issued_ms": at_ms,
            "owner_percent": owner_percent,
            "entries": [_entry(each, demand.get(each.entry.id, Demand()), price) for each in models],
        }
    )
    return Signed(body, key.sign(catalogue_text(body)))


def _entry(model: Listed, demand: Demand, price: Price) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(model.entry)
    return fields | {
        "price": msgspec.to_builtins(model.entry.price or price),
        "demand": msgspec.to_builtins(demand),
        "retired": model.retired_ms is not None,
    }
