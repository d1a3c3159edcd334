"""Callers in browsers: pages of the origins that the settings name may use the API (CORS). Off while they name none.

Nothing here adds to what a key may do: a page of another origin cannot read an answer, and no cookie counts on the API.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Final

from relay.completions.envelope import error_body
from relay.completions.refusal import Refusal

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

Pairs = Iterable[tuple[bytes, bytes]]

ANY: Final = "*"
_API: Final = b"/v1/"
_METHODS: Final = b"GET, HEAD, POST"
_AGE_S: Final = b"7200"
"""For how long a browser need not ask again: the longest that all of them honour."""

_TOLD: Final = b", ".join(
    b"x-" + name
    for name in (
        b"request-id",
        b"generation-id",
        b"nightjar-target",
        b"nightjar-pool",
        b"nightjar-attempts",
        b"nightjar-overhead-ms",
        b"nightjar-cost",
        b"nightjar-cache",
        b"nightjar-affinity",
        b"nightjar-resumed",
        b"openrouter-cache-status",
    )
)


class Origins:
    """Which pages may read answers."""

    def __init__(self, allowed: Collection[str]) -> None:
        """`allowed` are origins as `https://app.example.com`, or `*` for all."""
        self._any = ANY in allowed
        self._allowed = frozenset(each.rstrip("/").lower().encode() for each in allowed)

    def headers(self, origin: bytes) -> list[tuple[bytes, bytes]]:
        """For every answer to a page of `origin`; without them its browser keeps the answer from it."""
        found: list[tuple[bytes, bytes]] = [(b"vary", b"Origin")]
        if self._admits(origin):
            found.append((b"access-control-allow-origin", b"*" if self._any else origin))
            found.append((b"access-control-expose-headers", b"retry-after, " + _TOLD))
        return found

    def preflight(self, origin: bytes, asked: bytes | None) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """Status, headers and body of the answer to a browser that asks what a page may send; `asked` are headers."""
        if not self._admits(origin):
            message = "Pages of this origin may not use this relay. Its setting server.origins names those that may."
            body = error_body(Refusal(403, message, kind="invalid_request_error", code="origin_not_allowed"))
            return 403, [(b"content-type", b"application/json"), *self.headers(origin)], body
        headers = [
            *self.headers(origin),
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-max-age", _AGE_S),
        ]
        if asked:
            headers.append((b"access-control-allow-headers", asked))
        return 204, headers, b""

    def _admits(self, origin: bytes) -> bool:
        return self._any or origin.lower() in self._allowed


class PageCallers:
    """An ASGI application in front of another, for requests that come from pages."""

    def __init__(self, app: ASGIApp, origins: Origins) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["raw_path"].startswith(_API):
            await self._app(scope, receive, send)
            return
        origin = _value(scope["headers"], b"origin")
        if origin is None:
            await self._app(scope, receive, send)
        elif scope["method"] == "OPTIONS" and _value(scope["headers"], b"access-control-request-method"):
            asked = _value(scope["headers"], b"access-control-request-headers")
            status, headers, body = self._origins.preflight(origin, asked)
            length = [] if status == 204 else [(b"content-length", b"%d" % len(body))]
            await send({"type": "http.response.start", "status": status, "headers": [*headers, *length]})
            await send({"type": "http.response.body", "body": body, "more_body": False})
        else:
            await self._app(scope, receive, _Marked(send, self._origins.headers(origin)).send)


class _Marked:
    """A `send` that adds headers. It has the transport of the server's own, as edge B looks for it."""

    def __init__(self, send: Send, headers: list[tuple[bytes, bytes]]) -> None:
        self.transport = getattr(getattr(send, "__self__", None), "transport", None)
        self._send = send
        self._headers = headers

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *self._headers]}
        await self._send(message)


def _value(headers: Pairs, name: bytes) -> bytes | None:
    return next((value for key, value in headers if key == name), None)
