"""The providers of this relay: made and listed in the database, held in memory as the models they offer.

Functions of a connection, as in `accounts.directory`; `Catalogue` is what a running relay keeps of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import msgspec
from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from relay.accounts.errors import NameTaken, NoSuchRecord
from relay.ledger.calls import ProviderPayee
from relay.ledger.pricing import FREE, Price
from relay.routing.breaker import PROVIDER
from relay.routing.health import Health
from relay.storage import revision
from relay.storage.ids import ProviderId
from relay.storage.secret import Secret
from relay.storage.tables import providers
from relay.upstreams.http import Pool
from relay.upstreams.provider import BadProvider, Provider, check_provider, parse_base_url
from relay.upstreams.target import ProviderTarget, Route, target_headers
from relay.upstreams.traits import Traits

DEFAULT_CONTEXT = 131_072
"""Tokens, for a model whose context nobody told us."""
MAX_CONTEXT = 2**24
MAX_PRICE = 10**12
"""$1 a token. At the largest context a call still fits the books' 64 bits."""
MAX_MODEL_NAME = 256


class OfferedModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model of a provider. `name` is what callers say, `upstream` what the provider calls it."""

    name: str
    upstream: str
    context: int = DEFAULT_CONTEXT
    price: Price = FREE
    traits: Traits = Traits()

    def check(self, provider: str) -> None:
        """Raises BadProvider for what no call could be made with, or no book be kept of."""
        for name in (self.name, self.upstream):
            if not name or len(name) > MAX_MODEL_NAME or not name.isprintable():
                raise BadProvider(
                    provider, f"a model's name must be 1 to {MAX_MODEL_NAME} characters, not {name!r:.80}"
                )
        if not 1 <= self.context <= MAX_CONTEXT:
            raise BadProvider(provider, f"the context of {self.name!r} must be 1 to {MAX_CONTEXT:,} tokens")
        if not (0 <= self.price.prompt <= MAX_PRICE and 0 <= self.price.completion <= MAX_PRICE):
            raise BadProvider(
                provider, f"the prices of {self.name!r} must be 0 to {MAX_PRICE:,} micro-dollars a million"
            )


@dataclass(frozen=True, slots=True)
class ProviderRecord:
    """A provider as an operator entered it; `key` has one key a line."""

    id: ProviderId
    name: str
    base_url: str
    key: Secret[str]
    models: tuple[OfferedModel, ...]
    disabled_ms: int | None = None


def add_provider(
    connection: Connection,
    name: str,
    *,
    base_url: str,
    key: Secret[str],
    models: Sequence[OfferedModel],
    at_ms: int,
) -> ProviderId:
    """Make a provider known.

    Raises:
        BadBaseUrl: the URL cannot be used.
        BadProvider: name, key or a model cannot be used.
        NameTaken: there is a provider of that name.
    """
    row = _checked_row(name, base_url, key, models) | {"created_ms": at_ms}
    try:
        with connection.begin_nested():
            result = connection.execute(insert(providers).values(row))
    except IntegrityError as error:
        raise NameTaken("provider", name) from error
    revision.bump(connection)
    return ProviderId(cast("int", result.inserted_primary_key[0]))  # type: ignore[index]


def _checked_row(name: str, base_url: str, key: Secret[str], models: Sequence[OfferedModel]) -> dict[str, object]:
    """What a table keeps of a provider. Raises BadBaseUrl, BadProvider."""
    parse_base_url(base_url)
    check_provider(name, key)
    for model in models:
        model.check(name)
    return {
        "name": name,
        "base_url": base_url,
        "secret": key.reveal(),
        "models": [_stored(each) for each in models],
        "prices": {each.name: [each.price.prompt, each.price.completion] for each in models},
    }


def replace_provider(connection: Connection, record: ProviderRecord) -> None:
    """Put `record` in place of what was known of the provider in service with its id.

    Raises:
        BadBaseUrl, BadProvider: as for `add_provider`.
        NoSuchRecord: it is not in service any more.
    """
    row = _checked_row(record.name, record.base_url, record.key, record.models)
    active = (providers.c.id == record.id) & providers.c.disabled_ms.is_(None)
    if connection.execute(update(providers).where(active).values(row)).rowcount == 0:
        raise NoSuchRecord("provider in service named", record.name)
    revision.bump(connection)


def find_provider(connection: Connection, name: str) -> ProviderRecord:
    """The one in service. Raises NoSuchRecord."""
    for record in list_providers(connection):
        if record.name == name:
            return record
    raise NoSuchRecord("provider in service named", name)


def disable_provider(connection: Connection, name: str, *, at_ms: int) -> None:
    """Take a provider out of service and forget its key; its name stays with what it earned. Raises NoSuchRecord."""
    active = (providers.c.name == name) & providers.c.disabled_ms.is_(None)
    result = connection.execute(update(providers).where(active).values(disabled_ms=at_ms, secret=""))
    if result.rowcount == 0:
        raise NoSuchRecord("provider in service named", name)
    revision.bump(connection)


def list_providers(connection: Connection) -> list[ProviderRecord]:
    """All providers in service, oldest first."""
    query = select(providers).where(providers.c.disabled_ms.is_(None)).order_by(providers.c.id)
    return [
        ProviderRecord(
            ProviderId(row.id),
            row.name,
            row.base_url,
            Secret(row.secret),
            tuple(_model(model, row.prices) for model in row.models),
        )
        for row in connection.execute(query)
    ]


def _stored(model: OfferedModel) -> dict[str, object]:
    fields: dict[str, object] = {"name": model.name, "upstream": model.upstream, "context": model.context}
    traits = msgspec.to_builtins(model.traits)
    return {**fields, "traits": traits} if traits else fields


def _model(model: Mapping[str, object], prices: Mapping[str, tuple[int, int]]) -> OfferedModel:
    prompt, completion = prices.get(str(model["name"]), (0, 0))
    return msgspec.convert({**model, "price": [prompt, completion]}, OfferedModel)


class Catalogue:
    """Which provider offers which model, ready for the hot path."""

    def __init__(self, pool: Pool, records: Iterable[ProviderRecord] = ()) -> None:
        self.routes: Mapping[str, Route] = {}
        self.providers: Sequence[Provider] = ()
        self._pool = pool
        self._health: dict[tuple[str, str, str], Health] = {}
        self.load(records)

    def targets_of(self, provider: Provider) -> list[ProviderTarget]:
        """All that it offers now."""
        every = (target for route in self.routes.values() for target in route.targets)
        return [each for each in every if isinstance(each, ProviderTarget) and each.provider is provider]

    def load(self, records: Iterable[ProviderRecord]) -> None:
        """Replace everything; calls already running keep their targets. What was seen of a target stays with it."""
        targets: dict[str, list[ProviderTarget]] = {}
        before = {(each.name, each.lane): each.keys for each in self.providers}
        health: dict[tuple[str, str, str], Health] = {}
        providers: list[Provider] = []
        for record in records:
            provider = Provider.at(record.name, record.base_url, key=record.key, pool=self._pool)
            if (keys := before.get((provider.name, provider.lane))) is not None:
                provider.keys.remember(keys)
            providers.append(provider)
            payee = ProviderPayee(record.name)
            headers = target_headers(record.name, "cloud")
            for model in record.models:
                model.check(record.name)
                at = (record.name, record.base_url, model.upstream)
                health[at] = self._health.get(at) or Health(PROVIDER)
                target = ProviderTarget(
                    record.name,
                    provider,
                    model.upstream,
                    model.price,
                    payee,
                    model.context,
                    headers,
                    known_as=model.name,
                    traits=model.traits,
                    health=health[at],
                )
                targets.setdefault(model.name, []).append(target)
        self._health, self.providers = health, providers
        self.routes = {name: Route(each) for name, each in targets.items()}
