"""A thin HTTP/1.1 client for streaming: one request at a time on a connection, kept alive in a pool per origin.

A general client costs milliseconds per call in its pool and its event layers; this one costs microseconds, because it
only does what the hot path needs: write a prepared request, hand on what each read brings, know when the response ends.
Cancelling closes the socket, which is the one thing every provider understands.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, cast

import httptools

from relay.clock import Clock
from relay.upstreams.port import Attempt, ResponseSink
from relay.upstreams.reach import PUBLIC, OutOfReach, Reach

IDLE_PER_ORIGIN = 256
FAST_FAILURE_S = 1.0
IDLE_S = 60.0
"""Since its last request; beyond, a connection may have been forgotten by something on the way, without a word."""
LINGER_S = 1.0
"""For the end of a response whose answer is whole already."""
MAX_RETRY_DIGITS = 9
MAX_HEAD_BYTES = 64 * 1024
_HEAD_END: Final = b"\r\n\r\n"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a connection goes."""

    host: str
    port: int
    tls: bool


class _Nobody(ResponseSink):
    """The sink of what follows an answer's end."""

    def connected(self) -> None: ...

    def head(self, status: int, content_type: bytes, retry_after: float | None) -> None: ...

    def body(self, data: bytes) -> None: ...

    def end(self) -> None: ...

    def lost(self, reason: str, *, fast: bool) -> None: ...


_NOBODY: Final = _Nobody()


class Connection(Attempt):
    """One socket to one origin: serves one `ResponseSink` at a time and lies idle in its lane in between.

    It is the `asyncio.Protocol` of its socket, and the `Attempt` of the call it serves. A call lets go of its attempt
    when it hears the end, so a connection that has gone on to another call is never cancelled by the one before.
    """

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._sink: ResponseSink | None = None
        self._lingering: asyncio.TimerHandle | None = None
        self._paused = False
        self._body: list[bytes] = []
        self.asked_at = 0.0
        self._begin()

    def _begin(self) -> None:
        """Forget the response before."""
        self._complete = self._keep_alive = self._told = False
        self._status = 0
        self._head = b""

    def is_open(self) -> bool:
        """Whether a request can still be written."""
        return self._transport is not None and not self._transport.is_closing()

    def send(self, request: bytes, sink: ResponseSink, now: float) -> None:
        """Write one whole request; its response goes to `sink`."""
        if self._transport is None:
            sink.lost("the connection was closed", fast=True)
            return
        self._sink = sink
        self.asked_at = now
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
            self._paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()

    def finish(self) -> None:
        if self._sink is not None and not self._complete:
            self._sink = _NOBODY
            self.resume()
            self._lingering = asyncio.get_running_loop().call_later(LINGER_S, self.cancel)

    # --- asyncio.Protocol ---------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        sink, self._sink = self._sink, None
        if sink is None:
            self._lane.forget(self)
            return
        self._stop_lingering()
        if self._status and not _is_sized(self._head):  # it ends with its connection (RFC 9112, section 6.3)
            sink.end()
        else:
            if not self._status:
                self._lane.close()  # the idle ones are as old, and most likely as dead
            self._lose(sink, f"the connection was lost: {exc}" if exc else "the connection was closed early")

    def _lose(self, sink: ResponseSink, reason: str) -> None:
        sink.lost(reason, fast=self._lane.clock.now() - self.asked_at < FAST_FAILURE_S)

    def pause_writing(self) -> None:
        """A request is written whole, however large."""

    def resume_writing(self) -> None:
        """See `pause_writing`."""

    def eof_received(self) -> None:
        """The transport closes itself."""

    def data_received(self, data: bytes) -> None:
        sink = self._sink
        if sink is None:
            self.cancel()
            return
        if not self._status:
            self._head += data
        try:
            self._parser.feed_data(data)
            if not self._status and len(self._head) > MAX_HEAD_BYTES:
                raise httptools.HttpParserError(f"a head of more than {MAX_HEAD_BYTES // 1024} KiB")
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self._complete:
                self.cancel()
                self._lose(sink, f"the response is not HTTP: {error}")
                return
            self._keep_alive = False  # something follows the end: the answer is whole, but what comes next is not ours
        if self._status and not self._told:
            self._told = True
            self._tell(sink)
        parts = self._body
        if parts:
            self._body = []
            sink.body(parts[0] if len(parts) == 1 else b"".join(parts))
        if self._complete and self._sink is sink:
            self._end(sink)

    def _tell(self, sink: ResponseSink) -> None:
        retry_after = None
        if self._status != 200:
            value = _field(self._head, b"\r\nretry-after:")
            retry_after = float(value) if value.isdigit() and len(value) <= MAX_RETRY_DIGITS else None
        sink.head(self._status, _field(self._head, b"\r\ncontent-type:"), retry_after)

    def _end(self, sink: ResponseSink) -> None:
        """The response is whole: the connection is free before its caller hears of it."""
        self._sink = None
        self._stop_lingering()
        if self._keep_alive:
            self.resume()
            self._begin()
            self._lane.put(self)
        else:
            self.cancel()
        sink.end()

    def _stop_lingering(self) -> None:
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None

    # --- httptools: no `on_header`, since of all headers only three matter, and most often only one -------------------

    def on_message_begin(self) -> None:
        if self._complete:
            raise ValueError("a second response to one request")

    def on_headers_complete(self) -> None:
        status: int = self._parser.get_status_code()
        head = self._head.lstrip(_HEAD_END)  # the parser, too, passes over empty lines before a response
        size = head.find(_HEAD_END) + len(_HEAD_END)
        if status >= 200:
            self._status = status
            self._head = head[:size].lower()
        else:  # an interim answer such as 100 Continue
            self._head = head[size:]

    def on_body(self, data: bytes) -> None:
        self._body.append(data)

    def on_message_complete(self) -> None:
        if self._status:
            self._complete = True
            self._keep_alive = self._parser.should_keep_alive()  # asked any later, the parser always says no


def _field(head: bytes, name: bytes) -> bytes:
    """The value of the first header of this name, which has the line break before it and the colon; empty if none."""
    at = head.find(name) + len(name)
    return head[at : head.find(b"\r\n", at)].strip() if at >= len(name) else b""


def _is_sized(head: bytes) -> bool:
    """Whether a response says itself where it ends."""
    return b"\r\ncontent-length:" in head or b"\r\ntransfer-encoding:" in head


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
        now = self.clock.now()
        while idle:
            connection = idle.pop()
            if connection.is_open():
                if now - connection.asked_at < IDLE_S:
                    connection.send(request, sink, now)
                    return connection
                connection.cancel()
        dial = Dial(request, sink)
        dial.task = self._pool.spawn(self._open(dial))
        return dial

    async def _open(self, dial: Dial) -> None:
        try:
            await self._dial(dial)
        except Exception:  # noqa: BLE001 - the supervisor of dials: a call's fault must not end the relay's tasks
            _log.exception("a call failed while its connection was opened")

    async def _dial(self, dial: Dial) -> None:
        origin = self._origin
        self._pool.opened += 1
        connection = Connection(self)
        protocol = cast("asyncio.Protocol", connection)  # all that it is, but for the base class
        try:
            await self._connect(protocol)
        except OSError as error:
            dial.failed(f"no connection to {origin.host}:{origin.port}: {error.strerror or error}")
        except (OutOfReach, ValueError) as error:  # a name that no DNS can have is found by its encoder
            dial.failed(f"no connection to {origin.host}:{origin.port}: {error}")
        else:
            dial.connected(connection, self.clock.now())

    async def _connect(self, protocol: asyncio.Protocol) -> None:
        """To the first address that takes it, of those that may be used; the certificate is checked by the name."""
        origin = self._origin
        context = self._pool.tls() if origin.tls else None
        name = origin.host if origin.tls else None
        failed: OSError | None = None
        for address in await self._pool.reach.find(origin.host, origin.port):
            try:
                await asyncio.get_running_loop().create_connection(
                    lambda: protocol, address, origin.port, ssl=context, server_hostname=name
                )
            except OSError as error:
                failed = failed or error
            else:
                return
        raise failed or OSError("it has no address")

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


class Dial(Attempt):
    """The `Attempt` of a call whose connection is being opened, and goes on as that connection."""

    __slots__ = ("_cancelled", "_connection", "_request", "_sink", "task")

    def __init__(self, request: bytes, sink: ResponseSink) -> None:
        self._request = request
        self._sink = sink
        self._connection: Connection | None = None
        self._cancelled = False
        self.task: asyncio.Task[None] | None = None

    def connected(self, connection: Connection, now: float) -> None:
        """The socket is open."""
        if self._cancelled:
            connection.cancel()
        else:
            self._connection = connection
            connection.send(self._request, self._sink, now)

    def failed(self, reason: str) -> None:
        """There will be no socket."""
        if not self._cancelled:
            self._sink.lost(reason, fast=True)

    def cancel(self) -> None:
        self._cancelled = True
        if self._connection is not None:
            self._connection.cancel()
        elif self.task is not None:
            self.task.cancel()

    def pause(self) -> None:
        if self._connection is not None:
            self._connection.pause()

    def resume(self) -> None:
        if self._connection is not None:
            self._connection.resume()

    def finish(self) -> None:
        if self._connection is not None:
            self._connection.finish()


class Pool:
    """The lanes to all origins, and what they share."""

    def __init__(
        self,
        clock: Clock,
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
        reach: Reach = PUBLIC,
    ) -> None:
        self.clock = clock
        self.reach = reach
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
