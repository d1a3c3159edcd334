"""What an operator's rules leave to the calls of an organisation, of a key, and for a model."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import openai
import pytest

from relay.completions.rules import Subject, list_rules, remove_rule, set_rule
from relay.routing.preferences import MaxPrice, Preferences
from relay.routing.rules import Rule, Scope
from relay.storage.ids import OrganisationId
from relay.wire.frames import LegId
from tests.relay.api.test_resume import ABLE, WORDS, Scene, goes_on, said
from tests.relay.nodes.player import Node, connected_node, relay_with_node
from tests.relay.provider import ScriptedProvider, plain_answer, scripted_provider
from tests.relay.running import MODEL, RunningRelay, a_chat, as_provider, running_relay

MESSAGES: Any = a_chat()["messages"]
OFFERS: dict[str, dict[str, Any]] = {
    "dear": {"prompt_price": 9_000_000, "completion_price": 9_000_000, "region": "eu"},
    "cheap": {"prompt_price": 100_000, "completion_price": 100_000},
    "private": {"keeps_nothing": True, "collects_data": False},
}


class Ruled:
    """A relay with three providers of a model, and one of another."""

    def __init__(self, relay: RunningRelay, providers: dict[str, ScriptedProvider]) -> None:
        self.relay = relay
        self.providers = providers
        self.told: Mapping[str, str] = {}
        """The headers of the last answer."""

    async def rule(self, scope: Scope, name: str = "", *, models: tuple[str, ...] = (), **provider: Any) -> None:
        subject = Subject(OrganisationId(1), scope, name)
        rule = Rule(models=models, provider=Preferences(**provider))
        await self.relay.services.database.write(lambda connection: set_rule(connection, subject, rule, at_ms=0))
        await self._taken_in()

    async def unrule(self, scope: Scope, name: str = "") -> None:
        subject = Subject(OrganisationId(1), scope, name)
        await self.relay.services.database.write(lambda connection: remove_rule(connection, subject))
        await self._taken_in()

    async def _taken_in(self) -> None:
        """As the running relay does when it sees that something changed."""
        self.relay.services.targets.rules.load(await self.relay.services.database.read(list_rules))

    async def ask(self, model: str = MODEL, headers: dict[str, str] | None = None, **fields: Any) -> str:
        """The name of the target that answered."""
        async with openai.AsyncOpenAI(base_url=self.relay.base_url, api_key=self.relay.key, max_retries=0) as client:
            raw = await client.chat.completions.with_raw_response.create(
                model=model, messages=MESSAGES, extra_headers=headers or {}, extra_body=fields
            )
            self.told = raw.headers
            return raw.headers["x-nightjar-target"]


@pytest.fixture
async def ruled(tmp_path: Path) -> AsyncIterator[Ruled]:
    async with AsyncExitStack() as stack:
        providers = {name: await stack.enter_async_context(scripted_provider([plain_answer()])) for name in OFFERS}
        other = await stack.enter_async_context(scripted_provider([plain_answer()]))
        settings = [as_provider(each, name, **OFFERS[name]) for name, each in providers.items()]
        settings.append(as_provider(other, "other", name="other-model"))
        yield Ruled(await stack.enter_async_context(running_relay(tmp_path, providers=settings)), providers)


async def test_a_rule_of_the_organisation_the_key_or_the_model_bars_targets(ruled: Ruled) -> None:
    assert await ruled.ask() == "cheap"
    await ruled.rule("organisation", zdr=True)
    assert await ruled.ask() == "private"
    await ruled.rule("organisation", region=("eu",))
    assert await ruled.ask() == "dear"
    await ruled.unrule("organisation")
    await ruled.rule("key", "1", only=("dear",))
    assert await ruled.ask() == "dear"
    await ruled.unrule("key", "1")
    await ruled.rule("model", MODEL, ignore=("cheap",), data_collection="deny")
    assert await ruled.ask() == "private"
    assert await ruled.ask("other-model") == "other"


async def test_a_rule_of_another_key_is_nothing_to_this_one(ruled: Ruled) -> None:
    await ruled.rule("key", "2", only=("dear",), models=("other-model",))
    assert await ruled.ask() == "cheap"


async def test_what_any_of_them_bars_is_barred_and_the_caller_is_told_by_what(ruled: Ruled) -> None:
    await ruled.rule("organisation", max_price=MaxPrice(prompt=1.0))
    await ruled.rule("key", "1", ignore=("private",))
    with pytest.raises(openai.NotFoundError) as refused:
        await ruled.ask(provider={"only": ["dear", "private"]})

    error = json.loads(refused.value.response.content)["error"]
    why = {each["target"]: (each["reason"], "by a rule" in each["detail"]) for each in error["metadata"]["left_out"]}
    assert why == {"dear": ("max_price", True), "private": ("ignore", True), "cheap": ("only", False)}


async def test_the_narrowest_that_says_something_decides_on_the_order(ruled: Ruled) -> None:
    await ruled.rule("organisation", order=("dear",))
    assert await ruled.ask() == "dear"
    await ruled.rule("key", "1", order=("private",))
    assert await ruled.ask() == "private"
    assert await ruled.ask(provider={"sort": "price"}) == "cheap"


async def test_only_the_models_that_a_rule_names_may_be_asked_for(ruled: Ruled) -> None:
    await ruled.rule("key", "1", models=("other-model",))
    with pytest.raises(openai.PermissionDeniedError) as refused:
        await ruled.ask()
    error = json.loads(refused.value.response.content)["error"]
    assert (error["code"], error["param"]) == ("model_not_allowed", "model")
    assert await ruled.ask(models=["other-model"]) == "other"
    async with openai.AsyncOpenAI(base_url=ruled.relay.base_url, api_key=ruled.relay.key) as client:
        assert [model.id async for model in client.models.list()] == ["other-model"]


async def test_a_models_rule_is_nothing_to_another_model_of_the_same_call(ruled: Ruled) -> None:
    await ruled.rule("model", MODEL, only=("dear",))
    mixed = {"by": "price", "partition": "none"}
    assert await ruled.ask(models=["other-model"], provider={"sort": mixed}) == "other"
    await ruled.rule("organisation", ignore=("other",))
    assert await ruled.ask(models=["other-model"], provider={"sort": mixed}) == "dear"


async def test_models_and_targets_that_rules_bar_are_not_listed(ruled: Ruled) -> None:
    await ruled.rule("organisation", zdr=True)
    listed = (await ruled.relay.get("/v1/models"))[1]["data"]
    endpoints = (await ruled.relay.get(f"/v1/models/{MODEL}/endpoints"))[1]["data"]["endpoints"]
    providers = (await ruled.relay.get("/v1/providers"))[1]["data"]
    assert [each["id"] for each in listed] == [MODEL]
    assert [each["provider_name"] for each in endpoints] == [each["name"] for each in providers] == ["private"]


async def test_no_spelling_of_a_model_is_a_way_around_a_rule(ruled: Ruled) -> None:
    await ruled.rule("key", "1", models=("other-model",))
    for name in (f"{MODEL}:nitro", f"{MODEL}@cheap", f"{MODEL}@cheap:floor"):
        with pytest.raises(openai.PermissionDeniedError):
            await ruled.ask(name)
    with pytest.raises(openai.BadRequestError, match="Unrecognized request argument: 'Model'"):
        await ruled.ask("other-model", Model=MODEL)
    assert await ruled.ask("other-model", models=[MODEL]) == "other"
    assert not any(each.requests for each in ruled.providers.values())


async def test_an_answer_in_the_cache_is_no_way_around_a_rule(ruled: Ruled) -> None:
    cached = {"X-OpenRouter-Cache": "true"}
    assert await ruled.ask(headers=cached, temperature=0) == "cheap"
    await ruled.rule("organisation", zdr=True)
    assert await ruled.ask(headers=cached, temperature=0) == "private"
    assert ruled.told["x-nightjar-cache"] == "bypass"


async def test_a_rule_for_another_model_keeps_no_answer_from_its_retry_or_the_cache(ruled: Ruled) -> None:
    await ruled.rule("model", "other-model", zdr=True)
    for _ in range(2):
        assert await ruled.ask(headers={"Idempotency-Key": "once"}) == "cheap"
        assert await ruled.ask(headers={"X-OpenRouter-Cache": "true"}, temperature=0) == "cheap"
    assert len(ruled.providers["cheap"].requests) == 2


async def test_a_retry_is_not_answered_where_a_rule_says_that_nothing_is_kept(ruled: Ruled) -> None:
    await ruled.rule("model", MODEL, zdr=True)
    once = {"Idempotency-Key": "once"}
    assert await ruled.ask(f"{MODEL}:nitro", headers=once) == "private"
    with pytest.raises(openai.APIStatusError, match="or a rule of this relay, asked for zero data retention"):
        await ruled.ask(f"{MODEL}:nitro", headers=once)


async def test_an_answer_goes_on_only_where_it_might_have_begun(tmp_path: Path) -> None:
    async def yields(node: Node, leg: LegId) -> None:
        await node.yield_(leg, 2)

    scene = Scene(yields)
    scene.lose.set()
    async with (
        relay_with_node(tmp_path, scene.first, **ABLE) as (relay, _),
        connected_node(relay, goes_on, name="other", **ABLE) as other,
    ):
        answer = await relay.raw(relay.chat(a_chat(stream=True, provider={"only": ["node/desk"]})))
        assert not other.calls
    assert said(answer) == "".join(WORDS[:2])
    assert b"node_yielded" in answer
