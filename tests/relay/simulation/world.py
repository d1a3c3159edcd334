"""Callers, a relay, two providers and two nodes, with one seed for everything that happens."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from relay.accounts.identity import Identity
from relay.completions.refusal import Refusal
from relay.completions.request import parse
from relay.completions.service import Completions
from relay.completions.targets import Targets
from relay.ledger.calls import ProviderPayee
from relay.ledger.entries import CallId
from relay.ledger.pricing import Price
from relay.ledger.service import Ledger
from relay.nodes.registry import Registry
from relay.settings import CallSettings, TimerSettings
from relay.storage.ids import KeyId, OrganisationId, ProjectId
from relay.upstreams.node import Tenants
from relay.upstreams.providers import Catalogue
from relay.upstreams.target import ProviderTarget, Route, target_headers
from relay.wire.frames import PicoDollars
from tests.relay.simulation.caller import Caller
from tests.relay.simulation.loop import VirtualClock
from tests.relay.simulation.truth import MODEL, question
from tests.relay.simulation.upstreams import PlayedNode, PlayedProvider

CALLS = 6
PROVIDER_PRICE = Price(PicoDollars(150_000), PicoDollars(600_000))
NODE_PRICE = Price(PicoDollars(50_000), PicoDollars(200_000))
TIMERS = TimerSettings(plain_s=60.0)
IDENTITY = Identity(OrganisationId(1), ProjectId(1), KeyId(1), "key")


@dataclass(frozen=True)
class Asked:
    """One call: who made it, its id in the books, or why it was not admitted."""

    caller: Caller
    id: CallId | None
    refused: Refusal | None = None


class _Offers:
    """What a catalogue of providers is to `Targets`."""

    def __init__(self, route: Route) -> None:
        self.routes = {MODEL: route}


class World:
    """Made for one seed; `play` lets everything happen. Books are shared with other worlds: their ids differ."""

    def __init__(self, seed: int, ledger: Ledger, clock: VirtualClock, ids: Iterator[int]) -> None:
        self.rng = rng = random.Random(seed)
        self.loop = clock.loop
        self.asked: list[Asked] = []
        self.providers = [PlayedProvider(name, self.loop, rng) for name in ("alpha", "beta")[: rng.randrange(3)]]
        self.registry = Registry()
        self.nodes = [
            PlayedNode(f"node-{at}", self.loop, rng, self.registry, rng.randint(1, 2)) for at in range(rng.randrange(4))
        ]
        self._last = 0
        self._ids = ids
        self.completions = Completions(
            loop=self.loop,
            clock=clock,
            ledger=ledger,
            targets=Targets(cast("Catalogue", _Offers(self._route())), self.registry, NODE_PRICE, rng.random),
            timers=TIMERS,
            settings=CallSettings(default_max_tokens=64),
            next_id=self._next_id,
            earned=lambda _: None,
            tenants=Tenants(b"secret"),
        )

    def _route(self) -> Route:
        return Route(
            [
                ProviderTarget(
                    each.name,
                    each.provider,
                    MODEL,
                    PROVIDER_PRICE,
                    ProviderPayee(each.name),
                    8192,
                    target_headers(each.name, "cloud"),
                    known_as=MODEL,
                )
                for each in self.providers
            ]
        )

    def _next_id(self) -> CallId:
        self._last = next(self._ids)
        return CallId(self._last)

    def play(self) -> None:
        """Some calls, all at once or within half a minute, and then until nothing happens any more."""
        span = self.rng.choice((0.1, 30.0))
        for at in sorted(self.rng.uniform(0, span) for _ in range(CALLS)):
            self.loop.call_later(at, self._ask)
        self.loop.run(longest_s=1000)

    def _ask(self) -> None:
        rng = self.rng
        words, stream = rng.choice((0, 1, 3, 10, 40)), rng.random() < 0.7
        fields: dict[str, object] = {"stream": True} if stream else {}
        if rng.random() < 0.5:
            fields["max_tokens"] = rng.choice((1, 3, 64))
        caller = Caller(self.loop, rng, words=min(words, int(str(fields.get("max_tokens", 64)))), stream=stream)
        try:
            call = self.completions.begin(IDENTITY, parse(question(words, **fields)), caller)
        except Refusal as refusal:
            self.asked.append(Asked(caller, None, refusal))
            return
        caller.call = call
        self.asked.append(Asked(caller, CallId(self._last)))
        if rng.random() < 0.25:
            reset = rng.random() < 0.5
            self.loop.call_later(rng.choice((0.0, 0.05, 1.0, 10.0)), lambda: caller.hang_up(reset=reset))


def ids() -> Iterator[int]:
    return itertools.count(1)
