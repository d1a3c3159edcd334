"""One (upstream, model, key) a call can be sent to, with the facts that routing and the books need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from relay.ledger.calls import Payee
from relay.ledger.pricing import Price
from relay.nodes.link import NodeLink
from relay.upstreams.provider import Provider
from relay.wire.frames import PicoDollars


def target_headers(name: str, pool: str) -> bytes:
    """The header lines that tell a caller where the answer came from. A name is what a person typed: kept to ASCII."""
    shown = name.encode("ascii", "replace") if name.isprintable() else b"?"
    return b"x-nightjar-target: %b\r\nx-nightjar-pool: %b\r\n" % (shown, pool.encode())


@dataclass(frozen=True, slots=True)
class ProviderTarget:
    """A model of a provider. `model` is the provider's own name for it, `headers` are of `target_headers`."""

    name: str
    provider: Provider
    model: str
    price: Price
    payee: Payee
    context: int
    headers: bytes
    pool: str = "cloud"


@dataclass(frozen=True, slots=True)
class NodeTarget:
    """A model on a connected node, as `ProviderTarget`."""

    name: str
    link: NodeLink
    model: str
    price: Price
    payee: Payee
    context: int
    headers: bytes
    pool: str


Target = ProviderTarget | NodeTarget


class Route:
    """The targets one call may be sent to, in order, and the bounds over them and over those `busy` just now."""

    __slots__ = ("context", "first", "price", "targets")

    def __init__(self, targets: Sequence[Target], busy: Sequence[Target] = ()) -> None:
        self.targets = tuple(targets)
        every = (*targets, *busy)
        self.first = every[0] if every else None
        self.price = Price(
            PicoDollars(max((each.price.prompt for each in every), default=0)),
            PicoDollars(max((each.price.completion for each in every), default=0)),
        )
        self.context = max((each.context for each in every), default=0)
