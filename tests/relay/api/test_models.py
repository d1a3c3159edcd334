"""The models a key can name, as OpenRouter's and OpenAI's clients read them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import openai
import pytest

from relay.settings import ModelSettings, ProviderSettings
from tests.relay.running import RunningRelay, running_relay

SMALL = ModelSettings("acme/small", context=8_000, prompt_price=50_000, completion_price=200_000)
LARGE = ModelSettings("acme/large", context=200_000, prompt_price=3_000_000, completion_price=15_000_000)
NOWHERE = "http://127.0.0.1:9/v1"


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[RunningRelay]:
    dear = replace(SMALL, prompt_price=70_000)
    providers = [
        ProviderSettings("beta", NOWHERE, (dear,)),
        ProviderSettings("alpha", NOWHERE, (SMALL, LARGE)),
    ]
    async with running_relay(tmp_path, providers=providers) as running:
        yield running


async def test_a_model_has_the_price_of_the_cheapest_who_offers_it(relay: RunningRelay) -> None:
    large, small = (await relay.get("/v1/models"))[1]["data"]

    assert (large["id"], large["context_length"]) == ("acme/large", 200_000)
    assert small["pricing"] == {"prompt": "0.00000005", "completion": "0.0000002", "request": "0"}
    assert small["architecture"]["input_modalities"] == ["text"]
    assert "supported_parameters" not in small


async def test_the_openai_client_reads_the_list_and_one_model(relay: RunningRelay) -> None:
    async with openai.AsyncOpenAI(base_url=relay.base_url, api_key=relay.key, max_retries=0) as client:
        assert [each.id async for each in await client.models.list()] == ["acme/large", "acme/small"]
        assert (await client.models.retrieve("acme/small")).owned_by == "beta"
        with pytest.raises(openai.NotFoundError, match="acme/none"):
            await client.models.retrieve("acme/none")


async def test_the_list_can_be_narrowed_and_a_value_that_cannot_be_read_is_refused(relay: RunningRelay) -> None:
    page = (await relay.get("/v1/models?providers=alpha,beta&limit=1"))[1]
    refused, body = await relay.get("/v1/models?sort=best")

    assert ([each["id"] for each in page["data"]], page["total_count"]) == (["acme/large"], 2)
    assert (refused, body["error"]["param"]) == (400, "sort")


async def test_the_endpoints_of_a_model_are_its_targets_and_tell_nothing_that_is_not_known(relay: RunningRelay) -> None:
    data = (await relay.get("/v1/models/acme/small/endpoints"))[1]["data"]

    assert data["id"] == "acme/small"
    assert [each["provider_name"] for each in data["endpoints"]] == ["beta", "alpha"]
    first: dict[str, Any] = data["endpoints"][0]
    assert (first["pricing"]["prompt"], first["context_length"], first["status"]) == ("0.00000007", 8_000, 0)
    assert (first["uptime_last_30m"], first["latency_last_30m"]) == (None, None)
    assert (await relay.get("/v1/models/acme/none/endpoints"))[0] == 404


async def test_providers_are_listed_once(relay: RunningRelay) -> None:
    found = (await relay.get("/v1/providers"))[1]["data"]

    assert [(each["name"], each["slug"]) for each in found] == [("alpha", "alpha"), ("beta", "beta")]
