"""One request on edge A: the body as it comes, then the `Reply` of its call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ClassVar, Final

from relay.api.hot import CallRoute
from relay.completions.envelope import status_line
from relay.completions.headers import CallHeaders
from relay.completions.phase import CLOSED
from relay.completions.reply import Reply
from relay.completions.running import Running

_STATUS_OK: Final = status_line(200)


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
    _call: Running | None = None
    _head = b""
    _size = 0

    def __init__(
        self,
        transport: asyncio.Transport,
        route: CallRoute,
        headers: CallHeaders,
        answered: Callable[[], None],
        *,
        keep_alive: bool,
    ) -> None:
        """`answered` is called when the answer is whole, unless the caller is gone."""
        self.transport = transport
        self.headers = headers
        self.keep_alive = keep_alive
        self._route = route
        self._answered = answered
        self._most = route.settings.body_bytes

    # --- the request ------------------------------------------------------------------------------------------------

    def receive(self, data: bytes) -> None:
        """A piece of the body. Beyond the limit it is counted and dropped, so that the caller can hear the refusal."""
        self._size += len(data)
        settings = self._route.settings
        if self._size > settings.body_bytes and self._most == settings.body_bytes and self._route.knows(self.headers):
            self._most = settings.image_body_bytes
        if self._size <= self._most:
            if self._body is None:
                self._body = [data]
            else:
                self._body.append(data)
        elif self._size > settings.body_hard_bytes:
            self.keep_alive = False
            self._route.refuse_large(self)

    def received(self) -> None:
        """The body is complete."""
        if self._size > self._most:
            self.more_body = False
            self._route.refuse_large(self)
            return
        body, self._body = self._body or (), None
        self.ask(body[0] if len(body) == 1 else b"".join(body))

    def ask(self, body: bytes) -> None:
        """The whole request is here."""
        self.more_body = False
        call = self._route.begin(self.headers, body, self)
        if not self.response_complete:
            self._call = call

    def lost(self, *, reset: bool) -> None:
        """The connection is gone; `reset` says that what it still had to send is lost."""
        self.disconnected = True
        call, self._call = self._call, None
        if call is not None:
            call.caller_gone(reset=reset)

    @property
    def call(self) -> Running | None:
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
        self._answered()
