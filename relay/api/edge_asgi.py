"""Edge B: the calls as a raw ASGI application in front of another. No middleware, no route table, no request model.

It is the fallback of edge A with the same core, and serves what edge A leaves to it. One task per request belongs to
the server; what the core writes is handed to `send` in the order it was written, a message for each write, so both
edges put the same bytes on the wire.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from relay.api.hot import CallRoute
from relay.completions.headers import CallHeaders, read_headers
from relay.completions.refusal import wrong_method
from relay.completions.reply import Reply

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from relay.completions.running import Running


class CallerGoneError(Exception):
    """The caller hung up before the request was complete."""


class AsgiReply(Reply):
    """Queues what the core writes until the server takes it."""

    def __init__(self, send: Send) -> None:
        # ASGI does not say what the server has taken and not yet given to the kernel, and a caller must not pay for it.
        # uvicorn's `send` is a method of the object that has the transport; of another server's nothing is known.
        self._transport = getattr(getattr(send, "__self__", None), "transport", None)
        self._messages: deque[Message] = deque()
        self._size = 0
        self._wake = asyncio.Event()
        self.aborted = False
        self.closes = False
        self.allows = b""

    def respond(self, status: int, headers: bytes, body: bytes) -> None:
        self._start(status, headers + b"content-length: %d\r\n" % len(body))
        self._put({"type": "http.response.body", "body": body, "more_body": False})

    def begin(self, status: int, headers: bytes) -> None:
        self._start(status, headers)

    def _start(self, status: int, headers: bytes) -> None:
        pairs = [tuple(line.split(b": ", 1)) for line in headers.split(b"\r\n") if line]
        if self.allows:
            pairs.append((b"allow", self.allows))
        if self.closes:
            pairs.append((b"connection", b"close"))
        self._put({"type": "http.response.start", "status": status, "headers": pairs})

    def send(self, data: bytes) -> None:
        self._put({"type": "http.response.body", "body": data, "more_body": True})

    def end(self) -> None:
        self._put({"type": "http.response.body", "body": b"", "more_body": False})

    def abort(self) -> None:
        self.aborted = True
        self._wake.set()
        if self._transport is not None:
            self._transport.abort()  # the server may be waiting for a caller who reads nothing

    def unsent(self) -> int:
        buffered: int = 0 if self._transport is None else self._transport.get_write_buffer_size()
        return self._size + buffered

    def _put(self, message: Message) -> None:
        self._messages.append(message)
        self._size += len(message.get("body", b""))
        self._wake.set()

    async def pump(self, send: Send, written: Callable[[], None] | None = None) -> None:
        """Hand everything to the server, until the answer is whole or was broken off.

        `written` is called a turn of the loop after each message: how much had left cannot be seen after a hang-up.
        """
        loop = asyncio.get_running_loop()
        while True:
            while self._messages:
                message = self._messages.popleft()
                await send(message)
                self._size -= len(message.get("body", b""))
                if written is not None:
                    loop.call_soon(written)
                if message["type"] == "http.response.body" and not message["more_body"]:
                    return
            if self.aborted:
                return
            self._wake.clear()
            await self._wake.wait()


class HotAsgi:
    """An ASGI application: the calls of all kinds, everything else to `app`."""

    def __init__(self, app: ASGIApp, routes: Iterable[CallRoute]) -> None:
        self._app = app
        self._routes = {route.kind.route.encode(): route for route in routes}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = self._routes.get(scope["raw_path"]) if scope["type"] == "http" else None
        if route is None:
            await self._app(scope, receive, send)
        elif scope["method"] == "POST":
            await self._serve(route, scope, receive, send)
        else:
            reply = AsgiReply(send)
            reply.allows = b"POST"
            route.refuse(wrong_method(scope["method"], route.kind.route), reply)
            await reply.pump(send)

    async def _serve(self, route: CallRoute, scope: Scope, receive: Receive, send: Send) -> None:
        reply = AsgiReply(send)
        try:
            headers = read_headers(scope["headers"])
            body = await _body(route, receive, reply, headers)
        except CallerGoneError:
            return
        call = None
        if body is None:
            route.refuse_large(reply)
        else:
            call = route.begin(headers, body, reply)
        if call is None:
            await reply.pump(send)
        else:
            await _run(call, reply, receive, send)


async def _body(route: CallRoute, receive: Receive, reply: AsgiReply, headers: CallHeaders) -> bytes | None:
    """The whole body, or None if it is over the limit, which is a lower one for callers without a key."""
    settings = route.settings
    parts: list[bytes] = []
    size, most = 0, settings.body_bytes
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise CallerGoneError
        part = message.get("body", b"")
        size += len(part)
        if size > settings.body_bytes and most == settings.body_bytes and route.knows(headers):
            most = settings.image_body_bytes
        if size <= most:
            parts.append(part)
        if size > settings.body_hard_bytes:
            reply.closes = True
            return None
        if not message.get("more_body"):
            return b"".join(parts) if size <= most else None


async def _run(call: Running, reply: AsgiReply, receive: Receive, send: Send) -> None:
    """Pump the answer while listening for a hang-up. An aborted answer just ends: the server then closes the socket."""
    try:
        async with asyncio.TaskGroup() as tasks:
            listener = tasks.create_task(_listen(call, reply, receive))
            await reply.pump(send, call.flushed)
            listener.cancel()
    except BaseException:
        call.caller_gone(reset=True)
        raise
    call.flushed()


async def _listen(call: Running, reply: AsgiReply, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    call.caller_gone(reset=True)
    reply.abort()
