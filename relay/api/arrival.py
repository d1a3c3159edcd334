"""What both edges ask of a request before it is one: a head of bounded size, head and body within bounded time.

uvicorn's protocol bounds neither, so one caller could fill the memory with a header that never ends, or hold sockets
for ever with a byte now and then. Nothing here sets a timer: the server looks at every connection once a second.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import httptools

from relay.completions.envelope import JSON_TYPE, error_body, status_line
from relay.completions.refusal import Refusal, bad_request
from relay.nodes.upgrade import UpgradingHttpProtocol

HEAD_BYTES: Final = 16 * 1024
HEADERS: Final = 64
RETRY_S: Final = 5
"""After which whoever was one too many may try again."""


class Awaited(enum.IntEnum):
    """What the connection owes us."""

    NOTHING = 0
    HEAD = 1
    BODY = 2


_NOTHING, _HEAD, _BODY = Awaited.NOTHING, Awaited.HEAD, Awaited.BODY


class ArrivingHttpProtocol(UpgradingHttpProtocol):
    """uvicorn's protocol with limits on what arrives. Base of both edges."""

    patience: ClassVar[Mapping[Awaited, int]] = {Awaited.HEAD: 5, Awaited.BODY: 15}
    """Seconds, as looks of the server."""
    most_connections: ClassVar[int] = 2**31
    """Open at once, over all addresses."""
    serves_pages: ClassVar[bool] = False
    """Whether the settings name origins whose pages may be answered."""
    _awaited = _HEAD
    _waited_s = 0
    _read_bytes = 0
    _head_bytes = 0
    """Of a head that did not come in one read; the read it began in is not counted."""
    _refusal: Refusal | None = None
    _declines = False
    """The request being parsed asks for a protocol that is not spoken here."""

    # --- how many ---------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its base
        super().connection_made(transport)
        if len(self.connections) > self.most_connections:
            self._turn_away(_too_many())

    # --- size -------------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        self._read_bytes = size = len(data)
        super().data_received(data)
        if self._awaited is _HEAD:
            self._head_bytes += size
            if self._head_bytes > HEAD_BYTES:
                self._turn_away(_head_too_large())

    def on_message_begin(self) -> None:
        self.begin_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self.end_head()
        self._declines = self.parser.should_upgrade() and not self._should_upgrade()
        if not self._declines:
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        if not self._declines:
            self._awaited = _NOTHING
            super().on_message_complete()

    def begin_head(self) -> None:
        """The first byte of a request."""
        self._awaited, self._waited_s = _HEAD, 0
        self._head_bytes = -self._read_bytes

    def end_head(self) -> None:
        """A head is whole. Raises Refusal, which ends the parsing, if it is more than one may be."""
        self._awaited, self._waited_s = _BODY, 0
        headers = self.headers
        large = self._read_bytes > HEAD_BYTES or self._head_bytes >= 0
        if len(headers) > HEADERS or (large and sum(len(name) + len(value) for name, value in headers) > HEAD_BYTES):
            self._refusal = _head_too_large()
            raise self._refusal

    # --- other protocols --------------------------------------------------------------------------------------------

    def _upgrade(self, rest: bytes) -> None:
        """Java's client asks for HTTP/2 with its first request. Who does not speak it answers as if nobody had asked.

        The parser has stopped before the body, for good: a new one reads the request again, without the question.
        """
        if not self._declines:
            super()._upgrade(rest)
            return
        self._declines = False
        lines = [b"%b %b HTTP/1.1" % (self.parser.get_method(), self.url)]
        for name, value in self.headers:
            if name == b"connection" and b"close" in value.lower():
                lines.append(b"connection: close")
            elif name not in (b"connection", b"upgrade", b"http2-settings"):
                lines.append(name + b": " + value)
        self.parser = httptools.HttpRequestParser(self)
        self.data_received(b"\r\n".join(lines) + b"\r\n\r\n" + rest)

    # --- time -------------------------------------------------------------------------------------------------------

    def look(self) -> None:
        """Once a second. Time in which we do not read, or answer what came before, is not the caller's."""
        awaited = self._awaited
        if awaited is _NOTHING or self.flow.read_paused or self.pipeline or (awaited is _HEAD and self._is_at_work()):
            return
        self._waited_s += 1
        if self._waited_s > self.patience[awaited]:
            self._turn_away(_too_slow(awaited.name.lower(), self._waited_s))

    # --- refusals ---------------------------------------------------------------------------------------------------

    def send_400_response(self, msg: str) -> None:
        """What the parser cannot read."""
        self._turn_away(self._refusal or bad_request(msg, code="invalid_http"))

    def _turn_away(self, refusal: Refusal) -> None:
        """Answer and close. In the middle of another answer there is no place for one."""
        if self._is_at_work() and not self._awaits_body():
            self.cut()
        elif not self.transport.is_closing():
            body = error_body(refusal)
            line = status_line(refusal.status)
            wait = b"" if refusal.retry_after is None else b"retry-after: %d\r\n" % refusal.retry_after
            head = b"%b%b%bcontent-length: %d\r\nconnection: close\r\n\r\n" % (line, JSON_TYPE, wait, len(body))
            self.transport.write(head + body)
            self.transport.close()
        self._awaited = _NOTHING

    def cut(self) -> None:
        """Close at once, whatever is being answered."""
        self.transport.abort()

    def _is_at_work(self) -> bool:
        cycle: Any = self.cycle
        return bool(self.pipeline) or (cycle is not None and not cycle.response_complete)

    def _awaits_body(self) -> bool:
        cycle: Any = self.cycle
        return not self.pipeline and cycle.more_body and not getattr(cycle, "response_started", False)


def _head_too_large() -> Refusal:
    message = f"The request's head is larger than {HEAD_BYTES // 1024} KiB or has more than {HEADERS} headers."
    return Refusal(431, message, kind="invalid_request_error", code="head_too_large")


def _too_slow(part: str, waited_s: int) -> Refusal:
    message = f"The request's {part} did not arrive within {waited_s} s."
    return Refusal(408, message, kind="invalid_request_error", code="request_timeout")


def _too_many() -> Refusal:
    message = "This relay has as many connections as it takes. Try again in a few seconds."
    return Refusal(503, message, kind="server_error", code="too_many_connections", retry_after=RETRY_S)
