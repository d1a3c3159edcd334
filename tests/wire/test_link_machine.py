"""Both sessions driven against each other, with messages on their way in both directions, in any order of events.

Two honest ends must never see a violation, whatever crosses on the way; what the relay hears of a leg is a prefix of
what the node said of it, with one end at most; and nothing is left when all legs are closed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from relay.wire.codec import Steps
from relay.wire.fields import INLINE_BODY
from relay.wire.frames import Accept, Bye, Cancel, Decline, Drain, Fail, Finish, LegId, Yield
from relay.wire.legs import TOMBSTONE_S
from relay.wire.session import BodyArrived, BodyWanted, CallOffered, State
from relay.wire.steps import StepRecord
from tests.wire.links import DIGEST, USAGE, Link, a_call, a_ready_link, text

SMALL, LARGE = b"{}", bytes(3 * INLINE_BODY)
MANY = 6
"""Calls before either side thinks of leaving."""
Event = TypeVar("Event")
picks = st.integers(0, 99)


def picked(legs: Iterable[LegId], pick: int) -> LegId:
    """One of them, later ones first as `pick` shrinks."""
    ordered = sorted(legs, reverse=True)
    return ordered[pick % len(ordered)]


class LinkMachine(RuleBasedStateMachine):
    """A link with a delay: each side's messages wait in a queue until a rule delivers them."""

    @initialize()
    def open(self) -> None:
        self.link: Link = a_ready_link()
        self.down: deque[bytes] = deque()
        self.up: deque[bytes] = deque()
        self.bodies: dict[LegId, bytes] = {}
        # As each side sees its legs.
        self.known: set[LegId] = set()
        self.whole: set[LegId] = set()
        self.accepted: set[LegId] = set()
        self.said: dict[LegId, list[StepRecord]] = {}
        self.heard: dict[LegId, list[StepRecord]] = {}
        self.ends: dict[LegId, str] = {}
        self.cancelled: set[LegId] = set()
        self._begin()

    def _begin(self) -> None:
        """Three small calls run already, and a large one is being sent."""
        for large in (False, False, False, True):
            self.offer(large=large)
        self.deliver_to_the_node(messages=4)
        for _ in range(4):
            self.accept(pick=0)
        self.deliver_to_the_relay(messages=4)

    # --- the relay acts

    @precondition(lambda self: self.link.relay.state is State.READY)
    @rule(large=st.booleans())
    def offer(self, large: bool) -> None:
        body = LARGE if large else SMALL
        leg, message = self.link.relay.offer(a_call(), body)
        self.bodies[leg] = body
        self.down.append(message)

    @rule(parts=st.integers(1, 4))
    def send_parts(self, parts: int) -> None:
        for part in islice(iter(self.link.relay.next_part, None), parts):
            assert part.leg not in self.cancelled
            self.down.append(part.message)

    @precondition(lambda self: len(self.bodies) > 2)
    @rule(pick=picks)
    def cancel(self, pick: int) -> None:
        leg = picked(self.bodies, pick)
        message = self.link.relay.cancel(leg, self.link.now)
        assert bool(message) == (leg not in self.ends and leg not in self.cancelled)
        if message:
            self.cancelled.add(leg)
            self.down.append(message)

    @precondition(lambda self: self.link.relay.state is State.READY and len(self.bodies) > MANY)
    @rule()
    def say_bye(self) -> None:
        self.down.append(self.link.relay.bye())

    # --- the node acts

    def _say(self, message: bytes) -> None:
        if message:
            self.up.append(message)

    def unanswered(self) -> set[LegId]:
        """Offers the node may accept now: of a large one the header, or the prompt once its body is there."""
        return {leg for leg in self.known - self.accepted if leg in self.whole or leg not in self.said}

    @precondition(lambda self: self.unanswered())
    @rule(pick=picks)
    def accept(self, pick: int) -> None:
        leg = picked(self.unanswered(), pick)
        self.said[leg] = []
        if leg in self.whole:
            self.accepted.add(leg)
            self._say(self.link.node.accept(leg, prompt_tokens=7, prompt_digest=DIGEST))
        else:
            self._say(self.link.node.accept_header(leg))

    @precondition(lambda self: self.accepted)
    @rule(pick=picks, data=st.text(max_size=5))
    def step(self, pick: int, data: str) -> None:
        leg = picked(self.accepted, pick)
        self.said[leg].append(text(leg, data))
        self._say(self.link.node.step([text(leg, data)]))

    @precondition(lambda self: len(self.known) > 1)
    @rule(pick=picks, how=st.sampled_from(["decline", "finish", "fail", "yield"]))
    def end(self, pick: int, how: str) -> None:
        leg = picked(self.known, pick)
        node, now = self.link.node, self.link.now
        ends: dict[str, Callable[[], bytes]] = {
            "finish": lambda: node.finish(leg, "stop", usage=USAGE, now=now),
            "fail": lambda: node.fail(leg, "x", "y", now=now),
            "yield": lambda: node.yield_(leg, delivered_tokens=0, reason="x", now=now),
            "decline": lambda: node.decline(leg, "busy", now=now),
        }
        if leg not in self.accepted:
            how = "decline" if how == "finish" else how
        elif how == "decline":
            how = "finish"
        self._say(ends[how]())
        self.accepted.discard(leg)
        self.known.discard(leg)

    @precondition(lambda self: self.link.node.state is State.READY and len(self.bodies) > MANY)
    @rule()
    def drain(self) -> None:
        self.up.append(self.link.node.drain("quit"))

    # --- the network acts

    def _delivered(self, way: deque[bytes], hear: Callable[[bytes], list[Event]], messages: int) -> Iterator[Event]:
        for _ in range(min(messages, len(way))):
            yield from hear(way.popleft())

    @precondition(lambda self: self.down)
    @rule(messages=st.integers(1, 5))
    def deliver_to_the_node(self, messages: int) -> None:
        for event in self._delivered(self.down, self.link.relay_says, messages):
            match event:
                case CallOffered(call=call, body=body):
                    self.known.add(call.id)
                    if body is not None:
                        assert body == self.bodies[call.id]
                        self.whole.add(call.id)
                case BodyArrived(id=leg, body=body):
                    assert body == self.bodies[leg]
                    self.whole.add(leg)
                case Cancel(id=leg):
                    assert leg in self.known
                    self.known.discard(leg)
                    self.accepted.discard(leg)
                case Bye():
                    assert self.link.node.state is State.DRAINING
                case _:
                    raise AssertionError(event)

    @precondition(lambda self: self.up)
    @rule(messages=st.integers(1, 5))
    def deliver_to_the_relay(self, messages: int) -> None:
        for event in self._delivered(self.up, self.link.node_says, messages):
            match event:
                case Steps(records=records):
                    for record in records:
                        assert record.leg not in self.cancelled
                        assert record.leg not in self.ends
                        self.heard.setdefault(record.leg, []).append(record)
                case Finish() | Fail() | Yield() | Decline():
                    assert event.id not in self.ends
                    assert event.id not in self.cancelled
                    self.ends[event.id] = type(event).__name__
                    assert self.heard.get(event.id, []) == self.said.get(event.id, [])
                case Accept() | BodyWanted():
                    assert event.id not in self.cancelled
                case Drain():
                    assert self.link.relay.state is State.DRAINING
                case _:
                    raise AssertionError(event)

    @precondition(lambda self: not self.up and not self.down)
    @rule()
    def a_quiet_minute_passes(self) -> None:
        self.link.now += TOMBSTONE_S

    @rule(passed=st.floats(0, 0.5))
    def time_passes(self, passed: float) -> None:
        self.link.now += passed

    # --- what always holds

    @invariant()
    def what_is_heard_is_a_prefix_of_what_was_said(self) -> None:
        for leg, heard in self.heard.items():
            assert heard == self.said[leg][: len(heard)]

    @invariant()
    def the_relay_has_open_what_is_neither_ended_nor_cancelled(self) -> None:
        assert self.link.relay.open_legs == len(self.bodies.keys() - self.ends.keys() - self.cancelled)

    @invariant()
    def the_node_has_open_what_it_was_offered_and_has_not_ended(self) -> None:
        assert self.link.node.open_legs == len(self.known)

    def teardown(self) -> None:
        if hasattr(self, "link"):
            lost = self.link.relay.close()
            assert set(lost) == self.bodies.keys() - self.ends.keys() - self.cancelled
            assert set(self.link.node.close()) == self.known


LinkMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)
TestLink = LinkMachine.TestCase
