"""What an answer says it costs is what the books then say, to the nano-dollar."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.relay.nodes.player import answer_rightly, relay_with_node
from tests.relay.provider import Step, error_answer, plain_answer, scripted_provider, stream_answer
from tests.relay.running import RunningRelay, a_chat, as_provider, running_relay


async def told(relay: RunningRelay, *, stream: bool, **fields: Any) -> float:
    """Dollars, as the answer says; a plain one says it twice."""
    fields |= {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    head, _, body = (await relay.raw(relay.chat(a_chat(**fields)))).partition(b"\r\n\r\n")
    if not stream:
        cost: float = json.loads(body)["usage"]["cost"]
        header = head.lower().partition(b"x-nightjar-cost: ")[2].partition(b"\r\n")[0]
        assert float(header) == cost
        return cost
    lines = [line[6:] for line in body.split(b"\n") if line.startswith(b"data: {")]
    found: list[float] = [usage["cost"] for line in lines if (usage := json.loads(line).get("usage"))]
    (cost,) = found
    return cost


async def booked(relay: RunningRelay) -> list[int]:
    return [row.cost_nano for row in await relay.usage_rows()]


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
async def test_of_a_provider(stream: bool, tmp_path: Path) -> None:
    script: Sequence[Step] = stream_answer() if stream else [plain_answer()]
    async with (
        scripted_provider(script) as alpha,
        running_relay(tmp_path, providers=[as_provider(alpha)]) as relay,
    ):
        cost = await told(relay, stream=stream)
        assert [cost * 1e9] == pytest.approx(await booked(relay))
        assert cost > 0


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
async def test_of_a_node(stream: bool, tmp_path: Path) -> None:
    async with relay_with_node(tmp_path, answer_rightly) as (relay, _):
        cost = await told(relay, stream=stream)
        assert [cost * 1e9] == pytest.approx(await booked(relay))
        assert cost > 0


async def test_after_another_failed(tmp_path: Path) -> None:
    async with (
        scripted_provider([error_answer(500)]) as alpha,
        scripted_provider([plain_answer()]) as beta,
        running_relay(
            tmp_path, providers=[as_provider(alpha, prompt_price=1, completion_price=1), as_provider(beta, "beta")]
        ) as relay,
    ):
        assert [await told(relay, stream=False) * 1e9] == pytest.approx(await booked(relay))


async def test_never_more_than_was_held(tmp_path: Path) -> None:
    async with (
        scripted_provider([plain_answer(prompt=10**7, completion=10**7)]) as alpha,
        running_relay(tmp_path, providers=[as_provider(alpha)]) as relay,
    ):
        cost = await told(relay, stream=False, max_tokens=10)
        assert [cost * 1e9] == pytest.approx(await booked(relay))
        assert cost < 0.01
