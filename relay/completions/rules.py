"""The rules that an operator set for the organisation, for keys and for models: in the database, and in memory.

Functions of a connection, as in `accounts.directory`; `Rules` is what a running relay keeps of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec
from sqlalchemy import ColumnElement, Connection, delete, insert, select

from relay.accounts.errors import NoSuchRecord
from relay.accounts.identity import Identity
from relay.routing.rules import Rule, Scope, allowed
from relay.storage import revision
from relay.storage.ids import OrganisationId
from relay.storage.tables import rules

WIDEST_LAST: tuple[Scope, ...] = ("key", "model", "organisation")
"""Of two that order targets, the first counts; what any of them bars is barred."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose calls a rule is for. `name` is the number of a key, the name of a model, empty for an organisation."""

    organisation: OrganisationId
    scope: Scope
    name: str = ""


def set_rule(connection: Connection, subject: Subject, rule: Rule, *, at_ms: int) -> None:
    """In place of the one that was set before, if any was."""
    connection.execute(delete(rules).where(_is(subject)))
    row = {
        "organisation": subject.organisation,
        "scope": subject.scope,
        "subject": subject.name,
        "rule": msgspec.to_builtins(rule),
        "changed_ms": at_ms,
    }
    connection.execute(insert(rules).values(row))
    revision.bump(connection)


def remove_rule(connection: Connection, subject: Subject) -> None:
    """Raises NoSuchRecord."""
    if not connection.execute(delete(rules).where(_is(subject))).rowcount:
        raise NoSuchRecord("rule for", f"{subject.scope} {subject.name}".strip())
    revision.bump(connection)


def list_rules(connection: Connection) -> dict[Subject, Rule]:
    """All there are."""
    query = select(rules).order_by(rules.c.organisation, rules.c.scope, rules.c.subject)
    return {
        Subject(OrganisationId(row.organisation), row.scope, row.subject): msgspec.convert(row.rule, Rule)
        for row in connection.execute(query)
    }


def _is(subject: Subject) -> ColumnElement[bool]:
    return (
        (rules.c.organisation == subject.organisation)
        & (rules.c.scope == subject.scope)
        & (rules.c.subject == subject.name)
    )


class Rules:
    """Those that hold for a call."""

    def __init__(self) -> None:
        self.some = False
        """Whether there are any: most relays have none."""
        self._by_subject: Mapping[Subject, Rule] = {}

    def load(self, found: Mapping[Subject, Rule]) -> None:
        """Replace everything; calls already admitted go on."""
        self._by_subject = found
        self.some = bool(found)

    def of(self, identity: Identity, model: str) -> tuple[Rule, ...]:
        """The narrowest first."""
        if not self.some:
            return ()
        names = {"key": str(identity.key), "model": model, "organisation": ""}
        subjects = (Subject(identity.organisation, scope, names[scope]) for scope in WIDEST_LAST)
        return tuple(rule for each in subjects if (rule := self._by_subject.get(each)) is not None)

    def concerning(self, identity: Identity, models: Iterable[str]) -> tuple[Rule, ...]:
        """Those that hold for a call that any of `models` may answer."""
        if not self.some:
            return ()
        return tuple(rule for model in models for rule in self.of(identity, model))

    def allows(self, identity: Identity, model: str) -> bool:
        """Whether the key may ask for the model."""
        return allowed(model, self.of(identity, model))
