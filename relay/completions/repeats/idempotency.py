"""`Idempotency-Key`: however often a caller sends one request, it is one call, billed once.

The key is claimed by one insert before anything is dispatched. A retry that comes while the call runs gets the same
answer from its beginning; one that comes later gets the stored answer. A call whose caller hung up goes on for a while,
since a client that lost its connection comes back within seconds.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from functools import partial
from typing import Final

from sqlalchemy import Connection

from relay.clock import Clock
from relay.completions.refusal import Refusal, bad_request
from relay.completions.repeats import claims, kept
from relay.completions.repeats.claims import Claim, Taken
from relay.completions.repeats.elsewhere import Elsewhere, Found
from relay.completions.repeats.flight import Attached, Flight
from relay.completions.repeats.kept import KeptAnswer
from relay.completions.repeats.question import Question
from relay.completions.repeats.room import Room
from relay.completions.reply import Reply
from relay.completions.watch import Watch
from relay.faults import crash
from relay.ledger.entries import CallId
from relay.settings import IdempotencySettings, TimerSettings
from relay.storage.engine import Database
from relay.storage.errors import StorageUnavailable
from relay.storage.vault import SealBroken, Vault

MAX_KEY_BYTES: Final = 255
REPLAYED: Final = b"idempotent-replayed: true\r\n"
"""Says that this answer is not the first one's. Stripe's name for it, which clients know."""

RETRY_S: Final = 2.0

_log = logging.getLogger(__name__)


class _ClaimedFlight(Flight):
    """The one call of a key. `claimed` once the row is this call's."""

    claim: Claim
    claimed = False
    keeps_nothing = False


class Idempotency:
    """Calls by key, those that run and those that ran. Belongs to the event loop's thread."""

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        watch: Watch,
        database: Database,
        vault: Vault,
        settings: IdempotencySettings,
        timers: TimerSettings,
        flush: Callable[[], Awaitable[None]],
        elsewhere: Elsewhere | None,
    ) -> None:
        """`flush` waits until this process's calls are in the database. `elsewhere` are those of other processes."""
        self._loop = loop
        self._clock = clock
        self._watch = watch
        self._database = database
        self._vault = vault
        self._settings = settings
        self._timers = timers
        self._elsewhere = elsewhere
        self._flush = flush
        self._room = Room(settings.memory_bytes)
        self._running: dict[bytes, _ClaimedFlight] = {}
        if elsewhere is not None:
            elsewhere.look = self._look

    def begin(self, question: Question, key: bytes, reply: Reply, call: CallId) -> Attached:
        """Answer `reply`, by a call of its own, one that runs, or one that ran. `call` is the id if it is a new one.

        Raises:
            Refusal: the key is no key, or in use for another request, or for a call that takes on nobody else.
        """
        check(key)
        scope = hashlib.sha256(b"%d\0%b\0%b" % (question.identity.key, question.route.encode(), key)).digest()
        body = hashlib.sha256(question.request.sent).digest()
        flight = self._running.get(scope)
        if flight is None:
            return self._claim(question, Claim(scope, body, call, self._ends_ms()), reply)
        if flight.claim.body != body:
            raise _other_body()
        if not flight.joinable:
            raise _running_on()
        return flight.attach(reply, REPLAYED)

    def _ends_ms(self) -> int:
        return self._clock.now_ms() + round(self._settings.keep_s * 1000)

    def _claim(self, question: Question, claim: Claim, reply: Reply) -> Attached:
        flight = _ClaimedFlight(
            self._watch,
            call_id=claim.call,
            keep_bytes=self._settings.answer_bytes,
            room=self._room,
            timers=self._timers,
            linger_s=self._settings.linger_s,
            over=self._over,
        )
        flight.claim = claim
        flight.keeps_nothing = question.keeps_nothing
        self._running[claim.scope] = flight
        attached = flight.attach(reply)
        self._submit_claim(question, flight)
        return attached

    def _submit_claim(self, question: Question, flight: _ClaimedFlight, *, over: CallId | None = None) -> None:
        """`over` is a call of another process that has ended, as that one says."""
        elsewhere = self._elsewhere

        def is_over(call: CallId) -> bool:
            """Of a call that this process does not run."""
            return elsewhere is None or call == over or elsewhere.is_mine(call)

        work = partial(claims.claim, wanted=flight.claim, now_ms=self._clock.now_ms(), is_over=is_over)
        future = self._database.submit_write(work)
        future.add_done_callback(partial(self._wake, question, flight, over))

    def _wake(
        self, question: Question, flight: _ClaimedFlight, over: CallId | None, future: Future[Taken | None]
    ) -> None:
        """On the writer's thread."""
        self._loop.call_soon_threadsafe(self._answer, question, flight, over, future)

    def _answer(
        self, question: Question, flight: _ClaimedFlight, over: CallId | None, future: Future[Taken | None]
    ) -> None:
        try:
            taken, elsewhere = future.result(), self._elsewhere
            if elsewhere is None or taken is None or taken.call == over or not elsewhere.may_run(taken):
                self._judge(question, flight, taken)
            else:
                elsewhere.start(self._join(elsewhere, question, flight, taken.call))
        except StorageUnavailable as error:
            question.refuse(_no_storage(error), flight)
        except Refusal as refusal:
            question.refuse(refusal, flight)
        except Exception:  # noqa: BLE001 - the supervisor of these calls
            _log.exception("a call with an Idempotency-Key was broken off")
            flight.abort()

    def _judge(self, question: Question, flight: _ClaimedFlight, taken: Taken | None) -> None:
        if taken is not None:
            self._again(flight, taken)
        elif flight.callers:
            flight.claimed = True
            crash.point("after_claim")
            running = question.begin(flight)
            if running is not None:
                flight.run(running)
        else:  # nobody waited for the claim, so nothing was begun
            flight.claimed = True
            flight.abort()

    # --- calls of other processes -------------------------------------------------------------------------------------

    async def _join(self, elsewhere: Elsewhere, question: Question, flight: _ClaimedFlight, call: CallId) -> None:
        claim = flight.claim
        found = await elsewhere.join(call, claim.scope, claim.body, flight=flight, watch=self._watch)
        if found is Found.GONE:
            self._submit_claim(question, flight, over=call)
        elif found is not Found.JOINED:
            question.refuse(_running_on() if found is Found.LATE else _unknown(), flight)

    async def _look(self, scope: bytes, body: bytes) -> tuple[Found, Flight | None]:
        """For another process: the flight of a key. What is told as gone is in the database, as far as it ever will."""
        if (found := self._runs(scope, body)) is not None:
            return found
        await self._database.write(lambda _: None)  # after whatever was still to be written of a call that has ended
        if (found := self._runs(scope, body)) is not None:  # its claim was among that: the call has just begun
            return found
        await self._flush()
        return Found.GONE, None

    def _runs(self, scope: bytes, body: bytes) -> tuple[Found, Flight | None] | None:
        flight = self._running.get(scope)
        if flight is None or not flight.claimed or flight.claim.body != body:
            return None
        return (Found.JOINED, flight) if flight.joinable else (Found.LATE, None)

    # --- answers that were given before -------------------------------------------------------------------------------

    def _again(self, flight: _ClaimedFlight, taken: Taken) -> None:
        if not taken.same_body:
            raise _other_body()
        if taken.fate != claims.KEPT or taken.answer is None:
            raise _gone(taken)
        limit = self._settings.answer_bytes * 2 + 65_536
        try:
            answer = kept.decode(self._vault.open(flight.claim.scope, taken.answer, limit=limit))
        except SealBroken:
            raise _gone(taken) from None
        flight.replay(answer, REPLAYED)

    # --- the end of a call --------------------------------------------------------------------------------------------

    def _over(self, flight: Flight) -> None:
        if not isinstance(flight, _ClaimedFlight):
            raise TypeError(flight)
        claim = flight.claim
        self._running.pop(claim.scope, None)
        if not flight.claimed:
            return
        outcome = flight.outcome
        if outcome is None or outcome.state != "completed":
            work = partial(claims.release, scope=claim.scope, call=claim.call)
        elif flight.keeps_nothing or not flight.joinable:
            fate = claims.NOT_KEPT if flight.keeps_nothing else self._why_not(flight)
            work = partial(claims.keep, scope=claim.scope, call=claim.call, fate=fate, answer=None)
        else:
            answer = KeptAnswer(flight.plain, flight.head, flight.answer)
            self._submit(partial(_keep, vault=self._vault, claim=claim, answer=answer))
            return
        self._submit(work)

    def _why_not(self, flight: Flight) -> str:
        return claims.TOO_LONG if flight.written > self._settings.answer_bytes else claims.NO_ROOM

    def _submit(self, work: partial[None]) -> None:
        """What cannot be written is told by the row itself: it stays open, and the books know the call."""
        try:
            self._database.submit_write(work).add_done_callback(_log_failure)
        except StorageUnavailable as error:
            _log.error("an Idempotency-Key's answer is not kept: %s", error)

    def sweep(self) -> int:
        """Removes what is too old or too much; for the carrier of such errands, off the loop's thread."""
        work = partial(claims.sweep, now_ms=self._clock.now_ms(), stored_bytes=self._settings.stored_bytes)
        return self._database.write_sync(work)


def _keep(connection: Connection, vault: Vault, claim: Claim, answer: KeptAnswer) -> None:
    crash.point("before_keep")
    sealed = vault.seal(claim.scope, kept.encode(answer))
    claims.keep(connection, claim.scope, claim.call, fate=claims.KEPT, answer=sealed)


def _log_failure(done: Future[None]) -> None:
    if (error := done.exception()) is not None:
        _log.error("an Idempotency-Key's answer is not kept: %s", error)


def check(key: bytes) -> None:
    """Raises Refusal if this can be no key."""
    if not 0 < len(key) <= MAX_KEY_BYTES or not all(0x20 <= byte <= 0x7E for byte in key):
        message = (
            f"An Idempotency-Key has 1 to {MAX_KEY_BYTES} printable ASCII characters; this one has {len(key)} bytes. "
            "Use a random UUID for each request, and the same one for its retries."
        )
        raise bad_request(message, param="Idempotency-Key", code="invalid_idempotency_key")


def _other_body() -> Refusal:
    message = (
        "This Idempotency-Key was used within the last day for another request: its body differed. "
        "Use a new key for a new request; a retry must send the very same bytes."
    )
    return Refusal(422, message, kind="invalid_request_error", param="Idempotency-Key", code="idempotency_key_reused")


def _running_on() -> Refusal:
    message = (
        "The call with this Idempotency-Key still runs, and its answer is too long to be told from its beginning. "
        "Wait for its end."
    )
    return Refusal(409, message, kind="invalid_request_error", code="idempotency_call_in_progress", retry_after=RETRY_S)


_WHY: Final = {
    claims.OPEN: "the relay stopped before it could be kept",
    claims.TOO_LONG: "it was too long to be kept",
    claims.NO_ROOM: "too many others were being made at the time",
    claims.NOT_KEPT: "the call, or a rule of this relay, asked for zero data retention",
    claims.EVICTED: "newer answers needed the room",
    claims.KEPT: "the relay's key to kept answers has changed",
}


def _gone(taken: Taken) -> Refusal:
    """410 and no 409: clients send a request again by themselves after a 409, and it would be no use."""
    settled = taken.settled
    metadata: dict[str, object] = {"generation_id": f"gen-{taken.call:016x}"}
    cost = "It is in the books"
    if settled is not None:
        metadata |= {"state": settled.state, "cost_nano_dollars": settled.cost}
        metadata |= {"prompt_tokens": settled.prompt_tokens, "completion_tokens": settled.completion_tokens}
        cost = f"It cost ${settled.cost / 1e9:.9f} for {settled.completion_tokens} tokens of answer ({settled.state})"
    message = (
        f"The call with this Idempotency-Key has run, but its answer is not there any more: {_WHY[taken.fate]}. "
        f"{cost}, and is not run or billed again. To ask again, use a new key."
    )
    code = "idempotency_answer_gone"
    return Refusal(410, message, kind="invalid_request_error", code=code, metadata=metadata)


def _unknown() -> Refusal:
    message = (
        "The call with this Idempotency-Key was made by a process of this relay that does not answer just now. "
        "Nothing more was run or billed. Try again."
    )
    return Refusal(503, message, kind="server_error", code="idempotency_unknown", retry_after=RETRY_S)


def _no_storage(error: StorageUnavailable) -> Refusal:
    message = (
        f"The relay cannot look up Idempotency-Keys just now: {error.problem.value[0]}. Nothing was run or billed."
    )
    return Refusal(503, message, kind="server_error", code="storage_unavailable", retry_after=RETRY_S)
