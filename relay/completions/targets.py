"""From a model's name to the targets of one call, in the order they are to be tried."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from relay.accounts.identity import Identity
from relay.ledger.calls import NodePayee
from relay.ledger.entries import owner
from relay.ledger.pricing import Price
from relay.nodes.link import NodeLink
from relay.nodes.registry import Registry
from relay.routing.candidate import Candidate
from relay.routing.policy import order
from relay.upstreams.providers import Catalogue
from relay.upstreams.target import NodeTarget, Route, Target, target_headers
from relay.wire.frames import AdvertisedModel

PRIVATE_POOLS = frozenset({"own", "organisation"})


@dataclass(frozen=True, slots=True)
class Offer:
    """One target of a model as its callers may see it; `parameters` are what it says it supports, if it says."""

    name: str
    pool: str
    price: Price
    context: int
    takes_calls: bool = True
    quantisation: str = ""
    parameters: tuple[str, ...] = ()


class Targets:
    """Providers and connected nodes, as one list per model."""

    def __init__(
        self,
        catalogue: Catalogue,
        registry: Registry,
        node_price: Price,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._catalogue = catalogue
        self._registry = registry
        self._node_price = node_price
        self._chance = chance

    def route(self, model: str, identity: Identity) -> Route | None:
        """The targets that can take a call now, best first; none of them where all are busy.

        None if this caller cannot use the model at all.
        """
        offered = self._catalogue.routes.get(model)
        links = self._registry.links_for(model)
        if not links:
            return offered if "cloud" in identity.exposure else None
        targets: list[Target] = [*self._node_targets(model, links, identity), *(offered.targets if offered else ())]
        candidates = [_candidate(index, target) for index, target in enumerate(targets)]
        ordered = order(candidates, identity.exposure, self._chance)
        if ordered:
            return Route([targets[each.index] for each in ordered])
        busy = [targets[each.index] for each in candidates if each.pool in identity.exposure]
        return Route((), busy) if busy else None

    def slots(self, model: str) -> int:
        """How many answers of a model its nodes can write at once."""
        return sum(link.models[model].slots for link in self._registry.links_for(model))

    def continuations(
        self, identity: Identity, lost: NodeTarget, *, price: Price, context: int, tried: Sequence[object]
    ) -> tuple[list[NodeTarget], bool]:
        """Nodes that can go on where `lost` stopped, those that compute alike first; and whether others are only busy.

        They have the very model, cost at most `price` and hold `context` tokens.
        """
        model = lost.model
        was = lost.link.models.get(model)
        if was is None:
            return [], False
        able = [
            each
            for each in self._node_targets(model, self._registry.links_for(model), identity)
            if each.pool in identity.exposure
            and each.link not in tried
            and _goes_on(each.link.models[model], was)
            and each.context >= context
            and each.price.prompt <= price.prompt
            and each.price.completion <= price.completion
        ]
        free = [each for each in able if each.link.free_slots > 0]
        free.sort(key=lambda each: (not computes_alike(each, lost), -each.link.free_slots))
        return free, bool(able)

    def is_known(self, model: str, identity: Identity) -> bool:
        """Whether a connected node that this caller may use has the model, though it may take no calls now."""
        links = self._registry.known_models().get(model, ())
        return any(each.pool in identity.exposure for each in self._node_targets(model, links, identity))

    def _node_targets(self, model: str, links: Iterable[NodeLink], identity: Identity) -> Iterable[NodeTarget]:
        for link in links:
            facts = link.node
            if facts.pool in PRIVATE_POOLS and facts.organisation != identity.organisation:
                continue
            offered = link.models[model]
            payee = NodePayee(facts.node_id, owner(facts.owner))
            name = f"node/{facts.name}" if facts.organisation == identity.organisation else "node/community"
            yield NodeTarget(
                name,
                link,
                model,
                self._price(offered),
                payee,
                offered.context,
                target_headers(name, facts.pool),
                facts.pool,
            )

    def _price(self, offered: AdvertisedModel) -> Price:
        ask = offered.ask
        return self._node_price if ask is None else Price(ask.prompt, ask.completion)

    def offers(self, identity: Identity) -> dict[str, list[Offer]]:
        """Who offers each model this caller can name, by name; also nodes that are paused just now."""
        found: dict[str, list[Offer]] = {}
        for name, links in self._registry.known_models().items():
            for each in self._node_targets(name, links, identity):
                if each.pool in identity.exposure:
                    found.setdefault(name, []).append(_node_offer(each))
        if "cloud" in identity.exposure:
            for name, route in self._catalogue.routes.items():
                offers = (Offer(each.name, each.pool, each.price, each.context) for each in route.targets)
                found.setdefault(name, []).extend(offers)
        return {name: found[name] for name in sorted(found)}


def _node_offer(target: NodeTarget) -> Offer:
    advertised = target.link.models[target.model]
    return Offer(
        target.name,
        target.pool,
        target.price,
        target.context,
        target.link.takes_calls,
        advertised.quantisation,
        tuple(sorted(advertised.features)),
    )


def _goes_on(offered: AdvertisedModel, was: AdvertisedModel) -> bool:
    return offered.resume == "ids" and offered.digest == was.digest


def computes_alike(one: NodeTarget, other: NodeTarget) -> bool:
    """Whether the same file gives the same numbers on both: the engine's build, its device and its cache are alike."""
    model, its = one.link.models[one.model], other.link.models.get(other.model)
    return its is not None and bool(model.numerics) and model.numerics == its.numerics


def _candidate(index: int, target: Target) -> Candidate:
    price = target.price
    if isinstance(target, NodeTarget):
        link = target.link
        slots = link.models[target.model].slots
        free = link.free_slots if link.sharing else 0
        return Candidate(index, target.pool, price.prompt, price.completion, target.context, max(slots, 1), free)
    return Candidate(index, target.pool, price.prompt, price.completion, target.context)
