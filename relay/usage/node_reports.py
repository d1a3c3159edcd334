"""What one node served and earned, and what is asked for of all: functions of a connection, for `Database.read`.

Never who called: an owner learns of their node's answers, not of other people's. Money is whole nano-dollars, times are
Unix milliseconds, days are UTC.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Connection, Select, Subquery, and_, func, literal, select, union_all

from relay.storage.ids import NodeId
from relay.storage.tables import labels, node_days, usage, usage_legs

DAY_MS: Final = 86_400_000
_UNIX_EPOCH: Final = dt.date(1970, 1, 1).toordinal()
_CALL_BITS: Final = 20
"""A call's id begins with the time in milliseconds, above so many bits: calls of a period are a range of the key."""
_SLACK_MS: Final = 60_000
"""An id is made a moment before its call begins."""


@dataclass(frozen=True, slots=True)
class DayEarned:
    """A node's day: `day` counts from 1970."""

    day: int
    earned: int
    answers: int


@dataclass(frozen=True, slots=True)
class ModelDay:
    """One model on one day of a node."""

    day: int
    model: str
    earned: int
    answers: int
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class Served:
    """What a node delivered of one call, all its legs of it together."""

    call: int
    model: str
    state: str
    prompt_tokens: int
    completion_tokens: int
    started_ms: int
    ttft_ms: int | None
    duration_ms: int
    earned: int


@dataclass(frozen=True, slots=True)
class ModelCalls:
    """Calls for one model, whoever answered."""

    calls: int
    prompt_tokens: int
    completion_tokens: int


def days(connection: Connection, node: NodeId) -> Sequence[DayEarned]:
    """Every day on which the node earned something or served free of charge, oldest first."""
    query = (
        select(node_days.c.day, func.sum(node_days.c.earned), func.sum(node_days.c.answers))
        .where(node_days.c.node == node)
        .group_by(node_days.c.day)
        .order_by(node_days.c.day)
    )
    return [DayEarned(day, earned, answers) for day, earned, answers in connection.execute(query)]


def model_days(connection: Connection, node: NodeId, *, since_ms: int) -> Sequence[ModelDay]:
    """What the node earned with each model on each day, newest day first, dearest model first."""
    parts = _parts(_label(connection, node), _since(since_ms))
    day = parts.c.started_ms // literal(DAY_MS)
    earned = func.sum(parts.c.earned)
    query = (
        select(
            day,
            labels.c.text,
            earned,
            func.count(parts.c.call.distinct()),
            func.sum(parts.c.prompt_tokens),
            func.sum(parts.c.completion_tokens),
        )
        .join(labels, labels.c.id == parts.c.model)
        .group_by(day, labels.c.text)
        .order_by(day.desc(), earned.desc())
    )
    return [ModelDay(*row) for row in connection.execute(query)]


def earned_since(connection: Connection, node: NodeId, *, since_ms: int) -> int:
    """What the node earned with calls that began at `since_ms` or later."""
    parts = _parts(_label(connection, node), _since(since_ms))
    return int(connection.execute(select(func.coalesce(func.sum(parts.c.earned), 0))).scalar_one())


def answers(connection: Connection, node: NodeId, *, before: int | None, limit: int) -> Sequence[Served]:
    """The node's answers, newest first, those of calls with smaller ids than `before`."""
    name = _label(connection, node)
    parts = _parts(name, usage.c.call.in_(_newest(name, before=before, limit=limit)))
    state, model = labels.alias("state"), labels.alias("model")
    query = (
        select(
            parts.c.call,
            model.c.text,
            state.c.text,
            func.sum(parts.c.prompt_tokens),
            func.sum(parts.c.completion_tokens),
            usage.c.started_ms,
            usage.c.ttft_ms,
            usage.c.duration_ms,
            func.sum(parts.c.earned),
        )
        .join(usage, usage.c.call == parts.c.call)
        .join(model, model.c.id == usage.c.model)
        .join(state, state.c.id == usage.c.state)
        .group_by(parts.c.call)
        .order_by(parts.c.call.desc())
        .limit(limit)
    )
    return [Served(*row) for row in connection.execute(query)]


def demand(connection: Connection, *, since_ms: int) -> Mapping[str, ModelCalls]:
    """What was asked for by model, most asked for first. Reads every call of the period."""
    calls = func.count()
    query = (
        select(labels.c.text, calls, func.sum(usage.c.prompt_tokens), func.sum(usage.c.completion_tokens))
        .join(labels, labels.c.id == usage.c.model)
        .where(_since(since_ms))
        .group_by(labels.c.text)
        .order_by(calls.desc(), labels.c.text)
    )
    return {model: ModelCalls(*rest) for model, *rest in connection.execute(query)}


def date(day: int) -> str:
    """A day as people and programs write it."""
    return dt.date.fromordinal(_UNIX_EPOCH + day).isoformat()


def _label(connection: Connection, node: NodeId) -> int:
    """The number of the node's name in usage; one that is in no row for a node that served nothing yet."""
    found: int | None = connection.execute(select(labels.c.id).where(labels.c.text == node)).scalar_one_or_none()
    return -1 if found is None else found


def _since(since_ms: int) -> ColumnElement[bool]:
    return and_(usage.c.call >= (since_ms - _SLACK_MS) << _CALL_BITS, usage.c.started_ms >= since_ms)


def _newest(node: int, *, before: int | None, limit: int) -> Select[tuple[int]]:
    """The last calls the node delivered something of, however many there are: both indices have them in order."""

    def last(call: Column[int], *which: ColumnElement[bool]) -> Select[tuple[int]]:
        older = call < before if before is not None else literal(value=True)
        return select(select(call).distinct().where(*which, older).order_by(call.desc()).limit(limit).subquery().c.call)

    single = last(usage.c.call, usage.c.node == node, usage.c.node != 0, usage.c.delivered == 1)
    several = last(usage_legs.c.call, usage_legs.c.node == node)
    calls = union_all(single, several).subquery().c.call
    return select(calls).order_by(calls.desc()).limit(limit)


def _parts(node: int, which: ColumnElement[bool]) -> Subquery:
    """The node's legs: the only one that delivered stands in the call's row, several stand in `usage_legs`."""
    # That the node is none of `0` is what the index over nodes' calls asks to hear.
    single = select(usage.c.call, usage.c.model, usage.c.started_ms, *_amounts(usage)).where(
        usage.c.node == node, usage.c.node != 0, usage.c.delivered == 1, which
    )
    several = (
        select(usage_legs.c.call, usage.c.model, usage.c.started_ms, *_amounts(usage_legs))
        .join(usage, usage.c.call == usage_legs.c.call)
        .where(usage_legs.c.node == node, which)
    )
    return union_all(single, several).subquery()


def _amounts(table: Any) -> tuple[ColumnElement[Any], ...]:
    return table.c.prompt_tokens, table.c.completion_tokens, table.c.owner_share.label("earned")
