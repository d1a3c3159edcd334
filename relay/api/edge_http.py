"""Edge A: the hot route inside uvicorn's own HTTP protocol, without a scope, a task or a message.

A hot request stands where uvicorn's request-response cycle stands, so keep-alive timers, graceful shutdown and
connection counts stay uvicorn's. Everything that is not plainly the hot route (another path or method, `Expect`, an
upgrade, a request pipelined behind a running one) goes uvicorn's ordinary way, where edge B serves the same route.
The seams used here are pinned by tests to the locked version of uvicorn.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

from relay.api.arrival import ArrivingHttpProtocol, Awaited
from relay.api.heads import Known, KnownHeads
from relay.api.hot import RAW_PATH, ChatRoute
from relay.completions.envelope import status_line
from relay.completions.phase import CLOSED, ENDING
from relay.completions.reply import Reply

if TYPE_CHECKING:
    from relay.completions.call import Call

_STATUS_OK: Final = status_line(200)
_NOTHING, _BODY = Awaited.NOTHING, Awaited.BODY


class _NoEvent:
    """Stands for the cycle's `message_event`, which nobody waits for here."""

    __slots__ = ()

    def set(self) -> None:
        pass


class HotExchange(Reply):
    """One hot request on one connection: gathers the body, then is the `Reply` of its call."""

    message_event: ClassVar[_NoEvent] = _NoEvent()
    # What most requests never change stands here once, not in every instance.
    disconnected = False
    more_body = True
    response_complete = False
    _body: list[bytes] | None = None
    _call: Call | None = None
    _head = b""
    _size = 0

    def __init__(self, protocol: HotHttpProtocol, authorization: bytes | None, *, keep_alive: bool) -> None:
        self._protocol = protocol
        self.authorization = authorization
        self.transport = protocol.transport
        self.keep_alive = keep_alive

    # --- the request ------------------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """A piece of the body. Beyond the limit it is counted and dropped, so that the caller can hear the refusal."""
        self._size += len(data)
        settings = self._protocol.route.settings
        if self._size <= settings.body_bytes:
            if self._body is None:
                self._body = [data]
            else:
                self._body.append(data)
        elif self._size > settings.body_hard_bytes:
            self.keep_alive = False
            self._protocol.route.refuse_large(self)

    def received(self) -> None:
        """The body is complete."""
        route = self._protocol.route
        if self._size > route.settings.body_bytes:
            self.more_body = False
            route.refuse_large(self)
            return
        body, self._body = self._body or (), None
        self.ask(body[0] if len(body) == 1 else b"".join(body))

    def ask(self, body: bytes) -> None:
        """The whole request is here."""
        self.more_body = False
        call = self._protocol.route.begin(self.authorization, body, self)
        if not self.response_complete:
            self._call = call

    def lost(self, *, reset: bool) -> None:
        """The connection is gone; `reset` says that what it still had to send is lost."""
        self.disconnected = True
        call, self._call = self._call, None
        if call is not None:
            call.caller_gone(reset=reset)

    @property
    def call(self) -> Call | None:
        """The running call."""
        call = self._call
        return None if call is None or call.phase == CLOSED else call

    # --- Reply ------------------------------------------------------------------------------------------------------

    def respond(self, status: int, headers: bytes, body: bytes) -> None:
        if not self.disconnected:
            close = b"" if self.keep_alive else b"connection: close\r\n"
            line = _STATUS_OK if status == 200 else status_line(status)
            self.transport.write(b"%b%bcontent-length: %d\r\n%b\r\n%b" % (line, headers, len(body), close, body))
        self._complete()

    def begin(self, status: int, headers: bytes) -> None:
        close = b"" if self.keep_alive else b"connection: close\r\n"
        self._head = b"%b%b%btransfer-encoding: chunked\r\n\r\n" % (status_line(status), headers, close)

    def send(self, data: bytes) -> None:
        if self.disconnected:
            return
        if self._head:
            self.transport.write(b"%b%x\r\n%b\r\n" % (self._head, len(data), data))
            self._head = b""
        else:
            self.transport.write(b"%x\r\n%b\r\n" % (len(data), data))

    def end(self) -> None:
        if not self.disconnected:
            self.transport.write(b"0\r\n\r\n")
        self._complete()

    def abort(self) -> None:
        self.response_complete = True
        self._call = None
        self.transport.abort()

    def unsent(self) -> int:
        return self.transport.get_write_buffer_size()

    def _complete(self) -> None:
        self.response_complete = True
        if self.disconnected:
            return
        if not self.keep_alive:
            self.transport.close()
        self._protocol.answered()


class HotHttpProtocol(ArrivingHttpProtocol):
    """uvicorn's protocol with the hot route taken out of the way. Made by `hot_protocol`, which gives it its route."""

    route: ClassVar[ChatRoute]
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
            if known is not None and known.length <= self.route.settings.body_bytes and self._is_idle():
                self._begin(data, known)
                return
            self._read = data
        elif self._left:
            self._arrive(data)
            return
        super().data_received(data)
        self._between = self._awaited is _NOTHING

    def _begin(self, data: bytes, known: Known) -> None:
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        body_at, length, authorization = known
        self._hot = self._running = hot = HotExchange(self, authorization, keep_alive=True)
        self.cycle = hot  # type: ignore[assignment]  # it stands where uvicorn's own would
        if len(data) == body_at + length:
            hot.ask(data[body_at:])
            return
        self._between, self._left = False, length
        self._awaited, self._waited_s = _BODY, 0
        if len(data) > body_at:
            self._arrive(data[body_at:])

    def _arrive(self, data: bytes) -> None:
        """A piece of the body, perhaps with what the caller sent after it."""
        hot, left = cast("HotExchange", self._hot), self._left
        hot.receive(data[:left])
        self._left = max(left - len(data), 0)
        if self._left:
            return
        self._awaited, self._between = _NOTHING, True
        hot.received()
        if len(data) > left:
            self.data_received(data[left:])

    def _is_idle(self) -> bool:
        cycle: Any = self.cycle
        if cycle is not None and not cycle.response_complete:
            return False
        running = self._running  # its answer may still be leaving: then it must hear of the connection's end
        return running is None or running.call is None

    def _learn(self) -> None:
        """Remember the head just parsed, if the next one like it needs no parser."""
        hot = self._hot
        if hot is None or hot.call is None or hot.authorization is None or not hot.keep_alive:
            return
        names = [name for name, _ in self.headers]
        if names.count(b"content-length") == 1 and b"transfer-encoding" not in names:
            self.heads.learn(self._head, hot.authorization)

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
            authorization = None
            for name, value in self.headers:
                if name == b"authorization":
                    authorization = value
                    break
            keep_alive = self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()
            self._hot = self._running = HotExchange(self, authorization, keep_alive=keep_alive)
            self.cycle = self._hot  # type: ignore[assignment]  # it stands where uvicorn's own would
            return
        self._hot = None
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers.extend(headers)
        super().on_headers_complete()

    def _is_plain(self) -> bool:
        return self._is_idle() and not self.expect_100_continue and not self.parser.should_upgrade()

    def on_body(self, body: bytes) -> None:
        hot = self._hot
        if hot is None:
            super().on_body(body)
        elif not hot.response_complete:
            hot.receive(body)

    def on_message_complete(self) -> None:
        hot = self._hot
        if hot is None:
            super().on_message_complete()
            return
        self._awaited = _NOTHING
        if not hot.response_complete:
            hot.received()
            self._learn()

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


def hot_protocol(route: ChatRoute) -> type[asyncio.Protocol]:
    """The protocol class for `uvicorn.Config(http=…)`."""
    return type("HotHttpProtocol", (HotHttpProtocol,), {"route": route, "heads": KnownHeads()})
