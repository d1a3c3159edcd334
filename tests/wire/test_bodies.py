"""Large bodies: wanted before they are sent, sent in turn, put together in whatever pieces they come."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.wire import codec
from relay.wire.bodies import Part
from relay.wire.errors import ProtocolViolation, SessionMisuse
from relay.wire.fields import BODY_PART, INLINE_BODY
from relay.wire.frames import Accept, LegId, Resume
from relay.wire.session import BodyArrived, BodyWanted, CallOffered
from tests.wire.links import DIGEST, Link, a_call, a_ready_link, an_offer

LARGE = bytes(range(256)) * 1024
"""256 KiB: four parts."""


@pytest.fixture
def link() -> Link:
    return a_ready_link()


def asked(link: Link, body: bytes = LARGE) -> LegId:
    """A large call whose header the node has accepted."""
    leg = link.relay_offers(body)
    assert link.node_says(link.node.accept_header(leg)) == [BodyWanted(leg)]
    return leg


def sent(link: Link) -> list[Part]:
    """Everything the relay has to send now."""
    return list(iter(link.relay.next_part, None))


def test_a_large_call_is_accepted_by_its_header_then_sent_then_accepted_by_its_prompt(link: Link) -> None:
    leg, message = link.relay.offer(a_call(), LARGE)
    [offered] = link.relay_says(message)
    assert isinstance(offered, CallOffered)
    assert offered.body is None
    assert len(message) < 1000
    assert link.relay.next_part() is None

    assert link.node_says(link.node.accept_header(leg)) == [BodyWanted(leg)]
    parts = sent(link)
    assert [len(part.message) - 5 for part in parts] == [BODY_PART] * 4
    assert [part.last for part in parts] == [False, False, False, True]
    assert [link.relay_says(part.message) for part in parts] == [[], [], [], [BodyArrived(leg, LARGE)]]

    accept = link.node.accept(leg, prompt_tokens=7, prompt_digest=DIGEST)
    assert link.node_says(accept) == [Accept(id=leg, prompt_tokens=7, prompt_digest=DIGEST)]


def test_a_body_of_32_kib_travels_with_its_call_and_one_byte_more_does_not(link: Link) -> None:
    for size, inline in ((INLINE_BODY, True), (INLINE_BODY + 1, False)):
        _, message = link.relay.offer(a_call(), bytes(size))
        [offered] = link.relay_says(message)
        assert isinstance(offered, CallOffered)
        assert (offered.body is not None) is inline


def test_parts_of_several_calls_go_in_turn(link: Link) -> None:
    first, second = asked(link), asked(link, LARGE[: 2 * BODY_PART])
    assert [part.leg for part in sent(link)] == [first, second, first, second, first, first]


def test_a_resumes_ids_follow_its_body(link: Link) -> None:
    ids = bytes(4 * 20_000)
    resume = Resume(leg=LegId(9), position=20_000, prompt_digest=DIGEST, channels=[])
    leg, message = link.relay.offer(a_call(resume=resume), b"{}", ids=ids)
    link.relay_says(message)
    link.node_says(link.node.accept_header(leg))
    assert [link.relay_says(part.message) for part in sent(link)] == [[], [BodyArrived(leg, b"{}", ids)]]


def test_a_declined_header_costs_no_body(link: Link) -> None:
    leg = link.relay_offers(LARGE)
    link.node_says(link.node.decline(leg, "context", now=link.now))
    assert sent(link) == []


def test_a_call_may_still_be_declined_once_its_prompt_is_known(link: Link) -> None:
    leg = asked(link)
    for part in sent(link):
        link.relay_says(part.message)
    assert len(link.node_says(link.node.decline(leg, "context", now=link.now))) == 1


def test_a_cancelled_call_sends_no_further_part_and_those_on_their_way_are_dropped(link: Link) -> None:
    leg = asked(link)
    on_its_way = link.relay.next_part()
    assert on_its_way is not None
    link.relay_says(link.relay.cancel(leg, link.now))
    assert link.relay.next_part() is None
    assert link.relay_says(on_its_way.message) == []


def test_a_node_forgets_the_parts_of_a_call_that_is_over(link: Link) -> None:
    leg = asked(link)
    part = link.relay.next_part()
    assert part is not None
    link.relay_says(part.message)
    link.node_says(link.node.decline(leg, "busy", now=link.now))
    assert (link.node._inbox._parts, link.node._inbox._calls) == ({}, {})


def test_a_lost_link_holds_no_bodies(link: Link) -> None:
    asked(link)
    link.relay.close()
    assert link.relay.next_part() is None


# --- what may not be


def test_a_node_may_not_accept_a_prompt_it_has_not_been_sent(link: Link) -> None:
    leg = link.relay_offers(LARGE)
    with pytest.raises(SessionMisuse):
        link.node.accept(leg, prompt_tokens=7, prompt_digest=DIGEST)
    with pytest.raises(ProtocolViolation):
        link.node_says(codec.encode(Accept(id=leg, prompt_tokens=7, prompt_digest=DIGEST)))


def test_a_node_may_not_accept_while_parts_wait(link: Link) -> None:
    leg = asked(link)
    link.relay.next_part()
    with pytest.raises(SessionMisuse):
        link.node.accept(leg, prompt_tokens=7, prompt_digest=DIGEST)
    with pytest.raises(ProtocolViolation):
        link.node_says(codec.encode(Accept(id=leg, prompt_tokens=7, prompt_digest=DIGEST)))


def test_a_part_that_was_not_asked_for_is_a_violation(link: Link) -> None:
    leg = link.relay_offers(LARGE)
    with pytest.raises(ProtocolViolation):
        link.relay_says(codec.encode_body(leg, b"x"))


def test_a_part_of_an_inline_call_is_a_violation(link: Link) -> None:
    leg = link.relay_offers()
    with pytest.raises(ProtocolViolation):
        link.relay_says(codec.encode_body(leg, b"x"))


def test_a_part_for_a_call_that_never_was_is_a_violation(link: Link) -> None:
    with pytest.raises(ProtocolViolation):
        link.relay_says(codec.encode_body(LegId(7), b"x"))


def test_a_part_after_the_last_is_a_violation(link: Link) -> None:
    leg = asked(link)
    for part in sent(link):
        link.relay_says(part.message)
    with pytest.raises(ProtocolViolation):
        link.relay_says(codec.encode_body(leg, b"x"))


def test_more_than_was_announced_is_a_violation(link: Link) -> None:
    leg = LegId(1)
    link.relay_says(codec.encode_call(an_offer(leg, body_len=INLINE_BODY + 1), b""))
    link.node.accept_header(leg)
    assert link.relay_says(codec.encode_body(leg, bytes(INLINE_BODY))) == []
    with pytest.raises(ProtocolViolation):
        link.relay_says(codec.encode_body(leg, b"xx"))


# --- any order, any split

bodies = st.integers(INLINE_BODY + 1, INLINE_BODY + 5000).map(lambda size: (LARGE * 2)[size % 251 :][:size])


@st.composite
def cuts(draw: st.DrawFn, body: bytes) -> list[bytes]:
    """The body in pieces of any size a part may have."""
    at = sorted(draw(st.sets(st.integers(1, len(body) - 1), max_size=8)))
    return [body[start:stop] for start, stop in zip([0, *at], [*at, len(body)], strict=True)]


@given(st.data(), st.lists(bodies, min_size=1, max_size=4))
def test_bodies_arrive_whole_however_they_are_cut_and_interleaved(data: st.DataObject, whole: list[bytes]) -> None:
    link = a_ready_link()
    waiting: dict[LegId, list[bytes]] = {}
    for number, body in enumerate(whole, start=1):
        leg = LegId(number)
        link.relay_says(codec.encode_call(an_offer(leg, body_len=len(body)), b""))
        link.node.accept_header(leg)
        waiting[leg] = data.draw(cuts(body))
    arrived: dict[LegId, bytes] = {}
    while waiting:
        leg = data.draw(st.sampled_from(sorted(waiting)))
        for event in link.relay_says(codec.encode_body(leg, waiting[leg].pop(0))):
            assert isinstance(event, BodyArrived)
            arrived[event.id] = event.body
        if not waiting[leg]:
            del waiting[leg]
            assert leg in arrived
    assert arrived == {LegId(number): body for number, body in enumerate(whole, start=1)}
