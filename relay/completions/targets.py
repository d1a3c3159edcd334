"""From a model's name to the targets of one call, in the order they are to be tried."""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final, TypeVar

from relay.accounts.identity import Identity
from relay.completions.request import PARAMETERS, CallRequest
from relay.completions.rules import Rules
from relay.ledger.calls import NodePayee
from relay.ledger.entries import owner
from relay.ledger.pricing import Price
from relay.nodes.link import NodeLink
from relay.nodes.registry import Registry
from relay.routing.affinity import Affinity
from relay.routing.candidate import Candidate
from relay.routing.health import Health
from relay.routing.policy import Ask, Policy, barred, decide
from relay.routing.preferences import NONE
from relay.routing.rules import Rule
from relay.storage.ids import NodeId
from relay.upstreams.providers import Catalogue
from relay.upstreams.target import NodeTarget, ProviderTarget, Route, Target, joined, target_headers
from relay.upstreams.traits import Traits
from relay.wire.frames import IMAGES, AdvertisedModel

PRIVATE_POOLS = frozenset({"own", "organisation"})
BALANCED: Final = Policy()
EXPECTED_TOKENS: Final = 256
"""Of an answer whose limit is higher, or not given."""
MOST_COMPARED: Final = 16
"""Nodes that are compared for one call."""
MOST_REMEMBERED: Final = 10_000
"""Nodes, times their models, whose health is kept."""

AnyTarget = TypeVar("AnyTarget", bound=Target)


@dataclass(frozen=True, slots=True)
class Offer:
    """One target of a model as its callers may see it; `parameters` are what it says it supports, if it says."""

    name: str
    pool: str
    price: Price
    context: int
    health: Health
    takes_calls: bool = True
    quantisation: str = ""
    parameters: tuple[str, ...] = ()
    images: bool = False


class Targets:
    """Providers and connected nodes, as one list per model."""

    def __init__(
        self,
        catalogue: Catalogue,
        registry: Registry,
        node_price: Price,
        chance: Callable[[], float] = random.random,
        policy: Policy = BALANCED,
        *,
        rules: Rules | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._registry = registry
        self._node_price = node_price
        self._chance = chance
        self._policy = policy
        self.rules = rules or Rules()
        self._affinity = Affinity()
        self._health: OrderedDict[tuple[NodeId, str], Health] = OrderedDict()

    def has(self, model: str) -> bool:
        """Whether some target goes by the whole name."""
        return model in self._catalogue.routes or model in self._registry.known_models()

    def route(self, request: CallRequest, identity: Identity, now: float) -> Route | None:
        """The targets that can take a call now, best first; none of them where all are busy, at rest or unwanted.

        `now` are seconds of the relay's clock. None if this caller cannot use the model at all.
        """
        plain = not request.fallbacks and request.preferences is NONE and request.max_cost is None
        if plain and not self.rules.some:
            offered = self._catalogue.routes.get(request.model)
            links = self._registry.links_for(request.model)
            if not links:
                if offered is None or "cloud" not in identity.exposure:
                    return None
                if len(offered.targets) == 1 and is_well(offered.targets[0], now):
                    return offered  # by far the most frequent case: there is nothing to decide
        return self._decided(request, identity, now)

    def _decided(self, request: CallRequest, identity: Identity, now: float) -> Route | None:
        names = (request.model, *(each for each in request.fallbacks if each != request.model))
        offered = [(self._reachable(name, identity), self.rules.of(identity, name)) for name in names]
        offered = [(targets, rules) for targets, rules in offered if targets]
        if not offered:
            return None
        conversation = request.conversation(identity.organisation)
        routes = [self._order(targets, _ask(request, identity, rules), conversation, now) for targets, rules in offered]
        if len(routes) == 1:
            return routes[0]
        whole = joined(routes)
        if not request.preferences.mixes_models:
            return whole
        ask = _ask(request, identity, self.rules.of(identity, ""))  # each model's own rule has barred what it bars
        mixed = self._order(list(whole.targets), ask, conversation, now)
        route = Route(mixed.targets, whole.busy, whole.resting, whole.left_out)
        route.stays_at = mixed.stays_at
        return route

    def _order(self, targets: list[Target], ask: Ask, conversation: bytes, now: float) -> Route:
        last = self._affinity.last(conversation)
        candidates = [_candidate(at, target, now, last) for at, target in enumerate(targets)]
        decision = decide(candidates, ask, self._policy, self._chance)
        route = Route(
            [targets[each.index] for each in decision.order],
            busy=[targets[each.index] for each in decision.held_up("busy")],
            resting=[targets[each.index] for each in decision.held_up("resting")],
            left_out=decision.left_out,
        )
        route.stays_at = next((targets[each.index] for each in candidates if each.affine), None)
        return route

    def _reachable(self, model: str, identity: Identity) -> list[Target]:
        """Whoever offers the model in a pool that the key may reach; of very many nodes, some."""
        if not self.rules.allows(identity, model):
            return []
        links = self._registry.links_for(model)
        offered = self._catalogue.routes.get(model)
        every = [*self._node_targets(model, self._some(links), identity), *(offered.targets if offered else ())]
        return [each for each in every if each.pool in identity.exposure]

    def _some(self, links: Sequence[NodeLink]) -> Sequence[NodeLink]:
        """A few by chance: that is nearly as good as to look at all, and costs the same however many there are."""
        if len(links) <= MOST_COMPARED:
            return links
        start, step = int(self._chance() * len(links)), max(1, len(links) // MOST_COMPARED)
        some = [links[(start + at * step) % len(links)] for at in range(MOST_COMPARED)]
        return some if any(link.free_slots > 0 for link in some) else links

    def went(self, request: CallRequest, identity: Identity, target: Target) -> None:
        """An answer was written there: the next call of the conversation may find its prompt in a cache."""
        self._affinity.went(request.conversation(identity.organisation), _itself(target))

    def resting(self, now: float) -> Iterable[tuple[str, str, float]]:
        """Who is left alone because it kept failing: target, model, and for how many seconds more."""
        for model, route in self._catalogue.routes.items():
            for target in route.targets:
                if rests_s := target.health.breaker.rests_s(now):
                    yield target.name, model, rests_s
        for (node, model), health in self._health.items():
            if rests_s := health.breaker.rests_s(now):
                yield f"node/{node}", model, rests_s

    def keys(self, now: float) -> Iterable[tuple[str, int, int, int]]:
        """Of each provider: its name, and how many of its keys are ready, at rest, refused."""
        for provider in self._catalogue.providers:
            keys = list(provider.keys)
            refused = sum(key.refused for key in keys)
            resting = sum(key.rests_until > now and not key.refused for key in keys)
            yield provider.name, len(keys) - refused - resting, resting, refused

    def slots(self, model: str) -> int:
        """How many answers of a model its nodes can write at once."""
        return sum(link.models[model].slots for link in self._registry.links_for(model))

    def continuations(
        self,
        request: CallRequest,
        identity: Identity,
        lost: NodeTarget,
        *,
        price: Price,
        context: int,
        tried: Sequence[object],
    ) -> tuple[list[NodeTarget], bool]:
        """Nodes that can go on where `lost` stopped, those that compute alike first; and whether others are only busy.

        They have the very model, cost at most `price`, hold `context` tokens, and are barred by nothing that barred
        targets when the call was admitted.
        """
        model = lost.model
        was = lost.link.models.get(model)
        if was is None:
            return [], False
        ask = _ask(request, identity, self.rules.of(identity, model))
        able = [
            each
            for each in self._node_targets(model, self._registry.links_for(model), identity)
            if each.pool in identity.exposure
            and each.link not in tried
            and _goes_on(each.link.models[model], was)
            and each.context >= context
            and each.price.prompt <= price.prompt
            and each.price.completion <= price.completion
            and barred(_candidate(0, each, 0.0, None), ask) is None
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
                self._health_of(facts.node_id, model),
            )

    def _health_of(self, node: NodeId, model: str) -> Health:
        """Kept beyond the link, so that who comes back after every fault is known for it."""
        at = (node, model)
        health = self._health.get(at)
        if health is None:
            health = self._health[at] = Health(self._policy.node_rule)
            if len(self._health) > MOST_REMEMBERED:
                self._health.popitem(last=False)
        return health

    def _price(self, offered: AdvertisedModel) -> Price:
        ask = offered.ask
        return self._node_price if ask is None else Price(ask.prompt, ask.completion)

    def offers(self, identity: Identity) -> dict[str, list[Offer]]:
        """Who offers each model this caller can name, by name; also nodes that are paused just now."""
        found: dict[str, list[Offer]] = {}
        for name, links in self._registry.known_models().items():
            nodes = self._open_to(identity, name, self._node_targets(name, links, identity))
            found.setdefault(name, []).extend(map(_node_offer, nodes))
        for name, route in self._catalogue.routes.items():
            found.setdefault(name, []).extend(map(_provider_offer, self._open_to(identity, name, route.targets)))
        return {name: found[name] for name in sorted(found) if found[name]}

    def _open_to(self, identity: Identity, model: str, targets: Iterable[AnyTarget]) -> list[AnyTarget]:
        """Those of a model's targets that neither the key nor a rule keeps from a caller."""
        if not self.rules.allows(identity, model):
            return []
        within = [each for each in targets if each.pool in identity.exposure]
        rules = self.rules.of(identity, model)
        if not rules:
            return within
        ask = Ask(identity.exposure, rules=tuple(rule.provider for rule in rules))
        return [each for each in within if barred(_candidate(0, each, 0.0, None), ask) is None]


def _provider_offer(target: Target) -> Offer:
    traits = target.traits if isinstance(target, ProviderTarget) else Traits()
    return Offer(
        target.name,
        target.pool,
        target.price,
        target.context,
        target.health,
        quantisation=traits.quantisation,
        parameters=traits.parameters,
    )


def _node_offer(target: NodeTarget) -> Offer:
    advertised = target.link.models[target.model]
    return Offer(
        target.name,
        target.pool,
        target.price,
        target.context,
        target.health,
        target.link.takes_calls,
        advertised.quantisation,
        tuple(sorted(_parameters(advertised))),
        images=IMAGES in advertised.features,
    )


def _goes_on(offered: AdvertisedModel, was: AdvertisedModel) -> bool:
    return offered.resume == "ids" and offered.digest == was.digest


def computes_alike(one: NodeTarget, other: NodeTarget) -> bool:
    """Whether the same file gives the same numbers on both: the engine's build, its device and its cache are alike."""
    model, its = one.link.models[one.model], other.link.models.get(other.model)
    return its is not None and bool(model.numerics) and model.numerics == its.numerics


def _ask(request: CallRequest, identity: Identity, rules: Sequence[Rule]) -> Ask:
    wishes, limit = request.preferences, request.max_tokens or request.kind.default_tokens
    if limit is None:
        limit = EXPECTED_TOKENS
    every = (wishes, *(rule.provider for rule in rules))
    return Ask(
        exposure=identity.exposure,
        preferences=wishes,
        prompt_tokens=request.prompt_estimate,
        completion_tokens=min(limit, EXPECTED_TOKENS) * request.n,
        prompt_bound=request.prompt_bound,
        completion_bound=limit * request.n,
        max_cost=request.max_cost,
        images=request.images > 0,
        parameters=request.parameters() if any(each.require_parameters for each in every) else frozenset(),
        rules=every[1:],
    )


def _rests(target: Target, now: float) -> tuple[float, str]:
    """In how many seconds it may be tried, and why not before; 0: now."""
    breaker = target.health.breaker
    if (rests_s := breaker.rests_s(now)) > 0:
        return rests_s, f"it failed too often ({breaker.reason})"
    if isinstance(target, ProviderTarget) and (rests_s := target.provider.keys.rests_s(now)) > 0:
        return rests_s, "it refuses this relay's key" if rests_s == inf else "it asked for fewer calls"
    return 0.0, ""


def is_well(target: Target, now: float) -> bool:
    """Whether it may be tried now."""
    return not _rests(target, now)[0]


def _itself(target: Target) -> Hashable:
    return target.link.node.node_id if isinstance(target, NodeTarget) else (target.name, target.model)


def _candidate(index: int, target: Target, now: float, last: Hashable | None) -> Candidate:
    price, health = target.price, target.health
    rests_s, rests_for = _rests(target, now)
    first_token_s = health.first_token_s.percentile(0.5) or 0.0
    observed_tps = health.tokens_per_s.percentile(0.5) or 0.0
    affine = last is not None and last == _itself(target)
    if isinstance(target, ProviderTarget):
        traits = target.traits
        return Candidate(
            index,
            target.pool,
            price.prompt,
            price.completion,
            target.context,
            name=target.name,
            rests_s=rests_s,
            rests_for=rests_for,
            first_token_s=first_token_s,
            decode_tps=observed_tps,
            quantisation=traits.quantisation,
            parameters=frozenset(traits.parameters),
            region=traits.region,
            collects_data=traits.collects_data,
            keeps_nothing=traits.keeps_nothing,
            affine=affine,
        )
    link = target.link
    model = link.models[target.model]
    private = target.pool in PRIVATE_POOLS
    return Candidate(
        index,
        target.pool,
        price.prompt,
        price.completion,
        target.context,
        name=target.name,
        slots=max(model.slots, 1),
        free_slots=link.free_slots if link.sharing else 0,
        rests_s=rests_s,
        rests_for=rests_for,
        warm=model.warm,
        first_token_s=first_token_s,
        prefill_tps=model.prefill_tps,
        decode_tps=observed_tps or model.decode_tps,
        quantisation=model.quantisation,
        parameters=_parameters(model) or PARAMETERS,  # who names none refuses by itself what it cannot do
        collects_data=not private,
        keeps_nothing=private,
        affine=affine,
        sees=IMAGES in model.features,
    )


def _parameters(model: AdvertisedModel) -> frozenset[str]:
    return frozenset(model.features) - {IMAGES}
