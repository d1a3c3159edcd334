"""The response cache: a call that asks what was asked before gets the answer again, at no cost.

Off unless the operator or the call says otherwise. What is kept are whole answers of one target, of calls that would be
answered alike (`temperature: 0`, or a seed), under a key of everything that can change them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Final

from relay.clock import Clock
from relay.completions.envelope import JSON_TYPE, STREAM_TYPE
from relay.completions.headers import CACHE, CACHE_TTL
from relay.completions.refusal import bad_request, no_ledger
from relay.completions.repeats import shelf
from relay.completions.repeats.answer import NotUnderstood, read_plain, read_stream
from relay.completions.repeats.canonical import NoKey, key_of
from relay.completions.repeats.drain import drain
from relay.completions.repeats.flight import Flight
from relay.completions.repeats.marked import MarkedReply
from relay.completions.repeats.question import Question, wishes_of
from relay.completions.repeats.room import Room
from relay.completions.repeats.sharing import SharedFlight
from relay.completions.repeats.shelf import Front, Shelved
from relay.completions.reply import Reply
from relay.completions.request import CallRequest
from relay.completions.running import Running
from relay.completions.watch import Watch
from relay.ledger.calls import Admission, Outcome
from relay.ledger.entries import CallId, NanoDollars
from relay.ledger.errors import LedgerUnavailable
from relay.ledger.service import Ledger
from relay.settings import CacheSettings, TimerSettings
from relay.storage.engine import Database
from relay.storage.errors import StorageUnavailable
from relay.storage.vault import Vault

MAX_TTL_S: Final = 86_400
CHAT: Final = "/v1/chat/completions"
"""The route whose answers can be turned from one form into the other."""

WHOLE: Final = frozenset({"stop", "length", "tool_calls"})
"""Reasons to end that belong to the answer, and not to the day on which it was made."""

BYPASS: Final = b"x-nightjar-cache: bypass\r\nx-openrouter-cache-status: MISS\r\n"
JOINED: Final = b"x-nightjar-cache: joined\r\nx-openrouter-cache-status: MISS\r\n"

_log = logging.getLogger(__name__)


def wanted_ttl(asked: Mapping[bytes, bytes] | None, settings: CacheSettings) -> int:
    """For how many seconds a call's answer may be given again; 0: it must not be. Raises Refusal for a bad header."""
    asked = asked or {}
    says = asked.get(CACHE)
    if says is not None and says.lower() not in (b"true", b"false"):
        raise bad_request("X-OpenRouter-Cache is either true or false.", param="X-OpenRouter-Cache")
    ttl = asked.get(CACHE_TTL)
    if ttl is not None and not (ttl.isdigit() and len(ttl) < 9 and 1 <= int(ttl) <= MAX_TTL_S):
        message = f"X-OpenRouter-Cache-TTL is a whole number of seconds from 1 to {MAX_TTL_S}."
        raise bad_request(message, param="X-OpenRouter-Cache-TTL")
    if not (settings.on if says is None else says.lower() == b"true"):
        return 0
    return settings.ttl_s if ttl is None else int(ttl)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an answer will be kept, and for how long."""

    key: bytes
    ttl_s: int
    form: tuple[bytes, bool, bool]
    """Calls of one form can share a flight: the same question, to be answered in the same form."""


class _CachedFlight(SharedFlight):
    place: _Place


class ResponseCache:
    """Belongs to the event loop's thread."""

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        watch: Watch,
        database: Database,
        ledger: Ledger,
        vault: Vault,
        settings: CacheSettings,
        next_id: Callable[[], CallId],
        digests_of: Callable[[str], Collection[str]],
        timers: TimerSettings,
        traced: Callable[[CallId, CallRequest], None] | None = None,
    ) -> None:
        """`digests_of` says which files a model's name stands for just now, where that is known. `traced` is told of
        each call that is admitted here.
        """
        self.settings = settings
        self._loop = loop
        self._clock = clock
        self._watch = watch
        self._database = database
        self._ledger = ledger
        self._vault = vault
        self._next_id = next_id
        self._digests_of = digests_of
        self._timers = timers
        self._traced = traced
        self._front = Front(settings.memory_bytes)
        self._room = Room(settings.memory_bytes)
        self._flights: dict[tuple[bytes, bool, bool], _CachedFlight] = {}

    def begin(self, question: Question, ttl_s: int, reply: Reply) -> Running | None:
        """Answer `reply` with what there is, with others who wait for the same, or by a call of its own.

        Raises:
            Refusal: this caller cannot pay for their part.
            LedgerUnavailable: nothing can be booked now.
        """
        place = self._place(question, ttl_s)
        if place is None:
            return question.begin(MarkedReply(reply, BYPASS))
        shelved = self._front.get(place.key, now_ms=self._clock.now_ms(), ttl_s=ttl_s)
        if shelved is not None:
            self._give(question, shelved, reply)
            return None
        call_id = CallId(reply.call_id) if reply.call_id else self._next_id()
        flight = self._flights.get(place.form)
        if flight is not None and flight.joinable:
            return flight.board(question, reply, call_id, JOINED)
        flight = self._fly(place)
        rider = flight.board(question, reply, call_id, _missed(ttl_s))
        work = partial(
            shelf.find,
            key=place.key,
            vault=self._vault,
            now_ms=self._clock.now_ms(),
            limit_bytes=self.settings.answer_bytes,
        )
        self._database.submit_read(work).add_done_callback(partial(self._wake, flight))
        return rider

    def _place(self, question: Question, ttl_s: int) -> _Place | None:
        request, identity = question.request, question.identity
        wishes = wishes_of(request.raw)
        if question.route != CHAT or wishes.keeps_nothing or not (wishes.repeatable or self.settings.any_sampling):
            return None
        if request.explains or question.rules:  # what became of one call is not what becomes of another
            return None
        scope = (
            question.route,
            str(identity.organisation),
            request.model,
            ",".join(sorted(self._digests_of(request.model))),
            ",".join(sorted(identity.exposure)),
        )
        try:
            key = key_of(request.raw, scope=scope)
        except NoKey:
            return None
        return _Place(key, ttl_s, (key, request.stream, request.include_usage))

    def _fly(self, place: _Place) -> _CachedFlight:
        flight = _CachedFlight(
            self._watch,
            self._ledger,
            now_ms=self._clock.now_ms,
            keep_bytes=self.settings.answer_bytes,
            room=self._room,
            timers=self._timers,
            over=self._over,
            traced=self._traced,
        )
        flight.place = place
        if self.settings.coalesce:
            self._flights[place.form] = flight
        return flight

    # --- looking ------------------------------------------------------------------------------------------------------

    def _wake(self, flight: _CachedFlight, future: Future[Shelved | None]) -> None:
        """On the reader's thread."""
        self._loop.call_soon_threadsafe(self._looked, flight, future)

    def _looked(self, flight: _CachedFlight, future: Future[Shelved | None]) -> None:
        try:
            self._go_on(flight, self._found(flight.place, future))
        except Exception:  # noqa: BLE001 - the supervisor of these calls
            _log.exception("a call to be cached was broken off")
            flight.abort()

    def _found(self, place: _Place, future: Future[Shelved | None]) -> Shelved | None:
        try:
            shelved = future.result()
        except StorageUnavailable as error:
            _log.warning("the response cache cannot be read: %s", error)
            return None
        if shelved is None or self._clock.now_ms() >= shelved.made_ms + place.ttl_s * 1000:
            return None
        self._front.put(place.key, shelved)
        return shelved

    def _go_on(self, flight: _CachedFlight, shelved: Shelved | None) -> None:
        if not flight.callers:
            flight.abort()
        elif shelved is None:
            flight.start()
        else:
            for rider in flight.disband():
                try:
                    self._give(rider.question, shelved, rider.reply)
                except LedgerUnavailable as error:
                    rider.question.refuse(no_ledger(error), rider.reply)

    # --- giving -------------------------------------------------------------------------------------------------------

    def _give(self, question: Question, shelved: Shelved, reply: Reply) -> None:
        """The answer again: a call of its own in the books, that costs nothing and holds nothing."""
        request, now_ms = question.request, self._clock.now_ms()
        call_id = CallId(reply.call_id) if reply.call_id else self._next_id()
        outcome = self._book(question, call_id, shelved, now_ms)
        left_s = (shelved.expires_ms - now_ms) // 1000
        head = _HIT % (STREAM_TYPE if request.stream else JSON_TYPE, call_id, call_id, shelved.target.encode(), left_s)
        name, created = f"chatcmpl-{call_id:016x}", now_ms // 1000
        if request.stream:
            reply.begin(200, head)
            reply.send(shelved.answer.stream(name, created, usage=request.include_usage))
            reply.settled(outcome)
            reply.end()
        else:
            reply.respond(200, head, shelved.answer.plain(name, created))
            reply.settled(outcome)
        drain(self._watch, reply, within_s=self._timers.drain_s)

    def _book(self, question: Question, call_id: CallId, shelved: Shelved, now_ms: int) -> Outcome:
        identity, answer = question.identity, shelved.answer
        admission = Admission(
            call=call_id,
            organisation=identity.organisation,
            project=identity.project,
            key=identity.key,
            model=question.request.model,
            bound=NanoDollars(0),
            stream=question.request.stream,
            started_ms=now_ms,
        )
        tokens = answer.prompt_tokens + answer.completion_tokens
        outcome = Outcome(state="completed", finish_reason=shelved.reason, source="cache", cached_tokens=tokens)
        books = self._ledger.admit(admission)
        if self._traced is not None:
            self._traced(call_id, question.request)
        books.settle(outcome)
        return outcome

    # --- keeping ------------------------------------------------------------------------------------------------------

    def _over(self, flight: Flight) -> None:
        if not isinstance(flight, _CachedFlight):
            raise TypeError(flight)
        place = flight.place
        if self._flights.get(place.form) is flight:
            del self._flights[place.form]
        shelved = self._shelved(flight)
        if shelved is None:
            return
        self._front.put(place.key, shelved)
        work = partial(shelf.store, key=place.key, shelved=shelved, vault=self._vault)
        try:
            self._database.submit_write(work).add_done_callback(_log_failure)
        except StorageUnavailable as error:
            _log.warning("an answer is not cached: %s", error)

    def _shelved(self, flight: _CachedFlight) -> Shelved | None:
        outcome = flight.outcome
        if outcome is None or not flight.joinable or not _is_whole(flight, outcome):
            return None
        counts = {
            "prompt_tokens": sum(leg.prompt_tokens for leg in outcome.delivered),
            "completion_tokens": sum(leg.completion_tokens for leg in outcome.delivered),
        }
        read = read_plain if flight.plain else read_stream
        try:
            answer = read(flight.answer, **counts)
        except NotUnderstood as error:
            _log.debug("an answer is not cached: %s", error)
            return None
        if not all(choice["finish_reason"] in WHOLE for choice in answer.choices):
            return None
        now_ms = self._clock.now_ms()
        ends_ms = now_ms + flight.place.ttl_s * 1000
        return Shelved(now_ms, ends_ms, _target_of(flight.head), outcome.finish_reason or "stop", answer)

    def sweep(self) -> int:
        """Removes what is too old or too much; for the carrier of such errands, off the loop's thread."""
        work = partial(shelf.sweep, now_ms=self._clock.now_ms(), stored_bytes=self.settings.stored_bytes)
        return self._database.write_sync(work)


_HIT: Final = (
    b"%bx-request-id: req-%016x\r\nx-generation-id: gen-%016x\r\nx-nightjar-target: %b\r\nx-nightjar-attempts: 0\r\n"
    b"x-nightjar-cache: hit\r\nx-openrouter-cache-status: HIT\r\nx-openrouter-cache-ttl: %d\r\n"
)


def _is_whole(flight: SharedFlight, outcome: Outcome) -> bool:
    """Nothing is missing, and one target could have given it. Cut by a limit it is whole if the caller set that."""
    own_limit = flight.question is not None and flight.question.request.max_tokens is not None
    whole = outcome.state == "completed" and outcome.delivered and flight.exact
    return bool(whole) and (outcome.finish_reason != "length" or own_limit)


def _missed(ttl_s: int) -> bytes:
    return b"x-nightjar-cache: miss\r\nx-openrouter-cache-status: MISS\r\nx-openrouter-cache-ttl: %d\r\n" % ttl_s


def _target_of(head: bytes) -> str:
    """The target that a head names."""
    return head.partition(b"x-nightjar-target: ")[2].partition(b"\r\n")[0].decode("ascii", "replace")


def _log_failure(done: Future[None]) -> None:
    if (error := done.exception()) is not None:
        _log.warning("an answer is not cached: %s", error)
