"""What waits for the relay: in order, and no faster than the owner allows."""

from __future__ import annotations

import asyncio

import pytest

from desktop.agent.outbox import LIMIT_BYTES, LinkTooSlowError, Outbox
from desktop.models.limiter import SpeedLimit


async def test_messages_are_sent_in_order_and_their_end_is_told() -> None:
    sent: list[bytes] = []

    async def send(message: bytes) -> None:
        sent.append(message)

    outbox = Outbox(send)
    for message in (b"a", b"", b"b"):
        outbox.add(message)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(outbox.run())
        await outbox.flushed()
        task.cancel()
    assert sent == [b"a", b"b"]


async def test_an_owners_limit_spreads_messages_over_time() -> None:
    now, sent = 0.0, list[tuple[float, bytes]]()

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    async def send(message: bytes) -> None:
        sent.append((now, message))

    outbox = Outbox(send, SpeedLimit(1000, clock=lambda: now, sleep=sleep))
    for _ in range(3):
        outbox.add(bytes(500))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(outbox.run())
        await outbox.flushed()
        task.cancel()
    assert [at for at, _ in sent] == [0.5, 1.0, 1.5]


async def test_a_link_that_is_far_behind_is_given_up() -> None:
    async def send(_message: bytes) -> None: ...

    outbox = Outbox(send)
    outbox.add(bytes(LIMIT_BYTES))
    outbox.add(b"one more")
    with pytest.raises(LinkTooSlowError):
        await outbox.run()
