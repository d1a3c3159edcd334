"""Edge A: the hot route inside uvicorn's own HTTP protocol, without a scope, a task or a message.

A hot request stands where uvicorn's request-response cycle stands, so keep-alive timers, graceful shutdown and
connection counts stay uvicorn's. Everything that is not plainly the hot route (another path or method, `Expect`, an
origin, an upgrade, a request pipelined behind a running one) goes uvicorn's ordinary way, where edge B serves the same
route.
The seams used here are pinned by tests to the locked version of uvicorn.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar, cast

from relay.api.arrival import ArrivingHttpProtocol, Awaited
from relay.api.exchange import HotExchange
from relay.api.heads import KnownHeads
from relay.api.hot import RAW_PATH, CallRoute
from relay.completions.headers import CallHeaders, read_headers
from relay.completions.phase import ENDING

_NOTHING, _BODY = Awaited.NOTHING, Awaited.BODY


class HotHttpProtocol(ArrivingHttpProtocol):
    """uvicorn's protocol with the hot route taken out of the way. Made by `hot_protocol`, which gives it its route."""

    route: ClassVar[CallRoute]
    heads: ClassVar[KnownHeads]
    _hot: HotExchange | None = None
    """Whom the bytes being parsed belong to."""
    _running: HotExchange | None = None
    """The newest hot exchange; it may still be answering while another request is parsed behind it."""
    _between = True
    """The parser stands between two requests: what comes next begins one."""
    _read = b""
    """What came between two requests, until the first request in it begins."""
    _head = b""
    """The read that the request being parsed began, if it began one."""
    _left = 0
    """Bytes of a body that are still to come, behind a head that needed no parser."""
    _rested_s = 0

    # --- requests whose head is known ---------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self._between:
            known = self.heads.find(data)
            if known is not None and known[1] <= self.route.settings.body_bytes and self._is_idle():
                self._begin(data, *known)
                return
            self._read = data
        elif self._left:
            self._arrive(data)
            return
        self._parse(data)

    def _parse(self, data: bytes) -> None:
        super().data_received(data)
        self._between = self._awaited is _NOTHING

    def _begin(self, data: bytes, body_at: int, length: int, headers: CallHeaders) -> None:
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        self._hot = self._running = hot = HotExchange(
            self.transport, self.route, headers, self.answered, keep_alive=True
        )
        self.cycle = hot  # type: ignore[assignment]  # it stands where uvicorn's own would
        if len(data) == body_at + length:
            self._awaited = _NOTHING  # until now a new connection owed us its first head
            hot.ask(data[body_at:])
            return
        self._between, self._left = False, length
        self._awaited, self._waited_s = _BODY, 0
        if len(data) > body_at:
            self._arrive(data[body_at:])

    def _arrive(self, data: bytes) -> None:
        """A piece of the body, perhaps with requests after it: the parser goes through any number of them at once."""
        hot, left = cast("HotExchange", self._hot), self._left
        hot.receive(data[:left])
        self._left = max(left - len(data), 0)
        if self._left:
            return
        self._awaited, self._between = _NOTHING, True
        hot.received()
        if len(data) > left:
            self._read = data[left:]
            self._parse(self._read)

    def _take(self, headers: CallHeaders, *, keep_alive: bool) -> HotExchange:
        hot = HotExchange(self.transport, self.route, headers, self.answered, keep_alive=keep_alive)
        self._hot = self._running = hot
        self.cycle = hot  # type: ignore[assignment]  # it stands where uvicorn's own would
        return hot

    def _is_idle(self) -> bool:
        cycle: Any = self.cycle
        if cycle is not None and not cycle.response_complete:
            return False
        running = self._running  # its answer may still be leaving: then it must hear of the connection's end
        return running is None or running.call is None

    def _learn(self, head: bytes) -> None:
        """Remember the head just parsed, if the next one like it needs no parser."""
        hot = self._hot
        if hot is None or hot.call is None or hot.headers.authorization is None or not hot.keep_alive:
            return
        if not hot.headers.repeats:
            return
        names = [name for name, _ in self.headers]
        if names.count(b"content-length") == 1 and b"transfer-encoding" not in names:
            self.heads.learn(head, hot.headers)

    # --- requests in uvicorn's parser ---------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self.begin_head()
        self._head, self._read = self._read, b""
        self.url = b""
        self.headers = []
        self.expect_100_continue = False

    def on_headers_complete(self) -> None:
        self.end_head()
        if self.url == RAW_PATH and self.parser.get_method() == b"POST" and self._is_plain():
            keep_alive = self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()
            self._take(read_headers(self.headers), keep_alive=keep_alive)
            return
        self._hot = None
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers.extend(headers)
        super().on_headers_complete()

    def _is_plain(self) -> bool:
        if self.serves_pages and any(name == b"origin" for name, _ in self.headers):
            return False
        return self._is_idle() and not self.expect_100_continue and not self.parser.should_upgrade()

    def on_body(self, body: bytes) -> None:
        hot = self._hot
        if hot is None:
            super().on_body(body)
        elif not hot.response_complete:
            hot.receive(body)

    def on_message_complete(self) -> None:
        hot, head = self._hot, self._head
        self._head = b""
        if hot is None:
            super().on_message_complete()
            return
        self._awaited = _NOTHING
        if not hot.response_complete:
            hot.received()
            self._learn(head)

    # --- the connection -----------------------------------------------------------------------------------------------

    def answered(self) -> None:
        """A hot request has its answer. As `on_response_complete` of the base, but no timer is set: see `look`."""
        self._rested_s = 0
        if self.pipeline:
            self.on_response_complete()
            return
        self.server_state.total_requests += 1
        if self.flow.read_paused:
            self.flow.resume_reading()

    def look(self) -> None:
        super().look()
        cycle: Any = self.cycle
        if self._between and cycle is not None and cycle is self._running and self._is_idle():
            self._rested_s += 1
            if self._rested_s > self.timeout_keep_alive:
                self.timeout_keep_alive_handler()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._running is not None:
            self._running.lost(reset=exc is not None)
        super().connection_lost(exc)

    def eof_received(self) -> None:
        """Who hangs up while an answer is made is gone at once, not only when what waits to be sent has left."""
        running = self._running
        if running is not None and running.call is not None and running.call.phase < ENDING:
            self.cut()

    def cut(self) -> None:
        if self._running is not None:
            if self._running.call is not None:
                self._running.call.flushed()  # what has left until now was read, as far as anybody can tell
            self._running.lost(reset=True)
        super().cut()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._running is not None and self._running.call is not None:
            self._running.call.pause()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._running is not None and self._running.call is not None:
            self._running.call.resume()


def hot_protocol(route: CallRoute) -> type[asyncio.Protocol]:
    """The protocol class for `uvicorn.Config(http=…)`."""
    return type("HotHttpProtocol", (HotHttpProtocol,), {"route": route, "heads": KnownHeads()})
