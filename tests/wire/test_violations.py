"""What neither side may say, and what becomes of one that does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from relay.wire import codec
from relay.wire.errors import ProtocolViolation, SessionMisuse
from relay.wire.frames import (
    Accept,
    Bye,
    Cancel,
    CloseCode,
    Decline,
    Drain,
    Fail,
    Finish,
    Frame,
    LegId,
    Note,
    Prices,
    Yield,
)
from relay.wire.legs import MAX_OPEN
from relay.wire.session import State
from relay.wire.steps import encode_steps
from tests.wire.links import DIGEST, USAGE, Link, a_call, a_ready_link, an_offer, end, text

BODY = b'{"messages":[{"role":"user","content":"What is the capital of France?"}]}'
NEVER = LegId(99)


@pytest.fixture
def link() -> Link:
    return a_ready_link()


def accepted(link: Link, **header: Any) -> LegId:
    return link.node_accepts(link.relay_offers(**header))


# --- a node


@pytest.mark.parametrize(
    "frame",
    [
        Accept(id=NEVER, prompt_tokens=1, prompt_digest=b""),
        Decline(id=NEVER, reason="busy"),
        Finish(id=NEVER, reason="stop", usage=USAGE),
        Fail(id=NEVER, code="x", message="y"),
        Yield(id=NEVER, delivered_tokens=0, reason="x"),
    ],
    ids=lambda frame: type(frame).__name__,
)
def test_a_frame_for_a_leg_that_was_never_allocated_is_4400(link: Link, frame: Frame) -> None:
    with pytest.raises(ProtocolViolation) as violation:
        link.node_says(codec.encode(frame))
    assert violation.value.code is CloseCode.VIOLATION
    assert link.relay.state is State.CLOSED


def test_a_step_for_a_leg_that_was_never_allocated_is_4400(link: Link) -> None:
    with pytest.raises(ProtocolViolation):
        link.node_says(encode_steps([text(NEVER, "x")]))


Saying = Callable[[LegId], bytes]


@pytest.mark.parametrize(
    "saying",
    [
        lambda leg: encode_steps([text(leg, "x")]),
        lambda leg: codec.encode(Finish(id=leg, reason="stop", usage=USAGE)),
        lambda leg: codec.encode(Fail(id=leg, code="x", message="")),
        lambda leg: codec.encode(Yield(id=leg, delivered_tokens=0, reason="x")),
    ],
)
def test_nothing_but_accept_or_decline_answers_an_offer(link: Link, saying: Saying) -> None:
    leg = link.relay_offers()
    with pytest.raises(ProtocolViolation):
        link.node_says(saying(leg))


@pytest.mark.parametrize(
    "saying",
    [
        lambda leg: codec.encode(Accept(id=leg, prompt_tokens=7, prompt_digest=DIGEST)),
        lambda leg: codec.encode(Decline(id=leg, reason="busy")),
        lambda leg: encode_steps([text(leg, "x", choice=1)]),
        lambda leg: encode_steps([text(leg, "x"), text(leg, "y", choice=127)]),
        lambda leg: encode_steps([end(leg), text(leg, "after the end")]),
        lambda leg: encode_steps([end(leg), end(leg)]),
    ],
)
def test_an_accepted_leg_is_not_answered_again_nor_beyond_its_choices(link: Link, saying: Saying) -> None:
    leg = accepted(link)
    with pytest.raises(ProtocolViolation):
        link.node_says(saying(leg))


def test_a_choice_that_has_ended_stays_ended_in_later_frames(link: Link) -> None:
    leg = accepted(link, n=2)
    link.node_says(encode_steps([text(leg, "a"), end(leg)]))
    assert link.node_says(encode_steps([text(leg, "b", choice=1)]))
    with pytest.raises(ProtocolViolation):
        link.node_says(encode_steps([text(leg, "c")]))


@pytest.mark.parametrize(
    "frame",
    [
        Cancel(id=LegId(1)),
        Bye(code=4503),
        Note(level="info", text=""),
        Prices(models={}),
    ],
    ids=lambda frame: type(frame).__name__,
)
def test_a_node_may_not_speak_the_relays_part(link: Link, frame: Frame) -> None:
    with pytest.raises(ProtocolViolation):
        link.node_says(codec.encode(frame))


@pytest.mark.parametrize("message", [b"", b"\x00", b"\x7f{}", b"\x08{}"])
def test_an_unknown_frame_without_the_high_bit_is_4400(link: Link, message: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        link.node_says(message)
    with pytest.raises(ProtocolViolation):
        link.relay_says(message)


def test_nothing_follows_a_violation(link: Link) -> None:
    with pytest.raises(ProtocolViolation):
        link.node_says(b"\x00")
    assert link.node_says(link.node.advertise([])) == []


# --- a relay


def test_a_call_whose_id_does_not_rise_is_4400(link: Link) -> None:
    _, message = link.relay.offer(a_call(), BODY)
    link.relay_says(message)
    with pytest.raises(ProtocolViolation):
        link.relay_says(message)


def test_a_cancel_for_a_leg_that_was_never_offered_is_4400(link: Link) -> None:
    with pytest.raises(ProtocolViolation):
        link.relay_says(codec.encode(Cancel(id=NEVER)))


def test_a_relay_may_not_speak_the_nodes_part(link: Link) -> None:
    with pytest.raises(ProtocolViolation):
        link.relay_says(codec.encode(Drain(reason="quit")))
    with pytest.raises(ProtocolViolation):
        a_ready_link().relay_says(encode_steps([text(1, "x")]))


def test_more_open_legs_than_any_node_has_are_4400_to_it_and_refused_by_us(link: Link) -> None:
    for _ in range(MAX_OPEN):
        link.relay_offers()
    with pytest.raises(SessionMisuse):
        link.relay.offer(a_call(), BODY)
    with pytest.raises(ProtocolViolation):
        link.relay_says(codec.encode_call(an_offer(MAX_OPEN + 1), b""))
