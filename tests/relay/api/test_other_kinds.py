"""`/v1/completions` and `/v1/embeddings` through the one core, as the unmodified OpenAI client sees them."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import openai
import pytest

from relay.wire.frames import LegId, StepKind
from tests.relay.nodes.desk import text
from tests.relay.nodes.player import Node, answer_rightly, connected_node, relay_with_node
from tests.relay.provider import (
    CLOSE,
    DONE,
    STREAM_END,
    STREAM_HEAD,
    ScriptedProvider,
    Step,
    chunk,
    error_answer,
    response,
    scripted_provider,
)
from tests.relay.running import COMPLETION_PRICE, MODEL, PROMPT_PRICE, RunningRelay, as_provider, running_relay

PROMPT = "The capital of France is"
VECTORS = [[0.25, -1.0, 3.5], [0.5, 0.0, -0.125]]


def text_answer(said: str = " Paris.") -> bytes:
    return response(
        {
            "id": "cmpl-upstream",
            "object": "text_completion",
            "created": 1,
            "model": "upstream-model",
            "choices": [{"index": 0, "text": said, "logprobs": None, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
        }
    )


def text_event(**fields: Any) -> bytes:
    body = {"id": "cmpl-upstream", "object": "text_completion", "created": 1, "model": "upstream-model", **fields}
    return chunk(b"data: " + json.dumps(body).encode() + b"\n\n")


def a_piece(said: str, reason: str | None = None) -> bytes:
    return text_event(choices=[{"index": 0, "text": said, "logprobs": None, "finish_reason": reason}])


COUNTED = text_event(choices=[], usage={"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7})
TEXT_STREAM: list[Step] = [
    STREAM_HEAD,
    a_piece(" Par"),
    a_piece("is."),
    a_piece("", "stop"),
    COUNTED,
    chunk(DONE),
    STREAM_END,
]


def packed(vector: list[float]) -> bytes:
    return struct.pack(f"<{len(vector)}f", *vector)


def embedding_answer(vectors: list[list[float]], *, as_text: bool = True) -> bytes:
    written = [base64.b64encode(packed(each)).decode() if as_text else each for each in vectors]
    data = [{"object": "embedding", "index": at, "embedding": each} for at, each in enumerate(written)]
    usage = {"prompt_tokens": 9, "total_tokens": 9}
    return response({"object": "list", "data": data, "model": "upstream-model", "usage": usage})


@pytest.fixture
async def provider() -> AsyncIterator[ScriptedProvider]:
    async with scripted_provider([text_answer()]) as running:
        yield running


@pytest.fixture(params=["http", "asgi"])
async def relay(
    request: pytest.FixtureRequest, provider: ScriptedProvider, tmp_path: Path
) -> AsyncIterator[RunningRelay]:
    async with running_relay(tmp_path, providers=[as_provider(provider)], edge=request.param) as running:
        yield running


@pytest.fixture
async def client(relay: RunningRelay) -> AsyncIterator[openai.AsyncOpenAI]:
    async with client_of(relay) as made:
        yield made


def client_of(relay: RunningRelay) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=relay.base_url, api_key=relay.key, max_retries=0)


# --- text completions -----------------------------------------------------------------------------------------------


async def test_a_text_is_gone_on_with(
    client: openai.AsyncOpenAI, relay: RunningRelay, provider: ScriptedProvider
) -> None:
    answer = await client.completions.create(model=MODEL, prompt=PROMPT)

    assert answer.choices[0].text == " Paris."
    assert provider.requests[0].head.startswith(b"POST /v1/completions HTTP/1.1\r\n")
    assert json.loads(provider.requests[0].body) == {"model": MODEL, "prompt": PROMPT, "max_tokens": 16}
    (row,) = await relay.usage_rows()
    assert row.cost_nano == (5 * PROMPT_PRICE + 2 * COMPLETION_PRICE) // 1000
    assert (await relay.books()).in_order


async def test_a_text_is_gone_on_with_in_a_stream(
    client: openai.AsyncOpenAI, relay: RunningRelay, provider: ScriptedProvider
) -> None:
    provider.plays(TEXT_STREAM)
    said, reason = "", ""
    async for each in await client.completions.create(model=MODEL, prompt=[1, 2, 3], stream=True, max_tokens=5):
        for choice in each.choices:
            said, reason = said + choice.text, choice.finish_reason

    assert (said, reason) == (" Paris.", "stop")
    (row,) = await relay.usage_rows()
    assert (row.state, row.completion_tokens) == ("completed", 2)


async def test_a_broken_off_text_is_never_presented_as_whole(
    client: openai.AsyncOpenAI, provider: ScriptedProvider
) -> None:
    provider.plays([STREAM_HEAD, a_piece(" Par"), CLOSE])
    with pytest.raises(openai.APIError):
        async for _ in await client.completions.create(model=MODEL, prompt=PROMPT, stream=True):
            pass


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": ["one", "two"]}, "prompt"),
        ({"prompt": [[1], [2]]}, "prompt"),
        ({"prompt": 3}, "prompt"),
        ({"prompt": PROMPT, "best_of": 4}, "best_of"),
        ({"prompt": PROMPT, "max_tokens": 0}, "max_tokens"),
    ],
    ids=str,
)
async def test_a_text_that_cannot_be_gone_on_with_is_refused_by_the_field(
    relay: RunningRelay, fields: dict[str, Any], param: str
) -> None:
    status, error = await posted(relay, "/v1/completions", {"model": MODEL, **fields})

    assert (status, error["error"]["param"]) == (400, param)


# --- embeddings -----------------------------------------------------------------------------------------------------


async def test_texts_become_vectors_in_order(
    client: openai.AsyncOpenAI, relay: RunningRelay, provider: ScriptedProvider
) -> None:
    """The client asks for base64, and decodes it."""
    provider.plays([embedding_answer(VECTORS)])
    answer = await client.embeddings.create(model=MODEL, input=["one", "two"])

    assert [each.embedding for each in answer.data] == VECTORS
    assert provider.requests[0].head.startswith(b"POST /v1/embeddings HTTP/1.1\r\n")
    assert "max_tokens" not in json.loads(provider.requests[0].body)
    (row,) = await relay.usage_rows()
    assert (row.prompt_tokens, row.completion_tokens, row.cost_nano) == (9, 0, 9 * PROMPT_PRICE // 1000)
    assert (await relay.books()).in_order


async def test_an_answer_of_the_wrong_count_is_none(client: openai.AsyncOpenAI, provider: ScriptedProvider) -> None:
    provider.plays([embedding_answer(VECTORS)])
    with pytest.raises(openai.InternalServerError) as caught:
        await client.embeddings.create(model=MODEL, input=["one", "two", "three"])

    assert "2 vectors, for 3 texts" in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "input"),
        ({"input": []}, "input"),
        ({"input": ["one", ""]}, "input[1]"),
        ({"input": ["x"] * 2049}, "input"),
        ({"input": "x", "encoding_format": "hex"}, "encoding_format"),
        ({"input": "x", "dimensions": 0}, "dimensions"),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_what_cannot_be_embedded_is_refused_by_the_field(
    relay: RunningRelay, fields: dict[str, Any], param: str
) -> None:
    status, error = await posted(relay, "/v1/embeddings", {"model": MODEL, **fields})

    assert (status, error["error"]["param"].replace("...", "1")) == (400, param)


async def posted(relay: RunningRelay, path: str, body: dict[str, Any]) -> tuple[int, Any]:
    data = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {relay.key}\r\ncontent-length: {len(data)}\r\n"
    raw = await relay.raw(head.encode() + b"connection: close\r\n\r\n" + data)
    head_of, _, answer = raw.partition(b"\r\n\r\n")
    return int(head_of.split(b" ", 2)[1]), json.loads(answer)


@pytest.mark.parametrize("path", ["/v1/completions", "/v1/embeddings"])
async def test_another_method_is_refused(relay: RunningRelay, path: str) -> None:
    status, error = await relay.get(path)

    assert status == 405
    assert path in error["error"]["message"]


@pytest.mark.parametrize(
    "fault", [error_answer(500), error_answer(429), response(b"<html>", 200)], ids=["500", "429", "HTML"]
)
async def test_another_provider_answers_where_one_fails(fault: bytes, tmp_path: Path) -> None:
    async with (
        scripted_provider([fault]) as alpha,
        scripted_provider([text_answer()], [embedding_answer(VECTORS)]) as beta,
        running_relay(
            tmp_path,
            providers=[as_provider(alpha, completion_price=0, prompt_price=0), as_provider(beta, "beta")],
        ) as relay,
        client_of(relay) as client,
    ):
        assert (await client.completions.create(model=MODEL, prompt=PROMPT)).choices[0].text == " Paris."
        assert len((await client.embeddings.create(model=MODEL, input=["one", "two"])).data) == 2
        assert (await relay.books()).in_order


async def test_ids_are_one_text_or_several(client: openai.AsyncOpenAI, provider: ScriptedProvider) -> None:
    provider.plays([embedding_answer(VECTORS[:1])], [embedding_answer(VECTORS)])
    one = await client.embeddings.create(model=MODEL, input=[1, 2, 3])
    two = await client.embeddings.create(model=MODEL, input=[[1, 2], [3]])

    assert [len(each.data) for each in (one, two)] == [1, 2]


async def test_a_retry_by_its_key_is_answered_again_and_billed_once(
    client: openai.AsyncOpenAI, relay: RunningRelay, provider: ScriptedProvider
) -> None:
    keyed = {"Idempotency-Key": "a-key"}
    provider.plays([embedding_answer(VECTORS[:1])], [text_answer()])
    vectors = [await client.embeddings.create(model=MODEL, input="one", extra_headers=keyed) for _ in range(2)]
    texts = [await client.completions.create(model=MODEL, prompt=PROMPT, extra_headers=keyed) for _ in range(2)]

    assert vectors[0] == vectors[1]
    assert texts[0] == texts[1]
    assert len(provider.requests) == 2  # the same key on another route is another call
    assert len(await relay.usage_rows()) == 2


async def test_the_response_cache_keeps_chats_alone(client: openai.AsyncOpenAI, provider: ScriptedProvider) -> None:
    for _ in range(2):
        raw = await client.completions.with_raw_response.create(
            model=MODEL, prompt=PROMPT, temperature=0, extra_headers={"X-OpenRouter-Cache": "true"}
        )
        assert raw.headers["x-nightjar-cache"] == "bypass"
    assert len(provider.requests) == 2


async def test_a_caller_who_hangs_up_stops_the_work(relay: RunningRelay, provider: ScriptedProvider) -> None:
    provider.plays([asyncio.Event()])
    data = json.dumps({"model": MODEL, "input": "one"}).encode()
    head = f"POST /v1/embeddings HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {relay.key}\r\n"
    _, writer = await asyncio.open_connection("127.0.0.1", relay.port)
    writer.write(head.encode() + b"content-length: %d\r\n\r\n%b" % (len(data), data))
    async with asyncio.timeout(10):
        await provider.seen.wait()
        writer.transport.abort()
        await provider.hung_up.wait()
    (row,) = await relay.usage_rows()
    assert (row.state, row.cost_nano) == ("cancelled", 0)


# --- nodes ----------------------------------------------------------------------------------------------------------


async def test_a_node_goes_on_with_a_text(tmp_path: Path) -> None:
    async with relay_with_node(tmp_path, answer_rightly) as (relay, node), client_of(relay) as client:
        answer = await client.completions.create(model=MODEL, prompt=PROMPT)
        assert (answer.choices[0].text, answer.object) == ("The capital is Paris.", "text_completion")
        assert answer.id.startswith("cmpl-")
        stream = await client.completions.create(model=MODEL, prompt=PROMPT, stream=True)
        pieces = [choice.text async for each in stream for choice in each.choices]
        assert "".join(pieces) == "The capital is Paris."
        assert [offer.call.kind for offer in node.calls] == ["completion"] * 2
        assert node.calls[0].call.max_tokens == 16


Sends = Callable[[Node, LegId], Awaitable[None]]


def sends(*vectors: bytes) -> Sends:
    async def play(node: Node, leg: LegId) -> None:
        await node.accept(leg)
        for at, vector in reversed(list(enumerate(vectors))):
            await node.desk.step(a_vector(leg, at, vector))
        await node.finish(leg, 0)

    return play


def a_vector(leg: LegId, at: int, vector: bytes) -> Any:
    record = text(leg, "", kind=StepKind.VECTOR)
    return type(record)(leg, 0, StepKind.VECTOR, b"", at.to_bytes(4, "little") + vector)


@pytest.mark.parametrize("form", ["float", "base64"])
async def test_a_node_sends_vectors(form: Any, tmp_path: Path) -> None:
    play = sends(*map(packed, VECTORS))
    async with relay_with_node(tmp_path, play) as (relay, node), client_of(relay) as client:
        answer = await client.embeddings.create(model=MODEL, input=["one", "two"], encoding_format=form)
        found = [
            each.embedding if form == "float" else list(struct.unpack("<3f", base64.b64decode(str(each.embedding))))
            for each in answer.data
        ]
        assert found == VECTORS
        assert (answer.usage.prompt_tokens, answer.usage.total_tokens) == (5, 5)
        assert node.calls[0].call.kind == "embedding"
        (row,) = await relay.usage_rows()
        assert row.owner_nano > 0
        assert row.completion_tokens == 0
        assert (await relay.books()).in_order


@pytest.mark.parametrize(
    "play",
    [
        sends(packed(VECTORS[0])),
        sends(packed(VECTORS[0]), packed([1.0])),
        sends(packed(VECTORS[0]), packed([float("nan")] * 3)),
    ],
    ids=["too few", "of different lengths", "no numbers"],
)
async def test_a_nodes_vectors_that_cannot_be_are_another_targets_work(play: Sends, tmp_path: Path) -> None:
    async with (
        scripted_provider([embedding_answer(VECTORS)]) as alpha,
        relay_with_node(tmp_path, play, providers=[as_provider(alpha)]) as (relay, _),
        client_of(relay) as client,
    ):
        answer = await client.embeddings.create(
            model=MODEL, input=["one", "two"], extra_body={"provider": {"order": ["own"]}}
        )
        assert [each.embedding for each in answer.data] == VECTORS
        assert len(alpha.requests) == 1
        (row,) = await relay.usage_rows()
        assert row.owner_nano == 0
        assert (await relay.books()).in_order


async def test_another_node_embeds_where_the_first_is_taken_by_its_owner(tmp_path: Path) -> None:
    asked = asyncio.Event()

    async def yields(node: Node, leg: LegId) -> None:
        await node.accept(leg)
        asked.set()
        await node.yield_(leg, 0)

    async with (
        relay_with_node(tmp_path, yields) as (relay, _),
        connected_node(relay, sends(packed(VECTORS[0])), name="other"),
        client_of(relay) as client,
    ):
        answer = await client.embeddings.create(
            model=MODEL, input="one", extra_body={"provider": {"order": ["node/desk"]}}
        )
        assert asked.is_set()
        assert answer.data[0].embedding == VECTORS[0]
