"""A retry that meets another process of this relay than the one that runs its call.

It is answered all the same: the process that runs the call attaches a caller to it, as for a retry of its own, and
sends on what that caller gets; the process that was asked writes it to the retry's connection, and says how much has
left, since a caller is billed for no more than that.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Awaitable, Callable, Coroutine
from itertools import count
from typing import Any, Final

import msgspec

from relay.cluster.mesh import Mesh, Peer
from relay.completions.ids import maker_of
from relay.completions.phase import CLOSED, COMMITTED, ENDING
from relay.completions.refusal import Refusal
from relay.completions.repeats.claims import OPEN, Taken
from relay.completions.repeats.flight import Attached, Flight
from relay.completions.reply import Reply
from relay.completions.running import Running
from relay.completions.watch import Watch
from relay.ledger.calls import Outcome
from relay.ledger.entries import CallId

CHANNEL: Final = 2
TOPIC: Final = "claim"
ASK_S: Final = 5.0
"""How long the other process may take to say whether it runs the call: it may have to write down first that it did."""


class Found(enum.Enum):
    """What the process that made a call's id says of the call."""

    JOINED = b"joined"
    """It runs, and its answer comes."""

    LATE = b"late"
    """It runs, and takes on nobody else."""

    GONE = b"gone"
    """It has ended, and whatever became of it is in the database."""


class _Begin(msgspec.Struct, frozen=True, array_like=True, tag="begin"):
    number: int
    status: int
    headers: bytes


class _Piece(msgspec.Struct, frozen=True, array_like=True, tag="piece"):
    number: int
    data: bytes


class _Whole(msgspec.Struct, frozen=True, array_like=True, tag="whole"):
    number: int
    status: int
    headers: bytes
    body: bytes


class _End(msgspec.Struct, frozen=True, array_like=True, tag="end"):
    number: int
    well: bool


class _Left(msgspec.Struct, frozen=True, array_like=True, tag="left"):
    """So many bytes have left for the caller, in all."""

    number: int
    size: int


class _Pace(msgspec.Struct, frozen=True, array_like=True, tag="pace"):
    number: int
    paused: bool


class _Hangup(msgspec.Struct, frozen=True, array_like=True, tag="hangup"):
    number: int


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Begin | _Piece | _Whole | _End | _Left | _Pace | _Hangup).decode

Look = Callable[[bytes, bytes], Awaitable[tuple[Found, Flight | None]]]
"""The flight of a key's hash, for a body's hash, if it runs here and takes on another caller."""


class Elsewhere:
    """Belongs to the event loop's thread. Numbers name the callers that are answered through another process."""

    def __init__(self, mesh: Mesh, tasks: asyncio.TaskGroup, *, joined: bytes) -> None:
        """`joined` are header lines for callers who attach to a call of another process."""
        self._mesh = mesh
        self._tasks = tasks
        self._joined = joined
        self._numbers = count(1)
        self._calls: dict[int, FarCall] = {}
        self._callers: dict[tuple[Peer, int], FarCaller] = {}
        self.look: Look
        mesh.channels[CHANNEL] = self._heard
        mesh.partings.append(self._parted)
        mesh.answering[TOPIC] = self._asked

    def is_mine(self, call: CallId) -> bool:
        """Whether this process made the call's id, in this life or one before."""
        return maker_of(call) == self._mesh.number

    def may_run(self, taken: Taken) -> bool:
        """Whether another process may be running the call that has the key."""
        return taken.fate == OPEN and taken.same_body and not self.is_mine(taken.call)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.create_task(work)

    async def join(self, call: CallId, scope: bytes, body: bytes, *, flight: Flight, watch: Watch) -> Found | None:
        """Have `flight` answered by the call of another process; None if that does not say what became of it.

        A process that there is not any more has left everything in the database.
        """
        worker = maker_of(call)
        if worker >= self._mesh.size:
            return Found.GONE
        peer = self._mesh.peer(worker)
        if peer is None:
            return None
        number = next(self._numbers)
        far = self._calls[number] = FarCall(self, peer, number, flight=flight, watch=watch)
        flight.run(far)
        answer = await self._mesh.ask(worker, TOPIC, _encode((number, scope, body)), within_s=ASK_S)
        if far.is_joined:  # what the caller gets came before the word
            return Found.JOINED
        found = None if answer is None or far.is_lost else Found(answer)
        if found is not Found.JOINED:
            far.forget()
        far.is_joined = True
        return found

    def forget(self, number: int) -> None:
        self._calls.pop(number, None)

    def left(self, peer: Peer, number: int) -> None:
        self._callers.pop((peer, number), None)

    # --- what the other processes say -------------------------------------------------------------------------------

    async def _asked(self, worker: int, question: bytes) -> bytes | None:
        number, scope, body = msgspec.msgpack.decode(question, type=tuple[int, bytes, bytes])
        found, flight = await self.look(scope, body)
        peer = self._mesh.peer(worker)
        if flight is not None and peer is not None:
            caller = self._callers[peer, number] = FarCaller(self, peer, number)
            caller.attached = flight.attach(caller, self._joined)
        return found.value

    def _heard(self, peer: Peer, payload: bytes) -> None:
        message = _decode(payload)
        if isinstance(message, _Left | _Pace | _Hangup):
            if (caller := self._callers.get((peer, message.number))) is not None:
                caller.hear(message)
        elif (call := self._calls.get(message.number)) is not None:
            call.hear(message)
        elif not isinstance(message, _End):  # that process was slow to take the caller on, who is gone
            peer.send(CHANNEL, _encode(_Hangup(message.number)))

    def _parted(self, peer: Peer) -> None:
        for caller in [each for (at, _), each in self._callers.items() if at is peer]:
            caller.lost()
        for call in [each for each in self._calls.values() if each.peer is peer]:
            call.break_off()


class FarCaller(Reply):
    """At the call: a caller whose connection another process holds."""

    attached: Attached

    def __init__(self, elsewhere: Elsewhere, peer: Peer, number: int) -> None:
        self._elsewhere = elsewhere
        self._peer = peer
        self._number = number
        self._written = 0
        self._left = 0
        self._whole = False
        self._ended = False

    def hear(self, message: _Left | _Pace | _Hangup) -> None:
        match message:
            case _Left(size=size):
                self._left = size
                self.attached.flushed()
                if self._whole and size == self._written:
                    self._elsewhere.left(self._peer, self._number)
            case _Pace(paused=True):
                self.attached.pause()
            case _Pace():
                self.attached.resume()
            case _Hangup():
                self._elsewhere.left(self._peer, self._number)
                self.attached.caller_gone()

    def lost(self) -> None:
        """The other process is gone: of what waited there nobody knows."""
        self._elsewhere.left(self._peer, self._number)
        self.attached.caller_gone(reset=True)

    # --- Reply ------------------------------------------------------------------------------------------------------

    def respond(self, status: int, headers: bytes, body: bytes) -> None:
        self._written += len(body)
        self._whole = True
        self._send(_Whole(self._number, status, headers, body))

    def begin(self, status: int, headers: bytes) -> None:
        self._send(_Begin(self._number, status, headers))

    def send(self, data: bytes) -> None:
        self._written += len(data)
        self._send(_Piece(self._number, data))

    def end(self) -> None:
        self._ended = True
        self._send(_End(self._number, well=True))
        self._elsewhere.left(self._peer, self._number)

    def abort(self) -> None:
        self._send(_End(self._number, well=False))
        self._elsewhere.left(self._peer, self._number)

    def unsent(self) -> int:
        """After the end the rest is the other process's business."""
        return 0 if self._ended else self._written - self._left

    def _send(self, message: msgspec.Struct) -> None:
        self._peer.send(CHANNEL, _encode(message))


class FarCall(Running):
    """At the caller's connection: the call of another process that answers it."""

    def __init__(self, elsewhere: Elsewhere, peer: Peer, number: int, *, flight: Flight, watch: Watch) -> None:
        self.peer = peer
        self.is_joined = False
        """Whether the other process has answered, by its word or by what the caller gets."""
        self.is_lost = False
        """Whether it was gone before that: whoever asked says so to the caller."""
        self._elsewhere = elsewhere
        self._number = number
        self._flight = flight
        self._watch = watch
        self._written = 0
        self._left = 0
        self._whole = False
        watch.add(self)

    def hear(self, message: _Begin | _Piece | _Whole | _End) -> None:
        self.is_joined = True
        match message:
            case _Begin(status=status, headers=headers):
                self.phase = COMMITTED
                self._flight.begin(status, headers)
            case _Piece(data=data):
                self._written += len(data)
                self._flight.send(data)
                self.look()
            case _Whole(status=status, headers=headers, body=body):
                self.phase = ENDING
                self._whole = True
                self._written += len(body)
                self._flight.respond(status, headers, body)
                self.look()
            case _End(well=well):
                self.forget()
                if well:
                    self._flight.end()
                else:
                    self._flight.abort()

    def look(self) -> None:
        """Say how much has left for the caller, if it is more than was said."""
        left = self._written - max(self._flight.unsent(), 0)
        if left > self._left:
            self._left = left
            self._send(_Left(self._number, left))
        if self._whole and left == self._written:
            self.forget()
            self._flight.settled(Outcome(state="completed"))

    def forget(self) -> None:
        """Nothing more comes of it."""
        self.phase = CLOSED
        self._watch.remove(self)
        self._elsewhere.forget(self._number)

    def _send(self, message: msgspec.Struct) -> None:
        self.peer.send(CHANNEL, _encode(message))

    # --- Running ----------------------------------------------------------------------------------------------------

    def caller_gone(self, *, reset: bool = False) -> None:
        if self.phase != CLOSED:
            if not reset:
                self.look()
            self._send(_Hangup(self._number))
            self.forget()
            self._flight.settled(Outcome(state="cancelled"))

    def flushed(self) -> None:
        if self.phase != CLOSED:
            self.look()

    def pause(self) -> None:
        self._send(_Pace(self._number, paused=True))

    def resume(self) -> None:
        self._send(_Pace(self._number, paused=False))

    # --- Watched ----------------------------------------------------------------------------------------------------

    def tick(self, _now: float) -> None:
        self.look()

    def fail(self, _error: Refusal) -> None:
        """The relay is going, and the process that runs the call with it: that one says what there is to say."""

    def break_off(self) -> None:
        """The other process is gone, or something is wrong."""
        self.forget()
        if self.is_joined:
            self._flight.abort()
        else:
            self.is_lost = True
