"""A flight with callers who come, go and read slowly, by seed: what each receives, and what the call is told of it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from relay.completions.envelope import DONE, PING
from relay.completions.phase import CLOSED, ENDING
from relay.completions.repeats.flight import Attached, Flight
from relay.completions.repeats.room import Room
from relay.completions.reply import Reply
from relay.completions.running import Running
from relay.completions.watch import Watch
from relay.ledger.calls import Outcome
from relay.settings import TimerSettings

HEAD = b"x-request-id: 1\r\n"


class Loop:
    """Time by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self._next: list[object] = []

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, callback: object, /) -> object:
        self._next.append(callback)
        return delay

    def advance(self, seconds: float) -> None:
        self.now += seconds
        ready, self._next = self._next, []
        for callback in ready:
            assert callable(callback)
            callback()


@dataclass
class Caller(Reply):
    """What one caller has been given, and how much of it they have not read."""

    head: bytes = b""
    data: bytes = b""
    waiting: int = 0
    ended: bool = False
    aborted: bool = False
    hung_up: bool = False
    place: Attached | None = None

    def respond(self, status: int, headers: bytes, body: bytes) -> None:
        assert not self.over
        self.head, self.data, self.ended = b"%d " % status + headers, body, True
        self.waiting += len(body)

    def begin(self, status: int, headers: bytes) -> None:
        assert not self.head
        self.head = b"%d " % status + headers

    def send(self, data: bytes) -> None:
        assert self.head
        assert not self.over
        self.data += data
        self.waiting += len(data)

    def end(self) -> None:
        assert not self.over
        self.ended = True

    def abort(self) -> None:
        self.aborted = True

    def unsent(self) -> int:
        return self.waiting

    @property
    def over(self) -> bool:
        return self.ended or self.aborted or self.hung_up


@dataclass
class FakeCall(Running):
    """The call: what its side was told."""

    paused: bool = False
    gone: bool = False
    looks: int = 0

    def caller_gone(self, *, reset: bool = False) -> None:
        self.gone = True
        self.phase = CLOSED

    def flushed(self) -> None:
        self.looks += 1

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False


@dataclass
class Scene:
    """A flight under way."""

    linger_s: float = 10.0
    keep_bytes: int = 10_000
    loop: Loop = field(default_factory=Loop)
    over: list[Flight] = field(default_factory=list)
    call: FakeCall = field(default_factory=FakeCall)
    kept: bytes = b""
    written: bytes = b""
    room: Room = field(default_factory=lambda: Room(1_000_000))

    def __post_init__(self) -> None:
        self.watch = Watch(self.loop)
        self.flight = Flight(
            self.watch,
            call_id=1,
            keep_bytes=self.keep_bytes,
            room=self.room,
            timers=TimerSettings(slow_caller_bytes=500, drain_s=60),
            linger_s=self.linger_s,
            over=self._end,
        )

    def _end(self, flight: Flight) -> None:
        self.over.append(flight)
        self.kept = flight.answer

    def caller(self) -> Caller:
        made = Caller()
        made.place = self.flight.attach(made)
        return made

    def begin(self) -> None:
        self.flight.run(self.call)
        self.flight.begin(200, HEAD)

    def write(self, data: bytes) -> None:
        self.written += data
        self.flight.send(data)

    def joinable(self) -> bool:
        return self.flight.joinable

    def hung_up(self) -> bool:
        """On the target."""
        return self.call.gone

    def slowed(self) -> bool:
        """The target."""
        return self.call.paused

    def hang_up(self, caller: Caller, *, reset: bool = False) -> None:
        caller.hung_up = True
        assert caller.place is not None
        caller.place.caller_gone(reset=reset)


@pytest.mark.parametrize("seed", range(60))
def test_whoever_stays_gets_all_of_it_whenever_they_came(seed: int) -> None:
    chance, scene = random.Random(seed), Scene()
    callers = [scene.caller()]
    scene.begin()
    for number in range(chance.randrange(40)):
        act = chance.randrange(6)
        here = [each for each in callers if not each.over]
        if act == 0:
            callers.append(scene.caller())
        elif act == 1 and here:
            scene.hang_up(chance.choice(here), reset=chance.random() < 0.5)
        elif act == 2:
            for each in here:
                each.waiting = chance.choice([0, each.waiting])
            scene.flight.look()
        elif act == 3:
            scene.flight.send(PING)
        else:
            scene.write(b"data: %d\n\n" % number)
        furthest = max((len(scene.written) - each.waiting for each in callers if not each.over), default=0)
        assert len(scene.written) - scene.flight.unsent() >= furthest
        assert scene.flight.unsent() >= 0
    scene.flight.settled(Outcome(state="completed"))
    scene.write(DONE)
    scene.flight.end()

    stayed = [each for each in callers if not each.hung_up]
    assert all(each.data.replace(PING, b"") == scene.written and each.ended for each in stayed)
    assert all(scene.written.startswith(each.data.replace(PING, b"")) for each in callers)
    assert scene.over == [scene.flight]
    assert scene.kept == scene.written
    assert scene.room.bytes == 0
    assert all(each.place is not None and each.place.phase == CLOSED for each in callers)


def test_without_callers_it_goes_on_for_a_while_and_then_hangs_up_as_the_last_of_them() -> None:
    scene = Scene()
    caller = scene.caller()
    scene.begin()
    scene.write(b"x" * 100)
    caller.waiting = 30
    scene.hang_up(caller)
    scene.write(b"y" * 50)

    assert scene.flight.unsent() == 80
    assert len(scene.watch) == 1
    scene.loop.advance(9.9)
    assert not scene.hung_up()
    scene.loop.advance(0.2)
    assert scene.hung_up()
    assert len(scene.watch) == 0


def test_a_retry_within_that_time_keeps_it_alive() -> None:
    scene = Scene()
    scene.hang_up(first := scene.caller())
    scene.flight.run(scene.call)
    scene.flight.begin(200, HEAD)
    scene.write(b"all of it")
    retry = scene.caller()
    scene.loop.advance(60)

    assert (first.data, retry.data) == (b"", b"all of it")
    assert not scene.hung_up()
    assert len(scene.watch) == 0


def test_one_that_does_not_linger_ends_with_its_last_caller() -> None:
    scene = Scene(linger_s=0.0)
    callers = [scene.caller(), scene.caller()]
    scene.begin()
    scene.hang_up(callers[0])
    assert not scene.hung_up()
    scene.hang_up(callers[1])

    assert scene.hung_up()


def test_after_a_reset_only_what_was_seen_to_leave_has_left() -> None:
    scene = Scene()
    caller = scene.caller()
    scene.begin()
    scene.write(b"x" * 100)
    caller.waiting = 40
    scene.flight.look()
    caller.waiting = 0
    scene.hang_up(caller, reset=True)

    assert scene.flight.unsent() == 40


def test_who_is_slow_is_put_out_unless_alone_or_late() -> None:
    scene = Scene()
    slow, quick = scene.caller(), scene.caller()
    scene.begin()
    scene.write(b"x" * 501)
    quick.waiting = 0
    late = scene.caller()
    quick.waiting = 0
    scene.write(b"y")
    assert slow.aborted
    assert not late.aborted
    quick.waiting = 0
    scene.hang_up(quick)
    scene.write(b"z" * 1000)

    assert not late.aborted  # whether somebody alone is too slow is the call's to say
    assert scene.flight.may_lag() == 501
    late.waiting = 0
    scene.flight.look()
    assert scene.flight.may_lag() == 0


def test_only_a_caller_who_is_alone_slows_down_the_target() -> None:
    scene = Scene()
    first = scene.caller()
    scene.begin()
    assert first.place is not None
    first.place.pause()
    assert scene.slowed()
    second = scene.caller()
    assert not scene.slowed()
    scene.hang_up(second)
    assert scene.slowed()
    first.place.resume()
    assert not scene.slowed()
    first.place.pause()
    scene.hang_up(first)
    assert not scene.slowed()  # so that it can go on without anybody


def test_an_answer_too_long_to_be_kept_goes_on_for_those_who_are_there() -> None:
    scene = Scene(keep_bytes=100)
    caller = scene.caller()
    scene.begin()
    scene.write(b"x" * 90)
    assert scene.joinable()
    scene.write(b"y" * 90)

    assert not scene.joinable()
    assert scene.flight.answer == b""
    assert len(caller.data) == 180


def test_answers_in_the_making_share_a_room_and_give_it_back() -> None:
    room = Room(100)
    scenes = [Scene(room=room), Scene(room=room)]
    for scene in scenes:
        scene.caller()
        scene.begin()
        scene.write(b"x" * 60)
    assert [scene.joinable() for scene in scenes] == [True, False]
    assert room.bytes == 60
    for scene in scenes:
        scene.flight.settled(Outcome(state="completed"))
        scene.flight.end()

    assert [scene.kept for scene in scenes] == [b"x" * 60, b""]
    assert room.bytes == 0


def test_a_plain_answer_that_nobody_heard_waits_to_be_asked_for() -> None:
    scene = Scene()
    scene.hang_up(scene.caller())
    scene.flight.run(scene.call)
    scene.flight.respond(200, HEAD, b"the answer")
    scene.call.phase = ENDING

    assert scene.flight.unsent() == 10
    retry = scene.caller()
    assert (retry.head, retry.data) == (b"200 " + HEAD, b"the answer")
    retry.waiting = 0
    assert scene.flight.unsent() == 0


def test_last_bytes_that_nobody_reads_do_not_stay_for_ever() -> None:
    scene = Scene()
    caller = scene.caller()
    scene.begin()
    scene.write(b"x" * 100)
    scene.flight.settled(Outcome(state="completed"))
    scene.flight.end()
    for _ in range(2):
        scene.loop.advance(59)
        assert not caller.aborted or caller.waiting
    scene.loop.advance(2)

    assert caller.aborted
    assert len(scene.watch) == 0
