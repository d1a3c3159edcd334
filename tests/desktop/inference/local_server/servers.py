"""Engines of other makers, as real HTTP servers on loopback, that answer as their documentation has it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from desktop.inference.text import StopMatcher
from tests.desktop.inference.answers import PARIS, PARIS_ANSWER, STORY

Json = dict[str, Any]

MODEL = "llama3.2:latest"

OPENAI_LISTING = {
    "object": "list",
    "data": [{"id": MODEL, "object": "model", "created": 1734000000, "owned_by": "someone"}],
}

OLLAMA: Json = {
    "/v1/models": {
        "object": "list",
        "data": [
            {"id": MODEL, "object": "model", "created": 1734000000, "owned_by": "library"},
            {"id": "nomic-embed-text:latest", "object": "model", "created": 1734000000, "owned_by": "library"},
        ],
    },
    "/api/tags": {
        "models": [
            {
                "name": MODEL,
                "model": MODEL,
                "modified_at": "2025-05-04T17:37:44.706015396-07:00",
                "size": 2019393189,
                "digest": "a80c4f17acd55265feec403c7aef86be0c25983ab279d83f3bcd3abbcb5b8b72",
                "details": {
                    "parent_model": "",
                    "format": "gguf",
                    "family": "llama",
                    "families": ["llama"],
                    "parameter_size": "3.2B",
                    "quantization_level": "Q4_K_M",
                },
            },
            {
                "name": "nomic-embed-text:latest",
                "model": "nomic-embed-text:latest",
                "modified_at": "2025-05-04T17:37:44.706015396-07:00",
                "size": 274302450,
                "digest": "0a109f422b47e3a30ba2b10eca18548e944e8a23073ee3f3e947efcf3c45e59f",
                "details": {"format": "gguf", "family": "nomic-bert", "quantization_level": "F16"},
            },
        ]
    },
    "/api/ps": {"models": []},
    "/api/show": {
        MODEL: {
            "details": {"format": "gguf", "family": "llama", "parameter_size": "3.2B", "quantization_level": "Q4_K_M"},
            "model_info": {"general.architecture": "llama", "llama.context_length": 131072},
            "capabilities": ["completion", "tools"],
        },
        "nomic-embed-text:latest": {
            "model_info": {"general.architecture": "nomic-bert", "nomic-bert.context_length": 2048},
            "capabilities": ["embedding"],
        },
    },
}

LM_STUDIO: Json = {
    "/v1/models": {
        "object": "list",
        "data": [{"id": MODEL, "object": "model", "owned_by": "organization_owner"}],
    },
    "/api/v0/models": {
        "object": "list",
        "data": [
            {
                "id": MODEL,
                "object": "model",
                "type": "llm",
                "publisher": "lmstudio-community",
                "arch": "llama",
                "compatibility_type": "gguf",
                "quantization": "Q4_K_M",
                "state": "loaded",
                "max_context_length": 131072,
                "loaded_context_length": 8192,
            },
            {
                "id": "text-embedding-nomic-embed-text-v1.5",
                "object": "model",
                "type": "embeddings",
                "quantization": "Q4_0",
                "state": "not-loaded",
                "max_context_length": 2048,
            },
        ],
    },
}

LLAMA_SERVER: Json = {
    "/v1/models": {
        "object": "list",
        "data": [
            {
                "id": MODEL,
                "object": "model",
                "created": 1734000000,
                "owned_by": "llamacpp",
                "meta": {"vocab_type": 2, "n_vocab": 128256, "n_ctx_train": 131072, "n_params": 3212749888},
            }
        ],
    },
    "/props": {
        "default_generation_settings": {"id": 0, "n_ctx": 4096, "speculative": False, "is_processing": False},
        "total_slots": 4,
        "model_path": "../models/llama-3.2-3b.gguf",
        "chat_template": "...",
    },
    "/health": {"status": "ok"},
}

VLLM: Json = {
    "/v1/models": {
        "object": "list",
        "data": [
            {
                "id": MODEL,
                "object": "model",
                "created": 1734000000,
                "owned_by": "vllm",
                "root": MODEL,
                "parent": None,
                "max_model_len": 16384,
                "permission": [],
            }
        ],
    },
}

GENERIC: Json = {"/v1/models": OPENAI_LISTING}


@dataclass
class Server:
    """One server and what was asked of it. `status` other than 200 is what each chat is answered with instead."""

    listings: Json
    status: int = 200
    error: Json = field(default_factory=dict)
    key: str = ""
    cut_after: int | None = None
    """Bytes of a stream after which the connection breaks."""

    garbage: bytes = b""
    """Sent in place of events."""

    asked: list[str] = field(default_factory=list)
    bodies: list[Json] = field(default_factory=list)
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)
    connections: set[asyncio.Task[None]] = field(default_factory=set)
    url: str = ""

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.connections.add(task)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await self._request(head.decode(), reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.connections.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _request(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = head.split("\r\n")
        path = lines[0].split()[1]
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.asked.append(path)
        if self.key and headers.get("authorization") != f"Bearer {self.key}":
            await _plain(writer, 401, {"error": {"message": "Unauthorized"}})
        elif path == "/v1/chat/completions":
            await self._chat(msgspec.json.decode(body), reader, writer)
        elif path == "/api/show" and path in self.listings:
            await _plain(writer, 200, self.listings[path][msgspec.json.decode(body)["model"]])
        elif path in self.listings:
            await _plain(writer, 200, self.listings[path])
        else:
            await _plain(writer, 404, {"error": "not found"})

    async def _chat(self, body: Json, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.bodies.append(body)
        if self.status != 200:
            await _plain(writer, self.status, self.error)
            return
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        room = self.cut_after
        try:
            async for event in _events(body) if not self.garbage else _once(self.garbage):
                data = event if room is None else event[:room]
                writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
                await writer.drain()
                if room is not None and (room := room - len(data)) <= 0:
                    writer.transport.abort()
                    return
                if reader.at_eof():
                    raise ConnectionResetError
        except ConnectionError:
            self.hung_up.set()
            raise
        writer.write(b"0\r\n\r\n")


async def _plain(writer: asyncio.StreamWriter, status: int, answer: Any) -> None:
    content = msgspec.json.encode(answer)
    head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
    writer.write(head.encode() + content)
    await writer.drain()


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _event(choices: list[Json], usage: Json | None = None) -> bytes:
    chunk = {
        "id": "chatcmpl-123",
        "object": "chat.completion.chunk",
        "created": 1734000000,
        "model": MODEL,
        "system_fingerprint": "fp_ollama",
        "choices": choices,
    }
    return b"data: " + msgspec.json.encode(chunk | ({"usage": usage} if usage else {})) + b"\n\n"


async def _events(body: Json) -> AsyncIterator[bytes]:
    """Token by token, a character each, all choices at once; a story never ends."""
    question = body["messages"][-1]["content"]
    answer = {PARIS: PARIS_ANSWER}.get(question, f"You said: {question}")
    text = "And then the cat went home. " * 10_000 if question == STORY else answer
    matcher = StopMatcher(tuple([body["stop"]] if isinstance(body.get("stop"), str) else body.get("stop") or ()))
    choices, sent, reason = body.get("n", 1), 0, "stop"
    for character in text:
        shown, stopped = matcher.feed(character)
        sent += 1
        for index in range(choices):
            yield _event([{"index": index, "delta": {"role": "assistant", "content": shown}, "finish_reason": None}])
        await asyncio.sleep(0)
        if stopped:
            break
        if sent == body["max_tokens"]:
            reason = "length"
            break
    held = "" if reason == "length" else matcher.flush()
    for index in range(choices):
        yield _event([{"index": index, "delta": {"content": held}, "finish_reason": None}])
        yield _event([{"index": index, "delta": {}, "finish_reason": reason}])
    yield _event([], {"prompt_tokens": 26, "completion_tokens": sent * choices, "total_tokens": 26 + sent * choices})
    yield b"data: [DONE]\n\n"


@contextlib.asynccontextmanager
async def running(server: Server, *, port: int = 0) -> AsyncIterator[Server]:
    """Listens on a free port of loopback, or on the one it had."""
    listening = await asyncio.start_server(server.serve, "127.0.0.1", port)
    server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listening.close()
        open_ones = list(server.connections)
        for connection in open_ones:
            connection.cancel()
        await asyncio.gather(*open_ones)
