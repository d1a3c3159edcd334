"""Who is looking at a page: sign-in by API key, kept in a short-lived cookie.

The cookie says which key signed in, sealed by the relay; whether that key is still good is asked of the database each
time, so revoking a key also ends its sign-ins. `SameSite=Strict` keeps other sites from using it; forms carry a second
proof, and a sign-in itself is refused when another site sent it (else a stranger could sign a person in as himself, and
have the person's PC enrolled for him).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import Response
from sqlalchemy import Connection, select

from relay.accounts.errors import NotAuthenticated
from relay.accounts.keys import Keyring
from relay.clock import Clock
from relay.console.pages import FormUnreadable, form
from relay.nodes.enrolment import Approver
from relay.nodes.seals import Seals
from relay.nodes.throttle import Throttle
from relay.settings import EnrolmentSettings
from relay.storage.engine import Database
from relay.storage.ids import KeyId, OrganisationId, PersonId
from relay.storage.tables import api_keys, memberships, organisations, people, projects

COOKIE: Final = "nightjar_session"
_SESSION: Final = "console session"
_FORM: Final = "console form"
_TRIES: Final = 20
_TRIES_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody a key stands for."""

    key: KeyId
    key_name: str
    person: PersonId
    name: str
    organisation: OrganisationId
    organisation_name: str
    role: str

    @property
    def approver(self) -> Approver:
        return Approver(self.person, self.organisation)

    @property
    def is_admin(self) -> bool:
        """Whether they decide for the whole organisation."""
        return self.role in ("owner", "admin")


@dataclass(frozen=True, slots=True)
class Visitor:
    """A signed-in person. `form_proof` goes into every form of theirs; `age_s` is how long ago they signed in."""

    who: Person
    form_proof: str
    age_s: float


class Visitors:
    """Signs people in and recognises them."""

    def __init__(
        self, database: Database, keyring: Keyring, seals: Seals, *, clock: Clock, settings: EnrolmentSettings
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._seals = seals
        self._clock = clock
        self._settings = settings
        self._tries = Throttle(_TRIES, _TRIES_S)

    async def recognise(self, request: Request) -> Visitor | None:
        """Who this is; None if nobody has signed in, or no longer counts as signed in."""
        cookie = request.cookies.get(COOKIE, "")
        now_ms = self._clock.now_ms()
        facts = self._seals.open(_SESSION, cookie, now_ms=now_ms)
        if facts is None:
            return None
        who = await self._person(KeyId(int(facts["key"])))
        if who is None or str(who.person) != facts["person"]:
            return None
        proof = self._seals.seal(_FORM, {"session": _fingerprint(cookie)}, expires_ms=now_ms + self._life_ms)
        return Visitor(who, proof, (now_ms - int(facts["at"])) / 1000)

    async def check_key(self, request: Request, key: str) -> Person | str:
        """The person behind a typed key, or the sentence that says why not."""
        address = request.client.host if request.client else "local"
        if self._tries.take(address, self._clock.now()) is not None:
            return "Too many tries. Wait a minute."
        try:
            identity = self._keyring.authenticate(b"Bearer " + key.strip().encode())
        except NotAuthenticated:
            return "This is not a valid API key. It begins with sk-nj-."
        who = await self._person(identity.key)
        return "Nobody stands behind this key. Use one that a person created." if who is None else who

    def sign_in(self, response: Response, who: Person, *, secure: bool) -> None:
        now_ms = self._clock.now_ms()
        facts = {"key": str(who.key), "person": str(who.person), "at": str(now_ms)}
        response.set_cookie(
            COOKIE,
            self._seals.seal(_SESSION, facts, expires_ms=now_ms + self._life_ms),
            max_age=round(self._settings.session_s),
            httponly=True,
            secure=secure,
            samesite="strict",
        )

    def sign_out(self, response: Response) -> None:
        response.delete_cookie(COOKIE, httponly=True, samesite="strict")

    def sent_by_own_form(self, request: Request, proof: str) -> bool:
        """Whether a form of this visitor's own pages was sent."""
        facts = self._seals.open(_FORM, proof, now_ms=self._clock.now_ms())
        session = _fingerprint(request.cookies.get(COOKIE, ""))
        return facts is not None and facts["session"] == session and not sent_by_another_site(request)

    async def own_form(self, request: Request) -> tuple[Visitor, Mapping[str, str]] | None:
        """A signed-in visitor and the form they sent from a page of ours; None for anything else."""
        try:
            fields = await form(request)
        except FormUnreadable:
            return None
        visitor = await self.recognise(request)
        if visitor is None or not self.sent_by_own_form(request, fields.get("form", "")):
            return None
        return visitor, fields

    def entrust(self, who: Person, purpose: str, facts: dict[str, str]) -> str:
        """Facts that this person's next form brings back, for a field of it."""
        bound = facts | {"person": str(who.person), "key": str(who.key)}
        return self._seals.seal(purpose, bound, expires_ms=self._clock.now_ms() + self._life_ms)

    def entrusted(self, who: Person, purpose: str, text: str) -> dict[str, str] | None:
        """What was entrusted to this very person; None if it is another's, or too old."""
        facts = self._seals.open(purpose, text, now_ms=self._clock.now_ms())
        mine = facts is not None and facts["person"] == str(who.person) and facts["key"] == str(who.key)
        return facts if mine else None

    @property
    def _life_ms(self) -> int:
        return round(self._settings.session_s * 1000)

    async def _person(self, key: KeyId) -> Person | None:
        at_ms = self._clock.now_ms()
        return await self._database.read(lambda connection: _behind(connection, key, at_ms=at_ms))


def sent_by_another_site(request: Request) -> bool:
    """What the browser itself says of where a form came from (Fetch Metadata, else Origin)."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != request.headers.get("host")


def _behind(connection: Connection, key: KeyId, *, at_ms: int) -> Person | None:
    """The person who made a valid key; for a key nobody made, the owner of its organisation."""
    query = (
        select(
            api_keys.c.name,
            people.c.id,
            people.c.name,
            organisations.c.id,
            organisations.c.name,
            memberships.c.role,
        )
        .join(projects, projects.c.id == api_keys.c.project)
        .join(organisations, organisations.c.id == projects.c.organisation)
        .join(memberships, memberships.c.organisation == organisations.c.id)
        .join(people, people.c.id == memberships.c.person)
        .where(api_keys.c.id == key, api_keys.c.revoked_ms.is_(None))
        .where(api_keys.c.expires_ms.is_(None) | (api_keys.c.expires_ms > at_ms))
        .where(
            (people.c.id == api_keys.c.created_by) | (api_keys.c.created_by.is_(None) & (memberships.c.role == "owner"))
        )
        .order_by(people.c.id)
    )
    row = connection.execute(query).first()
    return None if row is None else Person(key, *row)


def _fingerprint(cookie: str) -> str:
    return hashlib.sha256(b"nightjar session\0" + cookie.encode()).hexdigest()
