"""Identical calls at once: one of them runs, and each caller pays for a part of it."""

from __future__ import annotations

from collections.abc import Callable

from relay.completions.call import Call
from relay.completions.phase import CLOSED
from relay.completions.refusal import Refusal, no_credit, no_ledger
from relay.completions.repeats.answer import NotUnderstood, merged
from relay.completions.repeats.flight import Attached, Flight
from relay.completions.repeats.payers import Payer, SharedBooks
from relay.completions.repeats.question import Question
from relay.completions.repeats.room import Room
from relay.completions.reply import Reply
from relay.completions.request import BYTES_PER_TOKEN, CallRequest
from relay.completions.watch import Watch
from relay.ledger.books import CallBooks
from relay.ledger.calls import Admission, Outcome
from relay.ledger.entries import CallId
from relay.ledger.errors import InsufficientCredit, LedgerUnavailable
from relay.ledger.service import Ledger
from relay.settings import TimerSettings


class Rider(Attached):
    """A caller with a question of their own, who pays for a part of the answer."""

    question: Question
    call_id: CallId
    payer: Payer | None = None
    reason = "caller_gone"


class SharedFlight(Flight):
    """A flight whose callers each have a call in the books. It begins when `start` is called, not before."""

    def __init__(
        self,
        watch: Watch,
        ledger: Ledger,
        *,
        now_ms: Callable[[], int],
        keep_bytes: int,
        room: Room,
        timers: TimerSettings,
        over: Callable[[Flight], None],
        traced: Callable[[CallId, CallRequest], None] | None = None,
    ) -> None:
        """`traced` is told of each caller that goes with the first one."""
        super().__init__(watch, call_id=0, keep_bytes=keep_bytes, room=room, timers=timers, linger_s=0.0, over=over)
        self._ledger = ledger
        self._now_ms = now_ms
        self._traced = traced
        self.question: Question | None = None
        """The one that was asked of a target."""
        self._books: SharedBooks | None = None
        self._last: Rider | None = None

    @property
    def exact(self) -> bool:
        """Whether the answer is the one that a single target would have given: it never changed hands, or unnoticed."""
        call = self._running
        return not isinstance(call, Call) or call.continuation is None or call.continuation.exact

    def riders(self) -> list[Rider]:
        return [each for each in self._attached if isinstance(each, Rider)]

    def board(self, question: Question, reply: Reply, call_id: CallId, extra: bytes) -> Rider:
        """Another caller. Raises Refusal if they cannot pay, LedgerUnavailable."""
        rider = Rider(self, reply, extra)
        rider.question, rider.call_id = question, call_id
        self._enter(rider)
        self._admit(rider)
        return rider

    def start(self) -> None:
        """Nobody has the answer: the oldest caller's call is made, and the others go with it if they can pay."""
        first, *others = self.riders()
        self.call_id, self.question = first.call_id, first.question
        running = first.question.begin(self)
        if running is None or self._over is None:
            return
        self.run(running)
        for rider in others:
            try:
                self._enter(rider)
            except (Refusal, LedgerUnavailable) as error:
                self.leave(rider, reset=True)
                rider.question.refuse(error if isinstance(error, Refusal) else no_ledger(error), rider.reply)

    def disband(self) -> list[Rider]:
        """Nothing runs: everybody is answered elsewhere."""
        riders = self.riders()
        self._attached.clear()
        self._finish()
        for rider in riders:
            rider.phase = CLOSED
        return riders

    def _enter(self, rider: Rider) -> None:
        """The rider's own hold, in full: whoever stays longest may have to pay for all that is still to come."""
        shared = self._books
        if shared is None:
            return
        first, identity = shared.admission, rider.question.identity
        admission = Admission(
            call=rider.call_id,
            organisation=identity.organisation,
            project=identity.project,
            key=identity.key,
            model=first.model,
            bound=first.bound,
            stream=first.stream,
            started_ms=self._now_ms(),
        )
        try:
            books = self._ledger.admit(admission)
        except InsufficientCredit as error:
            raise no_credit(error.needed, error.available) from error
        if self._traced is not None:
            self._traced(rider.call_id, rider.question.request)
        rider.payer = shared.join(books, lambda: self.left_of(rider))

    # --- what the call says -------------------------------------------------------------------------------------------

    def booked(self, books: CallBooks) -> CallBooks:
        first = self.riders()[0]
        estimate = len(first.question.request.raw) // BYTES_PER_TOKEN
        shared = self._books = SharedBooks(books, lambda: self.left_of(first), prompt_estimate=estimate)
        first.payer = shared.payers[0]
        return shared

    def head_for(self, attached: Attached) -> bytes:
        head = super().head_for(attached)
        if isinstance(attached, Rider) and attached.call_id != self.call_id:
            head = head.replace(b"-%016x\r\n" % self.call_id, b"-%016x\r\n" % attached.call_id)
        return head

    def so_far(self) -> bytes:
        try:
            return merged(self.answer)
        except NotUnderstood:
            return self.answer

    def settled(self, outcome: Outcome) -> None:
        super().settled(outcome)
        for rider in self.riders() or ([self._last] if self._last is not None else []):
            rider.reply.settled(outcome)

    # --- callers ------------------------------------------------------------------------------------------------------

    def leaving(self, attached: Attached) -> None:
        if not isinstance(attached, Rider):
            return
        self._last = attached
        if self.callers == 1 or self._books is None:
            return
        if self._running is not None:
            self._running.flushed()  # what has left until now is counted while the leaving one can be charged for it
        payer = attached.payer
        if payer is not None and payer in self._books.payers:
            lived_ms = max(self._now_ms() - self._books.admission.started_ms, 0)
            self._books.leave(payer, state="cancelled", error=attached.reason, duration_ms=lived_ms)
            attached.reply.settled(Outcome(state="cancelled", error=attached.reason))

    def _put_out(self, attached: Attached) -> None:
        if isinstance(attached, Rider):
            attached.reason = "caller_too_slow"
        super()._put_out(attached)
