"""Whatever the other side says, in whatever order: a session lives on, or ends in a violation."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.wire.codec import Sender
from relay.wire.errors import ProtocolViolation
from relay.wire.fields import INLINE_BODY
from relay.wire.session import State
from tests.wire.links import Link, a_ready_link
from tests.wire.strategies import about_legs, malformed

OFFERED, ACCEPTED, RUNNING, SENDING, CLOSED, NEVER = range(1, 7)


def a_busy_link() -> Link:
    """A leg in every stage."""
    link = a_ready_link()
    for leg in (OFFERED, ACCEPTED, RUNNING):
        assert link.relay_offers(n=2) == leg
    assert link.relay_offers(bytes(INLINE_BODY + 1)) == SENDING
    assert link.relay_offers() == CLOSED
    for leg in (ACCEPTED, RUNNING):
        link.node_accepts(leg)  # type: ignore[arg-type]
    link.node_says(link.node.accept_header(SENDING))  # type: ignore[arg-type]
    link.relay_says(link.relay.cancel(CLOSED, link.now))  # type: ignore[arg-type]
    return link


def said_by(sender: Sender) -> st.SearchStrategy[list[bytes]]:
    own_part = about_legs(sender, OFFERED, ACCEPTED, RUNNING, SENDING, CLOSED, NEVER)
    return st.lists(st.one_of(own_part, own_part, malformed()), max_size=6)


@settings(max_examples=150)
@given(said_by(Sender.NODE))
def test_a_hostile_node_never_breaks_the_relay(messages: list[bytes]) -> None:
    link = a_busy_link()
    for message in messages:
        before = set(link.relay._legs.open)
        try:
            link.node_says(message)
        except ProtocolViolation:
            assert link.relay.state is State.CLOSED
        assert set(link.relay._legs.open) <= before
    assert set(link.relay.close()) <= {OFFERED, ACCEPTED, RUNNING, SENDING}


@settings(max_examples=150)
@given(said_by(Sender.RELAY))
def test_a_hostile_relay_never_breaks_a_node(messages: list[bytes]) -> None:
    link = a_busy_link()
    for message in messages:
        try:
            link.relay_says(message)
        except ProtocolViolation:
            assert link.node.state is State.CLOSED
        held = sum(len(payload) for payload in link.node._inbox._parts.values())
        assert held <= sum(call.payload_len for call in link.node._inbox._calls.values())


@settings(max_examples=200)
@given(st.lists(malformed(), max_size=4))
def test_noise_during_the_opening_breaks_neither_side(messages: list[bytes]) -> None:
    link = Link()
    for message in messages:
        for say, session in ((link.node_says, link.relay), (link.relay_says, link.node)):
            try:
                say(message)
            except ProtocolViolation:
                assert session.state is State.CLOSED
    assert link.relay.state is not State.READY
    assert link.node.state is not State.READY


@pytest.mark.parametrize("size", [256 * 1024 + 1, 2**21])
def test_a_message_above_the_limit_ends_the_session_unparsed(size: int) -> None:
    link = a_busy_link()
    with pytest.raises(ProtocolViolation, match="longer than the limit"):
        link.node_says(b"\x16" + bytes(size - 1))
    with pytest.raises(ProtocolViolation, match="longer than the limit"):
        link.relay_says(b"\x05" + bytes(size - 1))
