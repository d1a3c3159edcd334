"""One running call and everybody who waits for its answer.

To the call a flight is the caller's side, a `Reply`; to each caller's edge it is what runs, an `Attached`. What the
call writes goes to all; who comes late gets what was written so far, first. The call is told the truth about what has
left: as much as reached the one who is furthest.
"""

from __future__ import annotations

from collections.abc import Callable

from relay.completions.envelope import PING
from relay.completions.phase import CLOSED, COMMITTED, ENDING
from relay.completions.refusal import Refusal
from relay.completions.repeats.drain import drain
from relay.completions.repeats.kept import KeptAnswer
from relay.completions.repeats.room import Room
from relay.completions.reply import Reply
from relay.completions.running import Running
from relay.completions.watch import Watch
from relay.ledger.calls import Outcome
from relay.settings import TimerSettings


class Attached(Running):
    """One caller's place in a flight."""

    def __init__(self, flight: Flight, reply: Reply, extra: bytes) -> None:
        """`extra` are header lines for this caller alone."""
        self.reply = reply
        self.extra = extra
        self.paused = False
        self.gone = False
        self.missed = 0
        """Bytes this caller got at once, being late: who has so much to read is not yet slow."""
        self.left = 0
        """Bytes of the flight's answer that were seen to leave for this caller, at least."""
        self._flight = flight

    def may_lag(self) -> int:
        """Bytes that may be unsent before this caller is slow."""
        return self.missed + self.reply.may_lag()

    def caller_gone(self, *, reset: bool = False) -> None:
        if self.phase != CLOSED:
            self._flight.leave(self, reset=reset)

    def flushed(self) -> None:
        if self.phase != CLOSED:
            self._flight.look()

    def pause(self) -> None:
        self.paused = True
        self._flight.pace()

    def resume(self) -> None:
        self.paused = False
        self._flight.pace()


class Flight(Reply):
    """See the module. Belongs to the event loop's thread."""

    def __init__(
        self,
        watch: Watch,
        *,
        call_id: int,
        keep_bytes: int,
        room: Room,
        timers: TimerSettings,
        linger_s: float,
        over: Callable[[Flight], None],
    ) -> None:
        """`over` is called once, when nobody can attach any more; `answer` is then whole, or empty if there is none.

        Of the answer at most `keep_bytes` are kept, if there is `room`; one that grows beyond that takes on nobody
        else. Without a caller the call goes on for `linger_s`.
        """
        self.call_id = call_id
        self.status = 0
        self.head = b""
        self.plain = False
        self.outcome: Outcome | None = None
        self.joinable = True
        self._attached: list[Attached] = []
        self._pieces: list[bytes] = []
        self._written = 0
        self._left = 0
        self._running: Running | None = None
        self._paused = False
        self._ends_at = 0.0
        self._watch = watch
        self._keep_bytes = keep_bytes
        self._room = room
        self._timers = timers
        self._linger_s = linger_s
        self._over: Callable[[Flight], None] | None = over

    @property
    def answer(self) -> bytes:
        """Everything written, if all of it was kept."""
        return b"".join(self._pieces)

    @property
    def written(self) -> int:
        """Bytes of the answer so far, kept or not."""
        return self._written

    @property
    def callers(self) -> int:
        return len(self._attached)

    def run(self, running: Running) -> None:
        """What answers: the call, or a place in another flight. It may have ended already."""
        self._running = running
        self.pace()
        if not self._attached and self._over is not None:  # the only caller left while the call was being started
            self._without_callers()

    # --- callers ----------------------------------------------------------------------------------------------------

    def attach(self, reply: Reply, extra: bytes = b"") -> Attached:
        """Another caller; what was written so far is theirs at once. Ask `joinable` first."""
        attached = Attached(self, reply, extra)
        self._admit(attached)
        return attached

    def _admit(self, attached: Attached) -> None:
        reply = attached.reply
        self._attached.append(attached)
        if self._ends_at:
            self._ends_at = 0.0
            self._watch.remove(self)
        if self.plain:
            attached.phase = ENDING
            reply.respond(self.status, self.head_for(attached), self.answer)
        elif self.head:
            attached.phase = COMMITTED
            reply.begin(self.status, self.head_for(attached))
            if self._pieces:
                missed = self.so_far()
                attached.missed = len(missed)
                reply.send(missed)
        self.pace()

    def head_for(self, attached: Attached) -> bytes:
        """The header lines of the answer, as this caller gets them."""
        return self.head + attached.extra

    def replay(self, answer: KeptAnswer, extra: bytes) -> None:
        """Everybody gets an answer that was given before; `extra` are header lines for all of them."""
        for attached in self._attached:
            attached.extra = b""
        answer.tell(self, extra)
        for attached in self._attached:
            drain(self._watch, attached.reply, within_s=self._timers.drain_s)
        self._finish()

    def so_far(self) -> bytes:
        """What a caller who attaches now has missed."""
        return self.answer

    def leave(self, attached: Attached, *, reset: bool) -> None:
        """A caller is gone. After a `reset` only what was seen to leave before has reached them."""
        if not reset:
            self.left_of(attached)
        attached.gone = True
        self.leaving(attached)
        if attached.phase == CLOSED:  # the call came to its end just now
            return
        self._left = max(self._left, attached.left)
        attached.phase = CLOSED
        self._attached.remove(attached)
        if self._attached:
            self.pace()
        elif self._over is not None:
            self._without_callers()

    def leaving(self, attached: Attached) -> None:
        """A caller is gone and still on the list; for flights whose callers pay for themselves."""

    def _without_callers(self) -> None:
        running = self._running
        if running is None:
            return
        if running.phase == ENDING:  # the answer may have reached the last one whole
            running.flushed()
        if running.phase == CLOSED:
            return
        if not self._linger_s:
            running.caller_gone(reset=False)  # what has left is known here: see `unsent`
            return
        self.pace()
        self._ends_at = self._watch.now + self._linger_s
        self._watch.add(self)

    def look(self) -> None:
        """Something may have left: note how much, before a hang-up makes it unknowable."""
        for attached in self._attached:
            self.left_of(attached)
        if self._running is not None:
            self._running.flushed()

    def left_of(self, attached: Attached) -> int:
        """Bytes of the answer that have left for one caller, as far as was ever seen."""
        if not attached.gone:
            unsent = max(attached.reply.unsent(), 0)
            attached.left = max(attached.left, self._written - unsent)
            if not unsent:
                attached.missed = 0
        return attached.left

    def pace(self) -> None:
        """Only a caller who is alone may slow down the target."""
        attached = self._attached
        paused = len(attached) == 1 and attached[0].paused
        if paused != self._paused and self._running is not None:
            self._paused = paused
            if paused:
                self._running.pause()
            else:
                self._running.resume()

    # --- Watched, while nobody is attached ----------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        if now >= self._ends_at:
            self._watch.remove(self)
            if self._running is not None:
                self._running.caller_gone(reset=False)

    def fail(self, error: Refusal) -> None:
        """Nothing: the call itself is told."""

    def break_off(self) -> None:
        self.abort()

    # --- Reply --------------------------------------------------------------------------------------------------------

    def respond(self, status: int, headers: bytes, body: bytes) -> None:
        self.status, self.head = status, headers
        self.plain = True
        self._keep(body)
        for attached in tuple(self._attached):
            attached.phase = ENDING
            attached.reply.respond(status, self.head_for(attached), body)
        if status != 200:
            self._finish()

    def begin(self, status: int, headers: bytes) -> None:
        self.status, self.head = status, headers
        for attached in tuple(self._attached):
            attached.phase = COMMITTED
            attached.reply.begin(status, self.head_for(attached))

    def send(self, data: bytes) -> None:
        if data != PING:
            self._keep(data)
        several = len(self._attached) > 1
        for attached in tuple(self._attached):
            attached.reply.send(data)
            if several and attached.reply.unsent() > self._timers.slow_caller_bytes + attached.may_lag():
                self._put_out(attached)

    def _keep(self, data: bytes) -> None:
        self._written += len(data)
        if self.joinable:
            self._pieces.append(data)
            if not self._room.take(len(data)) or self._written > self._keep_bytes:
                self.joinable = False
                self._let_go()

    def _let_go(self) -> None:
        self._room.give_back(sum(len(piece) for piece in self._pieces))
        self._pieces.clear()

    def _put_out(self, attached: Attached) -> None:
        """Too slow, and not alone: the others must not wait, nor the memory fill."""
        self.leave(attached, reset=False)
        attached.reply.abort()

    def end(self) -> None:
        for attached in tuple(self._attached):
            attached.phase = CLOSED
            attached.reply.end()
            drain(self._watch, attached.reply, within_s=self._timers.drain_s)
        self._finish()

    def abort(self) -> None:
        for attached in tuple(self._attached):
            attached.phase = CLOSED
            attached.reply.abort()
        self._finish()

    def may_lag(self) -> int:
        return min((attached.may_lag() for attached in self._attached), default=self._keep_bytes)

    def unsent(self) -> int:
        """Of the one who is furthest; of nobody, if nobody is attached: then what left before is all that left."""
        missing = self._written - self._left
        for attached in self._attached:
            missing = min(missing, self._written - attached.left if attached.gone else attached.reply.unsent())
        return missing

    def settled(self, outcome: Outcome) -> None:
        self.outcome = outcome
        if outcome.state == "cancelled" or (self.plain and self.status == 200):
            self._finish()

    def _finish(self) -> None:
        """Nothing more comes of this call but perhaps an `abort`."""
        over, self._over = self._over, None
        if over is None:
            return
        if self._ends_at:
            self._ends_at = 0.0
            self._watch.remove(self)
        for attached in self._attached:
            attached.phase = CLOSED
        over(self)
        self._let_go()
