"""The records of people, organisations, projects and keys: made, listed and revoked.

Functions of a connection, to be run by `Database.write` and `Database.read`; each change also bumps the revision, so
that a running relay hears of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, Table, insert, select, update
from sqlalchemy.exc import IntegrityError

from relay.accounts.errors import NameTaken, NoSuchRecord
from relay.accounts.identity import DEFAULT_EXPOSURE, POOLS, Identity
from relay.accounts.keys import KeyRecord, new_key
from relay.storage import revision
from relay.storage.ids import KeyId, OrganisationId, PersonId, ProjectId
from relay.storage.secret import Secret
from relay.storage.tables import api_keys, memberships, organisations, people, projects

Role = Literal["owner", "admin", "member"]


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key, its value shown this once."""

    id: KeyId
    value: Secret[str]
    shown: str


@dataclass(frozen=True, slots=True)
class ListedKey:
    """A key as people see it in lists."""

    id: KeyId
    name: str
    shown: str
    organisation: OrganisationId
    organisation_name: str
    project: ProjectId
    project_name: str
    created_ms: int
    expires_ms: int | None
    revoked_ms: int | None


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """The first of each, and a key to it."""

    person: PersonId
    organisation: OrganisationId
    project: ProjectId
    key: IssuedKey


def establish(connection: Connection, *, at_ms: int) -> bool:
    """Makes a person, an organisation and a project in an empty directory; whether it was empty."""
    if connection.execute(select(organisations.c.id).limit(1)).first() is not None:
        return False
    person = create_person(connection, "Operator", at_ms=at_ms)
    organisation = create_organisation(connection, "Default", at_ms=at_ms)
    add_member(connection, organisation, person, role="owner", at_ms=at_ms)
    create_project(connection, organisation, name="Default", at_ms=at_ms)
    return True


def bootstrap(connection: Connection, *, at_ms: int) -> Bootstrap | None:
    """`establish`, and the first key. None while there is a key that works: its holder can get in.

    For who shows the key to a person; nobody else may make one.
    """
    establish(connection, at_ms=at_ms)
    if _has_active_key(connection, at_ms):
        return None
    person, project = first_person(connection), first_project(connection)
    key = create_key(connection, project, name="First key", at_ms=at_ms, created_by=person)
    return Bootstrap(person=person, organisation=first_organisation(connection), project=project, key=key)


def _has_active_key(connection: Connection, at_ms: int) -> bool:
    unexpired = api_keys.c.expires_ms.is_(None) | (api_keys.c.expires_ms > at_ms)
    query = select(api_keys.c.id).where(api_keys.c.revoked_ms.is_(None) & unexpired)
    return connection.execute(query.limit(1)).first() is not None


def create_person(connection: Connection, name: str, *, at_ms: int, email: str | None = None) -> PersonId:
    """Raises NameTaken when another person has the e-mail address."""
    row = {"name": name, "email": email, "created_ms": at_ms}
    return PersonId(_create(connection, people, row, kind="person", name=email or name))


def create_organisation(connection: Connection, name: str, *, at_ms: int) -> OrganisationId:
    """Raises NameTaken."""
    row = {"name": name, "created_ms": at_ms}
    return OrganisationId(_create(connection, organisations, row, kind="organisation", name=name))


def add_member(
    connection: Connection, organisation: OrganisationId, person: PersonId, *, role: Role, at_ms: int
) -> None:
    """Raises NoSuchRecord for an unknown organisation or person."""
    _require(connection, organisations, organisation, kind="organisation")
    _require(connection, people, person, kind="person")
    row = {"organisation": organisation, "person": person, "role": role, "created_ms": at_ms}
    connection.execute(insert(memberships).values(row))
    revision.bump(connection)


def create_project(connection: Connection, organisation: OrganisationId, *, name: str, at_ms: int) -> ProjectId:
    """Raises NoSuchRecord for an unknown organisation, NameTaken when it has a project of that name."""
    _require(connection, organisations, organisation, kind="organisation")
    row = {"organisation": organisation, "name": name, "created_ms": at_ms}
    return ProjectId(_create(connection, projects, row, kind="project", name=name))


def create_key(
    connection: Connection,
    project: ProjectId,
    *,
    name: str,
    at_ms: int,
    expires_ms: int | None = None,
    exposure: frozenset[str] = DEFAULT_EXPOSURE,
    created_by: PersonId | None = None,
) -> IssuedKey:
    """Makes a key for a project. Raises NoSuchRecord for an unknown project or pool."""
    _require(connection, projects, project, kind="project")
    for pool in exposure - POOLS:
        raise NoSuchRecord("pool", pool)
    key = new_key()
    row = {
        "project": project,
        "created_by": created_by,
        "name": name,
        "hash": key.digest,
        "prefix": key.shown,
        "exposure": sorted(exposure),
        "created_ms": at_ms,
        "expires_ms": expires_ms,
    }
    identifier = KeyId(_create(connection, api_keys, row, kind="key", name=name))
    return IssuedKey(id=identifier, value=key.value, shown=key.shown)


def first_organisation(connection: Connection) -> OrganisationId:
    """The one made at the first start. Raises NoSuchRecord before that."""
    found = connection.execute(select(organisations.c.id).order_by(organisations.c.id).limit(1)).scalar()
    if found is None:
        raise NoSuchRecord("organisation", "yet")
    return OrganisationId(found)


def first_person(connection: Connection) -> PersonId:
    """The one made at the first start. Raises NoSuchRecord before that."""
    found = connection.execute(select(people.c.id).order_by(people.c.id).limit(1)).scalar()
    if found is None:
        raise NoSuchRecord("person", "yet")
    return PersonId(found)


def first_project(connection: Connection) -> ProjectId:
    """The one made at the first start. Raises NoSuchRecord before that."""
    found = connection.execute(select(projects.c.id).order_by(projects.c.id).limit(1)).scalar()
    if found is None:
        raise NoSuchRecord("project", "yet")
    return ProjectId(found)


def revoke_key(connection: Connection, key: KeyId, *, at_ms: int) -> None:
    """Ends a key for good; revoking it again changes nothing. Raises NoSuchRecord."""
    _require(connection, api_keys, key, kind="key")
    still_valid = (api_keys.c.id == key) & api_keys.c.revoked_ms.is_(None)
    connection.execute(update(api_keys).where(still_valid).values(revoked_ms=at_ms))
    revision.bump(connection)


def list_keys(connection: Connection, *, organisation: OrganisationId | None = None) -> Sequence[ListedKey]:
    """All keys, or those of one organisation, oldest first."""
    query = (
        select(
            api_keys.c.id,
            api_keys.c.name,
            api_keys.c.prefix,
            organisations.c.id,
            organisations.c.name,
            projects.c.id,
            projects.c.name,
            api_keys.c.created_ms,
            api_keys.c.expires_ms,
            api_keys.c.revoked_ms,
        )
        .join(projects, projects.c.id == api_keys.c.project)
        .join(organisations, organisations.c.id == projects.c.organisation)
        .order_by(api_keys.c.id)
    )
    if organisation is not None:
        query = query.where(organisations.c.id == organisation)
    return [
        ListedKey(
            id=KeyId(key),
            name=name,
            shown=shown,
            organisation=OrganisationId(organisation_id),
            organisation_name=organisation_name,
            project=ProjectId(project),
            project_name=project_name,
            created_ms=created_ms,
            expires_ms=expires_ms,
            revoked_ms=revoked_ms,
        )
        for (
            key,
            name,
            shown,
            organisation_id,
            organisation_name,
            project,
            project_name,
            created_ms,
            expires_ms,
            revoked_ms,
        ) in connection.execute(query)
    ]


def key_records(connection: Connection) -> Sequence[KeyRecord]:
    """Every key in the form the keyring loads."""
    query = select(
        api_keys.c.hash,
        api_keys.c.id,
        api_keys.c.name,
        api_keys.c.exposure,
        api_keys.c.expires_ms,
        api_keys.c.revoked_ms,
        projects.c.id,
        projects.c.organisation,
    ).join(projects, projects.c.id == api_keys.c.project)
    return [
        KeyRecord(
            digest=digest,
            identity=Identity(
                organisation=OrganisationId(organisation),
                project=ProjectId(project),
                key=KeyId(key),
                name=name,
                exposure=frozenset(exposure),
            ),
            expires_ms=expires_ms,
            revoked_ms=revoked_ms,
        )
        for digest, key, name, exposure, expires_ms, revoked_ms, project, organisation in connection.execute(query)
    ]


def _require(connection: Connection, table: Table, identifier: int, *, kind: str) -> None:
    if connection.execute(select(table.c.id).where(table.c.id == identifier)).first() is None:
        raise NoSuchRecord(kind, identifier)


def _create(connection: Connection, table: Table, row: Mapping[str, object], *, kind: str, name: str) -> int:
    try:
        with connection.begin_nested():
            made = insert(table).values(row).returning(table.c.id)
            identifier: int = connection.execute(made).scalar_one()
    except IntegrityError as error:
        raise NameTaken(kind, name) from error
    revision.bump(connection)
    return identifier
