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

from relay.upstreams.port import Attempt, ResponseSink

IDLE_PER_ORIGIN = 256
FAST_FAILURE_S = 1.0


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a connection goes."""

    host: str
    port: int
    tls: bool


class Connection(asyncio.Protocol):
    """One socket to one origin: serves one `ResponseSink` at a time and lies idle in its lane in between.

    It is also the `Attempt` of the call it serves. A call lets go of its attempt when it hears the end, so a connection
    that has gone on to another call is never cancelled by the one before.
    """

    __slots__ = (
        "_body", "_complete", "_keep_alive", "_lane", "_opened", "_parser", "_retry_after", "_sink", "_sized",
        "_status", "_told", "_transport", "_type",
    )  # fmt: skip

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._sink: ResponseSink | None = None
        self._opened = 0.0
        self._body: list[bytes] = []
        self._retry_after: float | None = None
        self._begin()

    def _begin(self) -> None:
        """Forget the response before."""
        self._complete = self._keep_alive = self._sized = self._told = False
        self._status = 0
        self._type = b""
        self._retry_after = None

    def is_open(self) -> bool:
        """Whether a request can still be written."""
        return self._transport is not None and not self._transport.is_closing()

    def send(self, request: bytes, sink: ResponseSink) -> None:
        """Write one whole request; its response goes to `sink`."""
        if self._transport is None:
            sink.lost("the connection was closed", fast=True)
            return
        self._sink = sink
        self._opened = self._lane.clock()
        self._transport.write(request)
        sink.connected()

    # --- Attempt ------------------------------------------------------------------------------------------------------

    def cancel(self) -> None:
        """Forget the sink and close at once: the one thing every provider understands."""
        self._sink = None
        if self._transport is not None:
            self._transport.abort()

    def pause(self) -> None:
        if self._transport is not None:
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._transport is not None:
            self._transport.resume_reading()

    # --- asyncio.Protocol ---------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        sink, self._sink = self._sink, None
        if sink is None:
            self._lane.forget(self)
        elif self._status and not self._sized:  # such a response ends with its connection (RFC 9112, section 6.3)
            sink.end()
        else:
            self._lose(sink, f"the connection was lost: {exc}" if exc else "the connection was closed early")

    def _lose(self, sink: ResponseSink, reason: str) -> None:
        sink.lost(reason, fast=self._lane.clock() - self._opened < FAST_FAILURE_S)

    def data_received(self, data: bytes) -> None:
        sink = self._sink
        if sink is None:
            self.cancel()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self.cancel()
            self._lose(sink, f"the response is not HTTP: {error}")
            return
        if self._status and not self._told:
            self._told = True
            sink.head(self._status, self._type, self._retry_after)
        parts = self._body
        if parts:
            self._body = []
            sink.body(parts[0] if len(parts) == 1 else b"".join(parts))
        if self._complete and self._sink is sink:
            self._end(sink)

    def _end(self, sink: ResponseSink) -> None:
        """The response is whole: the connection is free before its caller hears of it."""
        self._sink = None
        if self._keep_alive:
            self._begin()
            self._lane.put(self)
        else:
            self.cancel()
        sink.end()

    # --- httptools ----------------------------------------------------------------------------------------------------

    def on_header(self, name: bytes, value: bytes) -> None:
        size = len(name)  # most headers are none of the four that matter, and their length says so
        if size == 12 and name.lower() == b"content-type":
            self._type = value
        elif (size == 14 and name.lower() == b"content-length") or (
            size == 17 and name.lower() == b"transfer-encoding"
        ):
            self._sized = True
        elif size == 11 and name.lower() == b"retry-after":
            self._retry_after = float(value) if value.isdigit() else None

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 200:  # below are interim answers such as 100 Continue
            self._status = status

    def on_body(self, data: bytes) -> None:
        self._body.append(data)

    def on_message_complete(self) -> None:
        if self._status:
            self._complete = True
            self._keep_alive = self._parser.should_keep_alive()  # asked any later, the parser always says no


class Lane:
    """The connections to one origin: idle ones, newest first, and the way to open more."""

    __slots__ = ("_idle", "_origin", "_pool", "clock")

    def __init__(self, pool: Pool, origin: Origin) -> None:
        self.clock = pool.clock
        self._pool = pool
        self._origin = origin
        self._idle: list[Connection] = []

    def request(self, request: bytes, sink: ResponseSink) -> Attempt:
        """Send `request` on an idle connection, or open one. The sink hears everything, a failed connect too."""
        idle = self._idle
        while idle:
            connection = idle.pop()
            if connection.is_open():
                connection.send(request, sink)
                return connection
        dial = Dial(request, sink)
        self._pool.spawn(self._open(dial))
        return dial

    async def _open(self, dial: Dial) -> None:
        origin = self._origin
        self._pool.opened += 1
        try:
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: Connection(self), origin.host, origin.port, ssl=self._pool.tls() if origin.tls else None
            )
        except OSError as error:
            dial.failed(f"no connection to {origin.host}:{origin.port}: {error.strerror or error}")
        else:
            dial.connected(connection)

    def put(self, connection: Connection) -> None:
        """Keep a connection for the next call."""
        if connection.is_open() and len(self._idle) < IDLE_PER_ORIGIN:
            self._idle.append(connection)
        else:
            connection.cancel()

    def forget(self, connection: Connection) -> None:
        """An idle connection was closed by its other end."""
        if connection in self._idle:
            self._idle.remove(connection)

    def close(self) -> None:
        """Close every idle connection."""
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.cancel()


class Dial:
    """The `Attempt` of a call whose connection is being opened, and goes on as that connection."""

    __slots__ = ("_cancelled", "_connection", "_request", "_sink")

    def __init__(self, request: bytes, sink: ResponseSink) -> None:
        self._request = request
        self._sink = sink
        self._connection: Connection | None = None
        self._cancelled = False

    def connected(self, connection: Connection) -> None:
        """The socket is open."""
        if self._cancelled:
            connection.cancel()
        else:
            self._connection = connection
            connection.send(self._request, self._sink)

    def failed(self, reason: str) -> None:
        """There will be no socket."""
        if not self._cancelled:
            self._sink.lost(reason, fast=True)

    def cancel(self) -> None:
        self._cancelled = True
        if self._connection is not None:
            self._connection.cancel()

    def pause(self) -> None:
        if self._connection is not None:
            self._connection.pause()

    def resume(self) -> None:
        if self._connection is not None:
            self._connection.resume()


class Pool:
    """The lanes to all origins, and what they share."""

    def __init__(self, clock: Callable[[], float], spawn: Callable[[Coroutine[Any, Any, None]], object]) -> None:
        self.clock = clock
        self.spawn = spawn
        self.opened = 0
        self._lanes: dict[Origin, Lane] = {}
        self._tls: ssl.SSLContext | None = None

    def lane(self, origin: Origin) -> Lane:
        """The connections to `origin`, the same whoever asks."""
        return self._lanes.setdefault(origin, Lane(self, origin))

    def tls(self) -> ssl.SSLContext:
        """The system's trust, read once."""
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls

    def close(self) -> None:
        """Close every idle connection."""
        for lane in self._lanes.values():
            lane.close()
