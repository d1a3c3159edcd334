"""What the product is for, in one go: two providers and an own PC behind one endpoint, for the unmodified client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from tests.end_to_end.conftest import MODEL
from tests.end_to_end.processes import RelayProcess, ask_relay, eventually, first_key, running_node, running_relay
from tests.relay.provider import ScriptedProvider, error_answer, plain_answer, scripted_provider

pytestmark = [pytest.mark.xdist_group("end_to_end"), pytest.mark.timeout(120)]

FRANCE: Any = [{"role": "user", "content": "What is the capital of France?"}]
PRICES = {"alpha": "2", "beta": "1"}
"""Dollars per million tokens."""


@dataclass
class Answered:
    target: str
    text: str
    cost: float
    cache: str | None
    id: str


@dataclass
class Product:
    relay: RelayProcess
    key: str
    providers: dict[str, ScriptedProvider]

    async def ask(self, model: str = MODEL, *, headers: dict[str, str] | None = None, **fields: Any) -> Answered:
        async with openai.AsyncOpenAI(base_url=self.relay.endpoint, api_key=self.key, max_retries=0) as client:
            raw = await client.chat.completions.with_raw_response.create(
                model=model, messages=FRANCE, temperature=0, extra_headers=headers, extra_body=fields
            )
            answer = raw.parse()
            usage: Any = answer.usage
            said = answer.choices[0].message.content or ""
            cache = raw.headers.get("x-nightjar-cache")
            return Answered(raw.headers["x-nightjar-target"], said, usage.cost, cache, raw.headers["x-generation-id"])

    def booked(self, answered: Answered) -> dict[str, Any]:
        """The call in the usage report, as soon as it is there."""

        def look() -> dict[str, Any] | None:
            found = httpx.get(
                f"{self.relay.endpoint}/generation",
                params={"id": answered.id},
                headers={"authorization": f"Bearer {self.key}"},
                trust_env=False,
            )
            return None if found.status_code == 404 else found.raise_for_status().json()["data"]

        return eventually(look, "a settled call", within_s=10)


@pytest.fixture
async def providers() -> AsyncIterator[dict[str, ScriptedProvider]]:
    async with scripted_provider([plain_answer()]) as alpha, scripted_provider([plain_answer()]) as beta:
        yield {"alpha": alpha, "beta": beta}


@pytest.fixture
def product(providers: dict[str, ScriptedProvider], tmp_path: Path) -> Iterator[Product]:
    data = tmp_path / "relay"
    data.mkdir()
    (data / "relay.toml").write_text('[upstreams]\nprivate_addresses = ["127.0.0.1"]\n')
    for name, each in providers.items():
        price = ("--price-prompt", PRICES[name], "--price-completion", PRICES[name])
        ask_relay("provider", "add", name, "--base-url", each.base_url, "--model", MODEL, *price, data=data)
    with running_relay(data) as relay, running_node(tmp_path / "home", relay):
        yield Product(relay, first_key(data), providers)


async def test_one_endpoint_for_providers_and_an_own_pc(product: Product) -> None:
    # Each answers, named in the model or in the body.
    own = await product.ask(f"{MODEL}@own")
    alpha = await product.ask(f"{MODEL}@alpha")
    beta = await product.ask(provider={"only": ["beta"]})
    assert own.target.startswith("node/")
    assert (alpha.target, beta.target) == ("alpha", "beta")
    assert {each.text for each in (own, alpha, beta)} == {"The capital of France is Paris."}

    # What each costs can be compared: in the answer as in the report.
    report = {each.target: product.booked(each) for each in (own, alpha, beta)}
    for each in (own, alpha, beta):
        assert each.cost == report[each.target]["total_cost"] > 0
    assert alpha.cost == 2 * beta.cost > own.cost
    assert report[own.target]["shares"]["node"] > 0
    assert report["alpha"]["shares"]["provider"] == report["alpha"]["cost_nano_usd"]

    # A provider that fails is not noticed.
    product.providers["alpha"].plays([error_answer(500)])
    rescued = await product.ask(provider={"order": ["alpha", "beta"]})
    assert rescued.target == "beta"
    assert product.booked(rescued)["attempts"] == 3  # a fast failure is tried once more

    # A repeat is free, if the cache is asked.
    headers = {"X-OpenRouter-Cache": "true"}
    first = await product.ask(headers=headers)
    again = await product.ask(headers=headers)
    assert (first.cache, again.cache) == ("miss", "hit")
    assert (again.text, again.cost) == (first.text, 0)
    assert first.cost > 0
