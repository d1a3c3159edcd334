"""A caller who asks what became of a call is told it in the answer."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import openai
import pytest

from relay.wire.frames import LegId
from tests.relay.api.test_resume import ABLE, Scene, goes_on
from tests.relay.api.test_waiting import Desk, running, until
from tests.relay.nodes.player import Node, answer_rightly, connected_node, relay_with_node
from tests.relay.provider import (
    DONE,
    STREAM_END,
    STREAM_HEAD,
    chunk,
    error_answer,
    plain_answer,
    response,
    scripted_provider,
    stream_answer,
)
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


async def streamed(relay: RunningRelay, **fields: Any) -> list[dict[str, Any]]:
    async with client_of(relay) as client:
        chunks = await client.chat.completions.create(
            model=MODEL, messages=MESSAGES, extra_headers=ASKED, extra_body=fields, stream=True
        )
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


async def test_each_target_is_told_with_the_model_it_was_asked_for(tmp_path: Path) -> None:
    async with (
        scripted_provider([error_answer(400, code="context_length_exceeded")]) as alpha,
        scripted_provider([plain_answer()]) as beta,
        running_relay(
            tmp_path, providers=[as_provider(alpha), as_provider(beta, "beta", name="larger", upstream="its-own-name")]
        ) as relay,
    ):
        told = (await plain(relay, ASKED, models=["larger"]))["openrouter_metadata"]

    assert (told["attempts"][-1]["provider"], told["attempts"][-1]["model"]) == ("beta", "larger")
    assert [each["model"] for each in told["endpoints"]["available"]] == [MODEL, "larger"]


async def test_a_target_that_was_waited_for_is_not_told_as_left_out(tmp_path: Path) -> None:
    desk = Desk()
    async with relay_with_node(tmp_path, desk.play, slots=1) as (relay, _):
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(plain(relay, {}))
            await until(lambda: running(relay) == 1)
            waiting = tasks.create_task(plain(relay, ASKED))
            await until(lambda: running(relay) == 2)
            desk.may.release()
            desk.may.release()
        told = waiting.result()["openrouter_metadata"]

    assert told["left_out"] == []
    assert (told["endpoints"]["total"], told["endpoints"]["available"][0]["selected"]) == (1, True)


async def test_who_went_on_with_a_stream_is_told_as_the_one_that_answered(tmp_path: Path) -> None:
    async def yields(node: Node, leg: LegId) -> None:
        await node.yield_(leg, 2)

    scene = Scene(yields)
    scene.lose.set()
    async with (
        relay_with_node(tmp_path, scene.first, **ABLE) as (relay, _),
        connected_node(relay, goes_on, name="other", **ABLE),
    ):
        wishes = {"order": ["node/desk"]}
        *_, last = await streamed(relay, provider=wishes)

    told = last["openrouter_metadata"]
    assert [(each["provider"], each["status"]) for each in told["attempts"]] == [("node/desk", 0), ("node/other", 200)]
    assert [each["provider"] for each in told["endpoints"]["available"] if each["selected"]] == ["node/other"]


async def test_a_stream_of_text_is_told_in_an_event_of_its_own_kind(tmp_path: Path) -> None:
    first = {"id": "cmpl-1", "object": "text_completion", "created": 7, "model": "upstream-model"}
    texts = [("Par", None), ("is.", "stop")]
    choices = [[{"index": 0, "text": text, "finish_reason": why}] for text, why in texts]
    events = [b"data: " + json.dumps(first | {"choices": each}).encode() + b"\n\n" for each in choices]
    async with (
        scripted_provider([STREAM_HEAD, *(chunk(each) for each in (*events, DONE)), STREAM_END]) as alpha,
        running_relay(tmp_path, providers=[as_provider(alpha)]) as relay,
        client_of(relay) as client,
    ):
        chunks = await client.completions.create(model=MODEL, prompt="The", stream=True, extra_headers=ASKED)
        told = [chunk.to_dict() async for chunk in chunks]

    assert [(each["id"], each["object"]) for each in told] == [("cmpl-1", "text_completion")] * 3
    assert "openrouter_metadata" in told[-1]


async def test_an_answer_with_strange_names_in_it_keeps_its_bytes(tmp_path: Path) -> None:
    body = plain_answer().partition(b"\r\n\r\n")[2]
    strange = body[:-1] + b',"\xff":1}'
    async with (
        scripted_provider([response(strange)]) as alpha,
        running_relay(tmp_path, providers=[as_provider(alpha)]) as relay,
    ):
        request = relay.chat(a_chat()).replace(b"\r\n\r\n", b"\r\nX-OpenRouter-Metadata: enabled\r\n\r\n", 1)
        answer = await relay.raw(request)

    assert b'"\xff":1,"openrouter_metadata":{' in answer


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
