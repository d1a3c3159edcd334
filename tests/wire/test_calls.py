"""What is said of a call, from its offer to its one end, and what may not be said."""

from __future__ import annotations

from typing import Any

import pytest

from relay.wire import codec
from relay.wire.codec import Steps
from relay.wire.errors import ProtocolViolation, SessionMisuse
from relay.wire.frames import (
    Accept,
    Account,
    Advertise,
    Bye,
    Cancel,
    CloseCode,
    Decline,
    Drain,
    Fail,
    Finish,
    LegId,
    Note,
    Prices,
    Resume,
    Status,
    StepKind,
    Timings,
    Yield,
)
from relay.wire.legs import TOMBSTONE_S
from relay.wire.session import CallOffered, State
from tests.wire.links import DIGEST, USAGE, Link, a_call, a_model, a_ready_link, an_offer, end, text

BODY = b'{"messages":[{"role":"user","content":"What is the capital of France?"}]}'
NEVER = LegId(99)


@pytest.fixture
def link() -> Link:
    return a_ready_link()


def accepted(link: Link, **header: Any) -> LegId:
    return link.node_accepts(link.relay_offers(**header))


# --- the plain story


def test_a_call_is_offered_accepted_streamed_and_finished(link: Link) -> None:
    leg, message = link.relay.offer(a_call(), BODY)
    [offered] = link.relay_says(message)
    assert offered == CallOffered(
        an_offer(leg, body_len=len(BODY)),
        BODY,
    )
    accept = link.node.accept(leg, prompt_tokens=7, prompt_digest=DIGEST)
    assert link.node_says(accept) == [Accept(id=leg, prompt_tokens=7, prompt_digest=DIGEST)]

    pieces = [text(leg, "The capital"), text(leg, ""), text(leg, " is Paris.", ids=b"\2\0\0\0\3\0\0\0")]
    assert link.node_says(link.node.step(pieces)) == [Steps(pieces)]
    assert link.node_says(link.node.step([end(leg)])) == [Steps([end(leg)])]

    finish = link.node.finish(leg, "stop", usage=USAGE, timings=Timings(prefill_ms=3), now=link.now)
    assert link.node_says(finish) == [Finish(id=leg, reason="stop", usage=USAGE, timings=Timings(prefill_ms=3))]
    assert (link.relay.open_legs, link.node.open_legs) == (0, 0)


def test_a_declined_call_is_closed_with_its_reason(link: Link) -> None:
    leg = link.relay_offers(BODY)
    decline = link.node.decline(leg, "busy", retry_after=2, now=link.now)
    assert link.node_says(decline) == [Decline(id=leg, reason="busy", retry_after=2)]
    assert (link.relay.open_legs, link.node.open_legs) == (0, 0)


def test_a_failing_node_says_who_is_at_fault(link: Link) -> None:
    leg = accepted(link)
    fail = link.node.fail(leg, "worker_crashed", "the engine died", now=link.now)
    assert link.node_says(fail) == [Fail(id=leg, code="worker_crashed", message="the engine died", at_fault="node")]


def test_a_node_whose_owner_came_back_yields_what_it_has(link: Link) -> None:
    leg = accepted(link)
    said = link.node.yield_(leg, delivered_tokens=2, reason="owner_active", now=link.now)
    assert link.node_says(said) == [Yield(id=leg, delivered_tokens=2, reason="owner_active")]


@pytest.mark.parametrize("end_it", ["fail", "yield_"])
def test_a_call_that_cannot_even_begin_is_declined_instead(link: Link, end_it: str) -> None:
    leg = link.relay_offers()
    if end_it == "fail":
        said = link.node.fail(leg, "worker_crashed", "the engine died", now=link.now)
    else:
        said = link.node.yield_(leg, delivered_tokens=0, reason="owner_active", now=link.now)
    [event] = link.node_says(said)
    assert isinstance(event, Decline)


def test_ids_rise_and_are_never_used_twice(link: Link) -> None:
    first = link.relay_offers()
    link.node_says(link.node.decline(first, "busy", now=link.now))
    assert [link.relay_offers(), link.relay_offers()] == [first + 1, first + 2]


def test_choices_of_one_call_run_side_by_side(link: Link) -> None:
    leg = accepted(link, n=2)
    pieces = [text(leg, "a", choice=0), text(leg, "b", choice=1), end(leg, choice=0), text(leg, "c", choice=1)]
    assert link.node_says(link.node.step(pieces)) == [Steps(pieces)]


def test_a_resumed_call_carries_the_delivered_ids_beside_its_body(link: Link) -> None:
    resume = Resume(leg=LegId(5), position=2, prompt_digest=DIGEST, channels=[])
    _, message = link.relay.offer(a_call(resume=resume), BODY, ids=b"\1\0\0\0\2\0\0\0")
    [offered] = link.relay_says(message)
    assert isinstance(offered, CallOffered)
    assert (offered.body, offered.ids, offered.call.resume) == (BODY, b"\1\0\0\0\2\0\0\0", resume)


def test_a_node_tells_what_it_can_do_and_whether_it_shares(link: Link) -> None:
    assert link.node_says(link.node.advertise([a_model()])) == [Advertise(models=[a_model()])]
    said = link.node.status(sharing=False, reason="owner_active", free_slots=0, until=1.5e9, load=0.5)
    assert link.node_says(said) == [
        Status(sharing=False, reason="owner_active", free_slots=0, until=1.5e9, load=0.5),
    ]


def test_the_relay_tells_prices_earnings_and_a_word_of_its_operator(link: Link) -> None:
    note, account = Note(level="info", text="Maintenance at noon."), Account(today=1, month=2, lifetime=3)
    assert link.relay_says(link.relay.note(note)) == [note]
    assert link.relay_says(link.relay.account(account)) == [account]
    assert link.relay_says(link.relay.prices(Prices(models={}))) == [Prices(models={})]


# --- who closes first


def test_a_cancelled_leg_drops_what_was_on_its_way(link: Link) -> None:
    leg = accepted(link)
    on_its_way = [
        link.node.step([text(leg, "too late")]),
        link.node.finish(leg, "stop", usage=USAGE, now=link.now),
    ]
    cancel = link.relay.cancel(leg, link.now)
    assert [link.node_says(message) for message in on_its_way] == [[], []]
    assert link.relay_says(cancel) == []


def test_a_node_that_hears_a_cancel_has_nothing_more_to_say(link: Link) -> None:
    leg = accepted(link)
    assert link.relay_says(link.relay.cancel(leg, link.now)) == [Cancel(id=leg)]
    assert link.node.step([text(leg, "x")]) == b""
    assert link.node.accept(leg, prompt_tokens=1, prompt_digest=b"") == b""
    assert link.node.accept_header(leg) == b""
    assert link.node.decline(leg, "busy", now=link.now) == b""
    assert link.node.fail(leg, "x", "y", now=link.now) == b""
    assert link.node.yield_(leg, delivered_tokens=0, reason="x", now=link.now) == b""
    assert link.node.finish(leg, "stop", usage=USAGE, now=link.now) == b""


def test_the_second_terminal_of_a_leg_is_dropped(link: Link) -> None:
    leg = accepted(link)
    finish = link.node.finish(leg, "stop", usage=USAGE, now=link.now)
    assert len(link.node_says(finish)) == 1
    assert link.node_says(finish) == []
    assert link.node_says(codec.encode(Yield(id=leg, delivered_tokens=1, reason="late"))) == []


def test_cancelling_a_closed_leg_says_nothing(link: Link) -> None:
    leg = link.relay_offers()
    assert link.relay.cancel(leg, link.now)
    assert link.relay.cancel(leg, link.now) == b""


def test_a_step_keeps_the_records_of_the_legs_that_are_still_open(link: Link) -> None:
    closed, running = accepted(link), accepted(link)
    both = link.node.step([text(closed, "gone"), text(running, "here")])
    link.relay.cancel(closed, link.now)
    assert link.node_says(both) == [Steps([text(running, "here")])]


def test_a_tombstone_stands_for_a_minute_and_then_its_leg_is_not_to_be_spoken_of(link: Link) -> None:
    leg = accepted(link)
    late = link.node.step([text(leg, "late")])
    link.relay.cancel(leg, link.now)
    link.now += TOMBSTONE_S - 0.001
    assert link.node_says(late) == []
    link.now += 0.001
    with pytest.raises(ProtocolViolation):
        link.node_says(late)


def test_tombstones_do_not_pile_up(link: Link) -> None:
    for _ in range(1000):
        link.relay.cancel(link.relay_offers(), link.now)
        link.now += 1.0
    assert len(link.relay._legs._tombstones) <= TOMBSTONE_S + 1


def test_a_lost_link_names_the_legs_it_took_with_it(link: Link) -> None:
    legs = [accepted(link), link.relay_offers()]
    assert link.relay.close() == legs
    assert link.node.close() == legs
    assert (link.relay.close(), link.relay.state) == ([], State.CLOSED)


# --- draining


def test_a_draining_node_gets_no_new_calls_and_finishes_the_running_one(link: Link) -> None:
    leg = accepted(link)
    assert link.node_says(link.node.drain("quit")) == [Drain(reason="quit")]
    assert (link.relay.state, link.node.state) == (State.DRAINING, State.DRAINING)
    with pytest.raises(SessionMisuse):
        link.relay.offer(a_call(), BODY)
    assert link.node_says(link.node.step([text(leg, "x")]))
    assert link.node_says(link.node.finish(leg, "stop", usage=USAGE, now=link.now))


def test_a_call_that_crossed_the_drain_is_offered_and_declined(link: Link) -> None:
    leg, message = link.relay.offer(a_call(), BODY)
    drain = link.node.drain("quit")
    assert link.relay_says(message)
    decline = link.node.decline(leg, "draining", now=link.now)
    assert link.node_says(drain) + link.node_says(decline) == [
        Drain(reason="quit"),
        Decline(id=leg, reason="draining"),
    ]


def test_a_leaving_relay_says_bye_offers_nothing_more_and_lets_calls_finish(link: Link) -> None:
    leg = accepted(link)
    crossing, message = link.relay.offer(a_call(), BODY)
    bye = link.relay.bye(retry_after=5)
    assert link.relay_says(message)
    assert link.relay_says(bye) == [Bye(code=CloseCode.GOING_AWAY, retry_after=5)]
    with pytest.raises(SessionMisuse):
        link.relay.offer(a_call(), BODY)
    with pytest.raises(ProtocolViolation):
        link.relay_says(codec.encode_call(an_offer(crossing + 1), b""))
    assert leg in link.node.close()


# --- our own mistakes


def test_what_we_say_keeps_the_bounds_we_hold_others_to(link: Link) -> None:
    for header in ({"n": 0}, {"n": 129}, {"seed": 2**63}, {"max_tokens": -1}, {"model": "m" * 300}):
        with pytest.raises(SessionMisuse):
            link.relay.offer(a_call(**header), BODY)
    assert link.relay.open_legs == 0
    with pytest.raises(SessionMisuse):
        link.node.advertise([a_model(slots=-1)])


def test_words_that_are_too_long_are_cut_rather_than_sent(link: Link) -> None:
    leg = accepted(link)
    [event] = link.node_says(link.node.fail(leg, "c" * 100, "m" * 5000, now=link.now))
    assert isinstance(event, Fail)
    assert (len(event.code), len(event.message)) == (64, 1000)


def test_a_node_cannot_speak_out_of_turn(link: Link) -> None:
    leg = link.relay_offers()
    with pytest.raises(SessionMisuse):
        link.node.step([text(leg, "x")])
    with pytest.raises(SessionMisuse):
        link.node.finish(leg, "stop", usage=USAGE, now=link.now)
    with pytest.raises(SessionMisuse):
        link.node.accept_header(leg)
    link.node_accepts(leg)
    with pytest.raises(SessionMisuse):
        link.node.decline(leg, "busy", now=link.now)
    with pytest.raises(SessionMisuse):
        link.node.accept(leg, prompt_tokens=7, prompt_digest=DIGEST)
    with pytest.raises(SessionMisuse):
        link.node.step([text(leg, "x", kind=StepKind.TEXT, choice=5)])


def test_a_session_that_is_not_open_cannot_speak() -> None:
    link = Link()
    with pytest.raises(SessionMisuse):
        link.node.hello()
    with pytest.raises(SessionMisuse):
        link.node.advertise([])
    with pytest.raises(SessionMisuse):
        link.relay.offer(a_call(), BODY)
    with pytest.raises(SessionMisuse):
        link.relay.bye()
    with pytest.raises(SessionMisuse):
        a_ready_link().relay.challenge(node_nonce=b"", time=0)
    with pytest.raises(SessionMisuse):
        a_ready_link().relay.offer(a_call(), BODY, ids=b"\0\0\0\0")
