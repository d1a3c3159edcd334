"""Calls over a real link: what reaches a call's sink, in which order, and what reaches the node.

Those that are not about the socket itself hold `everywhere`: also from another process of the relay than the one that
holds it.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from types import SimpleNamespace
from typing import Any

import pytest

from relay.nodes.link import LinkUnavailable
from relay.settings import NodeSettings
from relay.wire.frames import Account, Bye, Cancel, StepKind, Usage
from relay.wire.session import BodyArrived, CallOffered
from tests.relay.nodes.conftest import Relay
from tests.relay.nodes.desk import Desk, Recorder, a_header, a_model, text

everywhere = pytest.mark.parametrize("relay", ["home", "away"], indirect=True)

BODY = b'{"model":"demo","messages":[{"role":"user","content":"hi"}]}'
USAGE = Usage(prompt_tokens=3, completion_tokens=2)
DIGEST = hashlib.sha256(b"").digest()


def now() -> float:
    return time.monotonic()


async def accepted(desk: Desk) -> int:
    """The next call, accepted; its leg."""
    offered = await desk.hear(CallOffered)
    await desk.say(desk.session.accept(offered.call.id, prompt_tokens=3, prompt_digest=DIGEST))
    return offered.call.id


@everywhere
async def test_an_answer_reaches_its_sink_in_order_and_ends_once(relay: Relay) -> None:
    async with relay.ready() as (desk, link):
        sink = Recorder()
        leg = link.open(a_header(), BODY, sink)
        offered = await desk.hear(CallOffered)
        assert (offered.call.id, offered.body) == (leg.number, BODY)
        await desk.say(desk.session.accept(leg.number, prompt_tokens=3, prompt_digest=DIGEST))
        await desk.step(text(leg.number, "Hel", [1]))
        await sink.until("flush")
        await desk.step(text(leg.number, "", [2]), text(leg.number, "lo", [3, 4]))
        await desk.step(text(leg.number, "stop", kind=StepKind.END))
        await desk.say(desk.session.finish(leg.number, "stop", usage=USAGE, now=now()))
        await sink.until("finished")
        assert [what for what in sink.heard if what[0] != "flush"] == [
            ("accepted", 3, DIGEST),
            ("step", 0, 0, 1, b"Hel"),
            ("step", 0, 0, 1, b""),
            ("step", 0, 0, 2, b"lo"),
            ("step", 0, 3, 0, b"stop"),
            ("finished", "stop"),
        ]
        assert link.running == 0


@everywhere
async def test_the_steps_of_one_socket_read_are_flushed_once_per_call(relay: Relay) -> None:
    async with relay.ready() as (desk, link):
        sinks = [Recorder(), Recorder()]
        legs = [link.open(a_header(), BODY, sink) for sink in sinks]
        for _ in legs:
            await accepted(desk)
        for sink in sinks:
            await sink.until("accepted")
        frames = [desk.session.step([text(leg.number, "a", [1]) for leg in legs]) for _ in range(3)]
        await send_in_one_write(desk, *frames)
        for sink in sinks:
            await sink.until("flush")
            assert sink.words() == ["accepted", "step", "step", "step", "flush"]


async def send_in_one_write(desk: Desk, *messages: bytes) -> None:
    for message in messages:
        desk.socket.protocol.send_binary(message)
    desk.socket.transport.write(b"".join(desk.socket.protocol.data_to_send()))


@everywhere
async def test_a_terminal_in_the_same_read_is_not_followed_by_a_flush(relay: Relay) -> None:
    async with relay.ready() as (desk, link):
        sink = Recorder()
        leg = link.open(a_header(), BODY, sink)
        await accepted(desk)
        await sink.until("accepted")
        step = desk.session.step([text(leg.number, "all", [1])])
        await send_in_one_write(desk, step, desk.session.finish(leg.number, "stop", usage=USAGE, now=now()))
        await sink.until("finished")
        await round_trip(desk, relay)
        assert sink.words() == ["accepted", "step", "finished"]


async def round_trip(desk: Desk, relay: Relay) -> None:
    """Returns when the relay has worked through everything sent so far."""
    await asyncio.wait_for(await desk.socket.ping(), 5)
    assert relay.registry is not None


@everywhere
@pytest.mark.parametrize("end", ["declined", "failed", "yielded"])
async def test_every_other_end_of_a_leg_reaches_its_sink(relay: Relay, end: str) -> None:
    async with relay.ready() as (desk, link):
        sink = Recorder()
        leg = link.open(a_header(), BODY, sink)
        if end == "declined":
            await desk.hear(CallOffered)
            await desk.say(desk.session.decline(leg.number, "busy", now=now(), message="two running", retry_after=1.5))
            assert await sink.until(end) == ("declined", "busy", "two running", 1.5)
        elif end == "failed":
            await accepted(desk)
            await desk.say(desk.session.fail(leg.number, "worker_died", "the worker died", now=now()))
            assert await sink.until(end) == ("failed", "worker_died")
        else:
            await accepted(desk)
            await desk.say(desk.session.yield_(leg.number, delivered_tokens=0, reason="owner", now=now()))
            assert await sink.until(end) == ("yielded", 0)
        assert link.running == 0


@everywhere
async def test_a_cancelled_leg_hears_nothing_more_and_the_node_is_told(relay: Relay) -> None:
    async with relay.ready() as (desk, link):
        sink = Recorder()
        leg = link.open(a_header(), BODY, sink)
        await accepted(desk)
        await sink.until("accepted")
        leg.cancel()
        late = desk.session.step([text(leg.number, "late", [1])])
        await desk.say(late)
        assert (await desk.hear(Cancel)).id == leg.number
        await round_trip(desk, relay)
        assert sink.words() == ["accepted"]
        leg.cancel()
        assert link.running == 0


@everywhere
async def test_a_leg_may_be_cancelled_from_within_its_sink(relay: Relay) -> None:
    async with relay.ready() as (desk, link):

        class Impatient(Recorder):
            def step(self, choice: int, kind: int, n_ids: int, ids: bytes, data: bytes) -> None:
                super().step(choice, kind, n_ids, ids, data)
                leg.cancel()

        sink = Impatient()
        leg = link.open(a_header(), BODY, sink)
        await accepted(desk)
        await desk.step(text(leg.number, "a", [1]), text(leg.number, "b", [2]))
        assert (await desk.hear(Cancel)).id == leg.number
        assert sink.words() == ["accepted", "step"]


@everywhere
async def test_a_sink_that_breaks_costs_its_own_call_only(relay: Relay, caplog: pytest.LogCaptureFixture) -> None:
    async with relay.ready() as (desk, link):

        class Broken(Recorder):
            def step(self, choice: int, kind: int, n_ids: int, ids: bytes, data: bytes) -> None:
                raise ZeroDivisionError

        sound = Recorder()
        broken_leg, sound_leg = link.open(a_header(), BODY, Broken()), link.open(a_header(), BODY, sound)
        await accepted(desk)
        await accepted(desk)
        await desk.step(text(broken_leg.number, "x", [1]), text(sound_leg.number, "y", [2]))
        assert (await sound.until("step"))[4] == b"y"
        assert (await desk.hear(Cancel)).id == broken_leg.number
        assert "ZeroDivisionError" in caplog.text


@everywhere
async def test_a_large_body_goes_in_parts_after_its_header_is_accepted(relay: Relay) -> None:
    body = b'{"x":"' + b"y" * 700_000 + b'"}'
    async with relay.ready() as (desk, link):
        sinks = [Recorder(), Recorder()]
        for sink in sinks:
            link.open(a_header(), body, sink)
        arrived = 0
        while arrived < len(sinks):
            event = await desk.hear(object)
            if isinstance(event, CallOffered):
                assert event.body is None
                await desk.say(desk.session.accept_header(event.call.id))
            elif isinstance(event, BodyArrived):
                arrived += 1
                assert event.body == body
                await desk.say(desk.session.accept(event.id, prompt_tokens=9, prompt_digest=DIGEST))
        for sink in sinks:
            assert await sink.until("accepted") == ("accepted", 9, DIGEST)


async def test_a_small_call_overtakes_the_parts_of_a_large_one(relay: Relay) -> None:
    body = b'{"x":"' + b"y" * 8_000_000 + b'"}'
    async with relay.ready() as (desk, link):
        large = link.open(a_header(), body, Recorder())
        await desk.hear(CallOffered)
        desk.socket.transport.pause_reading()
        await desk.say(desk.session.accept_header(large.number))
        await round_trip_without_reading(relay, link)
        small = link.open(a_header(), BODY, Recorder())
        desk.socket.transport.resume_reading()
        heard = [await desk.hear(object) for _ in range(2)]
        assert [type(event) for event in heard] == [CallOffered, BodyArrived]
        assert isinstance(heard[0], CallOffered)
        assert heard[0].call.id == small.number


async def round_trip_without_reading(relay: Relay, link: Any) -> None:
    """Returns when the relay has sent as much as the frozen node's socket takes."""
    socket = link._line
    while not socket._write_paused:  # noqa: ASYNC110 - the fact is the transport's
        await asyncio.sleep(0.005)


async def test_free_slots_follow_the_calls_in_flight(relay: Relay) -> None:
    async with relay.ready() as (desk, link):
        legs = [link.open(a_header(), BODY, Recorder()) for _ in range(3)]
        assert (link.running, link.free_slots) == (3, 1)
        for _ in legs:
            await accepted(desk)
        await desk.say(desk.session.status(sharing=True, reason="serving", free_slots=1))
        await round_trip(desk, relay)
        assert link.free_slots == 1
        legs[0].cancel()
        assert link.free_slots == 2


async def test_a_node_that_stops_sharing_is_no_longer_offered_but_its_calls_go_on(relay: Relay) -> None:
    async with relay.ready() as (desk, link):
        sink = Recorder()
        leg = link.open(a_header(), BODY, sink)
        await accepted(desk)
        await desk.say(desk.session.status(sharing=False, reason="owner_active", free_slots=0))
        await relay.when(lambda: None if relay.registry.links_for("demo") else True)
        await desk.say(desk.session.finish(leg.number, "stop", usage=USAGE, now=now()))
        await sink.until("finished")


async def test_a_new_advertisement_replaces_the_one_before(relay: Relay) -> None:
    async with relay.ready() as (desk, _):
        await desk.say(desk.session.advertise([a_model(model="other", slots=1)]))
        await relay.when(lambda: relay.registry.links_for("other") or None)
        assert list(relay.registry.models()) == ["other"]


async def test_a_draining_node_gets_no_call_and_finishes_those_it_has(relay: Relay) -> None:
    async with relay.ready() as (desk, link):
        sink = Recorder()
        leg = link.open(a_header(), BODY, sink)
        await accepted(desk)
        await desk.say(desk.session.drain("quit"))
        await relay.when(lambda: None if relay.registry.links_for("demo") else True)
        with pytest.raises(LinkUnavailable):
            link.open(a_header(), BODY, Recorder())
        await desk.say(desk.session.finish(leg.number, "stop", usage=USAGE, now=now()))
        await sink.until("finished")


async def test_calls_of_a_lost_link_are_told_at_once(relay: Relay) -> None:
    async with relay.ready() as (desk, link):
        sink = Recorder()
        link.open(a_header(), BODY, sink)
        await desk.hear(CallOffered)
        desk.socket.transport.abort()
        word, reason = await sink.until("lost")
        assert (word, bool(reason)) == ("lost", True)
        assert relay.registry.links_for("demo") == ()


async def test_the_link_is_out_of_the_registry_before_its_calls_hear_of_the_loss(relay: Relay) -> None:
    async with relay.ready() as (desk, link):

        class Failover(Recorder):
            def lost(self, reason: str) -> None:
                self._note("lost", len(relay.registry.links_for("demo")))

        sink = Failover()
        link.open(a_header(), BODY, sink)
        desk.socket.transport.abort()
        assert await sink.until("lost") == ("lost", 0)


async def test_a_violation_closes_with_4400_and_loses_the_calls(relay: Relay) -> None:
    async with relay.ready() as (desk, link):
        sink = Recorder()
        link.open(a_header(), BODY, sink)
        await desk.hear(CallOffered)
        await desk.say(b"\x16\xff\xff\xff\xff" + bytes(8))
        assert await desk.closed() == 4400
        await sink.until("lost")


async def test_the_owner_hears_of_earnings_at_most_once_a_second_and_the_newest_last(relay: Relay) -> None:
    async with relay.ready() as (desk, link):
        for today in (1, 2, 3):
            link.send_account(SimpleNamespace(today=today, month=10, lifetime=100, answers_today=today))
        assert (await desk.hear(Account)).today == 1
        assert (await desk.hear(Account)).today == 3


async def test_a_goodbye_waits_for_running_calls_and_then_closes(relay: Relay) -> None:
    async with relay.ready() as (desk, link):
        sink = Recorder()
        leg = link.open(a_header(), BODY, sink)
        await accepted(desk)
        link.goodbye(retry_after=2.0)
        assert (await desk.hear(Bye)).retry_after == 2.0
        assert relay.registry.links_for("demo") == ()
        await desk.say(desk.session.finish(leg.number, "stop", usage=USAGE, now=now()))
        await sink.until("finished")
        assert await desk.closed() == 4503


@pytest.mark.parametrize("settings", [NodeSettings(ping_s=0.1, silent_s=0.3)])
async def test_a_silent_node_is_gone_and_its_calls_are_lost(relay: Relay) -> None:
    async with relay.ready() as (desk, link):
        sink = Recorder()
        link.open(a_header(), BODY, sink)
        desk.socket.transport.pause_reading()
        _, reason = await sink.until("lost")
        desk.socket.transport.resume_reading()
        assert "silent" in reason
        assert len(relay.registry) == 0


@pytest.mark.parametrize("settings", [NodeSettings(ping_s=0.05, silent_s=0.2)])
async def test_a_node_that_answers_pings_stays_without_saying_anything_else(relay: Relay) -> None:
    async with relay.ready() as (desk, link):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.6):
                await desk.socket.recv()
        assert relay.registry.get(link.node.node_id) is link


@pytest.mark.parametrize("settings", [NodeSettings(backlog_bytes=300_000)])
async def test_a_node_that_does_not_read_is_hung_up_on_when_too_much_waits(relay: Relay) -> None:
    async with relay.ready() as (desk, link):
        desk.socket.transport.pause_reading()
        sink = Recorder()
        while not sink.heard:
            link.open(a_header(), b"x" * 32_000, sink)
            await asyncio.sleep(0)
        desk.socket.transport.resume_reading()
        assert sink.words()[0] == "lost"
        assert await desk.closed() == 4408


@pytest.mark.parametrize("settings", [NodeSettings(frames_per_s=20, burst_frames=40)])
async def test_a_flood_of_frames_is_closed_with_4429(relay: Relay) -> None:
    async with relay.ready() as (desk, _):
        desk.socket.transport.write(b"\x89\x80\0\0\0\0" * 1_000)
        assert await desk.closed() == 4429


async def test_a_burst_of_frames_is_read_late_but_whole(relay: Relay) -> None:
    async with relay.ready() as (desk, link):
        sink = Recorder()
        leg = link.open(a_header(), BODY, sink)
        await accepted(desk)
        frames = [desk.session.step([text(leg.number, "a", [n])]) for n in range(1_200)]
        await send_in_one_write(desk, *frames)
        await desk.say(desk.session.finish(leg.number, "stop", usage=USAGE, now=now()))
        await sink.until("finished")
        assert sink.words().count("step") == 1_200
