"""Calls that find every target busy: they wait for a short while, in order, and hear it when that was too long."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path

import openai
import pytest

from relay.settings import TimerSettings
from relay.wire.frames import LegId
from tests.relay.nodes.player import Node, answer_rightly, relay_with_node
from tests.relay.running import MODEL, RunningRelay, a_chat

SLOTS = 1
WAITING = 4
"""As many as may wait where there is one slot."""


class Desk:
    """A node that answers one call at a time, each when it may."""

    def __init__(self) -> None:
        self.may = asyncio.Semaphore(0)
        self.order: list[int] = []

    async def play(self, node: Node, leg: LegId) -> None:
        await self.may.acquire()
        body = json.loads(node.calls[-1].body or b"{}")
        self.order.append(body.get("seed", 0))
        await answer_rightly(node, leg)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.005)


def running(relay: RunningRelay) -> int:
    return len(relay.services.completions.watch)


async def test_a_burst_is_answered_one_after_another_in_the_order_it_came(tmp_path: Path) -> None:
    desk = Desk()
    async with relay_with_node(tmp_path, desk.play, slots=SLOTS) as (relay, _), asyncio.TaskGroup() as group:
        answers = []
        for number in range(WAITING + 1):
            answers.append(group.create_task(relay.raw(relay.chat(a_chat(seed=number, stream=bool(number % 2))))))
            await until(lambda: running(relay) == len(answers))
        for _ in answers:
            desk.may.release()
        told = [await answer for answer in answers]
    assert desk.order == list(range(WAITING + 1))
    assert all(answer.startswith(b"HTTP/1.1 200 ") for answer in told)
    assert all(b'"finish_reason":"stop"' in answer for answer in told)


async def test_where_too_many_wait_the_next_is_refused_at_once(tmp_path: Path) -> None:
    desk = Desk()
    async with relay_with_node(tmp_path, desk.play, slots=SLOTS) as (relay, _), asyncio.TaskGroup() as group:
        for number in range(WAITING + 1):
            group.create_task(relay.raw(relay.chat(a_chat(seed=number))))
            await until(lambda: running(relay) == number + 1)  # noqa: B023 - awaited here
        async with openai.AsyncOpenAI(base_url=relay.base_url, api_key=relay.key, max_retries=0) as client:
            with pytest.raises(openai.InternalServerError) as caught:
                await client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "?"}])
        for _ in range(WAITING + 1):
            desk.may.release()
    assert caught.value.status_code == 503
    assert caught.value.code == "all_targets_busy"
    assert float(caught.value.response.headers["retry-after"]) > 0


@pytest.mark.parametrize("stream", [False, True])
async def test_who_waited_too_long_is_told_so_and_pays_nothing(stream: bool, tmp_path: Path) -> None:
    desk = Desk()
    timers = TimerSettings(queue_s=0.3)
    async with relay_with_node(tmp_path, desk.play, slots=SLOTS, timers=timers) as (relay, node):
        async with asyncio.TaskGroup() as group:
            group.create_task(relay.raw(relay.chat(a_chat())))
            await until(lambda: running(relay) == 1)
            late = await relay.raw(relay.chat(a_chat(stream=stream)))
            desk.may.release()
        rows = await relay.usage_rows()
        assert len(node.calls) == 1
    assert late.startswith(b"HTTP/1.1 503 ")
    assert b'"code":"all_targets_busy"' in late
    assert sorted((row.state, row.cost_nano > 0) for row in rows) == [("completed", True), ("failed", False)]


async def test_a_stream_that_waits_hears_heartbeats(tmp_path: Path) -> None:
    desk = Desk()
    timers = TimerSettings(heartbeat_s=0.1)
    async with (
        relay_with_node(tmp_path, desk.play, slots=SLOTS, timers=timers) as (relay, _),
        asyncio.TaskGroup() as group,
    ):
        group.create_task(relay.raw(relay.chat(a_chat())))
        await until(lambda: running(relay) == 1)
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        writer.write(relay.chat(a_chat(stream=True)))
        await reader.readuntil(b": ping\n\n")
        desk.may.release()
        desk.may.release()
        assert b"Paris" in await reader.read()
        writer.close()


async def test_who_leaves_while_waiting_is_never_offered_to_anybody(tmp_path: Path) -> None:
    desk = Desk()
    async with relay_with_node(tmp_path, desk.play, slots=SLOTS) as (relay, node), asyncio.TaskGroup() as group:
        group.create_task(relay.raw(relay.chat(a_chat())))
        await until(lambda: running(relay) == 1)
        _, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        writer.write(relay.chat(a_chat(stream=True)))
        await until(lambda: running(relay) == 2)
        writer.close()
        await until(lambda: running(relay) == 1)
        desk.may.release()
        await until(lambda: running(relay) == 0)
        rows = await relay.usage_rows()
        assert len(node.calls) == 1
    assert {row.state: row.cost_nano > 0 for row in rows} == {"completed": True, "cancelled": False}


async def test_who_was_turned_away_by_a_busy_node_asks_again(tmp_path: Path) -> None:
    async def busy_first(node: Node, leg: LegId) -> None:
        if len(node.calls) == 1:
            session = node.desk.session
            await node.desk.say(session.decline(leg, "busy", retry_after=0.05, now=time.monotonic()))
        else:
            await answer_rightly(node, leg)

    async with relay_with_node(tmp_path, busy_first) as (relay, node):
        answer = await relay.raw(relay.chat(a_chat()))
        assert len(node.calls) == 2
    assert b"The capital is Paris." in answer
    assert b"x-nightjar-attempts: 1\r\n" in answer
