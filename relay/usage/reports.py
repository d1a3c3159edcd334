"""What calls used and cost: one by one, and summed by day, model, key, node or provider.

Functions of a connection, for `Database.read`. Money is whole nano-dollars, times are Unix milliseconds, days are UTC.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, Connection, Row, Select, Subquery, Table, func, literal, select, union_all

from relay.storage.ids import KeyId, NodeId, OrganisationId, ProjectId
from relay.storage.tables import api_keys, labels, nodes, usage, usage_legs

Grouping = Literal["day", "model", "key", "node", "provider"]

_DAY_MS = 86_400_000
_UNIX_EPOCH = dt.date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class CallUsage:
    """One call: who made it, where it went, what it used and cost, how it ended."""

    call: int
    project: ProjectId
    key: KeyId
    model: str
    state: str
    streamed: bool
    attempts: int
    target: str | None
    node: NodeId | None
    provider: str | None
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    token_source: str
    finish_reason: str | None
    error: str | None
    started_ms: int
    ttft_ms: int | None
    duration_ms: int
    cost_nano: int
    owner_nano: int
    operator_nano: int
    provider_nano: int


@dataclass(frozen=True, slots=True)
class UsageSum:
    """Calls that have something in common. `group` is what: a date, a model, the name of a key, node or provider.

    A call that several nodes answered counts once with each of them; its tokens and cost are divided as they were paid.
    """

    group: str
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost_nano: int


def rows(
    connection: Connection,
    organisation: OrganisationId,
    *,
    since_ms: int = 0,
    until_ms: int | None = None,
    limit: int = 1000,
) -> Sequence[CallUsage]:
    """An organisation's calls, newest first."""
    query = _worded().where(*_period(organisation, since_ms, until_ms))
    newest_first = query.order_by(usage.c.started_ms.desc(), usage.c.call.desc()).limit(limit)
    return [_call_usage(row) for row in connection.execute(newest_first)]


def call(connection: Connection, organisation: OrganisationId, call_id: int) -> CallUsage | None:
    """One call, if the organisation made it and it has ended."""
    query = _worded().where(usage.c.call == call_id, usage.c.organisation == organisation)
    row = connection.execute(query).first()
    return _call_usage(row) if row is not None else None


def summary(
    connection: Connection,
    organisation: OrganisationId,
    *,
    by: Grouping,
    since_ms: int = 0,
    until_ms: int | None = None,
) -> Sequence[UsageSum]:
    """An organisation's usage in groups: days in order, everything else dearest first."""
    parts = _GROUPED[by](_period(organisation, since_ms, until_ms))
    cost = func.sum(parts.c.cost)
    query = (
        select(
            func.min(parts.c.label),
            func.count(parts.c.call.distinct()),
            func.sum(parts.c.prompt_tokens),
            func.sum(parts.c.completion_tokens),
            cost,
        )
        .where(parts.c.grouped.is_not(None))
        .group_by(parts.c.grouped)
        .order_by(parts.c.grouped if by == "day" else cost.desc())
    )
    return [
        UsageSum(_date(label) if by == "day" else str(label), calls, prompt_tokens, completion_tokens, cost_nano)
        for label, calls, prompt_tokens, completion_tokens, cost_nano in connection.execute(query)
    ]


_Period = Sequence[ColumnElement[bool]]


def _by_day(period: _Period) -> Subquery:
    day = usage.c.started_ms // literal(_DAY_MS)
    return _calls(day, day).where(*period).subquery()


def _by_model(period: _Period) -> Subquery:
    query = _calls(usage.c.model, labels.c.text).join(labels, labels.c.id == usage.c.model)
    return query.where(*period).subquery()


def _by_key(period: _Period) -> Subquery:
    query = _calls(usage.c.api_key, api_keys.c.name).join(api_keys, api_keys.c.id == usage.c.api_key)
    return query.where(*period).subquery()


def _by_node(period: _Period) -> Subquery:
    legs = _legs(period, "node")
    query = select(legs, func.coalesce(nodes.c.name, labels.c.text).label("label"))
    query = query.join(labels, labels.c.id == legs.c.grouped)
    return query.outerjoin(nodes, nodes.c.id == labels.c.text).subquery()


def _by_provider(period: _Period) -> Subquery:
    legs = _legs(period, "provider")
    return select(legs, labels.c.text.label("label")).join(labels, labels.c.id == legs.c.grouped).subquery()


_GROUPED: Final[Mapping[Grouping, Callable[[_Period], Subquery]]] = {
    "day": _by_day,
    "model": _by_model,
    "key": _by_key,
    "node": _by_node,
    "provider": _by_provider,
}


def _worded() -> Select[Any]:
    """Rows of usage with their words in place of the labels' numbers."""
    query = select(*(column for column in usage.columns if column.name not in _WORDS))
    for name in _WORDS:
        word = labels.alias(name)
        query = query.add_columns(word.c.text.label(name)).outerjoin(word, word.c.id == usage.c[name])
    return query


_WORDS: Final = ("model", "state", "target", "node", "provider", "token_source", "finish_reason", "error")


def _calls(grouped: ColumnElement[Any], label: ColumnElement[Any]) -> Select[Any]:
    return select(usage.c.call, *_amounts(usage), grouped.label("grouped"), label.label("label"))


def _legs(period: _Period, column: str) -> Subquery:
    """What each leg used: the only one of a call stands in the call's row, several stand in `usage_legs`."""
    single = select(usage.c.call, *_amounts(usage), usage.c[column].label("grouped")).where(usage.c.delivered == 1)
    several = select(usage_legs.c.call, *_amounts(usage_legs), usage_legs.c[column].label("grouped"))
    several = several.join(usage, usage.c.call == usage_legs.c.call)
    return union_all(single.where(*period), several.where(*period)).subquery()


def _amounts(table: Table) -> tuple[ColumnElement[Any], ...]:
    return table.c.prompt_tokens, table.c.completion_tokens, table.c.cost


def _period(organisation: OrganisationId, since_ms: int, until_ms: int | None) -> _Period:
    period = [usage.c.organisation == organisation, usage.c.started_ms >= since_ms]
    return period if until_ms is None else [*period, usage.c.started_ms < until_ms]


def _date(day: int) -> str:
    return dt.date.fromordinal(_UNIX_EPOCH + day).isoformat()


def _call_usage(row: Row[Any]) -> CallUsage:
    return CallUsage(
        call=row.call,
        project=ProjectId(row.project),
        key=KeyId(row.api_key),
        model=row.model,
        state=row.state,
        streamed=bool(row.streamed),
        attempts=row.attempts,
        target=row.target,
        node=NodeId(row.node) if row.node is not None else None,
        provider=row.provider,
        prompt_tokens=row.prompt_tokens,
        completion_tokens=row.completion_tokens,
        cached_tokens=row.cached_tokens,
        token_source=row.token_source,
        finish_reason=row.finish_reason,
        error=row.error,
        started_ms=row.started_ms,
        ttft_ms=row.ttft_ms,
        duration_ms=row.duration_ms,
        cost_nano=row.cost,
        owner_nano=row.owner_share,
        operator_nano=row.operator_share,
        provider_nano=row.provider_share,
    )
