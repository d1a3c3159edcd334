"""The response cache on real sockets: who gets an answer again, in which form, and what it costs."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import openai
import pytest

from relay.clock import ManualClock
from relay.completions.repeats import shelf
from relay.settings import CacheSettings, TimerSettings
from relay.storage.errors import StorageProblem, StorageUnavailable
from tests.relay.provider import (
    ANSWER,
    CLOSE,
    DONE,
    STREAM_END,
    STREAM_HEAD,
    ScriptedProvider,
    chunk,
    delta,
    error_answer,
    event,
    plain_answer,
    scripted_provider,
    stream_answer,
)
from tests.relay.running import (
    COMPLETION_PRICE,
    MODEL,
    PROMPT_PRICE,
    RunningRelay,
    a_chat,
    as_provider,
    narrow_socket,
    running_relay,
)

MESSAGES: Any = a_chat()["messages"]
COST_NANO = (17 * PROMPT_PRICE + 7 * COMPLETION_PRICE) // 1000
ASKED = {"X-OpenRouter-Cache": "true"}


@pytest.fixture
async def provider() -> AsyncIterator[ScriptedProvider]:
    async with scripted_provider() as running:
        yield running


@pytest.fixture(params=["http", "asgi"])
async def relay(
    request: pytest.FixtureRequest, provider: ScriptedProvider, tmp_path: Path
) -> AsyncIterator[RunningRelay]:
    at = [as_provider(provider, keeps_nothing=True)]
    async with running_relay(tmp_path, providers=at, edge=request.param) as running:
        yield running


@pytest.fixture
async def client(relay: RunningRelay) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=relay.base_url, api_key=relay.key, max_retries=0) as made:
        yield made


async def ask(client: openai.AsyncOpenAI, headers: dict[str, str] = ASKED, **fields: Any) -> tuple[Any, Any]:
    """Headers, and the answer or all events of the stream."""
    fields = {"temperature": 0, **fields}
    raw = await client.chat.completions.with_raw_response.create(
        model=MODEL, messages=MESSAGES, extra_headers=headers, **fields
    )
    parsed = raw.parse()
    return raw.headers, [each async for each in parsed] if fields.get("stream") else parsed


def text_of(chunks: list[Any]) -> str:
    return "".join(each.choices[0].delta.content or "" for each in chunks if each.choices)


async def test_the_repeat_is_free_and_says_so(
    client: openai.AsyncOpenAI, relay: RunningRelay, provider: ScriptedProvider
) -> None:
    first_headers, first = await ask(client)
    headers, again = await ask(client)

    assert (first_headers["x-nightjar-cache"], first_headers["x-openrouter-cache-status"]) == ("miss", "MISS")
    assert (headers["x-nightjar-cache"], headers["x-openrouter-cache-status"]) == ("hit", "HIT")
    assert headers["x-nightjar-target"] == first_headers["x-nightjar-target"]
    assert headers["x-generation-id"] != first_headers["x-generation-id"]
    assert again.id == f"chatcmpl-{headers['x-generation-id'].removeprefix('gen-')}" != first.id
    assert again.choices == first.choices
    assert again.usage.total_tokens == 24
    assert again.usage.prompt_tokens_details.cached_tokens == 17
    assert again.usage.cost == 0
    assert len(provider.requests) == 1
    hit, miss = await relay.usage_rows()
    assert (hit.state, hit.cost_nano, hit.token_source, hit.cached_tokens) == ("completed", 0, "cache", 24)
    assert (hit.prompt_tokens, hit.completion_tokens, hit.finish_reason) == (0, 0, "stop")
    assert (miss.cost_nano, miss.token_source) == (COST_NANO, "provider")
    books = await relay.books()
    assert books.in_order
    assert books.open_holds == 0


@pytest.mark.parametrize("first", [True, False], ids=["streamed", "plain"])
@pytest.mark.parametrize("then", [True, False], ids=["streamed", "plain"])
async def test_an_answer_is_given_again_in_the_form_that_is_asked_for(
    client: openai.AsyncOpenAI, provider: ScriptedProvider, first: bool, then: bool
) -> None:
    provider.plays(stream_answer() if first else [plain_answer()])
    await ask(client, stream=first)
    more: dict[str, Any] = {"stream_options": {"include_usage": True}} if then else {}
    headers, again = await ask(client, stream=then, **more)

    assert headers["x-nightjar-cache"] == "hit"
    if then:
        assert text_of(again) == ANSWER
        assert again[0].choices[0].delta.role == "assistant"
        assert len([each for each in again if each.choices and each.choices[0].delta.content]) > 1
        assert [each.choices[0].finish_reason for each in again if each.choices][-1] == "stop"
        assert [each.usage.total_tokens for each in again if each.usage] == [24]
    else:
        assert again.choices[0].message.content == ANSWER
        assert again.usage.total_tokens == 24
    assert len(provider.requests) == 1


async def test_usage_is_not_told_in_a_stream_that_did_not_ask_for_it(client: openai.AsyncOpenAI) -> None:
    await ask(client)
    _, again = await ask(client, stream=True)

    assert text_of(again) == ANSWER
    assert all(each.usage is None for each in again)


async def test_a_stream_ends_with_done_on_the_wire(client: openai.AsyncOpenAI, relay: RunningRelay) -> None:
    await ask(client)
    body = a_chat(temperature=0, stream=True)
    raw = await relay.raw(relay.chat(body).replace(b"\r\n", b"\r\nX-OpenRouter-Cache: true\r\n", 1))

    assert b"x-nightjar-cache: hit\r\n" in raw
    assert raw.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")


@pytest.mark.parametrize(
    "fields",
    [
        {"seed": 7},
        {"max_tokens": 100},
        {"stop": ["."]},
        {"user": "somebody"},
        {"extra_body": {"num_ctx": 4096}},
        {"temperature": 0.0, "top_p": 0.5},
        {"response_format": {"type": "json_object"}},
    ],
)
async def test_any_other_question_is_another_call(
    client: openai.AsyncOpenAI, provider: ScriptedProvider, fields: dict[str, Any]
) -> None:
    await ask(client)
    headers, _ = await ask(client, **fields)

    assert headers["x-nightjar-cache"] == "miss"
    assert len(provider.requests) == 2


NOT_CACHED: list[tuple[dict[str, str], dict[str, Any], str | None]] = [
    ({}, {}, None),
    ({"X-OpenRouter-Cache": "false"}, {}, None),
    (ASKED, {"temperature": 0.7}, "bypass"),
    (ASKED, {"temperature": openai.omit}, "bypass"),
    (ASKED, {"extra_body": {"provider": {"zdr": True}}}, "bypass"),
]


@pytest.mark.parametrize("case", NOT_CACHED)
async def test_who_does_not_ask_for_it_or_cannot_have_it_gets_a_call_of_their_own(
    client: openai.AsyncOpenAI,
    relay: RunningRelay,
    provider: ScriptedProvider,
    case: tuple[dict[str, str], dict[str, Any], str | None],
) -> None:
    headers, fields, said = case
    for _ in range(2):
        got, _ = await ask(client, headers, **fields)
        assert got.get("x-nightjar-cache") == said

    assert len(provider.requests) == 2
    assert [row.cost_nano for row in await relay.usage_rows()] == [COST_NANO] * 2


@pytest.mark.parametrize(
    "headers",
    [
        {"X-OpenRouter-Cache": "yes"},
        {"X-OpenRouter-Cache": "true", "X-OpenRouter-Cache-TTL": "0"},
        {"X-OpenRouter-Cache": "true", "X-OpenRouter-Cache-TTL": "86401"},
        {"X-OpenRouter-Cache": "true", "X-OpenRouter-Cache-TTL": "soon"},
    ],
)
async def test_a_header_that_says_nothing_sensible_is_refused(
    client: openai.AsyncOpenAI, headers: dict[str, str]
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await ask(client, headers)

    assert "X-OpenRouter-Cache" in str(caught.value.param)


SOUND = event(choices=[{"index": 0, "delta": {"audio": {"id": "x"}, "content": "a"}}])
NOT_KEPT: dict[str, list[Any]] = {
    "cut": [chunk(delta("The ")), STREAM_END],
    "reset": [chunk(delta("The ")), CLOSE],
    "out of tokens": [chunk(delta("The ") + delta(finish="length") + DONE), STREAM_END],
    "filtered": [chunk(delta("The ") + delta(finish="content_filter") + DONE), STREAM_END],
    "not understood": [chunk(SOUND + delta(finish="stop") + DONE), STREAM_END],
}


@pytest.mark.parametrize("name", NOT_KEPT)
async def test_only_a_whole_answer_is_kept(client: openai.AsyncOpenAI, provider: ScriptedProvider, name: str) -> None:
    provider.plays([STREAM_HEAD, *NOT_KEPT[name]], stream_answer())
    with contextlib.suppress(openai.APIError):
        await ask(client, stream=True)
    headers, _ = await ask(client, stream=True)

    assert headers["x-nightjar-cache"] == "miss"


async def test_an_error_is_not_kept(client: openai.AsyncOpenAI, provider: ScriptedProvider) -> None:
    provider.plays([error_answer(400, "no", "bad")], [plain_answer()])
    with pytest.raises(openai.BadRequestError):
        await ask(client)
    headers, _ = await ask(client)

    assert headers["x-nightjar-cache"] == "miss"


async def test_another_file_under_the_same_name_is_another_model(
    client: openai.AsyncOpenAI, relay: RunningRelay
) -> None:
    said = []
    for digest in ("a", "a", "b"):
        relay.services.registry.vouch({MODEL: frozenset({digest * 64})})
        said.append((await ask(client))[0]["x-nightjar-cache"])

    assert said == ["miss", "hit", "miss"]


async def test_an_answer_ends_with_its_time_and_no_caller_gets_one_older_than_asked(
    provider: ScriptedProvider, tmp_path: Path
) -> None:
    clock = ManualClock()
    async with (
        running_relay(tmp_path, providers=[as_provider(provider)], clock=clock) as relay,
        openai.AsyncOpenAI(base_url=relay.base_url, api_key=relay.key, max_retries=0) as client,
    ):
        lasting = ASKED | {"X-OpenRouter-Cache-TTL": "3600"}
        said = []
        asking = ((0, lasting), (200, ASKED), (3300, lasting), (0, ASKED), (200, lasting), (200, lasting))
        for seconds, headers in asking:
            clock.advance(seconds)
            got, _ = await ask(client, headers)
            said.append(got["x-nightjar-cache"])

        # 200 s old; 3500 s; older than the 300 s of those who name none, so made anew; 200 s; its own 300 s are over
        assert said == ["miss", "hit", "hit", "miss", "hit", "miss"]


def _database(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("relay.db*"))


async def test_an_answer_outlives_the_relay(provider: ScriptedProvider, tmp_path: Path) -> None:
    key = None
    for said in ("miss", "hit", "hit"):
        async with running_relay(tmp_path, providers=[as_provider(provider)], key=key) as relay:
            key = relay.key
            async with openai.AsyncOpenAI(base_url=relay.base_url, api_key=key, max_retries=0) as client:
                headers, answer = await ask(client)
                assert headers["x-nightjar-cache"] == said
                assert answer.choices[0].message.content == ANSWER
    kept = _database(tmp_path)
    assert b"Paris" not in kept
    assert b"capital of France" not in kept


async def test_the_operator_can_have_it_on_for_all_and_for_every_sampling(
    provider: ScriptedProvider, tmp_path: Path
) -> None:
    settings = CacheSettings(on=True, any_sampling=True)
    async with (
        running_relay(tmp_path, providers=[as_provider(provider)], cache=settings) as relay,
        openai.AsyncOpenAI(base_url=relay.base_url, api_key=relay.key, max_retries=0) as client,
    ):
        for said in ("miss", "hit"):
            headers, _ = await ask(client, {}, temperature=1)
            assert headers["x-nightjar-cache"] == said
        headers, _ = await ask(client, {"X-OpenRouter-Cache": "false"}, temperature=1)
        assert "x-nightjar-cache" not in headers
    assert len(provider.requests) == 2


async def test_a_hit_needs_no_credit(provider: ScriptedProvider, tmp_path: Path) -> None:
    at = [as_provider(provider, prompt_price=0, completion_price=0)]
    async with running_relay(tmp_path, providers=at) as relay:
        key = relay.key
        async with openai.AsyncOpenAI(base_url=relay.base_url, api_key=key, max_retries=0) as client:
            await ask(client)
    dear = [as_provider(provider, prompt_price=10**12, completion_price=10**12)]
    async with (
        running_relay(tmp_path, providers=dear, key=key) as relay,
        openai.AsyncOpenAI(base_url=relay.base_url, api_key=key, max_retries=0) as client,
    ):
        headers, _ = await ask(client)
        assert headers["x-nightjar-cache"] == "hit"
        with pytest.raises(openai.APIStatusError) as caught:
            await ask(client, seed=1)
        assert caught.value.status_code == 402


async def test_a_call_with_both_headers_is_one_call_and_its_answer_serves_others(
    client: openai.AsyncOpenAI, relay: RunningRelay, provider: ScriptedProvider
) -> None:
    both = ASKED | {"Idempotency-Key": "order-4711"}
    said = [(await ask(client, headers))[0] for headers in (both, both, ASKED, ASKED | {"Idempotency-Key": "other"})]
    replayed = (await ask(client, ASKED | {"Idempotency-Key": "other"}))[0]

    assert [each["x-nightjar-cache"] for each in said] == ["miss", "miss", "hit", "hit"]
    assert said[1]["x-generation-id"] == said[0]["x-generation-id"]
    assert said[1]["idempotent-replayed"] == replayed["idempotent-replayed"] == "true"
    assert replayed["x-generation-id"] == said[3]["x-generation-id"]
    assert len(provider.requests) == 1
    assert [row.cost_nano for row in await relay.usage_rows()] == [0, 0, COST_NANO]
    assert (await relay.books()).in_order


async def test_a_hit_that_nobody_reads_does_not_lie_in_memory_for_ever(
    provider: ScriptedProvider, tmp_path: Path
) -> None:
    provider.plays([plain_answer("word " * 150_000)])
    timers = TimerSettings(drain_s=0.2)
    async with running_relay(tmp_path, providers=[as_provider(provider)], timers=timers) as relay:
        request = relay.chat(a_chat(temperature=0)).replace(b"\r\n", b"\r\nX-OpenRouter-Cache: true\r\n", 1)
        assert b"x-nightjar-cache: miss" in await relay.raw(request)
        connection = narrow_socket()
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", relay.port))
        reader, writer = await asyncio.open_connection(sock=connection, limit=4096)
        writer.write(request)
        assert b"x-nightjar-cache: hit" in await reader.readuntil(b"\r\n\r\n")
        while len(relay.services.completions.watch):  # noqa: ASYNC110 - the watch has no event for it
            await asyncio.sleep(0.01)
        with contextlib.suppress(ConnectionError):
            assert len(await reader.read()) < 750_000
        writer.close()


async def test_without_the_database_a_call_is_made_as_if_nothing_were_cached(
    client: openai.AsyncOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(*_: Any, **__: Any) -> Any:
        raise StorageUnavailable("relay.db", StorageProblem.LOCKED)

    monkeypatch.setattr(shelf, "find", find)
    monkeypatch.setattr(shelf, "store", find)
    said = [(await ask(client))[0]["x-nightjar-cache"] for _ in range(2)]

    assert said == ["miss", "hit"]  # what stands in memory needs no database


async def test_a_connection_goes_on_after_a_hit(relay: RunningRelay) -> None:
    request = relay.chat(a_chat(temperature=0), close=False).replace(b"\r\n", b"\r\nX-OpenRouter-Cache: true\r\n", 1)
    reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
    said = []
    for _ in range(4):
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        body = json.loads(await reader.readexactly(length))
        said.append((b"x-nightjar-cache: hit" in head, body["choices"][0]["message"]["content"]))
    writer.close()

    assert said == [(False, ANSWER), (True, ANSWER), (True, ANSWER), (True, ANSWER)]
