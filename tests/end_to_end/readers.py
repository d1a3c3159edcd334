"""Callers that keep every byte they got, so that what they received can be counted after their relay has died."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.end_to_end.typist import MODEL

_WORD = re.compile(rb'"content":"w(\d+) "')
_PLAIN_WORD = re.compile(rb"w(\d+) ")
_GENERATION = re.compile(rb"\r\nx-generation-id: gen-([0-9a-f]{16})\r\n")


@dataclass
class Caller:
    """One call and everything that came back for it."""

    words: int
    """How many it asked for."""
    stream: bool = True
    narrow: bool = False
    """Reads nothing until its relay is dead, and has little room for what waits."""
    idempotency_key: str = ""
    data: bytearray = field(default_factory=bytearray)
    ended: bool = False
    """The answer came to its own end. A stream is settled before it says so, a plain answer just after it has left."""

    async def call(self, port: int, key: str, *, heard: Callable[[int], None], dead: asyncio.Event) -> None:
        """Asks, and reads to the end of the answer or of the relay. `heard` is told of each word."""
        connection = socket.socket()
        if self.narrow:
            # Small segments make the relay's kernel give the connection a small buffer too.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        connection.setblocking(False)
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_connect(connection, ("127.0.0.1", port))
            await loop.sock_sendall(connection, self._request(key))
            if self.narrow:
                await dead.wait()
            while part := await loop.sock_recv(connection, 65536):
                before = self._count()
                self.data += part
                heard(self._count() - before)
        except ConnectionError:
            pass
        finally:
            connection.close()
        self.ended = b"data: [DONE]\n\n" in self.data if self.stream else self._is_whole()

    def _request(self, key: str) -> bytes:
        body = json.dumps(
            {
                "model": MODEL,
                "messages": [{"role": "user", "content": "Type."}],
                "stream": self.stream,
                "max_tokens": self.words,
            }
        ).encode()
        keyed = f"idempotency-key: {self.idempotency_key}\r\n" if self.idempotency_key else ""
        return (
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: relay\r\nconnection: close\r\n%b"
            b"content-type: application/json\r\nauthorization: Bearer %b\r\ncontent-length: %d\r\n\r\n%b"
            % (keyed.encode(), key.encode(), len(body), body)
        )

    def _count(self) -> int:
        return self.data.count(b'"content":"w')

    # --- afterwards

    @property
    def generation(self) -> int | None:
        """The id of the call, if as much as the head arrived."""
        found = _GENERATION.search(self.data)
        return int(found.group(1), 16) if found else None

    @property
    def received(self) -> int:
        """Words that arrived whole; they are numbered, so none can be missing or come twice."""
        if not self.stream:
            return self._words(_PLAIN_WORD, self.data) if self._is_whole() else 0
        return self._words(_WORD, self.data)

    @property
    def last_write(self) -> int:
        """Words in the last write of the relay, of which its board may not have heard: one tick."""
        if not self.stream:
            return self.received
        last = b""
        rest = bytes(self.data).partition(b"\r\n\r\n")[2]
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            length = int(size or b"0", 16)
            if length == 0:
                break
            last, rest = rest[:length], rest[length + 2 :]
        return self._words_in(last)

    @staticmethod
    def _words_in(data: bytes) -> int:
        return len(_WORD.findall(data))

    @staticmethod
    def _words(pattern: re.Pattern[bytes], data: bytes | bytearray) -> int:
        numbers = [int(number) for number in pattern.findall(data)]
        assert numbers == list(range(1, len(numbers) + 1))
        return len(numbers)

    def _is_whole(self) -> bool:
        head, _, body = bytes(self.data).partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        return b" 200 " in head and length is not None and len(body) == int(length.group(1))
