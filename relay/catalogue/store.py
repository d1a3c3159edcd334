"""The catalogue in the database: functions of a connection. What changes it bumps the revision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, delete, insert, select, update

from relay.catalogue.entries import Entry, digests
from relay.errors import RelayError
from relay.storage import revision
from relay.storage.tables import catalogue_models


class NoSuchModel(RelayError):
    """The catalogue has no entry of this id."""

    def __init__(self, model: str) -> None:
        super().__init__(model)
        self.model = model

    @property
    def remedy(self) -> str:
        return "nightjar-relay model list shows what there is"

    def __str__(self) -> str:
        return f"there is no model {self.model!r} in the catalogue"


class ModelExists(RelayError):
    """The catalogue has an entry of this id already."""

    def __init__(self, model: str) -> None:
        super().__init__(model)
        self.model = model

    @property
    def remedy(self) -> str:
        return f"nightjar-relay model edit {self.model} changes it"

    def __str__(self) -> str:
        return f"the catalogue has a model {self.model!r} already"


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry and when it came, was changed, and is no longer wanted (Unix milliseconds)."""

    entry: Entry
    created_ms: int
    changed_ms: int
    retired_ms: int | None


def listed(connection: Connection) -> Sequence[Listed]:
    """The whole catalogue by id, retired entries too."""
    return [_listed(row) for row in connection.execute(select(catalogue_models).order_by(catalogue_models.c.id))]


def vouched(connection: Connection) -> Mapping[str, frozenset[str]]:
    """The digests that each model's name stands for, retired ones too, where they are known."""
    entries = (each.entry for each in listed(connection))
    return {entry.id: found for entry in entries if (found := digests(entry))}


def find(connection: Connection, model: str) -> Listed:
    """Raises NoSuchModel."""
    row = connection.execute(select(catalogue_models).where(catalogue_models.c.id == model)).first()
    if row is None:
        raise NoSuchModel(model)
    return _listed(row)


def add(connection: Connection, entry: Entry, *, at_ms: int) -> None:
    """Raises ModelExists."""
    if connection.execute(select(catalogue_models.c.id).where(catalogue_models.c.id == entry.id)).first() is not None:
        raise ModelExists(entry.id)
    row = {"id": entry.id, "entry": msgspec.to_builtins(entry), "created_ms": at_ms, "changed_ms": at_ms}
    connection.execute(insert(catalogue_models).values(row))
    revision.bump(connection)


def replace(connection: Connection, entry: Entry, *, at_ms: int) -> None:
    """Another entry of the same id. Raises NoSuchModel."""
    _change(connection, entry.id, {"entry": msgspec.to_builtins(entry), "changed_ms": at_ms})


def retire(connection: Connection, model: str, *, at_ms: int | None) -> None:
    """No longer wanted since `at_ms`, or wanted again. Who has it keeps serving it. Raises NoSuchModel."""
    _change(connection, model, {"retired_ms": at_ms})


def remove(connection: Connection, model: str) -> None:
    """As if it had never been there. Raises NoSuchModel."""
    if not connection.execute(delete(catalogue_models).where(catalogue_models.c.id == model)).rowcount:
        raise NoSuchModel(model)
    revision.bump(connection)


def _change(connection: Connection, model: str, change: dict[str, Any]) -> None:
    if not connection.execute(update(catalogue_models).where(catalogue_models.c.id == model).values(change)).rowcount:
        raise NoSuchModel(model)
    revision.bump(connection)


def _listed(row: Row[Any]) -> Listed:
    return Listed(msgspec.convert(row.entry, Entry), row.created_ms, row.changed_ms, row.retired_ms)
