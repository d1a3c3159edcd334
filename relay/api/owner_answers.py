"""The answers to what a node's owner may ask, from the books and from what is connected now.

Everything is read from the database, on its reader's thread; what is asked for of all models is read at most once in
some minutes, since that reads the calls of a week.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final, Protocol

import msgspec
from sqlalchemy import Connection

from relay.accounts.identity import POOLS, Identity
from relay.catalogue import store as catalogue_store
from relay.catalogue.entries import Price
from relay.catalogue.listing import Demand as ListedDemand
from relay.catalogue.listing import signed_listing
from relay.clock import Clock
from relay.completions.targets import PRIVATE_POOLS, Targets
from relay.ledger.service import Ledger
from relay.ledger.settlement import OWNER_PERCENT
from relay.nodes.access import OwnerAccess
from relay.nodes.link import NodeLink
from relay.nodes.registry import Registry
from relay.nodes.store import NodeRecord
from relay.settings import RelaySettings
from relay.storage.engine import Database
from relay.storage.ids import KeyId, NodeId, ProjectId
from relay.usage import node_reports, why
from relay.usage.node_reports import DAY_MS, ModelCalls, ModelDay
from relay.wire import owner as wire

DEMAND_DAYS: Final = 7
DEMAND_KEPT_S: Final = 300.0
_HOUR_MS: Final = 3_600_000
_NONE: Final = ModelCalls(0, 0, 0)


class OwnerServices(Protocol):
    """What these routes need of the relay."""

    @property
    def settings(self) -> RelaySettings: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def database(self) -> Database: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def registry(self) -> Registry: ...
    @property
    def targets(self) -> Targets: ...
    @property
    def owners(self) -> OwnerAccess: ...


class OwnerDesk:
    """Answers questions about one node."""

    def __init__(self, services: OwnerServices) -> None:
        self._services = services
        self._asked: dict[int, tuple[float, Mapping[str, ModelCalls]]] = {}
        self._reading = asyncio.Lock()

    async def answer(self, node: NodeRecord, question: wire.Question) -> msgspec.Struct:
        match question:
            case wire.EarningsWanted():
                return await self.earnings(node.id, question.days)
            case wire.AnswersWanted():
                return await self.answers(node.id, question)
            case wire.ReasonsWanted():
                return await self.reasons(node)
            case wire.DemandWanted():
                return await self.demand(node)
            case wire.CatalogueWanted():
                return await self.catalogue()

    async def earnings(self, node: NodeId, days: int) -> wire.Earnings:
        now_ms = self._services.clock.now_ms()
        today = now_ms // DAY_MS
        await self._services.ledger.flush()

        def read(connection: Connection) -> wire.Earnings:
            by_day = node_reports.days(connection, node)
            models = node_reports.model_days(connection, node, since_ms=(today - days + 1) * DAY_MS)

            def earned(span: int) -> int:
                return sum(each.earned for each in by_day if today - span < each.day <= today)

            return wire.Earnings(
                at_ms=now_ms,
                hour=node_reports.earned_since(connection, node, since_ms=now_ms - _HOUR_MS),
                today=earned(1),
                week=earned(7),
                month=earned(30),
                lifetime=sum(each.earned for each in by_day),
                pending=0,  # nothing is held back yet: what is settled is the owner's
                answers_today=sum(each.answers for each in by_day if each.day == today),
                days=[
                    wire.EarnedDay(node_reports.date(each.day), each.model, each.earned, each.answers)
                    for each in models
                ],
                models=_by_model(models),
            )

        return await self._services.database.read(read)

    async def answers(self, node: NodeId, wanted: wire.AnswersWanted) -> wire.Answers:
        await self._services.ledger.flush()
        found = await self._services.database.read(
            lambda connection: node_reports.answers(connection, node, before=wanted.before, limit=wanted.limit + 1)
        )
        return wire.Answers([_answer(each) for each in found[: wanted.limit]], len(found) > wanted.limit)

    async def reasons(self, node: NodeRecord) -> wire.Reasons:
        since = self._services.clock.now_ms() - DAY_MS
        asked = await self._calls(1)
        await self._services.ledger.flush()
        mine = await self._services.database.read(
            lambda connection: node_reports.model_days(connection, node.id, since_ms=since)
        )
        served: dict[str, int] = {}
        for each in mine:
            served[each.model] = served.get(each.model, 0) + each.answers
        link = self._services.registry.get(node.id)
        standing = why.Standing(
            connected=link is not None,
            pool=node.pool,
            sharing=link is not None and link.takes_calls,
            reason=link.status.reason if link is not None and link.status is not None else "",
            models=() if link is None else tuple(self._standings(link, asked, served)),
        )
        return wire.Reasons(
            [
                wire.Reason(code=each.code, sentence=each.sentence, model=each.model, hinders=each.hinders)
                for each in why.why(standing)
            ]
        )

    def _standings(
        self, link: NodeLink, asked: Mapping[str, ModelCalls], served: Mapping[str, int]
    ) -> list[why.ModelStanding]:
        found = []
        for model in link.models:
            rivals = [each for each in self._services.registry.links_for(model) if _is_rival(each, link)]
            price = self._price_of(link, model)
            here = served.get(model, 0)
            found.append(
                why.ModelStanding(
                    model=model,
                    asked=max(asked.get(model, _NONE).calls, here),  # what is asked for is known some minutes late
                    served=here,
                    rivals=len(rivals),
                    cheaper=sum(self._price_of(each, model) < price for each in rivals),
                    vouched=self._services.registry.is_vouched(link, model),
                )
            )
        return found

    def _price_of(self, link: NodeLink, model: str) -> int:
        """Of a prompt token and a completion token together, to compare."""
        ask, money = link.models[model].ask, self._services.settings.money
        return money.node_prompt_price + money.node_completion_price if ask is None else ask.prompt + ask.completion

    async def demand(self, node: NodeRecord) -> wire.Demand:
        """Only of models that the node's own organisation can name: names of others' private ones say too much."""
        nodes, calls = self._nodes(), await self._calls(DEMAND_DAYS)
        insider = Identity(node.organisation, ProjectId(0), KeyId(0), name="", exposure=POOLS)
        named = set(self._services.targets.offers(insider))
        named |= {each.entry.id for each in await self._services.database.read(catalogue_store.listed)}
        models = [
            wire.ModelDemand(
                model=model,
                calls=each.calls,
                prompt_tokens=each.prompt_tokens,
                completion_tokens=each.completion_tokens,
                nodes=nodes.get(model, 0),
            )
            for model, each in calls.items()
            if model in named
        ]
        return wire.Demand(DEMAND_DAYS, models)

    async def catalogue(self) -> wire.SignedCatalogue:
        money, nodes, calls = self._services.settings.money, self._nodes(), await self._calls(DEMAND_DAYS)
        models = await self._services.database.read(catalogue_store.listed)
        demand = {}
        for listed in models:
            name = listed.entry.id
            each = calls.get(name, _NONE)
            demand[name] = ListedDemand(each.calls, each.prompt_tokens, each.completion_tokens, nodes.get(name, 0))
        signed = signed_listing(
            models,
            demand,
            price=Price(money.node_prompt_price, money.node_completion_price),
            owner_percent=OWNER_PERCENT,
            key=self._services.owners.key,
            at_ms=self._services.clock.now_ms(),
        )
        return wire.SignedCatalogue(signed.body, signed.signature)

    def _nodes(self) -> Mapping[str, int]:
        return {model: len(links) for model, links in self._services.registry.known_models().items()}

    async def _calls(self, days: int) -> Mapping[str, ModelCalls]:
        async with self._reading:
            now = self._services.clock.now()
            known = self._asked.get(days)
            if known is None or now - known[0] > DEMAND_KEPT_S:
                since = self._services.clock.now_ms() - days * DAY_MS
                await self._services.ledger.flush()
                calls = await self._services.database.read(
                    lambda connection: node_reports.demand(connection, since_ms=since)
                )
                known = self._asked[days] = now, calls
            return known[1]


def _is_rival(other: NodeLink, link: NodeLink) -> bool:
    """Whether callers of `link` may reach `other`, too: a private PC of somebody else's is none of theirs."""
    private = other.node.pool in PRIVATE_POOLS and other.node.organisation != link.node.organisation
    return other is not link and other.node.pool != "none" and not private


def _by_model(days: Iterable[ModelDay]) -> list[wire.EarnedModel]:
    """The sums over all days, dearest model first."""
    sums: dict[str, list[int]] = {}
    for each in days:
        found = sums.setdefault(each.model, [0, 0, 0, 0])
        for place, value in enumerate((each.earned, each.answers, each.prompt_tokens, each.completion_tokens)):
            found[place] += value
    return [wire.EarnedModel(model, *sums[model]) for model in sorted(sums, key=lambda name: -sums[name][0])]


def _answer(served: node_reports.Served) -> wire.Answer:
    return wire.Answer(
        number=served.call,
        at_ms=served.started_ms,
        model=served.model,
        prompt_tokens=served.prompt_tokens,
        completion_tokens=served.completion_tokens,
        duration_ms=served.duration_ms,
        first_ms=served.ttft_ms,
        earned=served.earned,
        state=served.state,
    )
