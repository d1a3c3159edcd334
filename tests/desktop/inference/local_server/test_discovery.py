from __future__ import annotations

import asyncio
from typing import Any

import pytest

from desktop.inference.local_server.discovery import (
    FoundServer,
    ServedModel,
    ServerKind,
    find_servers,
    local_url,
    offered_name,
)
from tests.desktop.inference.local_server.servers import (
    GENERIC,
    LLAMA_SERVER,
    LM_STUDIO,
    MODEL,
    OLLAMA,
    VLLM,
    Server,
    running,
)

DIGEST = "a80c4f17acd55265feec403c7aef86be0c25983ab279d83f3bcd3abbcb5b8b72"


async def found(server: Server) -> list[FoundServer]:
    return await find_servers(consented=lambda: True, ports=[server.port])


@pytest.mark.parametrize(
    ("listings", "kind", "model"),
    [
        (OLLAMA, ServerKind.OLLAMA, ServedModel(MODEL, 4096, "Q4_K_M", loaded=False, digest=DIGEST)),
        (LM_STUDIO, ServerKind.LM_STUDIO, ServedModel(MODEL, 8192, "Q4_K_M", loaded=True)),
        (LLAMA_SERVER, ServerKind.LLAMA_SERVER, ServedModel(MODEL, 4096, loaded=True, slots=4)),
        (VLLM, ServerKind.VLLM, ServedModel(MODEL, 16384, loaded=True)),
        (GENERIC, ServerKind.OTHER, ServedModel(MODEL)),
    ],
)
async def test_a_server_is_known_by_what_it_answers_with_its_chat_models_alone(
    listings: dict[str, Any], kind: ServerKind, model: ServedModel
) -> None:
    async with running(Server(listings)) as server:
        assert await found(server) == [FoundServer(server.url, kind, (model,))]


async def test_the_context_of_a_model_that_ollama_has_loaded_is_what_it_has() -> None:
    loaded = OLLAMA | {
        "/api/ps": {"models": [{"name": MODEL, "model": MODEL, "size_vram": 5, "context_length": 32768}]}
    }
    async with running(Server(loaded)) as server:
        (ollama,) = await found(server)

    assert ollama.models[0].context == 32768
    assert ollama.models[0].loaded


@pytest.mark.parametrize(
    ("listings", "path", "seeing"),
    [
        (OLLAMA, "/api/show", {MODEL: {"capabilities": ["completion", "vision"]}}),
        (
            LM_STUDIO,
            "/api/v0/models",
            {"data": [{"id": MODEL, "type": "vlm", "state": "loaded", "loaded_context_length": 8192}]},
        ),
        (LLAMA_SERVER, "/props", LLAMA_SERVER["/props"] | {"modalities": {"vision": True, "audio": False}}),
    ],
    ids=["Ollama", "LM Studio", "llama-server"],
)
async def test_who_looks_at_images_says_so(listings: dict[str, Any], path: str, seeing: Any) -> None:
    async with running(Server(listings | {path: seeing})) as server:
        (found_server,) = await found(server)

    assert found_server.models[0].pictures


async def test_nobody_is_asked_without_consent() -> None:
    async with running(Server(OLLAMA)) as server:
        nothing = await find_servers(consented=lambda: False, ports=[server.port])

    assert nothing == []
    assert server.asked == []


async def test_looking_loads_and_writes_nothing() -> None:
    async with running(Server(OLLAMA)) as server:
        await found(server)

    assert set(server.asked) <= {"/v1/models", "/api/tags", "/api/ps", "/api/show"}


async def test_where_nothing_listens_nothing_is_found(unused_tcp_port: int) -> None:
    assert await find_servers(consented=lambda: True, ports=[unused_tcp_port]) == []


async def test_a_server_that_wants_a_key_is_named_with_its_problem() -> None:
    async with running(Server(GENERIC, key="secret")) as server:
        (locked,) = await found(server)

    assert locked.problem == "It wants an API key."


@pytest.mark.parametrize(
    "listing",
    [
        [],
        {"data": None},
        {"data": "x"},
        {"object": "list"},
        "x" * 5_000_000,
        None,
    ],
)
async def test_what_is_no_listing_is_no_server(listing: Any) -> None:
    async with running(Server({"/v1/models": listing})) as server:
        assert await found(server) == []


@pytest.mark.parametrize(
    "details",
    [
        {
            "/api/tags": {"models": [5, None, {"name": 7}, {"name": MODEL, "details": []}]},
            "/api/show": {MODEL: [], "": []},
        },
        {"/api/v0/models": {"data": [{"id": MODEL, "type": "llm", "max_context_length": -5, "quantization": {}}]}},
        {"/props": {"default_generation_settings": {"n_ctx": "many"}}},
    ],
)
async def test_details_of_the_wrong_kind_count_as_not_told(details: dict[str, Any]) -> None:
    async with running(Server(GENERIC | details)) as server:
        (strange,) = await found(server)

    assert MODEL in {model.name for model in strange.models}
    assert all(model.context >= 0 for model in strange.models)


async def test_a_listing_that_leads_elsewhere_is_not_followed() -> None:
    async def elsewhere(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 302 Found\r\nlocation: http://192.0.2.1/v1/models\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(elsewhere, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        assert await find_servers(consented=lambda: True, ports=[port]) == []


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("localhost:1234", "http://127.0.0.1:1234"),
        ("http://127.0.0.1:11434/", "http://127.0.0.1:11434"),
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_addresses_of_this_computer_are_written_in_one_way(given: str, url: str) -> None:
    assert local_url(given) == url


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("/home/ann/models/llama-3.2-3b.gguf", "llama-3.2-3b"),
        ("C:\\Users\\Ann\\llama.gguf", "llama"),
        ("meta-llama/Llama-3.2-3B-Instruct", "meta-llama/Llama-3.2-3B-Instruct"),
        ("llama3.2:latest", "llama3.2:latest"),
    ],
)
def test_a_relay_does_not_learn_where_an_owner_keeps_files(model: str, name: str) -> None:
    assert offered_name(model) == name
