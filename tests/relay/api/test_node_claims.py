"""What a node may claim of its answer: no more than a caller is shown, was asked for, or fits into memory."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from relay.completions import enveloped
from relay.wire.frames import LegId, StepKind
from tests.relay.nodes.desk import text
from tests.relay.nodes.player import Node, relay_with_node
from tests.relay.running import a_chat


async def _measures_two_texts(node: Node, leg: LegId) -> None:
    await node.accept(leg)
    delta = {"content": "said", "reasoning": "thought", "logprobs": [{"token": "a", "logprob": -1.0}]}
    await node.desk.step(text(leg, json.dumps(delta), [1], kind=StepKind.DELTA))
    await node.end(leg)
    await node.finish(leg, 1)


@pytest.mark.parametrize("stream", [True, False])
async def test_all_text_that_counts_is_shown(tmp_path: Path, stream: bool) -> None:
    async with relay_with_node(tmp_path, _measures_two_texts) as (relay, _node):
        answer = await relay.raw(relay.chat(a_chat(stream=stream, logprobs=True)))

    assert b'"content":"said"' in answer
    assert b'"reasoning_content":"thought"' in answer


async def _measures_what_it_never_sampled(node: Node, leg: LegId) -> None:
    await node.accept(leg)
    delta = {"logprobs": [{"token": "a", "logprob": -1.0}] * 4}
    await node.desk.step(text(leg, json.dumps(delta), [1], kind=StepKind.DELTA))


async def test_a_node_tells_of_no_more_tokens_than_were_asked_for(tmp_path: Path) -> None:
    async with relay_with_node(tmp_path, _measures_what_it_never_sampled) as (relay, _node):
        answer = await asyncio.wait_for(relay.raw(relay.chat(a_chat(logprobs=True, max_tokens=2))), 5)

    assert answer.startswith(b"HTTP/1.1 502 ")


async def _talks_without_a_token(node: Node, leg: LegId) -> None:
    await node.accept(leg)
    for _ in range(100):
        await node.desk.step(text(leg, "x" * 60_000))


async def test_a_plain_answer_that_costs_the_node_no_tokens_cannot_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enveloped, "MAX_PLAIN_BYTES", 2**20)
    async with relay_with_node(tmp_path, _talks_without_a_token) as (relay, _node):
        answer = await asyncio.wait_for(relay.raw(relay.chat(a_chat())), 5)
        [row] = await relay.usage_rows()

    assert answer.startswith(b"HTTP/1.1 502 ")
    assert b"larger than 1 MiB" in answer
    assert (row.state, row.cost_nano) == ("failed", 0)
