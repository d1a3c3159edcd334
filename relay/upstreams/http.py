"""A thin HTTP/1.1 client for streaming: one request at a time on a connection, kept alive in a pool per origin.

A general client costs milliseconds per call in its pool and its event layers; this one costs microseconds, because it
only does what the hot path needs: write a prepared request, hand on what each read brings, know when the response ends.
Cancelling closes the socket, which is the one thing every provider understands.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, cast

import httptools

from relay.upstreams.port import ResponseSink

IDLE_PER_ORIGIN = 256
FAST_FAILURE_S = 1.0


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a connection goes."""

    host: str
    port: int
    tls: bool


class Connection(asyncio.Protocol):
    """One socket to one origin: serves one `ResponseSink` at a time and lies idle in its pool in between."""

    __slots__ = (
        "_body", "_complete", "_keep_alive", "_opened", "_parser", "_pool", "_retry_after", "_sink", "_sized",
        "_status", "_transport", "_type", "origin",
    )  # fmt: skip

    def __init__(self, pool: Pool, origin: Origin) -> None:
        self.origin = origin
        self._pool = pool
        self._transport: asyncio.Transport | None = None
        self._sink: ResponseSink | None = None
        self._reset()

    def _reset(self) -> None:
        self._body: list[bytes] = []
        self._complete = False
        self._keep_alive = False
        self._status = 0
        self._sized = False
        self._type = b""
        self._retry_after: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether a request can still be written."""
        return self._transport is not None and not self._transport.is_closing()

    def send(self, request: bytes, sink: ResponseSink) -> None:
        """Write one whole request; its response goes to `sink`."""
        if self._transport is None:
            sink.lost("the connection was closed", fast=True)
            return
        self._reset()
        self._sink = sink
        self._parser = httptools.HttpResponseParser(self)
        self._opened = self._pool.clock()
        self._transport.write(request)
        sink.connected()

    def serves(self, sink: ResponseSink) -> bool:
        """Whether the response to `sink` is still under way; afterwards the connection may belong to another call."""
        return self._sink is sink

    def close(self) -> None:
        """Forget the sink and close at once."""
        self._sink = None
        if self._transport is not None:
            self._transport.abort()

    def pause(self) -> None:
        if self._transport is not None:
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._transport is not None:
            self._transport.resume_reading()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        sink, self._sink = self._sink, None
        if sink is None:
            self._pool.forget(self)
            return
        if self._status and not self._sized:  # such a response ends with its connection (RFC 9112, section 6.3)
            sink.end()
            return
        fast = self._pool.clock() - self._opened < FAST_FAILURE_S
        sink.lost(f"the connection was lost: {exc}" if exc else "the connection was closed early", fast=fast)

    def data_received(self, data: bytes) -> None:
        sink = self._sink
        if sink is None:
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._sink = None
            self.close()
            sink.lost(f"the response is not HTTP: {error}", fast=self._pool.clock() - self._opened < FAST_FAILURE_S)
            return
        self._deliver(sink)

    def _deliver(self, sink: ResponseSink) -> None:
        parts = self._body
        if parts:
            self._body = []
            sink.body(parts[0] if len(parts) == 1 else b"".join(parts))
        if self._complete and self._sink is sink:
            self._sink = None
            if self._keep_alive and self.is_open:
                self._pool.put(self)
            else:
                self.close()
            sink.end()

    # httptools

    def on_header(self, name: bytes, value: bytes) -> None:
        lowered = name.lower()
        if lowered == b"content-type":
            self._type = value
        elif lowered == b"retry-after":
            self._retry_after = float(value) if value.isdigit() else None
        elif lowered in (b"content-length", b"transfer-encoding"):
            self._sized = True

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if self._sink is not None and status >= 200:
            self._status = status
            self._sink.head(status, self._type, self._retry_after)

    def on_body(self, data: bytes) -> None:
        self._body.append(data)

    def on_message_complete(self) -> None:
        if not self._status:
            return  # an interim answer such as 100 Continue
        self._complete = True
        self._keep_alive = self._parser.should_keep_alive()  # asked any later, the parser always says no


class Pool:
    """Idle connections by origin, newest first, and the way to open more."""

    def __init__(self, clock: Callable[[], float], spawn: Callable[[Coroutine[Any, Any, None]], object]) -> None:
        self.clock = clock
        self.opened = 0
        self._spawn = spawn
        self._idle: dict[Origin, list[Connection]] = {}
        self._tls: ssl.SSLContext | None = None

    def request(self, origin: Origin, request: bytes, sink: ResponseSink) -> Exchange:
        """Send `request` on an idle connection, or open one. The sink hears everything, a failed connect too."""
        exchange = Exchange(sink)
        connection = self._take(origin)
        if connection is None:
            self._spawn(self._dial(origin, request, sink, exchange))
        else:
            exchange.connection = connection
            connection.send(request, sink)
        return exchange

    def _take(self, origin: Origin) -> Connection | None:
        idle = self._idle.get(origin)
        while idle:
            connection = idle.pop()
            if connection.is_open:
                return connection
        return None

    async def _dial(self, origin: Origin, request: bytes, sink: ResponseSink, exchange: Exchange) -> None:
        if origin.tls and self._tls is None:
            self._tls = ssl.create_default_context()
        loop = asyncio.get_running_loop()
        self.opened += 1
        try:
            _, connection = await loop.create_connection(
                lambda: Connection(self, origin),
                origin.host,
                origin.port,
                ssl=self._tls if origin.tls else None,
            )
        except OSError as error:
            if not exchange.cancelled:
                sink.lost(f"no connection to {origin.host}:{origin.port}: {error.strerror or error}", fast=True)
            return
        if exchange.cancelled:
            connection.close()
        else:
            exchange.connection = connection
            connection.send(request, sink)

    def put(self, connection: Connection) -> None:
        """Keep a connection for the next call."""
        idle = self._idle.setdefault(connection.origin, [])
        if len(idle) < IDLE_PER_ORIGIN:
            idle.append(connection)
        else:
            connection.close()

    def forget(self, connection: Connection) -> None:
        """An idle connection was closed by its other end."""
        idle = self._idle.get(connection.origin)
        if idle and connection in idle:
            idle.remove(connection)

    def close(self) -> None:
        """Close every idle connection."""
        for idle in self._idle.values():
            for connection in list(idle):
                connection.close()
        self._idle.clear()


class Exchange:
    """The `Attempt` of a call at a provider: its connection, from the moment there is one until the response ended."""

    __slots__ = ("_sink", "cancelled", "connection")

    def __init__(self, sink: ResponseSink) -> None:
        self._sink = sink
        self.connection: Connection | None = None
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True
        if (connection := self._live()) is not None:
            connection.close()

    def pause(self) -> None:
        if (connection := self._live()) is not None:
            connection.pause()

    def resume(self) -> None:
        if (connection := self._live()) is not None:
            connection.resume()

    def _live(self) -> Connection | None:
        connection = self.connection
        return connection if connection is not None and connection.serves(self._sink) else None
