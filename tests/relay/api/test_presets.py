"""A call that names a preset is the call it would be with the preset's fields in its body."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import openai
import pytest

from relay.completions.presets import BadPreset, Fields, check_preset, list_presets, set_preset
from relay.storage.ids import OrganisationId
from tests.relay.provider import ScriptedProvider, plain_answer, scripted_provider
from tests.relay.running import MODEL, RunningRelay, a_chat, as_provider, running_relay

MESSAGES: Any = a_chat()["messages"]
PRESET: Fields = {
    "model": MODEL,
    "temperature": 0.25,
    "max_tokens": 50,
    "system": "Answer in one word.",
    "provider": {"only": ["alpha"], "sort": "price"},
}


class Preset:
    """A relay with one provider of two models, and the preset `short`."""

    def __init__(self, relay: RunningRelay, provider: ScriptedProvider) -> None:
        self.relay = relay
        self.provider = provider

    async def keep(self, fields: Fields, slug: str = "short", organisation: int = 1) -> None:
        database, at = self.relay.services.database, OrganisationId(organisation)
        await database.write(lambda connection: set_preset(connection, at, slug, fields, at_ms=0))
        self.relay.services.chat.presets.load(await database.read(list_presets))

    async def ask(self, model: str, **fields: Any) -> dict[str, Any]:
        """The body that the provider was sent."""
        body = {"model": model, "messages": MESSAGES} | fields
        async with openai.AsyncOpenAI(base_url=self.relay.base_url, api_key=self.relay.key, max_retries=0) as client:
            await client.chat.completions.create(**body)
        return self.provider.requests[-1].json


@pytest.fixture
async def preset(tmp_path: Path) -> AsyncIterator[Preset]:
    async with (
        scripted_provider([plain_answer()]) as alpha,
        running_relay(
            tmp_path, providers=[as_provider(alpha), as_provider(alpha, "beta", name="other-model")]
        ) as relay,
    ):
        made = Preset(relay, alpha)
        await made.keep(PRESET)
        yield made


async def test_its_fields_are_those_of_the_call(preset: Preset) -> None:
    sent = await preset.ask("@preset/short")
    system = {"role": "system", "content": "Answer in one word."}
    assert sent == {"model": MODEL, "messages": [system, *MESSAGES], "temperature": 0.25, "max_tokens": 50}


async def test_what_the_call_says_itself_stands(preset: Preset) -> None:
    own: Any = [{"role": "developer", "content": "Answer at length."}, *MESSAGES]
    said: dict[str, Any] = {"temperature": 1, "messages": own, "max_completion_tokens": 9}
    sent = await preset.ask("other-model@preset/short", **said, extra_body={"provider": {"only": ["beta"]}})
    assert sent == {"model": "other-model", **said}


async def test_null_in_the_call_means_that_it_does_not_say(preset: Preset) -> None:
    sent = await preset.ask("@preset/short", extra_body={"provider": None, "temperature": None})
    assert (sent["temperature"], sent["max_tokens"]) == (0.25, 50)


async def test_a_wish_for_speed_or_price_goes_with_it(preset: Preset) -> None:
    assert (await preset.ask("@preset/short:floor"))["model"] == MODEL
    await preset.keep({"temperature": 0}, "cool")
    assert (await preset.ask(f"{MODEL}@preset/cool:nitro"))["temperature"] == 0


async def test_one_that_is_not_there_or_is_anothers_is_not_found(preset: Preset) -> None:
    await preset.keep(PRESET, "theirs", organisation=2)
    for slug in ("missing", "theirs"):
        with pytest.raises(openai.NotFoundError) as refused:
            await preset.ask(f"@preset/{slug}")
        error = json.loads(refused.value.response.content)["error"]
        assert (error["code"], error["param"]) == ("preset_not_found", "model")


async def test_a_retry_is_the_same_call_though_its_preset_was_changed_meanwhile(preset: Preset) -> None:
    for temperature in (0.25, 1.0):
        await preset.keep(PRESET | {"temperature": temperature})
        await preset.ask("@preset/short", extra_headers={"Idempotency-Key": "once"})
    assert [each.json["temperature"] for each in preset.provider.requests] == [0.25]


async def test_one_without_a_model_needs_a_call_that_names_one(preset: Preset) -> None:
    await preset.keep({"temperature": 0}, "cool")
    with pytest.raises(openai.BadRequestError, match="names no model"):
        await preset.ask("@preset/cool")
    assert (await preset.ask(f"{MODEL}@preset/cool"))["temperature"] == 0


@pytest.mark.parametrize(
    ("slug", "fields", "named"),
    [
        ("Short", {}, "its name"),
        ("a/b", {}, "its name"),
        ("ok", {"messages": []}, "messages"),
        ("ok", {"stream": True}, "stream"),
        ("ok", {"system": 3}, "system"),
        ("ok", {"model": "@preset/other"}, "another preset"),
        ("ok", {"max_tokens": "many"}, "max_tokens"),
        ("ok", {"provider": {"sort": "mood"}}, "provider"),
        ("ok", {"system": "x" * 2**20}, "1,048,576 bytes"),
    ],
    ids=["capital", "slash", "messages", "stream", "system", "chain", "type", "provider", "size"],
)
def test_what_no_call_could_be_made_with_is_refused(slug: str, fields: Fields, named: str) -> None:
    with pytest.raises(BadPreset, match=named):
        check_preset(slug, fields)


@pytest.mark.parametrize("edge", ["http", "asgi"])
async def test_a_fault_of_the_relays_own_is_an_error_object_and_a_line_in_the_log(
    edge: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(*_: object) -> None:
        raise RuntimeError("a fact that cannot be")

    async with running_relay(tmp_path, edge=edge) as relay:
        monkeypatch.setattr(relay.services.chat.presets, "applied", breaks)
        answer = await relay.raw(relay.chat(a_chat(model="@preset/short")))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 500 ")
    assert json.loads(body)["error"]["code"] == "internal_error"
    assert b"cannot be" not in body
    assert "a call could not be begun" in caplog.text
