"""What a key is told of itself and its calls, in OpenRouter's words."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from relay.accounts import directory
from relay.clock import ManualClock
from relay.storage.ids import ProjectId
from tests.relay.provider import ScriptedProvider, error_answer, scripted_provider
from tests.relay.running import MODEL, RunningRelay, a_chat, as_provider, running_relay


@pytest.fixture
async def provider() -> AsyncIterator[ScriptedProvider]:
    async with scripted_provider() as running:
        yield running


@pytest.fixture
async def relay(provider: ScriptedProvider, tmp_path: Path) -> AsyncIterator[RunningRelay]:
    async with running_relay(tmp_path, providers=[as_provider(provider)], clock=ManualClock()) as running:
        yield running


async def _call(relay: RunningRelay) -> str:
    """One call's id, as its answer's head tells it."""
    lines = (await relay.raw(relay.chat(a_chat()))).decode().split("\r\n")
    told = dict(line.split(": ", 1) for line in lines if line.startswith("x-"))
    return told.get("x-generation-id") or told["x-request-id"]


async def test_a_generation_is_told_in_openrouters_words_and_ours(relay: RunningRelay) -> None:
    identifier = await _call(relay)

    data = (await relay.get(f"/v1/generation?id={identifier}"))[1]["data"]

    [row] = await relay.usage_rows()
    assert data["id"] == identifier
    assert (data["model"], data["provider_name"], data["target"]) == (MODEL, "alpha", "alpha")
    assert (data["total_cost"], data["usage"], data["cost_nano_usd"]) == (row.cost_nano / 1e9,) * 2 + (row.cost_nano,)
    assert (data["native_tokens_prompt"], data["native_tokens_completion"]) == (
        row.prompt_tokens,
        row.completion_tokens,
    )
    assert (data["streamed"], data["cancelled"], data["is_byok"]) == (False, False, False)
    assert data["created_at"].endswith("Z")
    assert data["latency"] + data["generation_time"] == data["duration_ms"]
    [leg] = data["legs"]
    assert (leg["target"], leg["cost_nano_usd"]) == ("alpha", row.cost_nano)


async def test_a_call_that_failed_has_no_legs_and_its_error(relay: RunningRelay, provider: ScriptedProvider) -> None:
    provider.plays([error_answer(400, "no")])
    identifier = await _call(relay)

    data = (await relay.get(f"/v1/generation?id={identifier}"))[1]["data"]

    assert (data["state"], data["legs"], data["total_cost"]) == ("failed", [], 0)
    assert data["error"]


async def test_a_key_hears_what_it_used(relay: RunningRelay) -> None:
    await _call(relay)
    [row] = await relay.usage_rows()

    data = (await relay.get("/v1/key"))[1]["data"]

    assert data["label"] == relay.key[:10] + "..."
    assert {data[name] for name in ("usage", "usage_daily", "usage_weekly", "usage_monthly")} == {row.cost_nano / 1e9}
    assert [data[name] for name in ("limit", "limit_remaining", "expires_at")] == [None] * 3
    assert data["is_free_tier"] is False
    assert relay.key not in json.dumps(data)


async def test_another_keys_calls_are_not_this_keys_but_its_organisations(relay: RunningRelay) -> None:
    await _call(relay)
    made = await relay.services.database.write(
        lambda connection: directory.create_key(connection, ProjectId(1), name="Second", at_ms=1)
    )
    relay.services.keyring.load(await relay.services.database.read(directory.key_records))
    other = made.value.reveal()

    assert (await relay.get("/v1/key", key=other))[1]["data"]["usage"] == 0
    assert (await relay.get("/v1/credits", key=other))[1]["data"]["total_usage"] > 0


async def test_credits_are_what_came_in_and_what_is_spent(relay: RunningRelay) -> None:
    await _call(relay)
    [row] = await relay.usage_rows()

    assert await relay.get("/v1/credits") == (
        200,
        {"data": {"total_credits": 5.0, "total_usage": row.cost_nano / 1e9}},
    )


async def test_activity_is_told_by_day_model_and_provider(relay: RunningRelay) -> None:
    await _call(relay)
    await _call(relay)
    rows = await relay.usage_rows()
    [found] = (await relay.get("/v1/activity"))[1]["data"]

    assert (found["model"], found["provider_name"], found["requests"]) == (MODEL, "alpha", 2)
    assert found["usage"] == sum(row.cost_nano for row in rows) / 1e9
    assert found["prompt_tokens"] == sum(row.prompt_tokens for row in rows)
    assert (await relay.get(f"/v1/activity?date={found['date']}"))[1]["data"] == [found]


async def test_a_day_that_cannot_be_told_is_refused_with_what_can(relay: RunningRelay) -> None:
    for date in ("yesterday", "2026-13-01", "2020-01-01", "20260101", ""):
        status, body = await relay.get(f"/v1/activity?date={date}")

        assert (status, body["error"]["param"]) == (400, "date"), date


async def test_nothing_is_told_without_a_key(relay: RunningRelay) -> None:
    for path in ("/v1/key", "/v1/credits", "/v1/activity", "/v1/providers", "/v1/models", "/v1/generation?id=gen-1"):
        status, body = await relay.get(path, key="sk-nj-wrong")

        assert status == 401, path
        assert _is_openai_error(body)


async def test_what_is_not_there_is_an_error_object(relay: RunningRelay) -> None:
    for method, path, expected in (("POST", "/v1/key", 405), ("GET", "/v1/keyring", 404)):
        status, body = await relay.get(path, method=method)

        assert status == expected
        assert _is_openai_error(body)


def _is_openai_error(body: Any) -> bool:
    return set(body["error"]) >= {"message", "type", "param", "code"}
