"""Who answers a call, as the unmodified OpenAI client sees it: several providers and a node, real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import openai
import pytest

from relay.clock import ManualClock
from relay.settings import ModelSettings, ProviderSettings, RoutingSettings
from tests.relay.provider import (
    ScriptedProvider,
    Step,
    error_answer,
    plain_answer,
    response,
    scripted_provider,
    stream_answer,
)
from tests.relay.running import MODEL, RunningRelay, a_chat, as_provider, running_relay

MESSAGES: Any = a_chat()["messages"]
OTHER = "other-model"


class Market:
    """A relay with three providers: `dear`, `cheap` and `private`, which keeps nothing."""

    def __init__(self, relay: RunningRelay, providers: dict[str, ScriptedProvider], clock: ManualClock) -> None:
        self.relay = relay
        self.providers = providers
        self.clock = clock

    async def ask(self, model: str = MODEL, **fields: Any) -> str:
        """The name of the target that answered."""
        async with openai.AsyncOpenAI(base_url=self.relay.base_url, api_key=self.relay.key, max_retries=0) as client:
            raw = await client.chat.completions.with_raw_response.create(
                model=model, messages=MESSAGES, extra_body=fields
            )
            return raw.headers["x-nightjar-target"]

    def asked(self, name: str) -> int:
        return len(self.providers[name].requests)

    def body(self, name: str) -> dict[str, Any]:
        """What the provider was sent last."""
        found: dict[str, Any] = json.loads(self.providers[name].requests[-1].body)
        return found


MODELS: dict[str, dict[str, Any]] = {
    "dear": {"prompt_price": 9_000_000, "completion_price": 9_000_000, "parameters": ("tools", "seed")},
    "cheap": {"prompt_price": 100_000, "completion_price": 100_000, "region": "eu"},
    "private": {"keeps_nothing": True, "collects_data": False},
}


@pytest.fixture
async def market(tmp_path: Path) -> AsyncIterator[Market]:
    async with AsyncExitStack() as stack:
        providers = {name: await stack.enter_async_context(scripted_provider([plain_answer()])) for name in MODELS}
        settings = [as_provider(each, name, **MODELS[name]) for name, each in providers.items()]
        clock = ManualClock()
        relay = await stack.enter_async_context(running_relay(tmp_path, providers=settings, clock=clock))
        yield Market(relay, providers, clock)


# --- what a call can ask for ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "target"),
    [
        ({}, "cheap"),
        ({"provider": {"order": ["dear", "cheap"]}}, "dear"),
        ({"provider": {"only": ["private"]}}, "private"),
        ({"provider": {"ignore": ["cheap"]}}, "private"),
        ({"provider": {"zdr": True}}, "private"),
        ({"provider": {"data_collection": "deny"}}, "private"),
        ({"provider": {"region": ["eu"]}}, "cheap"),
        ({"provider": {"require_parameters": True}, "seed": 1}, "dear"),
        ({"provider": {"sort": "price"}}, "cheap"),
        ({"model": f"{MODEL}:floor"}, "cheap"),
        ({"model": f"{MODEL}@dear"}, "dear"),
        ({"model": f"{MODEL}@cloud"}, "cheap"),
        ({"model": f"{MODEL}:nitro", "provider": {"only": ["dear"]}}, "dear"),
    ],
    ids=str,
)
async def test_a_call_goes_where_it_asks_to(market: Market, asked: dict[str, Any], target: str) -> None:
    fields = dict(asked)

    assert await market.ask(fields.pop("model", MODEL), **fields) == target
    assert market.body(target)["model"] == MODEL


async def test_what_is_meant_for_the_relay_goes_no_further(market: Market) -> None:
    own: dict[str, Any] = {
        "provider": {"only": ["cheap"]},
        "models": [OTHER],
        "route": "fallback",
        "session_id": "s",
        "max_cost": 1.0,
    }
    await market.ask(**own, user="u", seed=3)
    sent = market.body("cheap")

    assert not set(own) & set(sent)
    assert (sent["user"], sent["seed"], sent["messages"]) == ("u", 3, MESSAGES)


@pytest.mark.parametrize(
    ("asked", "reasons"),
    [
        ({"provider": {"only": ["nobody"]}}, ["only"]),
        ({"provider": {"pools": ["own"]}}, ["pools"]),
        ({"provider": {"max_price": {"prompt": 0.01}}}, ["max_price"]),
        ({"max_cost": 1e-9}, ["max_cost"]),
        ({"provider": {"zdr": True, "region": ["eu"]}}, ["region", "zdr"]),
    ],
    ids=str,
)
async def test_a_call_that_nobody_can_meet_hears_of_each_target_why(
    market: Market, asked: dict[str, Any], reasons: list[str]
) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        await market.ask(**asked)

    assert caught.value.code == "no_target_fits"
    assert isinstance(caught.value.body, dict)
    left_out = caught.value.body["metadata"]["left_out"]
    assert {each["target"] for each in left_out} == set(MODELS)
    assert sorted({each["reason"] for each in left_out}) == reasons
    assert not any(map(market.asked, MODELS))


@pytest.mark.parametrize(
    "asked",
    [{"model": f"{MODEL}@bogus"}, {"provider": {"only": ["bogus"]}}],
    ids=["behind-the-model", "in-the-body"],
)
async def test_a_name_that_is_nobodys_is_told_with_those_there_are(market: Market, asked: dict[str, Any]) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        await market.ask(**asked)

    assert f"There is no pool or target 'bogus' that offers '{MODEL}'. There are: " in caught.value.message
    assert all(f"{name} (pool cloud)" in caught.value.message for name in MODELS)


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"provider": {"sort": "beauty"}}, "provider.sort"),
        ({"provider": "cheap"}, "provider"),
        ({"provider": {"only": "cheap"}}, "provider.only"),
        ({"provider": {"pools": ["everybody"]}}, "provider.pools[0]"),
        ({"max_cost": -1}, "max_cost"),
        ({"models": [""]}, "models[0]"),
    ],
    ids=str,
)
async def test_a_wish_that_cannot_be_read_is_refused_by_its_name(
    market: Market, asked: dict[str, Any], param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await market.ask(**asked)

    assert caught.value.param == param


async def test_a_call_never_costs_more_than_it_allows(market: Market) -> None:
    """Without a limit of tokens the relay sets one that the money is enough for."""
    await market.ask(max_cost=0.0001, provider={"only": ["cheap"]})
    most = market.body("cheap")["max_tokens"]

    assert 1 <= most < 4096
    await market.ask(max_cost=100, provider={"only": ["cheap"]})
    assert market.body("cheap")["max_tokens"] == 4096
    assert all(row.cost_nano <= 100_000 for row in await market.relay.usage_rows())


# --- other models ---------------------------------------------------------------------------------------------------


@pytest.fixture
async def two_models(tmp_path: Path) -> AsyncIterator[Market]:
    """`alpha` has the first model, `beta` the other."""
    async with (
        scripted_provider([error_answer(500)]) as alpha,
        scripted_provider([plain_answer()]) as beta,
        running_relay(tmp_path, providers=[as_provider(alpha), as_provider(beta, "beta", name=OTHER)]) as relay,
    ):
        yield Market(relay, {"alpha": alpha, "beta": beta}, ManualClock())


async def test_another_model_answers_where_the_first_fails(two_models: Market) -> None:
    assert await two_models.ask(models=[OTHER]) == "beta"
    assert two_models.body("beta")["model"] == OTHER
    assert two_models.asked("alpha") == 2  # a fast failure is tried once more


async def test_the_books_name_the_model_that_answered(two_models: Market) -> None:
    await two_models.ask(models=[OTHER])
    await two_models.ask(OTHER)
    first, second = await two_models.relay.usage_rows()
    assert (first.model, second.model) == (OTHER, OTHER)
    two_models.providers["beta"].plays([error_answer(500)])
    with pytest.raises(openai.APIStatusError):
        await two_models.ask(models=[OTHER])
    *_, failed = sorted(await two_models.relay.usage_rows(), key=lambda row: row.call)
    assert (failed.state, failed.model, failed.attempts) == ("failed", OTHER, 3)


async def test_another_model_answers_where_nobody_has_the_first(two_models: Market) -> None:
    assert await two_models.ask("unheard-of", models=[OTHER]) == "beta"

    with pytest.raises(openai.NotFoundError):
        await two_models.ask("unheard-of", models=["neither"])


# --- keys -----------------------------------------------------------------------------------------------------------


def with_keys(provider: ScriptedProvider, *keys: str) -> ProviderSettings:
    models = (ModelSettings(name=MODEL),)
    return ProviderSettings(name="alpha", base_url=provider.base_url, api_key="\n".join(keys), models=models)


@pytest.mark.parametrize("status", [401, 402, 403, 429])
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
async def test_another_key_of_the_provider_is_tried_at_once(status: int, stream: bool, tmp_path: Path) -> None:
    good = stream_answer() if stream else [plain_answer()]
    async with (
        scripted_provider([error_answer(status)], good) as alpha,
        running_relay(tmp_path, providers=[with_keys(alpha, "one", "two")]) as relay,
    ):
        for _ in range(3):
            assert b" 200 OK" in await relay.raw(relay.chat(a_chat(stream=stream)))
        used = [each.header("authorization") for each in alpha.requests]
        assert used == ["Bearer one", *["Bearer two"] * 3]
        assert len(await relay.usage_rows()) == 3


async def test_a_provider_whose_every_key_is_refused_is_not_asked_again(tmp_path: Path) -> None:
    async with (
        scripted_provider([error_answer(401, "bad key sk-secret")]) as alpha,
        running_relay(tmp_path, providers=[with_keys(alpha, "one", "two")]) as relay,
    ):
        answers = [await relay.raw(relay.chat(a_chat())) for _ in range(3)]
        assert all(b" 502 " in each and b"key_refused" in each and b"sk-secret" not in each for each in answers)
        assert len(alpha.requests) == 2


async def test_a_refused_key_is_used_again_once_the_provider_takes_it(tmp_path: Path) -> None:
    """As when a bill was paid: nobody has to restart the relay."""
    models: list[Step] = [response({"object": "list", "data": []})]
    async with (
        scripted_provider([error_answer(402)], [error_answer(401)], models, [plain_answer()]) as alpha,
        running_relay(tmp_path, providers=[with_keys(alpha, "one")], routing=RoutingSettings(probe_s=0.02)) as relay,
    ):
        assert b" 502 " in await relay.raw(relay.chat(a_chat()))
        async with asyncio.timeout(20):
            while b" 502 " in (answer := await relay.raw(relay.chat(a_chat()))):
                pass
        assert b" 200 OK" in answer
        looked = [each.head.partition(b"\r\n")[0] for each in alpha.requests[1:3]]
        assert looked == [b"GET /v1/models HTTP/1.1"] * 2
        assert all(each.header("authorization") == "Bearer one" for each in alpha.requests)


async def test_a_provider_at_rest_is_not_asked_and_the_caller_hears_until_when(tmp_path: Path) -> None:
    clock = ManualClock()
    async with (
        scripted_provider([error_answer(429, retry_after="30")], [plain_answer()]) as alpha,
        running_relay(tmp_path, providers=[with_keys(alpha, "one")], clock=clock) as relay,
    ):
        assert b" 429 " in await relay.raw(relay.chat(a_chat()))
        refused = await relay.raw(relay.chat(a_chat()))
        assert b" 503 " in refused
        assert b"retry-after: 30" in refused.lower()
        assert b"all_targets_resting" in refused
        assert len(alpha.requests) == 1

        clock.advance(30)
        assert b" 200 OK" in await relay.raw(relay.chat(a_chat()))


# --- breakers -------------------------------------------------------------------------------------------------------


async def test_a_provider_that_keeps_failing_is_left_alone_and_tried_again_by_one_call(tmp_path: Path) -> None:
    clock = ManualClock()
    async with (
        scripted_provider(*[[error_answer(500, "oops", "overloaded")]] * 20, [plain_answer()]) as alpha,
        running_relay(tmp_path, providers=[as_provider(alpha)], clock=clock) as relay,
    ):
        for _ in range(10):
            assert b" 502 " in await relay.raw(relay.chat(a_chat()))
        assert b"all_targets_resting" in await relay.raw(relay.chat(a_chat()))
        assert len(alpha.requests) == 20
        status, endpoints = await relay.get(f"/v1/models/{MODEL}/endpoints")
        (endpoint,) = endpoints["data"]["endpoints"]
        assert status == 200
        assert endpoint["status"] < 0
        assert endpoint["uptime_last_5m"] == 0.0
        assert endpoint["breaker"] == {"state": "open", "reason": "overloaded", "rests_s": 60, "count": 1}

        clock.advance(60)
        assert b" 200 OK" in await relay.raw(relay.chat(a_chat()))
        _, endpoints = await relay.get(f"/v1/models/{MODEL}/endpoints")
        assert endpoints["data"]["endpoints"][0]["breaker"]["state"] == "closed"


async def test_an_outage_that_is_over_is_noticed_without_waiting_for_the_rest_to_end(tmp_path: Path) -> None:
    outage: list[list[Step]] = [[error_answer(500)]] * 20
    looks: list[list[Step]] = [[error_answer(503)], [response({"object": "list", "data": []})]]
    async with (
        scripted_provider(*outage, *looks, [plain_answer()]) as alpha,
        running_relay(
            tmp_path,
            providers=[as_provider(alpha)],
            clock=ManualClock(),
            routing=RoutingSettings(probe_s=0.02),
        ) as relay,
    ):
        for _ in range(10):
            await relay.raw(relay.chat(a_chat()))
        async with asyncio.timeout(20):
            while b" 503 " in (answer := await relay.raw(relay.chat(a_chat()))):
                pass
        assert b" 200 OK" in answer
        asked = [each.head.partition(b" ")[0] for each in alpha.requests]
    assert asked == [b"POST"] * 20 + [b"GET"] * 2 + [b"POST"]


async def test_retries_do_not_multiply_an_outage(tmp_path: Path) -> None:
    """Beyond the budget each call is one attempt."""
    async with (
        scripted_provider([error_answer(500)]) as alpha,
        scripted_provider([error_answer(500)]) as beta,
        running_relay(tmp_path, providers=[as_provider(alpha), as_provider(beta, "beta")]) as relay,
    ):
        before = 0
        for _ in range(12):
            await relay.raw(relay.chat(a_chat()))
            tries, before = len(alpha.requests) + len(beta.requests) - before, len(alpha.requests) + len(beta.requests)
        assert tries <= 1
        assert before <= 12 + 12


# --- the relay's own rule -------------------------------------------------------------------------------------------


async def test_the_last_resort_answers_only_when_nobody_else_does(tmp_path: Path) -> None:
    async with (
        scripted_provider([plain_answer()], [error_answer(500)]) as alpha,
        scripted_provider([plain_answer()]) as beta,
        running_relay(
            tmp_path,
            providers=[as_provider(alpha), as_provider(beta, "beta", prompt_price=0, completion_price=0)],
            routing=RoutingSettings(last_resort=("beta",)),
        ) as relay,
    ):
        answers = [await relay.raw(relay.chat(a_chat())) for _ in range(2)]
        assert [b"x-nightjar-target: beta" in each for each in answers] == [False, True]


async def test_a_conversation_goes_on_where_it_was(tmp_path: Path) -> None:
    """Its prompt is most likely still in a cache there; other conversations are spread by chance."""
    async with (
        scripted_provider([plain_answer()]) as alpha,
        scripted_provider([plain_answer()]) as beta,
        running_relay(tmp_path, providers=[as_provider(alpha), as_provider(beta, "beta")]) as relay,
    ):
        firsts = set()
        for number in range(24):
            turns = [{"role": "user", "content": f"Question {number}"}]
            where = set()
            for turn in range(3):
                said = await relay.raw(relay.chat(a_chat(messages=turns)))
                assert (b"x-nightjar-affinity: hit\r\n" in said) is (turn > 0)
                where.add(said.partition(b"x-nightjar-target: ")[2].partition(b"\r\n")[0])
                turns += [{"role": "assistant", "content": "Yes."}, {"role": "user", "content": f"And {turn}?"}]
            assert len(where) == 1
            firsts |= where
        assert firsts == {b"alpha", b"beta"}
