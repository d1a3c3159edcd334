"""One call, from its first attempt to its settlement.

    trying -> committed -> ending -> closed

*trying*: nothing but heartbeats has reached the caller, so a failed attempt moves on to the next target. *committed*:
the caller has seen content. *ending*: the answer is whole; its last bytes are on their way, and the books are closed
when they have left, just before the end of the reply. *closed*: settled, exactly once; reached from anywhere.

A call is driven by callbacks only: from the caller's edge (`caller_gone`, `pause`, `resume`), from the watch (`tick`),
and from the attempt's output (`accepted`, `commit`, `emit`, `complete`, `attempt_failed`). It never waits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import TYPE_CHECKING, Final

from relay.accounts.identity import Identity
from relay.completions.continuation import Continuation
from relay.completions.envelope import (
    JSON_TYPE,
    PING,
    STREAM_TYPE,
    ChatEnvelope,
    TextEnvelope,
    error_body,
    error_headers,
)
from relay.completions.explained import explained_answer, explained_end
from relay.completions.failover import BUSY_RETRY_S, Verdict, decide, refusal
from relay.completions.guard import TOO_SLOW, can_be_left
from relay.completions.kinds import COMPLETION
from relay.completions.metering import Written
from relay.completions.phase import ACCEPTED, CLOSED, COMMITTED, CONNECTING, ENDING, WAITING
from relay.completions.refusal import Refusal, all_busy
from relay.completions.rejoined import movable
from relay.completions.reply import Reply
from relay.completions.request import CallRequest
from relay.completions.running import Running
from relay.completions.seam import Cut
from relay.completions.services import CallServices
from relay.completions.usage import cost_header
from relay.faults import crash
from relay.ledger.books import CallBooks
from relay.ledger.calls import CallState, Delivered, LegTerms, Outcome, TokenSource
from relay.ledger.entries import NanoDollars
from relay.nodes.link import LinkUnavailable
from relay.upstreams.keys import KeysUsedUp, ProviderKey
from relay.upstreams.port import Attempt, Failure, Fault
from relay.upstreams.target import NodeTarget, ProviderTarget, Route, Target

if TYPE_CHECKING:
    from relay.completions.enveloped import Enveloped
    from relay.completions.passthrough import PassThrough

_EXPIRED: Final = {
    CONNECTING: ("no connection in time", "connect_timeout"),
    WAITING: ("no response in time", "header_timeout"),
    ACCEPTED: ("no content in time", "first_content_timeout"),
    COMMITTED: ("the answer stopped coming", "gap_timeout"),
}

_NOT_ACCEPTED: Final = ("the node did not take the call in time", "accept_timeout")

_RETRIES: Final = (Verdict.SAME, Verdict.NEXT)
MOST_BUSY: Final = 8
"""Busy targets and keys that are tried without counting as attempts; each leaves a line in the journal."""
TURNED_AWAY_S: Final = 1.0
"""After which a call asks again where it was turned away, if nobody said when to."""

_STAYED: Final = b"x-nightjar-affinity: hit\r\n"
_MOVED: Final = b"x-nightjar-affinity: miss\r\n"
_HEAD: Final = (
    b"%bx-request-id: req-%016x\r\nx-generation-id: gen-%016x\r\n%bx-nightjar-attempts: %d\r\n"
    b"x-nightjar-overhead-ms: %.2f\r\n"
)


class Call(Running):
    """The life of one call. See the module's docstring."""

    # What most calls never change stands here once, not in every instance.
    attempts = 0
    prompt_tokens = 0
    source: TokenSource = "relay"
    """Who counted the tokens of the current attempt."""
    prompt_estimate = 0
    """The prompt's tokens as far as the current attempt can tell, for an answer that never comes to its end."""
    key: ProviderKey | None = None
    """Which key of its provider the current attempt uses, if it is at one."""
    output: PassThrough | Enveloped | None = None
    """Where the current attempt's answer goes through."""
    answer_at_node: Enveloped | None = None
    """What has come of the current attempt, if it is at a node."""
    legs = 0
    """Legs begun so far."""
    chain: tuple[tuple[str, Failure], ...] = ()
    """The attempts that failed: where, and how."""
    continuation: Continuation | None = None
    """What became of it after its first target was lost."""
    _attempt: Attempt | None = None
    _completes: Callable[[], None] | None = None
    _failure: str | None = None
    _finish_reason: str | None = None
    _head_sent = False
    _judged_at = inf
    """When it is looked at how fast the answer comes."""
    _next_target = 1
    _overhead_ms = 0.0
    _repeated = False
    _reply_end = b""
    _state: CallState = "completed"
    _ttft_ms: int | None = None
    _not_before = 0.0
    _waits_s = 0.0
    _waits_until = 0.0
    """Until when it waits, or waited, for a target that is free; 0: it never had to."""

    def __init__(
        self,
        services: CallServices,
        reply: Reply,
        *,
        identity: Identity,
        request: CallRequest,
        route: Route,
        first: Target,
        books: CallBooks,
        max_tokens: int,
    ) -> None:
        self.id = books.admission.call
        self.identity = identity
        self.request = request
        self.max_tokens = max_tokens
        self.dearest = route.price
        """What the tokens may cost at most: the hold was reckoned with it."""
        self.target = first
        self._services = services
        self._reply = reply
        self._targets = route.targets
        self._stays_at = route.stays_at
        self.left_out = route.left_out
        self._books = books
        self._written = Written()
        self._started = services.clock.now()
        self._watch = watch = services.watch
        watch.add(self)
        self._heard_at = self._wrote_at = watch.now
        self._expires = watch.now + services.timers.settings.call_s

    # --- facts that outputs ask for -----------------------------------------------------------------------------------

    @property
    def created(self) -> int:
        """Unix seconds, as the answer shows them."""
        return self._books.admission.started_ms // 1000

    @property
    def envelope(self) -> ChatEnvelope:
        """The writer of this call's own OpenAI objects."""
        model = self.target.model if isinstance(self.target, NodeTarget) else self.request.model
        if self.request.kind is COMPLETION:
            return TextEnvelope(f"cmpl-{self.id:016x}", self.created, model)
        return ChatEnvelope(f"chatcmpl-{self.id:016x}", self.created, model)

    @property
    def targets(self) -> Sequence[Target]:
        """Whoever could have answered when it was admitted."""
        return self._targets

    @property
    def may_move(self) -> bool:
        """Whether a provider could go on with its answer by the text alone."""
        able = any(isinstance(each, ProviderTarget) and each.traits.continues for each in self._targets)
        return able and movable(self.request)

    @property
    def has_choice(self) -> bool:
        """Whether more than one target could have answered."""
        return len(self._targets) > 1

    @property
    def seed(self) -> int:
        """The caller's, or one of this call's own: a node's sampler is always seeded, so that it can be checked."""
        return self.id if self.request.seed is None else self.request.seed

    @property
    def tokens_shown(self) -> int:
        """Of a stream, its tokens up to what was last written."""
        return self._written.tokens

    # --- attempts -----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Make the first attempt."""
        self._overhead_ms = (self._services.clock.now() - self._started) * 1000
        self._open(self.target)

    def wait(self, within_s: float) -> None:
        """Every target is busy or at rest: make the first attempt when one is free, soon or not at all."""
        self._overhead_ms = (self._services.clock.now() - self._started) * 1000
        self._wait_until(self._watch.now + within_s)
        self._services.room.join(self, first=False)
        self._services.room.look()

    def _wait_until(self, deadline: float) -> None:
        self._waits_until = deadline
        self._enter(CONNECTING, deadline - self._watch.now)

    def _wait_again(self, failure: Failure) -> bool:
        """Whether a call that was turned away by all may still wait."""
        now = self._watch.now
        deadline = self._waits_until or now + self._services.timers.settings.queue_s
        if failure.fault is not Fault.BUSY or now >= deadline or self.legs >= MOST_BUSY:
            return False
        self._not_before = now + (failure.retry_after or TURNED_AWAY_S)
        self._wait_until(deadline)
        self._services.room.join(self, first=True)
        return True

    def try_again(self) -> bool:
        """It is this call's turn: whether there was a target for it, or it waits no longer."""
        if self.phase >= ENDING:
            return True
        if self._watch.now < self._not_before:
            return False
        route = self._services.targets_now(self)
        if route.first is None:
            return False
        self._targets, self.left_out = route.targets, route.left_out
        self._next_target, self._repeated = 1, False
        self._open(route.first)
        return True

    def _open(self, target: Target) -> None:
        self._begin_leg(target)
        self._patience = patience = self._services.timers.of(
            target, stream=self.request.stream, images=self.request.images
        )
        self.prompt_tokens = self.prompt_estimate = 0
        self.key = None
        self.source = "relay"
        self.answer_at_node = None
        self.continuation = None
        self._enter(CONNECTING, patience.until_taken(len(self.request.raw)))
        crash.point("after_dispatch")
        try:
            self._attempt = self._services.open_attempt(self, target)
        except LinkUnavailable as error:
            self.attempt_failed(Failure(Fault.GONE, str(error), "node_gone"))
        except KeysUsedUp as error:
            self.attempt_failed(Failure(Fault.BUSY, str(error), "keys_at_rest"))

    def _begin_leg(self, target: Target) -> None:
        self.target = target
        self.attempts += 1
        self.legs += 1
        model = target.known_as
        self._books.leg(
            LegTerms(
                number=self.legs,
                target=target.name,
                payee=target.payee,
                price=target.price,
                model="" if model == self.request.model else model,
            )
        )

    def _enter(self, phase: int, silence_s: float) -> None:
        self.phase = phase
        self._waits_s = silence_s
        self._heard_at = self._watch.now

    def connected(self) -> None:
        """The request is on its way."""
        self._enter(WAITING, self._patience.header)

    def accepted(self, prompt_tokens: int = 0) -> None:
        """The target has taken the call on; `prompt_tokens` if it said so already."""
        if prompt_tokens and not self.prompt_tokens:
            self.prompt_tokens = min(prompt_tokens, self.request.prompt_bound)
        patience = self._patience.until_content(self.prompt_tokens)
        if self.continuation is not None:
            patience = min(patience, self.continuation.left_s)
        self._enter(ACCEPTED, patience)

    def attempt_failed(self, failure: Failure) -> None:
        """The attempt is over without an answer."""
        self._attempt = None
        if self.phase >= ENDING:
            return
        if self._completes is not None:
            self._completes()
            return
        other_key = self._services.attempt_failed(self, failure) and self.legs < MOST_BUSY
        self.chain = (*self.chain, (self.target.name, failure))
        if self._hand_over(failure):
            return
        if self._written.bytes:  # with nothing written yet, nobody has seen this answer
            self._give_up()
            return
        if other_key or (failure.fault is Fault.BUSY and self.legs < MOST_BUSY):
            self.attempts -= 1
        verdict = decide(
            failure,
            attempts=self.attempts,
            limit=self._services.timers.settings.attempts,
            untried=len(self._targets) - self._next_target,
            repeated=self._repeated,
            other_key=other_key,
        )
        if verdict is Verdict.STOP and self._wait_again(failure):
            return
        if verdict in _RETRIES and failure.fault is Fault.ILL and not self._services.may_retry(self):
            verdict = Verdict.STOP
        self._follow(verdict)

    def _follow(self, verdict: Verdict) -> None:
        if verdict is Verdict.KEY:
            self._open(self.target)
        elif verdict is Verdict.SAME:
            self._repeated = True
            self._open(self.target)
        elif verdict is Verdict.NEXT:
            self._repeated = False
            self._next_target += 1
            self._open(self._targets[self._next_target - 1])
        else:
            self.fail(refusal(self.chain))

    # --- resume -------------------------------------------------------------------------------------------------------

    def _hand_over(self, failure: Failure) -> bool:
        """After a loss: whether another node goes on with the answer, or may soon."""
        if failure.fault is Fault.REQUEST:
            return False
        if self.request.stream and not self._written.bytes:  # nobody has seen it: it may as well begin anew
            return False
        if self.continuation is None:
            answer = self.answer_at_node
            by_ids = answer is not None and answer.may_go_on
            if not by_ids and not self.may_move:
                return False
            self.continuation = Continuation(self, self._services, answer if by_ids else None)
        self.flushed()
        return self.continuation.after_loss(failure, cause=len(self.chain) - 1)

    def continue_at(self, target: NodeTarget, answer: Enveloped, *, within_s: float) -> None:
        """Have `target` go on with `answer`; it has so many seconds to take it."""
        self._begin_leg(target)
        self._enter(CONNECTING, min(self._patience.until_taken(len(self.request.raw)), within_s))
        crash.point("after_dispatch")
        try:
            self._attempt = self._services.continue_attempt(self, target, answer)
        except LinkUnavailable as error:
            self.attempt_failed(Failure(Fault.GONE, str(error), "node_gone"))

    def rejoin_at(self, target: ProviderTarget, cut: Cut, envelope: ChatEnvelope, *, within_s: float) -> None:
        """Have a provider go on with the text of the answer; it has so many seconds to begin."""
        self._begin_leg(target)
        self._patience = self._services.timers.of(target, stream=True, images=self.request.images)
        self._enter(CONNECTING, min(self._patience.until_taken(len(self.request.raw)), within_s))
        crash.point("after_dispatch")
        try:
            self._attempt = self._services.rejoin_attempt(self, target, cut, envelope)
        except KeysUsedUp as error:
            self.attempt_failed(Failure(Fault.BUSY, str(error), "keys_at_rest"))

    def wait_for_target(self, within_s: float) -> None:
        """Nobody can go on just now, but somebody may."""
        self._enter(CONNECTING, within_s)

    def _give_up(self) -> None:
        """Nobody goes on: the caller hears why the answer stopped, and what was tried since."""
        since = -1 if self.continuation is None else self.continuation.cause
        self._fail_in_band(refusal(self.chain[since:]))

    # --- the answer ---------------------------------------------------------------------------------------------------

    def commit(self) -> None:
        """The first content is here: from now on this answer is the caller's."""
        if self.phase < COMMITTED:
            if self.continuation is not None:
                self.continuation.found()
            else:
                self._ttft_ms = self._elapsed_ms()
                self._books.committed(self.prompt_tokens)
            self._judged_at = self._watch.now + self._services.timers.settings.crawl_s
            self._enter(COMMITTED, self._patience.gap)

    def commit_stream(self) -> None:
        """Content of a node is here: for a plain call it reaches nobody yet, so the call can still fail over."""
        if self.request.stream:
            self.commit()
            return
        self.touch()
        if self.continuation is not None:
            self.continuation.found()

    def touch(self) -> None:
        """The target lives: its silence is counted anew."""
        self._heard_at = self._watch.now

    def emit(self, data: bytes, tokens: int) -> None:
        """Write stream bytes to the caller; `tokens` is the completion so far, these bytes included.

        They have left when the next ones come, as a rule, or at the next tick: to look any sooner would cost a turn of
        the loop, and so a system call, for every chunk.
        """
        self.flushed()
        if self.phase == CLOSED:
            return
        if not self._head_sent:
            self._send_head()
        self._heard_at = self._wrote_at = self._watch.now
        self._reply.send(data)
        written = self._written
        written.bytes += len(data)
        written.tokens = tokens

    def _send_head(self) -> None:
        self._head_sent = True
        self._reply.begin(200, self._headers(STREAM_TYPE))

    def _headers(self, content_type: bytes) -> bytes:
        head = _HEAD % (content_type, self.id, self.id, self.target.headers, self.attempts, self._overhead_ms)
        if self._stays_at is not None:
            head += _STAYED if self.target is self._stays_at else _MOVED
        return head if self.continuation is None else head + self.continuation.header

    def all_said(self, complete: Callable[[], None]) -> None:
        """Nothing of the answer is missing but the target's word that it was all: if that never comes, `complete`."""
        self._completes = complete

    def complete(self, *, reason: str, prompt_tokens: int, tokens: int, tail: bytes) -> None:
        """A streamed answer is whole. `tail` is what ends the stream: written once the rest has left and is booked."""
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.finish()
        if not self._head_sent:
            self._send_head()
        self.prompt_tokens = prompt_tokens
        self._written.tokens = tokens
        self._reply_end = explained_end(self) + tail if self.request.explains else tail
        self._end("completed", reason)

    def cost(self, prompt_tokens: int, tokens: int) -> NanoDollars:
        """What the call costs with so many tokens, if all of them leave."""
        return self._books.cost_of(self._delivered(prompt_tokens, tokens))

    def _delivered(self, prompt_tokens: int, tokens: int) -> tuple[Delivered, ...]:
        if self.continuation is None:
            return (Delivered(self.legs, prompt_tokens, tokens),)
        return self.continuation.divided(prompt_tokens, tokens)

    def answer(self, body: bytes, *, reason: str, prompt_tokens: int, tokens: int, cost: NanoDollars) -> None:
        """A plain answer is whole."""
        self._attempt = None
        self.prompt_tokens = prompt_tokens
        self._ttft_ms = self._elapsed_ms()
        self._books.committed(prompt_tokens)
        if self.request.explains:
            body = explained_answer(self, body)
        self._reply.respond(200, self._headers(JSON_TYPE) + cost_header(cost), body)
        self._written.bytes, self._written.tokens = len(body), tokens
        self._end("completed", reason)

    def _end(self, state: CallState, reason: str) -> None:
        crash.point("after_last_token")
        if state == "completed":
            ttft_ms = self._ttft_ms if self.request.stream else None
            self._services.answered(self, ttft_ms=ttft_ms, duration_ms=self._elapsed_ms(), tokens=self.tokens_shown)
        self._state = state
        self._finish_reason = reason
        self._enter(ENDING, self._services.timers.settings.drain_s)
        self._services.after_flush(self)

    # --- ends without an answer ---------------------------------------------------------------------------------------

    def fail(self, error: Refusal, state: CallState = "failed") -> None:
        """End the call with an error, in whatever form the caller can still be told."""
        self.drop_attempt()
        if self.phase >= ENDING:
            return
        if self._head_sent:
            self._fail_in_band(error, state)
            return
        self._failure = error.code or error.kind
        self._settle(state)
        self._reply.respond(error.status, error_headers(error, f"req-{self.id:016x}"), error_body(error))

    def _fail_in_band(self, error: Refusal, state: CallState = "failed") -> None:
        self._failure = error.code or error.kind
        self._reply_end = self.envelope.error(error)
        self._end(state, "error")

    def caller_gone(self, *, reset: bool = False) -> None:
        """The caller hung up: stop everything upstream, charge what was written.

        After a `reset` what waited to be sent is lost, and nobody can say any more how much that was: what was seen to
        leave before counts.
        """
        if reset:
            self._written.lose_unsent()
        elif self.phase == ENDING:
            # A connection that closes after its one answer may tell of its end first: an answer that left is whole.
            self.flushed()
        if self.phase == CLOSED:
            return
        self.drop_attempt()
        self.target.health.breaker.released()
        if self.phase != ENDING:
            self._failure = "caller_gone"
        self._settle("cancelled")

    def break_off(self) -> None:
        """End without a word, not even to the books: what is open in them is settled at the next start."""
        self.phase = CLOSED
        self.drop_attempt()
        self._reply.abort()

    def drop_attempt(self) -> None:
        """Stop what runs upstream, if anything does."""
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.cancel()

    def pause(self) -> None:
        """The caller reads slowly."""
        if self._attempt is not None:
            self._attempt.pause()

    def resume(self) -> None:
        """The caller reads again."""
        if self._attempt is not None:
            self._attempt.resume()

    # --- time ---------------------------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Called ten times a second."""
        if self._waits_until and self._attempt is None:
            self._services.room.look()
        if now - self._heard_at >= self._waits_s or now >= self._expires:
            self._expired(now)
        elif self.phase == ENDING:
            self.flushed()
        elif self.request.stream:
            self.flushed()
            if self.phase == CLOSED:
                return
            if self.continuation is not None and not self.continuation.look_again():
                self._give_up()
            elif self.phase == COMMITTED and now >= self._judged_at:
                self._judge_speed(now)
            self._keep_alive(now)

    def _judge_speed(self, now: float) -> None:
        """Before a target has written much: whether it came fast enough, or else nobody else can go on."""
        before = 0 if self.continuation is None else self.continuation.before
        timers = self._services.timers.settings
        if self.tokens_shown - before >= timers.crawl_tokens:
            self._judged_at = inf
        elif can_be_left(self, self._services):
            self.drop_attempt()
            self.attempt_failed(TOO_SLOW)
        else:
            self._judged_at = now + timers.crawl_s

    def _keep_alive(self, now: float) -> None:
        if now - self._wrote_at >= self._services.timers.settings.heartbeat_s:
            self._ping(now)

    def _ping(self, now: float) -> None:
        if not self._head_sent:
            self._send_head()
        self._wrote_at = now
        self._reply.send(PING)

    def _expired(self, now: float) -> None:
        if self.phase == ENDING:
            self._settle("cancelled")
            self._reply.abort()
            return
        if now >= self._expires:
            message = f"The call took longer than {self._services.timers.settings.call_s:.0f} s."
            self.fail(Refusal(504, message, kind="timeout_error", code="call_timeout"), "expired")
            return
        if self._attempt is None and self.continuation is None:
            self.fail(all_busy(self.request.model, BUSY_RETRY_S))
            return
        self.drop_attempt()
        late = self.phase == CONNECTING and isinstance(self.target, NodeTarget)
        self.attempt_failed(Failure(Fault.ILL, *(_NOT_ACCEPTED if late else _EXPIRED[self.phase]), 504))

    def flushed(self) -> None:
        """Some time after a write: what has left is put on the board; an answer that has left whole is settled."""
        if self.phase == CLOSED or (self.phase != ENDING and self._written.is_out):
            return
        unsent = self._measure()
        before = 0 if self.continuation is None else self.continuation.before
        written = self._written
        self._books.progress(max(0, written.tokens_out - before), written.bytes_out)
        if self.phase == ENDING:
            if unsent <= 0:
                self._finish()
        elif self._is_slow(unsent):
            self._drop_slow_caller()

    def _measure(self) -> int:
        """Bring up to date what has left; returns the bytes that have not."""
        unsent = self._reply.unsent()
        self._written.look(unsent)
        return unsent

    def _is_slow(self, unsent: int) -> bool:
        most = self._services.timers.settings.slow_caller_bytes
        return unsent > most and unsent > most + self._reply.may_lag()

    def _drop_slow_caller(self) -> None:
        self.drop_attempt()
        self._failure = "caller_too_slow"
        self._settle("cancelled")
        self._reply.abort()

    def _finish(self) -> None:
        self._settle(self._state)
        if self.request.stream:
            if self._reply_end:
                self._reply.send(self._reply_end)
            self._reply.end()

    def _settle(self, state: CallState) -> None:
        """Close the books on what has left this process."""
        self.phase = CLOSED
        self._watch.remove(self)
        self._measure()
        crash.point("before_settle")
        delivered: tuple[Delivered, ...] = ()
        if self._written.bytes_out:
            delivered = self._delivered(self.prompt_tokens or self.prompt_estimate, self._written.tokens_out)
        outcome = Outcome(
            state=state,
            delivered=delivered,
            finish_reason=self._finish_reason,
            error=self._failure,
            source=self.source,
            ttft_ms=self._ttft_ms,
            duration_ms=self._elapsed_ms(),
        )
        self._books.settle(outcome)
        self._reply.settled(outcome)
        if delivered:
            self._tell_earners()
        self._services.room.look()

    def _tell_earners(self) -> None:
        if isinstance(self.target, NodeTarget):
            self._services.earned(self.target)
        if self.continuation is not None:
            for target in self.continuation.served:
                self._services.earned(target)

    def _elapsed_ms(self) -> int:
        return round((self._services.clock.now() - self._started) * 1000)
