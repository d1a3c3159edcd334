"""What one call or one target does badly is not felt by the others."""

from __future__ import annotations

import asyncio
from pathlib import Path

from relay.settings import TimerSettings
from tests.relay.provider import (
    DONE,
    STREAM_END,
    STREAM_HEAD,
    Step,
    chunk,
    delta,
    event,
    plain_answer,
    scripted_provider,
    stream_answer,
)
from tests.relay.running import MODEL, a_chat, as_provider, narrow_socket, running_relay

OTHER = "other-model"
HANGING, WELL = 150, 50
LONG = 6_000
PIECE = "word " * 200


async def test_a_target_that_swallows_calls_holds_up_nobody_elses(tmp_path: Path) -> None:
    """150 calls hang in a black hole; 50 others are answered meanwhile, and need but one connection."""
    async with (
        scripted_provider([asyncio.Event()]) as hole,
        scripted_provider([plain_answer()]) as beta,
        running_relay(tmp_path, providers=[as_provider(hole), as_provider(beta, "beta", name=OTHER)]) as relay,
        asyncio.TaskGroup() as group,
    ):
        hanging = [group.create_task(relay.raw(relay.chat(a_chat()))) for _ in range(HANGING)]
        while len(hole.requests) < HANGING:
            hole.seen.clear()
            await hole.seen.wait()
        async with asyncio.timeout(20):
            for _ in range(WELL):
                assert b" 200 OK" in await relay.raw(relay.chat({**a_chat(), "model": OTHER}))
        assert not any(each.done() for each in hanging)
        assert beta.connections == 1
        for each in hanging:
            each.cancel()


async def test_a_target_that_swallows_calls_is_soon_left_alone(tmp_path: Path) -> None:
    """Its first calls wait for it, and most are then answered by another; after twenty nobody goes there any more."""
    timers = TimerSettings(plain_s=0.2)
    async with (
        scripted_provider([asyncio.Event()]) as hole,
        scripted_provider([plain_answer()]) as beta,
        running_relay(
            tmp_path,
            providers=[as_provider(hole, prompt_price=1, completion_price=1), as_provider(beta, "beta")],
            timers=timers,
        ) as relay,
    ):
        answers = await asyncio.gather(*(relay.raw(relay.chat(a_chat())) for _ in range(20)))
        rescued = sum(b"x-nightjar-target: beta" in each for each in answers)
        assert rescued >= 10  # as many as a minute's retries allow
        before = len(hole.requests)
        assert before == 20
        answers = [await relay.raw(relay.chat(a_chat())) for _ in range(WELL)]
        assert all(b"x-nightjar-attempts: 1\r\n" in each for each in answers)
        assert len(hole.requests) == before


async def test_one_slow_reader_among_fifty_streams_is_felt_by_nobody(tmp_path: Path) -> None:
    """Nor does the relay read on for who does not read: what waits in its memory is bounded."""
    written = 0

    async def count() -> None:
        nonlocal written
        written += 1

    script: list[Step] = [STREAM_HEAD]
    for _ in range(LONG):
        script += [chunk(delta(PIECE)), count]
    end = chunk(event(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}]))
    script += [end, chunk(DONE), STREAM_END]
    async with (
        scripted_provider(script) as alpha,
        scripted_provider(stream_answer()) as beta,
        running_relay(tmp_path, providers=[as_provider(alpha), as_provider(beta, "beta", name=OTHER)]) as relay,
    ):
        slow = narrow_socket()
        loop = asyncio.get_running_loop()
        await loop.sock_connect(slow, ("127.0.0.1", relay.port))
        await loop.sock_sendall(slow, relay.chat(a_chat(stream=True)))
        await alpha.seen.wait()
        async with asyncio.timeout(30):
            asked = [relay.raw(relay.chat({**a_chat(stream=True), "model": OTHER})) for _ in range(WELL - 1)]
            answers = await asyncio.gather(*asked)
        assert all(b"Paris" in each and each.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n") for each in answers)
        seen = -1
        while seen != written:  # until nothing more goes in, while others are answered
            seen = written
            for _ in range(20):
                await relay.raw(relay.chat({**a_chat(stream=True), "model": OTHER}))
        assert written < LONG
        slow.close()
        async with asyncio.timeout(20):
            await alpha.hung_up.wait()
        assert MODEL in {row.model for row in await relay.usage_rows()}
