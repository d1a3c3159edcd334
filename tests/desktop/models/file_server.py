"""A web server for one file, on a real socket, that can be as difficult as the ones people meet."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

_RANGE = re.compile(rb"range: bytes=(\d+)-\r\n", re.IGNORECASE)
_IF_RANGE = re.compile(rb"if-range: ([^\r]+)\r\n", re.IGNORECASE)
_STEP = 16 * 1024


@dataclass
class FileServer:
    """Every field may be changed between requests."""

    content: bytes
    etag: str = '"one"'
    ranges: bool = True
    heeds_if_range: bool = True
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    redirect: str = ""
    """Answers everything but `/moved` by sending the asker there."""
    cut_after: int | None = None
    """Resets the connection once so many bytes of a body are out."""
    hold_after: int | None = None
    """Says nothing more once so many bytes of a body are out."""
    says_length: bool = True
    port: int = 0
    asked: list[bytes] = field(default_factory=list)
    """The heads of all requests."""
    sent: int = 0
    """Bytes of bodies, over all answers."""
    _moved: asyncio.Condition = field(default_factory=asyncio.Condition)
    _answering: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/model.gguf"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    def starts(self) -> list[int]:
        """The offset each request asked for."""
        return [int(found[1]) if (found := _RANGE.search(head)) else 0 for head in self.asked]

    async def until_sent(self, size: int) -> None:
        """Waits until so many bytes of bodies are out in all."""
        async with self._moved:
            await self._moved.wait_for(lambda: self.sent >= size)

    @contextlib.asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[FileServer]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for answering in self._answering:
                answering.cancel()
            await asyncio.gather(*self._answering, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        # What is sent is soon there: a loopback's own buffers hold megabytes.
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)
        self._answering.add(task)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.asked.append(head)
                await self._answer(head, writer)
                if not self.says_length:
                    break
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._answering.discard(task)
            writer.close()

    async def _answer(self, head: bytes, writer: asyncio.StreamWriter) -> None:
        if self.redirect and not head.startswith(b"GET /moved"):
            await self._say(writer, 302, {"location": self.redirect, "content-length": "0"})
            return
        if self.status != 200:
            await self._say(writer, self.status, {"content-length": "0", **self.headers})
            return
        start, total = self._start(head), len(self.content)
        lines = {"content-length": str(total - start)} if self.says_length else {"connection": "close"}
        if self.etag:
            lines["etag"] = self.etag
        if start:
            lines["content-range"] = f"bytes {start}-{total - 1}/{total}"
        await self._say(writer, 206 if start else 200, lines | self.headers)
        await self._body(writer, self.content[start:])

    def _start(self, head: bytes) -> int:
        found, condition = _RANGE.search(head), _IF_RANGE.search(head)
        if not self.ranges or found is None or int(found[1]) >= len(self.content):
            return 0
        if condition and self.heeds_if_range and condition[1].decode() != self.etag:
            return 0
        return int(found[1])

    async def _body(self, writer: asyncio.StreamWriter, body: bytes) -> None:
        out = 0
        while out < len(body):
            if self.hold_after is not None and out >= self.hold_after:
                await asyncio.Event().wait()
            step = body[out : out + _STEP]
            if self.cut_after is not None:
                step = step[: self.cut_after - out]
            writer.write(step)
            await writer.drain()
            out += len(step)
            async with self._moved:
                self.sent += len(step)
                self._moved.notify_all()
            if self.cut_after is not None and out >= self.cut_after:
                writer.transport.abort()
                return

    @staticmethod
    async def _say(writer: asyncio.StreamWriter, status: int, headers: dict[str, str]) -> None:
        lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in headers.items())]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n")
        await writer.drain()
