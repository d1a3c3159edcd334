"""Calls between relay and engine, over a real socket."""

from __future__ import annotations

import hashlib

import msgspec
import pytest

from desktop.agent.commands import FreeMemory, Quit, SetMode
from desktop.agent.state import Mode
from desktop.inference.generation import Record, RecordKind
from relay.wire.codec import Steps
from relay.wire.frames import (
    Accept,
    Advertise,
    Channel,
    Decline,
    Drain,
    Fail,
    Finish,
    LegId,
    Resume,
    Status,
    Yield,
)
from tests.desktop.agent.conftest import Desktop
from tests.fakes import FakeRelay

SLOW_S = 0.02
STILL_S = 3600.0


async def test_an_offered_call_is_accepted_streamed_and_finished(desktop: Desktop, relay: FakeRelay) -> None:
    async with desktop.running():
        await desktop.join(relay)
        link = await relay.link()
        answer = await link.answer(await link.offer("What is the capital of France?"))
    assert answer.text == "The capital of France is Paris."
    assert answer.tokens == len(answer.text)
    assert answer.ends == ["stop"]
    assert isinstance(answer.terminal, Finish)
    assert answer.terminal.usage.completion_tokens == len(answer.text)


async def test_the_relay_is_told_the_model_and_that_this_node_shares(desktop: Desktop, relay: FakeRelay) -> None:
    async with desktop.running():
        await desktop.join(relay)
        link = await relay.link()
        status = await link.heard(Status, sharing=True)
        (model,) = [event for event in link.log if isinstance(event, Advertise)][-1].models
    assert (model.model, model.slots, model.warm, model.resume) == ("fake", 8, True, "ids")
    assert status.free_slots == 8


async def test_steps_of_a_fast_answer_share_frames(desktop: Desktop, relay: FakeRelay) -> None:
    async with desktop.running():
        await desktop.join(relay)
        link = await relay.link()
        answer = await link.answer(await link.offer("x" * 500))
    assert answer.text == "You said: " + "x" * 500
    assert answer.frames < answer.tokens / 2


async def test_what_one_step_brings_for_several_calls_leaves_in_one_frame(desktop: Desktop, relay: FakeRelay) -> None:
    async with desktop.running():
        await desktop.join(relay)
        desktop.engine.interval_s = STILL_S
        link = await relay.link()
        legs = [await link.offer("hold") for _ in range(3)]
        await desktop.until(lambda snapshot: snapshot.running == 3)
        await link.heard(Accept, id=legs[-1])
        for running in desktop.engine._calls.values():
            running.sink.records([Record(0, RecordKind.TEXT, bytes(4), b"x")])
        for leg in legs:
            await link.text(leg)
        steps = [event for event in link.log if isinstance(event, Steps)]
    assert [len(event.records) for event in steps] == [3]


async def test_a_large_body_comes_in_parts_after_its_header_was_accepted(desktop: Desktop, relay: FakeRelay) -> None:
    padding = "p" * 200_000
    body = msgspec.json.encode({"model": "fake", "messages": [{"role": "user", "content": "hi"}], "user": padding})
    async with desktop.running():
        await desktop.join(relay)
        link = await relay.link()
        answer = await link.answer(await link.offer_body(body))
    assert answer.terminal is not None
    assert not isinstance(answer.terminal, Fail)


async def test_a_cancelled_call_stops_the_engine_and_says_nothing_more(desktop: Desktop, relay: FakeRelay) -> None:
    async with desktop.running():
        await desktop.join(relay)
        desktop.engine.interval_s = SLOW_S
        link = await relay.link()
        leg = await link.offer("x" * 500)
        await link.text(leg, 3)
        await desktop.until(lambda snapshot: snapshot.running == 1)
        await link.cancel(leg)
        await desktop.until(lambda snapshot: snapshot.running == 0)
        assert desktop.engine.running == 0
        assert link.answers[leg].terminal is None


async def test_a_call_beyond_the_last_slot_is_declined_as_busy(desktop: Desktop, relay: FakeRelay) -> None:
    async with desktop.running():
        await desktop.join(relay)
        desktop.engine.interval_s = STILL_S
        link = await relay.link()
        for _ in range(8):
            await link.offer("hold")
        answer = await link.answer(await link.offer("one too many"))
    assert isinstance(answer.terminal, Decline)
    assert answer.terminal.reason == "busy"
    assert answer.terminal.retry_after is not None


async def test_every_choice_takes_a_slot(desktop: Desktop, relay: FakeRelay) -> None:
    async with desktop.running():
        await desktop.join(relay)
        desktop.engine.interval_s = STILL_S
        link = await relay.link()
        body = msgspec.json.encode({"model": "fake", "messages": [{"role": "user", "content": "hold"}], "n": 8})
        await link.offer_body(body, n=8)
        answer = await link.answer(await link.offer("one too many"))
    assert isinstance(answer.terminal, Decline)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [({"model": "other"}, "model"), ({"kind": "completion"}, "model")],
)
async def test_a_call_this_node_cannot_answer_is_declined(
    desktop: Desktop, relay: FakeRelay, changed: dict[str, str], reason: str
) -> None:
    async with desktop.running():
        await desktop.join(relay)
        link = await relay.link()
        answer = await link.answer(await link.offer("hello", **changed))
    assert isinstance(answer.terminal, Decline)
    assert answer.terminal.reason == reason


async def test_a_refused_parameter_is_a_decline_that_names_it(desktop: Desktop, relay: FakeRelay) -> None:
    body = msgspec.json.encode(
        {"model": "fake", "messages": [{"role": "user", "content": "hi"}], "temperature": "warm"}
    )
    async with desktop.running():
        await desktop.join(relay)
        link = await relay.link()
        answer = await link.answer(await link.offer_body(body))
    assert isinstance(answer.terminal, Decline)
    assert answer.terminal.reason == "parameter"
    assert "temperature" in answer.terminal.message


async def test_a_dying_worker_fails_its_calls_at_once_and_the_node_serves_on(
    desktop: Desktop, relay: FakeRelay
) -> None:
    async with desktop.running():
        await desktop.join(relay)
        desktop.engine.interval_s = STILL_S
        link = await relay.link()
        leg = await link.offer("hold")
        await desktop.until(lambda snapshot: snapshot.running == 1)
        desktop.engine.crash()
        answer = await link.answer(leg)
        assert isinstance(answer.terminal, Fail | Decline)
        desktop.engine.interval_s = 0.0
        again = await link.answer(await link.offer("What is the capital of France?"))
    assert again.text == "The capital of France is Paris."


async def test_a_worker_that_dies_mid_answer_is_a_failure_of_the_node(desktop: Desktop, relay: FakeRelay) -> None:
    async with desktop.running():
        await desktop.join(relay)
        desktop.engine.interval_s = SLOW_S
        link = await relay.link()
        leg = await link.offer("x" * 500)
        await link.text(leg, 3)
        desktop.engine.crash()
        answer = await link.answer(leg)
    assert isinstance(answer.terminal, Fail)
    assert answer.terminal.at_fault == "node"


def delivered(text: str, prompt_digest: bytes) -> tuple[bytes, Resume]:
    """The fake engine's tokens are bytes."""
    raw = text.encode()
    channel = Channel(choice=0, channel=0, bytes=len(raw), digest=hashlib.sha256(raw).digest())
    resume = Resume(leg=LegId(1), position=len(raw), prompt_digest=prompt_digest, channels=[channel])
    return b"".join(byte.to_bytes(4, "little") for byte in raw), resume


@pytest.mark.parametrize("padding", [0, 100_000], ids=["small body", "body in parts"])
async def test_an_answer_begun_elsewhere_goes_on_where_it_stopped(
    desktop: Desktop, relay: FakeRelay, padding: int
) -> None:
    body = {"model": "fake", "messages": [{"role": "user", "content": "What is the capital of France?"}]}
    raw = msgspec.json.encode(body | {"user": "p" * padding})
    async with desktop.running():
        await desktop.join(relay)
        link = await relay.link()
        await link.answer(await link.offer_body(raw))
        digest = next(event.prompt_digest for event in link.log if isinstance(event, Accept) and event.prompt_digest)
        ids, resume = delivered("The capital of", digest)
        answer = await link.answer(await link.offer_body(raw, ids=ids, resume=resume))
    assert answer.text == " France is Paris."
    assert answer.tokens == len(answer.text)
    assert isinstance(answer.terminal, Finish)


async def test_an_answer_that_does_not_follow_from_its_ids_is_declined(desktop: Desktop, relay: FakeRelay) -> None:
    async with desktop.running():
        await desktop.join(relay)
        link = await relay.link()
        ids, resume = delivered("The capital of", b"x" * 32)
        body = msgspec.json.encode({"model": "fake", "messages": [{"role": "user", "content": "hi"}]})
        answer = await link.answer(await link.offer_body(body, ids=ids, resume=resume))
        several = await link.answer(await link.offer_body(body, ids=ids, resume=resume, n=2))
    for refused in (answer, several):
        assert isinstance(refused.terminal, Decline)
        assert refused.terminal.reason == "resume_mismatch"


async def test_memory_is_given_back_while_sharing_is_off(desktop: Desktop, relay: FakeRelay) -> None:
    async with desktop.running():
        await desktop.join(relay)
        await desktop.tell(SetMode(Mode.OFF))
        await desktop.until(lambda snapshot: snapshot.models[0].kind == "unloaded")
        await desktop.tell(SetMode(Mode.ALWAYS))
        await desktop.until(lambda snapshot: snapshot.sharing.sharing and snapshot.models[0].kind == "ready")


async def test_after_free_memory_the_next_call_loads_the_model_again(desktop: Desktop, relay: FakeRelay) -> None:
    async with desktop.running():
        await desktop.join(relay)
        await desktop.tell(FreeMemory())
        await desktop.until(lambda snapshot: snapshot.models[0].kind == "unloaded")
        link = await relay.link()
        answer = await link.answer(await link.offer("What is the capital of France?"))
        assert answer.text == "The capital of France is Paris."
        await desktop.until(lambda snapshot: snapshot.models[0].kind == "ready")


async def test_quitting_with_drain_finishes_the_running_answer_first(desktop: Desktop, relay: FakeRelay) -> None:
    async with desktop.running() as agent:
        await desktop.join(relay)
        desktop.engine.interval_s = SLOW_S
        link = await relay.link()
        leg = await link.offer("hello")
        await link.text(leg, 1)
        agent.post(Quit(drain=True))
        await link.heard(Drain)
        answer = await link.answer(leg)
        assert answer.text == "You said: hello"
        await link.closed.wait()


async def test_quitting_at_once_gives_the_running_answer_back_to_the_relay(desktop: Desktop, relay: FakeRelay) -> None:
    async with desktop.running() as agent:
        await desktop.join(relay)
        desktop.engine.interval_s = SLOW_S
        link = await relay.link()
        leg = await link.offer("x" * 500)
        await link.text(leg, 3)
        agent.post(Quit(drain=False))
        answer = await link.answer(leg)
        await link.closed.wait()
    assert isinstance(answer.terminal, Yield)
    assert answer.terminal.delivered_tokens == answer.tokens


async def test_a_lost_link_cancels_its_calls(desktop: Desktop, relay: FakeRelay) -> None:
    async with desktop.running():
        await desktop.join(relay)
        desktop.engine.interval_s = STILL_S
        link = await relay.link()
        await link.offer("hold")
        await desktop.until(lambda snapshot: snapshot.running == 1)
        await link.close(4503)
        await desktop.until(lambda snapshot: snapshot.running == 0)
        assert desktop.engine.running == 0


async def test_speed_is_measured_while_an_answer_is_written(desktop: Desktop, relay: FakeRelay) -> None:
    async with desktop.running():
        await desktop.join(relay)
        desktop.engine.interval_s = 0.01
        link = await relay.link()
        await link.offer("x" * 900)
        snapshot = await desktop.until(lambda snapshot: snapshot.tokens_per_s > 0)
        assert snapshot.rate_history[-1] == snapshot.tokens_per_s
        assert snapshot.sharing.sentence == "Sharing: writing 1 answer."
