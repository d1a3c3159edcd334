"""One (upstream, model, key) a call can be sent to, with the facts that routing and the books need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from relay.ledger.calls import Payee
from relay.ledger.pricing import Price
from relay.nodes.link import NodeLink
from relay.routing.breaker import NODE, PROVIDER
from relay.routing.health import Health
from relay.routing.policy import LeftOut
from relay.upstreams.provider import Provider
from relay.upstreams.traits import NO_TRAITS, Traits
from relay.wire.frames import PicoDollars


def target_headers(name: str, pool: str) -> bytes:
    """The header lines that tell a caller where the answer came from. A name is what a person typed: kept to ASCII."""
    shown = name.encode("ascii", "replace") if name.isprintable() else b"?"
    return b"x-nightjar-target: %b\r\nx-nightjar-pool: %b\r\n" % (shown, pool.encode())


@dataclass(frozen=True, slots=True)
class ProviderTarget:
    """A model of a provider. `model` is the provider's own name for it, `known_as` its callers'; `headers` are of
    `target_headers`.
    """

    name: str
    provider: Provider
    model: str
    price: Price
    payee: Payee
    context: int
    headers: bytes
    pool: str = "cloud"
    known_as: str = ""
    traits: Traits = NO_TRAITS
    health: Health = field(default_factory=lambda: Health(PROVIDER), repr=False, compare=False)


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
    health: Health = field(default_factory=lambda: Health(NODE), repr=False, compare=False)

    @property
    def known_as(self) -> str:
        """What callers call the model: a node has no name of its own for it."""
        return self.model


Target = ProviderTarget | NodeTarget


class Route:
    """The targets one call may be sent to, in order, and those it may be sent to soon: `busy` or `resting` ones.

    The bounds are over the former, or, where there are none, over the latter. `left_out` says of everybody else, and
    of the latter, why they are not among the former.
    """

    __slots__ = ("busy", "context", "first", "left_out", "price", "resting", "stays_at", "targets")

    def __init__(
        self,
        targets: Sequence[Target],
        busy: Sequence[Target] = (),
        resting: Sequence[Target] = (),
        left_out: Sequence[LeftOut] = (),
    ) -> None:
        self.targets = tuple(targets)
        self.busy = tuple(busy)
        self.resting = tuple(resting)
        self.left_out = left_out
        self.stays_at: Target | None = None
        """Where the conversation was, if its last call went to one of the targets."""
        every = self.targets or (*busy, *resting)
        self.first = every[0] if every else None
        self.price = Price(
            PicoDollars(max((each.price.prompt for each in every), default=0)),
            PicoDollars(max((each.price.completion for each in every), default=0)),
        )
        self.context = max((each.context for each in every), default=0)


def joined(routes: Sequence[Route]) -> Route:
    """One after the other."""
    return Route(
        [target for each in routes for target in each.targets],
        [target for each in routes for target in each.busy],
        [target for each in routes for target in each.resting],
        [one for each in routes for one in each.left_out],
    )
