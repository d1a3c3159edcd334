"""A caller who asks what became of a call is told it in the answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.relay.nodes.player import answer_rightly, relay_with_node
from tests.relay.provider import error_answer, plain_answer, scripted_provider, stream_answer
from tests.relay.running import MODEL, RunningRelay, a_chat, as_provider, running_relay

ASKED = {"X-OpenRouter-Metadata": "enabled"}
MESSAGES: Any = a_chat()["messages"]


def client_of(relay: RunningRelay) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=relay.base_url, api_key=relay.key, max_retries=0)


async def plain(relay: RunningRelay, headers: dict[str, str], model: str = MODEL, **fields: Any) -> dict[str, Any]:
    async with client_of(relay) as client:
        answer = await client.chat.completions.create(
            model=model, messages=MESSAGES, extra_headers=headers, extra_body=fields
        )
    return answer.to_dict()


async def streamed(relay: RunningRelay) -> list[dict[str, Any]]:
    async with client_of(relay) as client:
        chunks = await client.chat.completions.create(model=MODEL, messages=MESSAGES, extra_headers=ASKED, stream=True)
        return [chunk.to_dict() async for chunk in chunks]


async def test_a_failed_attempt_and_a_target_left_out_are_told(tmp_path: Path) -> None:
    async with (
        scripted_provider([error_answer(500), error_answer(500)]) as alpha,
        scripted_provider([plain_answer()]) as beta,
        scripted_provider([plain_answer()]) as dear,
        running_relay(
            tmp_path,
            providers=[
                as_provider(alpha, "alpha", prompt_price=1, completion_price=1),
                as_provider(beta, "beta"),
                as_provider(dear, "dear", prompt_price=9_000_000, completion_price=9_000_000),
            ],
        ) as relay,
    ):
        wishes = {"order": ["alpha", "beta"], "max_price": {"prompt": 8}}
        told = (await plain(relay, ASKED, provider=wishes))["openrouter_metadata"]

    assert told["requested"] == MODEL
    assert [(each["provider"], each["status"]) for each in told["attempts"]] == [
        ("alpha", 500),
        ("alpha", 500),
        ("beta", 200),
    ]
    assert told["attempt"] == 3
    available = [(each["provider"], each["selected"]) for each in told["endpoints"]["available"]]
    assert available == [("alpha", False), ("beta", True)]
    assert told["endpoints"]["total"] == 3
    assert [(each["target"], each["reason"]) for each in told["left_out"]] == [("dear", "max_price")]


async def test_a_stream_of_a_provider_tells_it_last_under_the_same_id(tmp_path: Path) -> None:
    async with (
        scripted_provider(stream_answer()) as alpha,
        running_relay(tmp_path, providers=[as_provider(alpha)]) as relay,
    ):
        *before, last = await streamed(relay)

    assert not any("openrouter_metadata" in chunk for chunk in before)
    assert last["choices"] == []
    assert last["openrouter_metadata"]["attempt"] == 1
    assert {chunk["id"] for chunk in before} == {last["id"]}


async def test_a_stream_of_a_node_tells_it_too(tmp_path: Path) -> None:
    async with relay_with_node(tmp_path, answer_rightly) as (relay, _):
        *before, last = await streamed(relay)

    (answered,) = last["openrouter_metadata"]["attempts"]
    assert answered["provider"].startswith("node/")
    assert {chunk["id"] for chunk in before} == {last["id"]}


async def test_who_does_not_ask_is_told_nothing(tmp_path: Path) -> None:
    async with (
        scripted_provider([plain_answer()]) as alpha,
        running_relay(tmp_path, providers=[as_provider(alpha)]) as relay,
    ):
        assert "openrouter_metadata" not in await plain(relay, {})
        assert "openrouter_metadata" not in await plain(relay, {"X-OpenRouter-Metadata": "disabled"})


async def test_what_became_of_one_call_is_not_kept_for_another(tmp_path: Path) -> None:
    cached = {"X-OpenRouter-Cache": "true"}
    async with (
        scripted_provider([plain_answer()]) as alpha,
        running_relay(tmp_path, providers=[as_provider(alpha)]) as relay,
    ):
        await plain(relay, ASKED | cached, temperature=0)
        assert "openrouter_metadata" not in await plain(relay, cached, temperature=0)
        assert len(alpha.requests) == 2


async def test_a_value_that_means_nothing_is_refused(tmp_path: Path) -> None:
    async with (
        scripted_provider([plain_answer()]) as alpha,
        running_relay(tmp_path, providers=[as_provider(alpha)]) as relay,
    ):
        with pytest.raises(openai.BadRequestError) as refused:
            await plain(relay, {"X-OpenRouter-Metadata": "perhaps"})

    error = json.loads(refused.value.response.content)["error"]
    assert (error["param"], refused.value.status_code) == ("X-OpenRouter-Metadata", 400)
