"""What an organisation or one of its keys used: by day, model and target, and since given moments.

Functions of a connection, for `Database.read`. Money is whole nano-dollars, times are Unix milliseconds, days are UTC.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Connection, Table, case, func, literal, select, union_all

from relay.storage.ids import KeyId, OrganisationId
from relay.storage.tables import labels, usage, usage_legs

DAY_MS: Final = 86_400_000
_UNIX_EPOCH: Final = dt.date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Activity:
    """A day's calls of one model at one target; `provider` is None for nodes.

    A call that several targets answered counts once with each; its tokens and cost are divided as they were paid.
    """

    date: str
    model: str
    target: str
    provider: str | None
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost_nano: int


@dataclass(frozen=True, slots=True)
class Leg:
    """What one target delivered of a call."""

    target: str
    provider: str | None
    prompt_tokens: int
    completion_tokens: int
    cost_nano: int


def by_day(
    connection: Connection, organisation: OrganisationId, *, since_ms: int, until_ms: int, key: KeyId | None = None
) -> Sequence[Activity]:
    """Newest day first, then the dearest. Calls that nothing was delivered of are left out."""
    which = [usage.c.organisation == organisation, usage.c.started_ms >= since_ms, usage.c.started_ms < until_ms]
    if key is not None:
        which.append(usage.c.api_key == key)
    day = usage.c.started_ms // literal(DAY_MS)
    common = (usage.c.call, day.label("day"), usage.c.model)
    single = select(*common, *_delivery(usage)).where(usage.c.delivered == 1, *which)
    several = select(*common, *_delivery(usage_legs)).join(usage, usage.c.call == usage_legs.c.call).where(*which)
    parts = union_all(single, several).subquery()
    model, target, provider = labels.alias("model"), labels.alias("target"), labels.alias("provider")
    cost = func.sum(parts.c.cost)
    query = (
        select(
            parts.c.day,
            model.c.text,
            target.c.text,
            provider.c.text,
            func.count(parts.c.call.distinct()),
            func.sum(parts.c.prompt_tokens),
            func.sum(parts.c.completion_tokens),
            cost,
        )
        .join(model, model.c.id == parts.c.model)
        .join(target, target.c.id == parts.c.target)
        .outerjoin(provider, provider.c.id == parts.c.provider)
        .group_by(parts.c.day, parts.c.model, parts.c.target, parts.c.provider)
        .order_by(parts.c.day.desc(), cost.desc(), model.c.text, target.c.text)
    )
    return [Activity(_date(day), *rest) for day, *rest in connection.execute(query)]


def legs(connection: Connection, call: int) -> Sequence[Leg]:
    """The parts of a call that several targets delivered, in order; empty where one delivered all of it."""
    target, provider = labels.alias("target"), labels.alias("provider")
    columns = (usage_legs.c.prompt_tokens, usage_legs.c.completion_tokens, usage_legs.c.cost)
    query = (
        select(target.c.text, provider.c.text, *columns)
        .join(target, target.c.id == usage_legs.c.target)
        .outerjoin(provider, provider.c.id == usage_legs.c.provider)
        .where(usage_legs.c.call == call)
        .order_by(usage_legs.c.leg)
    )
    return [Leg(*row) for row in connection.execute(query)]


def spent_by_key(
    connection: Connection, organisation: OrganisationId, key: KeyId, since_ms: Sequence[int]
) -> Sequence[int]:
    """What the key's calls have cost since each of these moments. Reads every call since the earliest of them."""
    sums: list[ColumnElement[int]] = [
        func.coalesce(func.sum(case((usage.c.started_ms >= moment, usage.c.cost), else_=0)), 0) for moment in since_ms
    ]
    query = select(*sums).where(
        usage.c.organisation == organisation, usage.c.api_key == key, usage.c.started_ms >= min(since_ms)
    )
    return [int(each) for each in connection.execute(query).one()]


def _delivery(table: Table) -> tuple[ColumnElement[int], ...]:
    return table.c.target, table.c.provider, table.c.prompt_tokens, table.c.completion_tokens, table.c.cost


def _date(day: int) -> str:
    return dt.date.fromordinal(_UNIX_EPOCH + day).isoformat()
