"""The composition root: everything the relay is made of, built in order and closed in reverse.

Nothing here decides anything. What people and rare requests need is built by `control`, when first asked for.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from relay.accounts import directory
from relay.accounts.keys import Keyring
from relay.api.hot import CallRoute
from relay.clock import Clock
from relay.completions.ids import CallIds
from relay.completions.kinds import COMPLETION, EMBEDDING
from relay.completions.presets import Presets
from relay.completions.repeats.cache import ResponseCache
from relay.completions.repeats.desk import RepeatDesk
from relay.completions.repeats.elsewhere import Elsewhere
from relay.completions.repeats.idempotency import Idempotency
from relay.completions.rules import Rules
from relay.completions.service import Completions
from relay.completions.targets import Targets
from relay.configuration import version
from relay.errors import RelayError
from relay.ledger import store as ledger_store
from relay.ledger.entries import CallId, NanoDollars
from relay.ledger.pricing import Price
from relay.ledger.service import Ledger
from relay.ledger.tally import Tally
from relay.nodes import store as node_store
from relay.nodes.access import OwnerAccess
from relay.nodes.enrolment import Enrolment
from relay.nodes.link import NodeLink
from relay.nodes.reception import Reception
from relay.nodes.registry import Registry
from relay.reload import Reload, secret_in
from relay.routing.breaker import Rule
from relay.routing.policy import Policy
from relay.settings import MetricsSettings, RelaySettings, RoutingSettings, TraceSettings
from relay.storage.engine import Database
from relay.storage.secret import Secret
from relay.storage.vault import Vault, open_vault
from relay.upstreams.http import Pool
from relay.upstreams.node import Tenants
from relay.upstreams.probe import Prober
from relay.upstreams.providers import Catalogue
from relay.upstreams.reach import Reach, networks
from relay.wire.frames import PicoDollars
from relay.wire.identity import SigningKey

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from relay.api.traces import Traces
    from relay.cluster.crew import Worker
    from relay.completions.request import CallRequest
    from relay.worker import Shared

DEMO_CREDIT = NanoDollars(5_000_000_000)
"""$5: some ten thousand answers of a small model."""
TOKEN_CHARS = 16
"""Fewer can be guessed."""

_log = logging.getLogger(__name__)


class TokenTooWeak(RelayError):
    """The token of the settings protects nothing."""

    remedy = "Make one with: openssl rand -hex 32"

    def __str__(self) -> str:
        return f"metrics.token must have at least {TOKEN_CHARS} plain ASCII characters"


class NoTracing(RelayError):
    """The settings ask for spans, and the library that makes them is not installed."""

    remedy = "Install it with: pip install 'nightjar[traces]'; or take [traces] out of the settings"

    def __str__(self) -> str:
        return "traces.endpoint is set, but OpenTelemetry is not installed"


@dataclass(frozen=True, slots=True)
class Services:
    """Everything an edge may use."""

    settings: RelaySettings
    clock: Clock
    database: Database
    keyring: Keyring
    ledger: Ledger
    registry: Registry
    reception: Reception
    enrolment: Enrolment
    owners: OwnerAccess
    targets: Targets
    completions: Completions
    chat: CallRoute
    routes: Sequence[CallRoute]
    """All kinds of calls, `chat` among them."""
    pool: Pool
    watched: tuple[Tally, Secret[str]] | None
    """The sums of all calls, and the token that opens them; None if nobody may see any."""
    shared: Shared | None
    """What this process has in common with the other ones of the relay; None if it is alone."""
    first_key: Secret[str] | None
    """The key made at this start, because there was none that works; None at most starts."""


@asynccontextmanager
async def services(
    settings: RelaySettings, clock: Clock, *, hosts: Collection[str], worker: Worker | None = None
) -> AsyncIterator[Services]:
    """Build the relay, or one of the several processes of one: that `worker`. `hosts` are its names as `host:port`, as
    nodes dial them.

    Raises:
        StorageUnavailable: the data folder cannot be used.
        LedgerInUse: another relay runs on the same folder.
        BadSettings, BadNetwork, NoTracing, TokenTooWeak: the settings cannot be used.
    """
    async with AsyncExitStack() as stack:
        kept = await _open_kept(settings, clock, stack, worker)
        database, ledger, key = kept.database, kept.ledger, kept.key
        tasks = asyncio.TaskGroup()
        shared = None if worker is None else _shared(worker, tasks, kept, clock)
        registry = Registry() if shared is None else shared.registry
        tell = partial(_tell_owner, ledger, clock) if shared is None else shared.tell_owner
        reception = Reception(
            database,
            registry,
            key=key,
            hosts=hosts,
            clock=clock,
            settings=settings.nodes,
            welcomed=tell,
        )
        enrolment = Enrolment(database, key=key, hosts=hosts, clock=clock, settings=settings.enrolment)
        pool = Pool(clock, tasks.create_task, Reach(networks(settings.upstreams.private_addresses)))
        keyring, catalogue, rules, presets = Keyring(clock), Catalogue(pool), Rules(), Presets()
        reload = Reload(
            database,
            ledger,
            reception=reception,
            registry=registry,
            keyring=keyring,
            catalogue=catalogue,
            rules=rules,
            presets=presets,
            providers=settings.providers,
        )
        await reload.now()
        await stack.enter_async_context(tasks)
        await stack.enter_async_context(reception)
        stack.callback(pool.close)
        money = settings.money
        price = Price(PicoDollars(money.node_prompt_price), PicoDollars(money.node_completion_price))
        routing = settings.routing
        targets = Targets(catalogue, registry, price, policy=_policy(routing), rules=rules)
        next_id = CallIds(clock, after=ledger.last_call) if shared is None else shared.next_id
        completions = Completions(
            loop=asyncio.get_running_loop(),
            clock=clock,
            ledger=ledger,
            targets=targets,
            timers=settings.timers,
            settings=settings.calls,
            next_id=next_id,
            earned=lambda target: tell(target.link),
            tenants=Tenants(key.seed),
            traced=kept.traced,
        )
        repeats = _repeat_desk(
            settings,
            clock,
            kept,
            completions=completions,
            registry=registry,
            next_id=next_id,
            elsewhere=None if shared is None else shared.elsewhere,
        )
        chat = CallRoute(keyring, completions, settings.calls, next_id, repeats, presets=presets)
        for forever in (
            repeats.sweep_forever(),
            Prober(catalogue, clock, routing.probe_s).forever(),
            reload.forever(),
        ):
            stack.callback(tasks.create_task(forever).cancel)
        built = Services(
            settings=settings,
            clock=clock,
            database=database,
            keyring=keyring,
            ledger=ledger,
            registry=registry,
            reception=reception,
            enrolment=enrolment,
            owners=OwnerAccess(database, key=key, hosts=hosts, clock=clock),
            targets=targets,
            completions=completions,
            chat=chat,
            routes=(chat, chat.of_kind(COMPLETION), chat.of_kind(EMBEDDING)),
            pool=pool,
            watched=kept.watched,
            shared=shared,
            first_key=kept.first_key,
        )
        if shared is not None:
            stack.callback(shared.close)
            await shared.open(None if kept.watched is None else partial(_figures_of, built, kept.watched[0]))
        yield built


@dataclass(frozen=True, slots=True)
class _Kept:
    """What outlives the process, opened."""

    database: Database
    ledger: Ledger
    key: SigningKey
    vault: Vault
    watched: tuple[Tally, Secret[str]] | None
    traces: Traces | None
    first_key: Secret[str] | None

    @property
    def traced(self) -> Callable[[CallId, CallRequest], None] | None:
        """Is told of each call as it begins."""
        return None if self.traces is None else self.traces.began


async def _open_kept(settings: RelaySettings, clock: Clock, stack: AsyncExitStack, worker: Worker | None) -> _Kept:
    """Database, books and the relay's own key; the first start also makes an organisation, and a key to it.

    Of several processes the parent has made those.
    """
    database = await asyncio.to_thread(Database.open, settings.database)
    stack.callback(database.close)
    first = await database.write(lambda found: first_start(found, settings, clock)) if worker is None else None
    watched = _watched(settings.metrics)
    traces = _traces(settings.traces)
    if traces is not None:
        stack.push_async_callback(asyncio.to_thread, traces.close)
    listeners = [each.add for each in (watched[0] if watched else None, traces) if each is not None]
    opening = Ledger.open if worker is None else _opening_of(worker)
    ledger = await asyncio.to_thread(opening, database, settings.ledger, clock, listeners=listeners)
    stack.push_async_callback(ledger.aclose)
    key = await database.write(lambda connection: node_store.signing_key(connection, at_ms=clock.now_ms()))
    vault = await asyncio.to_thread(open_vault, settings.answers_key)
    return _Kept(database, ledger, key, vault, watched, traces, first)


def first_start(connection: Connection, settings: RelaySettings, clock: Clock) -> Secret[str] | None:
    """What a relay must have before it can serve; the value of the key that was made, if there was none that works."""
    at_ms = clock.now_ms()
    made = directory.bootstrap(connection, at_ms=at_ms)
    if settings.demo:
        organisation = directory.first_organisation(connection)
        ledger_store.deposit(connection, organisation, amount=DEMO_CREDIT, reference="demo credit", at_ms=at_ms)
    return made.key.value if made is not None else None


def _repeat_desk(
    settings: RelaySettings,
    clock: Clock,
    kept: _Kept,
    *,
    completions: Completions,
    registry: Registry,
    next_id: Callable[[], CallId],
    elsewhere: Elsewhere | None,
) -> RepeatDesk:
    """What answers a call a second time: retries under one key, and the cache of answers."""
    loop = asyncio.get_running_loop()
    idempotency = Idempotency(
        loop=loop,
        clock=clock,
        watch=completions.watch,
        database=kept.database,
        vault=kept.vault,
        settings=settings.idempotency,
        timers=settings.timers,
        elsewhere=elsewhere,
        flush=kept.ledger.flush_own,
    )
    cache = ResponseCache(
        loop=loop,
        clock=clock,
        watch=completions.watch,
        database=kept.database,
        ledger=kept.ledger,
        vault=kept.vault,
        settings=settings.cache,
        next_id=next_id,
        digests_of=registry.digests_of,
        timers=settings.timers,
        traced=kept.traced,
    )
    return RepeatDesk(idempotency, cache, next_id)


def _watched(settings: MetricsSettings) -> tuple[Tally, Secret[str]] | None:
    """Raises BadSettings."""
    token = settings.token
    if settings.token_file:
        token = secret_in(Path(settings.token_file), "the token of metrics")
    if not token:
        return None
    if len(token) < TOKEN_CHARS or not token.isascii() or not token.isprintable():
        raise TokenTooWeak
    return Tally(), Secret(token)


def _traces(settings: TraceSettings) -> Traces | None:
    """Raises NoTracing."""
    if not settings.endpoint:
        return None
    try:
        from relay.api.traces import Traces as Exported  # noqa: PLC0415 - a library that few relays have
    except ImportError as error:
        raise NoTracing from error
    return Exported(settings, version=version())


def _opening_of(worker: Worker) -> Callable[..., Ledger]:
    from relay import worker as several  # noqa: PLC0415 - for Linux, and for relays of several processes

    return partial(several.open_ledger, worker)


def _shared(worker: Worker, tasks: asyncio.TaskGroup, kept: _Kept, clock: Clock) -> Shared:
    from relay import worker as several  # noqa: PLC0415 - as above

    return several.Shared(worker, tasks, database=kept.database, ledger=kept.ledger, clock=clock, key=kept.key)


def _figures_of(services: Services, tally: Tally) -> Callable[[], bytes]:
    """What tells them; to be called off the event loop."""
    from relay.api.figures import Figures  # noqa: PLC0415 - with its library, when somebody asks

    return Figures(services, tally).text


def _tell_owner(ledger: Ledger, clock: Clock, link: NodeLink) -> None:
    link.send_account(ledger.earnings(link.node.node_id, clock.now_ms()))


def _policy(settings: RoutingSettings) -> Policy:
    rule = Rule(settings.node_failures)
    return Policy(settings.policy, settings.order, settings.weights, settings.last_resort, rule)
