"""How a desktop becomes a node: it applies with a signed statement, a person approves, or a token does.

The use case, free of any web framework. What one party holds for another (nonces, proofs) is sealed, not stored, so
any process of the relay can take the next step. Approval only enrols: which pool a node joins is a second act, offered
at once only where the browser has proved to run on the same PC.

The loopback proof: the desktop opens `open_url` in its browser, which is given a secret cookie and sent to
127.0.0.1 with a code bound to it. Only a browser on that PC can bring the code to that desktop; the desktop hands it in
with its PKCE verifier, and the browser goes on with a page address that is worth something only together with the
cookie. Somebody who lures a person to another PC's `open_url` gets neither the code nor a page that pre-fills anything.
"""

from __future__ import annotations

import base64
import enum
import hashlib
import hmac
import logging
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
from sqlalchemy import Connection

from relay.clock import Clock
from relay.nodes import enrolments
from relay.nodes.codes import as_typed, digest
from relay.nodes.enrolments import Application, Issued
from relay.nodes.facts import BadFacts, DesktopFacts, read_facts
from relay.nodes.refused import Refused
from relay.nodes.seals import Seals
from relay.nodes.store import KeyTaken, NodeRecord, Pool, add_node
from relay.nodes.throttle import Throttle
from relay.settings import EnrolmentSettings
from relay.storage.engine import Database
from relay.storage.ids import OrganisationId, PersonId
from relay.wire.identity import SigningKey, enrol_text, is_signed

logger = logging.getLogger(__name__)

_NONCE: Final = "enrolment nonce"
_OPEN: Final = "enrolment page"
_CODE: Final = "loopback code"
_PROOF: Final = "loopback proof"
_MINUTE_S: Final = 60.0
_HOUR_S: Final = 3600.0


class Fault(enum.Enum):
    """Why a step is refused, as the code of the error a desktop gets."""

    BAD_REQUEST = "invalid_request"
    STALE_NONCE = "stale_nonce"
    BAD_SIGNATURE = "bad_signature"
    UNKNOWN_CODE = "unknown_code"
    EXPIRED = "expired"
    DECIDED = "already_decided"
    BAD_PROOF = "bad_proof"
    BAD_TOKEN = "invalid_token"  # noqa: S105 - the word, not a token
    KEY_TAKEN = "key_taken"
    TOO_MANY = "too_many_requests"


class EnrolmentRefused(Refused):
    """A step that was not taken."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What a desktop signed. `facts` are its bytes as sent, with the public key in them."""

    nonce: bytes
    facts: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Loopback:
    """Where the desktop listens on its own PC, and the S256 challenge of its verifier."""

    port: int
    challenge: str
    state: str


@dataclass(frozen=True, slots=True)
class Started:
    """The answer to an application. Times in seconds."""

    issued: Issued
    approve_url: str
    open_url: str
    expires_in: float
    interval: float


@dataclass(frozen=True, slots=True)
class Approver:
    """Who decides, and for which organisation."""

    person: PersonId
    organisation: OrganisationId


class Enrolment:
    """Promises that a key becomes a node only by a person's act or a valid token, and at most once."""

    def __init__(
        self,
        database: Database,
        *,
        key: SigningKey,
        hosts: Collection[str],
        clock: Clock,
        settings: EnrolmentSettings | None = None,
    ) -> None:
        """`hosts` are the relay's names as host:port."""
        self.settings: Final = settings or EnrolmentSettings()
        self.seals: Final = Seals(key.seed)
        self._database = database
        self._key = key
        self._hosts = tuple(hosts)
        self._clock = clock
        self._strangers = Throttle(self.settings.strangers_per_address_min, _MINUTE_S)
        self._codes = Throttle(self.settings.codes_per_address_h, _HOUR_S)
        self._wrong_codes = Throttle(self.settings.code_tries, self.settings.code_s)

    @property
    def relay_key(self) -> bytes:
        """The public key a desktop pins."""
        return self._key.public

    @property
    def relay_id(self) -> str:
        return self._key.fingerprint

    # --- what a desktop does ----------------------------------------------------------------------------------------

    def challenge(self, address: str) -> bytes:
        """A nonce to sign."""
        self._stranger(address)
        return self.seals.nonce(_NONCE, secrets.token_bytes(8), expires_ms=self._in(self.settings.nonce_s))

    async def start(self, statement: Statement, address: str, *, scheme: str, loopback: Loopback | None) -> Started:
        """An application, to be approved by a person at the address the desktop dialled. Raises EnrolmentRefused."""
        facts, host = self._verified(statement)
        self._take(self._codes, address, "Too many PCs ask to be enrolled from this address. Use an enrolment token.")
        now_ms, expires_ms = self._clock.now_ms(), self._in(self.settings.code_s)

        def work(connection: Connection) -> Issued | None:
            if enrolments.waiting(connection, at_ms=now_ms) >= self.settings.pending:
                return None
            return enrolments.apply(
                connection,
                facts.public_key,
                _kept(facts),
                address=address,
                challenge=loopback.challenge if loopback else "",
                at_ms=now_ms,
                expires_ms=expires_ms,
            )

        issued = await self._database.write(work)
        if issued is None:
            raise EnrolmentRefused(Fault.TOO_MANY, "Too many PCs are waiting to be enrolled.", retry_after=_MINUTE_S)
        return self._started(issued, loopback, origin=_origin(scheme, host), expires_ms=expires_ms)

    def _started(self, issued: Issued, loopback: Loopback | None, *, origin: str, expires_ms: int) -> Started:
        approve_url = open_url = f"{origin}/enrol"
        if loopback is not None:
            facts = {
                "application": _text(digest("device code", issued.device_code.reveal())),
                "origin": origin,
                "port": str(loopback.port),
                "state": loopback.state,
            }
            open_url = f"{origin}/enrol/here/{self.seals.seal(_OPEN, facts, expires_ms=expires_ms)}"
        return Started(issued, approve_url, open_url, self.settings.code_s, self.settings.poll_s)

    async def poll(self, device_code: str, address: str) -> Application:
        """What became of an application. Raises EnrolmentRefused if there is none."""
        found = await self._database.read(lambda connection: enrolments.by_device_code(connection, device_code))
        if found is None:
            self._stranger(address)
            raise EnrolmentRefused(Fault.UNKNOWN_CODE, "This relay knows no such enrolment.")
        return found

    def outcome(self, application: Application) -> enrolments.State:
        """Its state now; one that waited too long has expired."""
        if application.state == "waiting" and application.expires_ms <= self._clock.now_ms():
            return "expired"
        return application.state

    async def prove(self, device_code: str, code: str, verifier: str, *, address: str) -> str:
        """The desktop hands in the code its browser brought; returns the page to go on with."""
        application = await self.poll(device_code, address)
        sealed = self.seals.open(_CODE, code, now_ms=self._clock.now_ms())
        identifier = _text(application.id)
        if (
            sealed is None
            or sealed["application"] != identifier
            or not hmac.compare_digest(_s256(verifier), application.challenge)
        ):
            limit = self.settings.code_tries
            await self._database.write(lambda connection: enrolments.count_wrong(connection, application, limit=limit))
            raise EnrolmentRefused(Fault.BAD_PROOF, "That does not prove that the browser runs on this PC.")
        facts = {"application": identifier, "browser": sealed["browser"]}
        proof = self.seals.seal(_PROOF, facts, expires_ms=application.expires_ms)
        return f"{sealed['origin']}/enrol/proved?{urlencode({'proof': proof})}"

    async def by_token(self, statement: Statement, token: str, address: str) -> NodeRecord:
        """Enrols at once. Raises EnrolmentRefused."""
        facts, _ = self._verified(statement)
        at_ms = self._clock.now_ms()

        def work(connection: Connection) -> NodeRecord | None:
            grant = enrolments.use_token(connection, token, at_ms=at_ms)
            if grant is None:
                return None
            return add_node(
                connection,
                facts.public_key,
                _kept(facts),
                organisation=grant.organisation,
                owner=grant.owner,
                name=facts.name,
                pool=grant.pool,
                at_ms=at_ms,
            )

        node = await self._adding(work)
        if node is None:
            self._stranger(address)
            raise EnrolmentRefused(Fault.BAD_TOKEN, "This enrolment token is used up, expired or wrong.")
        logger.info("node %s was enrolled by a token, from %s", node.id, address)
        return node

    # --- what a browser and a person do -----------------------------------------------------------------------------

    def visit(self, sealed: str, browser: str) -> str | None:
        """The loopback address to send a browser to that opened `open_url`; `browser` is the secret it was given."""
        facts = self.seals.open(_OPEN, sealed, now_ms=self._clock.now_ms())
        if facts is None:
            return None
        bound = {"application": facts["application"], "origin": facts["origin"], "browser": _fingerprint(browser)}
        code = self.seals.seal(_CODE, bound, expires_ms=self._in(self.settings.proof_s))
        query = urlencode({"code": code, "state": facts["state"]})
        return f"http://127.0.0.1:{facts['port']}/?{query}"

    async def proved(self, proof: str, browser: str) -> Application | None:
        """The application of the PC this very browser runs on, if that was proved."""
        facts = self.seals.open(_PROOF, proof, now_ms=self._clock.now_ms())
        if facts is None or not hmac.compare_digest(facts["browser"], _fingerprint(browser)):
            return None
        identifier = bytes.fromhex(facts["application"])
        return await self._database.read(lambda connection: enrolments.by_id(connection, identifier))

    async def find(self, typed: str, person: PersonId) -> Application:
        """The application of a code a signed-in person typed. Raises EnrolmentRefused."""
        wait = self._wrong_codes.wait(str(person), self._clock.now())
        if wait is not None:
            message = "Too many wrong codes. Wait a few minutes, then start again in the app."
            raise EnrolmentRefused(Fault.TOO_MANY, message, retry_after=wait)
        code = as_typed(typed)
        found = None
        if code is not None:
            found = await self._database.read(lambda connection: enrolments.by_user_code(connection, code))
        if found is None:
            self._wrong_codes.take(str(person), self._clock.now())
            raise EnrolmentRefused(Fault.UNKNOWN_CODE, "No PC is waiting with this code. Compare it letter by letter.")
        self._expect_waiting(found)
        return found

    async def again(self, identifier: bytes) -> Application:
        """An application by its id, still undecided. Raises EnrolmentRefused."""
        found = await self._database.read(lambda connection: enrolments.by_id(connection, identifier))
        if found is None:
            raise EnrolmentRefused(Fault.UNKNOWN_CODE, "No PC is waiting with this code.")
        self._expect_waiting(found)
        return found

    async def approve(self, application: Application, approver: Approver, *, pool: Pool = "none") -> NodeRecord:
        """Makes it a node. Raises EnrolmentRefused."""
        at_ms = self._clock.now_ms()
        self._expect_waiting(application)

        def work(connection: Connection) -> NodeRecord | None:
            node = add_node(
                connection,
                application.public_key,
                application.facts,
                organisation=approver.organisation,
                owner=approver.person,
                name=application.name,
                pool=pool,
                at_ms=at_ms,
            )
            decided = enrolments.decide(
                connection,
                application,
                "approved",
                by=approver.person,
                organisation=approver.organisation,
                node=node.id,
            )
            if not decided:
                raise EnrolmentRefused(Fault.DECIDED, _DECIDED)
            return node

        node = await self._adding(work)
        if node is None:
            raise EnrolmentRefused(Fault.DECIDED, _DECIDED)
        logger.info("node %s was enrolled by person %d", node.id, approver.person)
        return node

    async def deny(self, application: Application, approver: Approver) -> None:
        """Ends it. Raises EnrolmentRefused."""
        self._expect_waiting(application)
        decided = await self._database.write(
            lambda connection: enrolments.decide(
                connection, application, "denied", by=approver.person, organisation=approver.organisation, node=None
            )
        )
        if not decided:
            raise EnrolmentRefused(Fault.DECIDED, _DECIDED)

    # --- checks -----------------------------------------------------------------------------------------------------

    def _verified(self, statement: Statement) -> tuple[DesktopFacts, str]:
        """The facts of a fresh statement, signed by the key in it, and the name of ours it was signed for."""
        if not self.seals.is_fresh(_NONCE, statement.nonce, now_ms=self._clock.now_ms()):
            raise EnrolmentRefused(Fault.STALE_NONCE, "This took too long. Start the enrolment again.")
        try:
            facts = read_facts(statement.facts)
        except BadFacts as error:
            raise EnrolmentRefused(Fault.BAD_REQUEST, f"{error}.") from error
        for host in self._hosts:
            text = enrol_text(host=host, nonce=statement.nonce, facts=statement.facts)
            if is_signed(text, statement.signature, by=facts.public_key):
                return facts, host
        known = ", ".join(self._hosts)
        message = f"The signature is not for this relay. It is known as {known}; use one of these addresses."
        raise EnrolmentRefused(Fault.BAD_SIGNATURE, message)

    def _expect_waiting(self, application: Application) -> None:
        state = self.outcome(application)
        if state == "expired":
            raise EnrolmentRefused(Fault.EXPIRED, "This code has expired. Start again in the app on that PC.")
        if state != "waiting":
            raise EnrolmentRefused(Fault.DECIDED, _DECIDED)

    async def _adding(self, work: Callable[[Connection], NodeRecord | None]) -> NodeRecord | None:
        try:
            return await self._database.write(work)
        except KeyTaken as error:
            raise EnrolmentRefused(Fault.KEY_TAKEN, f"{str(error).capitalize()}. {error.remedy}") from error

    def _stranger(self, address: str) -> None:
        self._take(self._strangers, address, "Too many requests from this address.")

    def _take(self, throttle: Throttle, address: str, message: str) -> None:
        wait = throttle.take(address, self._clock.now())
        if wait is not None:
            raise EnrolmentRefused(Fault.TOO_MANY, message, retry_after=wait)

    def _in(self, seconds: float) -> int:
        return self._clock.now_ms() + round(seconds * 1000)


_DECIDED: Final = "This code was used already: somebody has approved or declined that PC."


def _kept(facts: DesktopFacts) -> dict[str, Any]:
    kept: dict[str, Any] = msgspec.to_builtins(facts)
    del kept["public_key"]
    return kept


def _origin(scheme: str, host: str) -> str:
    """The address people see; `host` is one of our names, so no `Host` header has a say in it."""
    default = ":443" if scheme == "https" else ":80"
    return f"{scheme}://{host.removesuffix(default)}"


def _text(identifier: bytes) -> str:
    return identifier.hex()


def _fingerprint(secret: str) -> str:
    return hashlib.sha256(b"nightjar browser\0" + secret.encode()).hexdigest()


def _s256(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
