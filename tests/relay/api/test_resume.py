"""An answer whose node is lost half way, and that another node goes on with: what the caller sees, who is paid."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from relay.ledger.check import BooksCheck
from relay.settings import TimerSettings
from relay.storage.tables import usage_legs
from relay.wire.frames import Cancel, Channel, LegId, StepKind
from relay.wire.steps import encode_steps
from tests.relay.nodes.desk import text
from tests.relay.nodes.player import Node, Play, connected_node, relay_with_node
from tests.relay.running import RunningRelay, a_chat

WORDS = ("The ", "capital ", "is ", "Paris.")
WHOLE = "".join(WORDS)
ABLE: dict[str, Any] = {"resume": "ids", "numerics": "cpu"}
SHORT = TimerSettings(node_gap_s=0.3)
"""For a node that freezes; any other test would be about a busy machine."""

Loss = Callable[[Node, LegId], Awaitable[None]]


async def _yields(node: Node, leg: LegId) -> None:
    await node.yield_(leg, 2)


async def _fails(node: Node, leg: LegId) -> None:
    session = node.desk.session
    await node.desk.say(session.fail(leg, code="worker_died", message="the process ended", now=time.monotonic()))


async def _vanishes(node: Node, leg: LegId) -> None:
    node.desk.socket.transport.abort()


async def _freezes(node: Node, leg: LegId) -> None:
    """And thaws when the relay has given it up, with what it was about to say."""
    await node.desk.hear(Cancel)
    await node.desk.say(encode_steps([text(leg, "LATE", [9])]))


LOSSES: dict[str, Loss] = {"yields": _yields, "fails": _fails, "vanishes": _vanishes, "freezes": _freezes}


class Scene:
    """A first node that writes two words and waits to be lost; who comes later goes on."""

    def __init__(self, loss: Loss) -> None:
        self.begun = asyncio.Event()
        self.lose = asyncio.Event()
        self._loss = loss

    async def first(self, node: Node, leg: LegId) -> None:
        await node.accept(leg)
        await node.write(leg, *WORDS[:2])
        self.begun.set()
        await self.lose.wait()
        await self._loss(node, leg)


async def goes_on(node: Node, leg: LegId) -> None:
    """The rest of the answer, from where the call says."""
    resume = node.calls[-1].call.resume
    assert resume is not None
    await node.accept(leg)
    await node.write(leg, *WORDS[resume.position :], start=resume.position + 1)
    await node.end(leg)
    await node.finish(leg, len(WORDS))


async def mismatches(node: Node, leg: LegId) -> None:
    session = node.desk.session
    await node.desk.say(session.decline(leg, reason="resume_mismatch", message="other text", now=time.monotonic()))


@asynccontextmanager
async def asked(
    tmp_path: Path, scene: Scene, *, then: Play | None = None, timers: TimerSettings | None = None, **fields: Any
) -> AsyncIterator[tuple[RunningRelay, asyncio.Task[bytes]]]:
    """A relay with the first node, and a call on its way whose answer has begun there. `then`: other calls."""
    async with (
        relay_with_node(tmp_path, scene.first, then or scene.first, timers=timers, **ABLE) as (relay, _),
        asyncio.TaskGroup() as group,
    ):
        answer = group.create_task(relay.raw(relay.chat(a_chat(**{"stream": True} | fields))))
        await scene.begun.wait()
        yield relay, answer


def events(answer: bytes) -> list[dict[str, Any]]:
    lines = [line for line in answer.split(b"\n") if line.startswith(b"data: ") and b"[DONE]" not in line]
    return [json.loads(line.removeprefix(b"data: ")) for line in lines]


def said(answer: bytes) -> str:
    choices = [choice for event in events(answer) for choice in event["choices"]]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


async def paid(relay: RunningRelay) -> list[tuple[int, int, int]]:
    """Prompt tokens, completion tokens and the owner's share of each leg that was paid."""
    await relay.services.ledger.flush()
    query = select(usage_legs.c.prompt_tokens, usage_legs.c.completion_tokens, usage_legs.c.owner_share)
    rows = await relay.services.database.read(lambda connection: connection.execute(query).all())
    return [tuple(row) for row in rows]


async def in_order(relay: RunningRelay) -> BooksCheck:
    books = await relay.books()
    assert books.in_order
    assert books.open_holds == 0
    return books


@pytest.mark.parametrize("loss", LOSSES)
async def test_another_node_goes_on_without_a_word_lost_or_said_twice(loss: str, tmp_path: Path) -> None:
    scene = Scene(LOSSES[loss])
    async with (
        asked(tmp_path, scene, timers=SHORT if loss == "freezes" else None, stream_options={"include_usage": True}) as (
            relay,
            task,
        ),
        connected_node(relay, goes_on, name="other", **ABLE) as other,
    ):
        scene.lose.set()
        answer = await task
        (offer,) = other.calls
        (row,) = await relay.usage_rows()
        legs = await paid(relay)
        await in_order(relay)
    assert said(answer) == WHOLE
    assert answer.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
    assert answer.count(b'"role":"assistant"') == 1
    assert len({event["id"] for event in events(answer)}) == 1
    counted = {"prompt_tokens": 5, "completion_tokens": 4, "total_tokens": 9}
    assert events(answer)[-1]["usage"] == counted | {"cost": row.cost_nano / 1e9, "is_byok": False}
    assert offer.call.resume is not None
    assert offer.call.resume.position == 2
    assert offer.call.resume.prompt_digest == bytes(32)
    delivered = "".join(WORDS[:2]).encode()
    assert offer.call.resume.channels == [
        Channel(choice=0, channel=StepKind.TEXT, bytes=len(delivered), digest=hashlib.sha256(delivered).digest())
    ]
    assert offer.ids == (1).to_bytes(4, "little") + (2).to_bytes(4, "little")
    assert (row.state, row.prompt_tokens, row.completion_tokens) == ("completed", 5, 4)
    assert [leg[:2] for leg in legs] == [(5, 2), (0, 2)]
    assert sum(leg[2] for leg in legs) == row.owner_nano > 0
    assert legs[0][2] == legs[1][2]


async def test_a_plain_answer_goes_on_too_and_says_how(tmp_path: Path) -> None:
    scene = Scene(_yields)
    async with (
        asked(tmp_path, scene, stream=False) as (relay, task),
        connected_node(relay, goes_on, name="other", **ABLE),
    ):
        scene.lose.set()
        answer = await task
        legs = await paid(relay)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"x-nightjar-resumed: exact\r\n" in head
    assert json.loads(body)["choices"][0]["message"]["content"] == WHOLE
    assert [leg[:2] for leg in legs] == [(5, 2), (0, 2)]


async def test_a_node_that_crawls_is_left_for_one_that_does_not(tmp_path: Path) -> None:
    scene = Scene(_freezes)
    async with (
        asked(tmp_path, scene, timers=TimerSettings(crawl_s=0.1)) as (relay, task),
        connected_node(relay, goes_on, name="other", **ABLE) as other,
    ):
        answer = await task
        assert len(other.calls) == 1
        scene.lose.set()
    assert said(answer) == WHOLE


async def test_where_numbers_may_differ_the_caller_is_told(tmp_path: Path) -> None:
    scene = Scene(_yields)
    async with (
        asked(tmp_path, scene, stream=False) as (relay, task),
        connected_node(relay, goes_on, name="other", resume="ids", numerics="gpu"),
    ):
        scene.lose.set()
        assert b"x-nightjar-resumed: replayed\r\n" in await task


async def test_who_computes_alike_is_asked_first(tmp_path: Path) -> None:
    scene = Scene(_yields)
    async with (
        asked(tmp_path, scene) as (relay, task),
        connected_node(relay, goes_on, name="unlike", resume="ids", numerics="gpu", slots=64) as unlike,
        connected_node(relay, goes_on, name="alike", **ABLE) as alike,
    ):
        scene.lose.set()
        assert said(await task) == WHOLE
        assert (len(alike.calls), len(unlike.calls)) == (1, 0)


@pytest.mark.parametrize(
    "other",
    [{"resume": "none"}, {"digest": "f" * 64} | ABLE, {"context": 8} | ABLE],
    ids=["no ids", "other file", "small"],
)
async def test_who_cannot_prove_to_know_the_answer_is_not_asked(other: dict[str, Any], tmp_path: Path) -> None:
    scene = Scene(_yields)
    async with (
        asked(tmp_path, scene) as (relay, task),
        connected_node(relay, goes_on, name="other", **other) as node,
    ):
        scene.lose.set()
        answer = await task
        assert not node.calls
    assert_broken_off(answer, "node_yielded")


def assert_broken_off(answer: bytes, code: str) -> None:
    assert said(answer) == "".join(WORDS[:2])
    last = events(answer)[-1]
    assert last["error"]["code"] == code
    assert last["choices"][0]["finish_reason"] == "error"
    assert b"[DONE]" not in answer


async def test_alone_it_ends_in_an_error_at_once_and_is_paid_for_what_was_written(tmp_path: Path) -> None:
    scene = Scene(_fails)
    async with asked(tmp_path, scene) as (relay, task):
        scene.lose.set()
        assert_broken_off(await task, "worker_died")
        (row,) = await relay.usage_rows()
        assert (row.state, row.prompt_tokens, row.completion_tokens) == ("failed", 5, 2)
        await in_order(relay)


async def test_ids_that_do_not_give_the_text_end_in_the_first_cause_with_the_whole_chain(tmp_path: Path) -> None:
    scene = Scene(_fails)
    async with (
        asked(tmp_path, scene) as (relay, task),
        connected_node(relay, mismatches, name="two", **ABLE) as two,
        connected_node(relay, mismatches, name="three", **ABLE) as three,
    ):
        scene.lose.set()
        answer = await task
        assert len(two.calls) == len(three.calls) == 1
    assert_broken_off(answer, "worker_died")
    chain = events(answer)[-1]["error"]["metadata"]["attempts"]
    assert [each["code"] for each in chain] == ["worker_died", "resume_mismatch", "resume_mismatch"]


async def test_a_stream_waits_for_a_node_that_is_only_busy(tmp_path: Path) -> None:
    scene = Scene(_yields)
    async with (
        asked(tmp_path, scene) as (relay, task),
        connected_node(relay, goes_on, name="other", **ABLE) as other,
    ):
        await other.desk.say(other.desk.session.status(sharing=True, reason="busy", free_slots=0))
        await _until(lambda: all(not link.free_slots for link in relay.services.registry if link.node.name == "other"))
        scene.lose.set()
        await _until(lambda: all(not link.running for link in relay.services.registry))
        await other.desk.say(other.desk.session.status(sharing=True, reason="ready", free_slots=1))
        assert said(await task) == WHOLE


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.005)


async def test_a_call_is_handed_on_after_two_silent_losses_and_not_after_a_third(tmp_path: Path) -> None:
    async def one_more(node: Node, leg: LegId) -> None:
        resume = node.calls[-1].call.resume
        assert resume is not None
        await node.accept(leg)
        await node.write(leg, WORDS[resume.position], start=resume.position + 1)
        await _fails(node, leg)

    scene = Scene(_fails)
    async with (
        asked(tmp_path, scene, then=one_more) as (relay, task),
        connected_node(relay, one_more, name="two", **ABLE),
        connected_node(relay, one_more, name="three", **ABLE),
    ):
        scene.lose.set()
        answer = await task
        legs = await paid(relay)
        await in_order(relay)
    assert said(answer) == WHOLE
    assert events(answer)[-1]["error"]["code"] == "worker_died"
    assert [leg[:2] for leg in legs] == [(5, 2), (0, 1), (0, 1)]


async def test_six_announced_hand_overs_are_no_fault(tmp_path: Path) -> None:
    passed = 0

    async def passes_on(node: Node, leg: LegId) -> None:
        nonlocal passed
        passed += 1
        if passed == 6:
            await ends(node, leg)
            return
        await node.accept(leg)
        await node.write(leg, ".", start=100 + passed)
        await node.yield_(leg, 1)

    async def ends(node: Node, leg: LegId) -> None:
        await node.accept(leg)
        await node.write(leg, "!")
        await node.end(leg)
        await node.finish(leg, 8)

    scene = Scene(_yields)
    async with (
        asked(tmp_path, scene, then=passes_on) as (relay, task),
        connected_node(relay, passes_on, name="two", **ABLE),
    ):
        scene.lose.set()
        answer = await task
        legs = await paid(relay)
        await in_order(relay)
    assert said(answer) == "The capital .....!"
    assert b'"error"' not in answer
    assert [leg[1] for leg in legs] == [2, 1, 1, 1, 1, 1, 1]


async def test_a_caller_who_leaves_while_another_node_is_sought_has_no_further_leg(tmp_path: Path) -> None:
    scene = Scene(_yields)
    async with relay_with_node(tmp_path, scene.first, **ABLE) as (relay, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        writer.write(relay.chat(a_chat(stream=True)))
        await reader.readuntil(b"capital")
        async with connected_node(relay, goes_on, name="other", **ABLE) as other:
            await other.desk.say(other.desk.session.status(sharing=True, reason="busy", free_slots=0))
            await _until(
                lambda: all(not link.free_slots for link in relay.services.registry if link.node.name == "other")
            )
            scene.lose.set()
            await _until(lambda: all(not link.running for link in relay.services.registry))
            writer.close()
            await _until(lambda: not len(relay.services.completions.watch))
            await other.desk.say(other.desk.session.status(sharing=True, reason="ready", free_slots=1))
            (row,) = await relay.usage_rows()
            assert not other.calls
    assert (row.state, row.completion_tokens) == ("cancelled", 2)


async def test_several_choices_are_not_handed_on(tmp_path: Path) -> None:
    scene = Scene(_yields)
    async with (
        asked(tmp_path, scene, n=2) as (relay, task),
        connected_node(relay, goes_on, name="other", **ABLE) as other,
    ):
        scene.lose.set()
        assert b'"code":"node_yielded"' in await task
        assert not other.calls


async def test_a_yield_before_the_first_word_is_another_attempt(tmp_path: Path) -> None:
    asked_before = False

    async def first_yields(node: Node, leg: LegId) -> None:
        nonlocal asked_before
        before, asked_before = asked_before, True
        assert node.calls[-1].call.resume is None
        await node.accept(leg)
        if not before:
            await node.yield_(leg, 0)
            return
        await node.write(leg, *WORDS)
        await node.end(leg)
        await node.finish(leg, 4)

    async with (
        relay_with_node(tmp_path, first_yields, **ABLE) as (relay, _),
        connected_node(relay, first_yields, name="other", **ABLE),
    ):
        assert said(await relay.raw(relay.chat(a_chat(stream=True)))) == WHOLE
        (row,) = await relay.usage_rows()
    assert row.attempts == 2
