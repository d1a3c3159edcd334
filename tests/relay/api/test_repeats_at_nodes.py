"""Answers of nodes, given again and shared, also when the node is lost half way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from relay.settings import TimerSettings
from tests.relay.api.test_resume import ABLE, LOSSES, WHOLE, Scene, goes_on, in_order, said
from tests.relay.nodes.player import Node, answer_rightly, connected_node, relay_with_node
from tests.relay.running import RunningRelay, a_chat

TIMERS = TimerSettings(node_gap_s=0.3)
CACHED = b"X-OpenRouter-Cache: true"
KEYED = b"Idempotency-Key: order-4711"


def request(relay: RunningRelay, *headers: bytes, **fields: Any) -> bytes:
    body = a_chat(**{"temperature": 0, "stream": True} | fields)
    return relay.chat(body).replace(b"\r\n", b"\r\n" + b"".join(each + b"\r\n" for each in headers), 1)


@asynccontextmanager
async def scene_with(tmp_path: Path) -> AsyncIterator[tuple[RunningRelay, Scene, Node]]:
    scene = Scene(LOSSES["vanishes"])
    async with relay_with_node(tmp_path, scene.first, timers=TIMERS, **ABLE) as (relay, node):
        yield relay, scene, node


class Listener:
    """A caller of a stream."""

    def __init__(self, relay: RunningRelay, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.heard = b""

    @classmethod
    async def asks(cls, relay: RunningRelay, *headers: bytes) -> Listener:
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        writer.write(request(relay, *headers))
        return cls(relay, reader, writer)

    async def begun(self) -> None:
        self.heard += await self.reader.readuntil(b"capital ")

    async def rest(self) -> bytes:
        self.heard += await self.reader.read()
        self.writer.close()
        return self.heard

    def hang_up(self) -> None:
        self.writer.transport.abort()


async def test_a_nodes_answer_is_given_again_and_costs_nothing(tmp_path: Path) -> None:
    async with relay_with_node(tmp_path, answer_rightly) as (relay, node):
        first = await relay.raw(request(relay, CACHED))
        again = await relay.raw(request(relay, CACHED))
        plain = await relay.raw(request(relay, CACHED, stream=False))
        rows = await relay.usage_rows()
        await in_order(relay)

    assert said(first) == said(again) == WHOLE
    assert b"x-nightjar-cache: hit" in again
    assert b'"content":"The capital is Paris."' in plain
    assert len(node.calls) == 1
    assert [row.completion_tokens for row in rows] == [0, 0, 4]


@pytest.mark.parametrize(("numerics", "cache"), [("cpu", b"hit"), ("cuda", b"miss")])
async def test_an_answer_that_changed_hands_is_kept_if_nobody_could_tell(
    tmp_path: Path, numerics: str, cache: bytes
) -> None:
    async with scene_with(tmp_path) as (relay, scene, _):
        task = asyncio.ensure_future(relay.raw(request(relay, CACHED)))  # noqa: TID251 - awaited below
        await scene.begun.wait()
        async with connected_node(relay, goes_on, answer_rightly, name="other", **ABLE | {"numerics": numerics}):
            scene.lose.set()
            assert said(await task) == WHOLE
            again = await relay.raw(request(relay, CACHED))
    assert b"x-nightjar-cache: " + cache in again


async def test_those_who_share_an_answer_get_all_of_it_from_both_nodes_and_pay_each_token_once(tmp_path: Path) -> None:
    async with scene_with(tmp_path) as (relay, scene, _):
        first = await Listener.asks(relay, CACHED)
        await first.begun()
        second, third = await Listener.asks(relay, CACHED), await Listener.asks(relay, CACHED)
        await second.begun()
        await third.begun()
        first.hang_up()
        async with connected_node(relay, goes_on, name="other", **ABLE):
            while not await relay.usage_rows():  # noqa: ASYNC110 - the database has no event for it
                await asyncio.sleep(0.005)
            scene.lose.set()
            answers = [await second.rest(), await third.rest()]
            rows = sorted(await relay.usage_rows(), key=lambda row: row.call)
            await in_order(relay)

    assert [said(each) for each in answers] == [WHOLE, WHOLE]
    assert [(row.state, row.prompt_tokens, row.completion_tokens) for row in rows] == [
        ("cancelled", 5, 2),
        ("completed", 0, 2),
        ("completed", 0, 0),
    ]
    assert sum(row.owner_nano + row.operator_nano for row in rows) == sum(row.cost_nano for row in rows)


async def test_a_retry_after_a_hang_up_hears_the_rest_from_another_node(tmp_path: Path) -> None:
    async with scene_with(tmp_path) as (relay, scene, _):
        first = await Listener.asks(relay, KEYED)
        await first.begun()
        first.hang_up()
        async with connected_node(relay, goes_on, name="other", **ABLE):
            scene.lose.set()
            answer = await relay.raw(request(relay, KEYED))
            (row,) = await relay.usage_rows()
            await in_order(relay)

    assert said(answer) == WHOLE
    assert answer.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
    assert (row.state, row.prompt_tokens, row.completion_tokens) == ("completed", 5, 4)
