"""A provider for tests: a real HTTP server on loopback that plays a script for each request, to the byte."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

Step = bytes | asyncio.Event | Callable[[], Awaitable[object]]
"""Bytes to write; an event to wait for; a coroutine function to await."""

CLOSE = b""
"""Ends a script by closing the connection; a script without it keeps the connection open."""


@dataclass
class Seen:
    """A request as the provider got it."""

    head: bytes
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        return dict(json.loads(self.body))

    def header(self, name: str) -> str | None:
        for line in self.head.decode().split("\r\n")[1:]:
            key, _, value = line.partition(": ")
            if key.lower() == name:
                return value
        return None


@dataclass
class ScriptedProvider:
    """Answers each request with the next script, and the last one for ever."""

    scripts: list[list[Step]] = field(default_factory=list)
    requests: list[Seen] = field(default_factory=list)
    connections: int = 0
    hangups: int = 0
    port: int = 0
    seen: asyncio.Event = field(default_factory=asyncio.Event)
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def plays(self, *scripts: Iterable[Step]) -> None:
        self.scripts = [list(script) for script in scripts]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                await self._one(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.hangups += 1
            self.hung_up.set()
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        seen = Seen(head[:-4], b"")
        length = int(seen.header("content-length") or 0)
        seen.body = await reader.readexactly(length)
        self.requests.append(seen)
        self.seen.set()
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        for step in script:
            if step == CLOSE:
                await writer.drain()
                raise ConnectionResetError
            if isinstance(step, bytes):
                writer.write(step)
                await writer.drain()
            elif isinstance(step, asyncio.Event):
                await _or_hangup(step, reader)
            else:
                await step()


async def _or_hangup(event: asyncio.Event, reader: asyncio.StreamReader) -> None:
    """Wait for the event, but notice when the relay closes the connection meanwhile."""
    waiting = [asyncio.ensure_future(event.wait()), asyncio.ensure_future(reader.read(1))]  # noqa: TID251 - two waits, ended below
    done, pending = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    if waiting[1] in done:
        raise ConnectionResetError


@asynccontextmanager
async def scripted_provider(*scripts: Iterable[Step]) -> AsyncIterator[ScriptedProvider]:
    provider = ScriptedProvider()
    provider.plays(*(scripts or ([plain_answer()],)))
    server = await asyncio.start_server(provider.serve, "127.0.0.1", 0)
    provider.port = server.sockets[0].getsockname()[1]
    try:
        yield provider
    finally:
        server.close()


# --- answers ----------------------------------------------------------------------------------------------------------

ANSWER = "The capital of France is Paris."


def response(
    body: bytes | dict[str, Any], status: int = 200, *, content_type: str = "application/json", **headers: str
) -> bytes:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    extra = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 {status} X\r\ncontent-type: {content_type}\r\n{extra}content-length: {len(data)}\r\n\r\n"
    return head.encode() + data


def plain_answer(text: str = ANSWER, *, prompt: int = 17, completion: int = 7) -> bytes:
    return response(
        {
            "id": "chatcmpl-upstream",
            "object": "chat.completion",
            "created": 1,
            "model": "upstream-model",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion},
        }
    )


def error_answer(status: int, message: str = "no", code: str | None = None, **headers: str) -> bytes:
    return response({"error": {"message": message, "type": "x", "code": code, "param": None}}, status, **headers)


STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
STREAM_END = b"0\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def event(**fields: Any) -> bytes:
    return (
        b"data: "
        + json.dumps({"id": "chatcmpl-upstream", "object": "chat.completion.chunk", **fields}).encode()
        + b"\n\n"
    )


def delta(text: str | None = None, *, role: str | None = None, finish: str | None = None) -> bytes:
    content = {name: value for name, value in (("role", role), ("content", text)) if value is not None}
    return event(choices=[{"index": 0, "delta": content, "finish_reason": finish}])


def usage(prompt: int = 17, completion: int = 7) -> bytes:
    total = prompt + completion
    return event(choices=[], usage={"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total})


DONE = b"data: [DONE]\n\n"


def stream_events(text: str = ANSWER, *, completion: int = 7) -> list[bytes]:
    words = [word + " " for word in text.split(" ")]
    words[-1] = words[-1].rstrip()
    return [
        delta("", role="assistant"),
        *(delta(word) for word in words),
        delta(finish="stop"),
        usage(completion=completion),
        DONE,
    ]


def stream_answer(text: str = ANSWER) -> list[Step]:
    return [STREAM_HEAD, *(chunk(each) for each in stream_events(text)), STREAM_END]
