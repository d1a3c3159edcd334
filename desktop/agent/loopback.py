"""Proof that the browser which approves and this desktop are on the same PC: a one-time page on 127.0.0.1.

The relay's page sends the browser here with a code; only a browser on this PC can reach it. The code and the PKCE
verifier go to the relay, and the browser is sent back to the relay's page, which now knows.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import parse_qs, urlsplit

log = logging.getLogger(__name__)

_PATIENCE_S = 5.0
_HEAD_LIMIT = 8192
_PAGE = (
    "<!doctype html><meta charset=utf-8><meta name=color-scheme content='light dark'><title>Nightjar</title>"
    "<body style='font:16px system-ui;max-width:30rem;margin:4rem auto;padding:0 1rem'><p>{text}</p>"
)

Exchange = Callable[[str], Awaitable[str | None]]
"""Gives the relay the code; the address to send the browser back to, or None if the relay did not accept it."""


class Proof:
    """The secrets of one attempt. `challenge` is the S256 of `verifier` (RFC 7636)."""

    def __init__(self) -> None:
        self.verifier = secrets.token_urlsafe(32)
        self.state = secrets.token_urlsafe(16)
        digest = hashlib.sha256(self.verifier.encode("ascii")).digest()
        self.challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


@contextlib.asynccontextmanager
async def listening(state: str, exchange: Exchange) -> AsyncIterator[int]:
    """The port that listens while this is entered. Raises OSError where even that is not allowed."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                head = await reader.readuntil(b"\r\n\r\n")
            writer.write(await _answer(head, state, exchange))
            await writer.drain()
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            log.debug("a loopback request ended early")
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=_HEAD_LIMIT)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


async def _answer(head: bytes, state: str, exchange: Exchange) -> bytes:
    method, _, rest = head.partition(b" ")
    target = rest.partition(b" ")[0].decode("latin-1")
    query = parse_qs(urlsplit(target).query)
    code = query.get("code", [""])[0]
    shown = query.get("state", [""])[0]
    if method != b"GET" or not code or not hmac.compare_digest(shown.encode(), state.encode()):
        return _page("404 Not Found", "There is nothing here.")
    back = await exchange(code)
    if back is None:
        return _page("200 OK", "Please go back to the relay's page and type the code that Nightjar shows.")
    return _response("303 See Other", b"", location=back)


def _page(status: str, text: str) -> bytes:
    return _response(status, _PAGE.format(text=text).encode())


def _response(status: str, body: bytes, *, location: str = "") -> bytes:
    lines = [f"HTTP/1.1 {status}", "Content-Type: text/html; charset=utf-8", f"Content-Length: {len(body)}"]
    lines += ["Connection: close", "Cache-Control: no-store", "Referrer-Policy: no-referrer"]
    if location:
        lines.append(f"Location: {location}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
