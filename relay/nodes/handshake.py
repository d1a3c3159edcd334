"""The opening handshake of a node's socket: the head of an HTTP request in, an answer out. Pure.

Everything is decided on the raw request line and exact header values: a path with `%2F`, a dot segment or a query
is not our path. A browser always sends `Origin`; a node never does, so a page cannot open a node's socket.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import msgspec

from relay.wire import version

MAX_HEAD_BYTES: Final = 16 * 1024
MAX_HEADERS: Final = 64
_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_NONCE: Final = version.NONCE_HEADER.encode()
_SINGLE: Final = (b"host", b"origin", b"sec-websocket-key", b"sec-websocket-version", _NONCE)


@dataclass(frozen=True, slots=True)
class Head:
    """A request's head. `target` is raw; header names are lower case."""

    method: bytes
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...]

    def values(self, name: bytes) -> list[bytes]:
        return [value for key, value in self.headers if key == name]

    def value(self, name: bytes) -> bytes:
        """The header's value, empty if it is absent."""
        return next((value for key, value in self.headers if key == name), b"")

    def tokens(self, name: bytes) -> list[bytes]:
        """The comma-separated members of every header of that name."""
        return [token.strip() for value in self.values(name) for token in value.split(b",") if token.strip()]


@dataclass(frozen=True, slots=True)
class Accepted:
    """The socket is open: `response` goes out, frames follow. `nonce` is the node's own 32 bytes, for us to sign."""

    response: bytes
    nonce: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """A plain HTTP answer goes out and the connection closes."""

    status: HTTPStatus
    message: str
    headers: Sequence[tuple[str, str]] = ()

    @property
    def response(self) -> bytes:
        body = msgspec.json.encode(
            {"error": {"message": self.message, "type": "invalid_request_error", "param": None, "code": self.code}}
        )
        lines = [
            f"HTTP/1.1 {self.status.value} {self.status.phrase}",
            *(f"{name}: {value}" for name, value in self.headers),
            "content-type: application/json",
            f"content-length: {len(body)}",
            "connection: close",
        ]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body

    @property
    def code(self) -> str:
        """The machine's word for the message, from the status alone."""
        return self.status.phrase.lower().replace(" ", "_")


def parse_head(data: bytes) -> Head | None:
    """The head at the start of `data`, or None if it is not one. What follows the head is not looked at."""
    block, end, _ = data.partition(b"\r\n\r\n")
    if not end:
        return None
    request_line, *lines = block.split(b"\r\n")
    parts = request_line.split(b" ")
    if len(parts) != 3 or parts[2] != b"HTTP/1.1":
        return None
    headers = []
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not name or name != name.strip():
            return None
        headers.append((name.lower(), value.strip(b" \t")))
    return Head(parts[0], parts[1], tuple(headers))


def answer(data: bytes) -> Accepted | Refused:
    """The answer to one request head."""
    if len(data) > MAX_HEAD_BYTES:
        return Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "The request head is larger than 16 KiB.")
    head = parse_head(data)
    if head is None:
        return Refused(HTTPStatus.BAD_REQUEST, "The request head is malformed.")
    return _refusal_of_request(head) or _refusal_of_upgrade(head) or _acceptance(head)


def _refusal_of_request(head: Head) -> Refused | None:
    """What is wrong with it as an HTTP request to this path."""
    path, query, _ = head.target.partition(b"?")
    if path != version.PATH.encode():
        message = f"There is no WebSocket at this path. Nodes connect to {version.PATH}."
        return Refused(HTTPStatus.NOT_FOUND, message)
    if query:
        return Refused(HTTPStatus.BAD_REQUEST, "The node socket takes no query: a token never stands in a URL.")
    if head.method != b"GET":
        return Refused(HTTPStatus.METHOD_NOT_ALLOWED, "A WebSocket is opened with GET.", (("allow", "GET"),))
    if len(head.headers) > MAX_HEADERS:
        return Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "More than 64 headers.")
    if head.values(b"transfer-encoding") or head.value(b"content-length") not in (b"", b"0"):
        return Refused(HTTPStatus.BAD_REQUEST, "An upgrade has no body.")
    for name in _SINGLE:
        if len(head.values(name)) > 1:
            return Refused(HTTPStatus.BAD_REQUEST, f"The header {name.decode()} stands more than once.")
    if head.values(b"origin"):
        return Refused(HTTPStatus.FORBIDDEN, "The node socket is for nodes, not for pages in a browser.")
    return None


def _refusal_of_upgrade(head: Head) -> Refused | None:
    """What is wrong with it as a WebSocket handshake (RFC 6455, 4.2.1)."""
    upgrade = [token.lower() for token in head.tokens(b"upgrade")]
    connection = [token.lower() for token in head.tokens(b"connection")]
    if upgrade != [b"websocket"] or b"upgrade" not in connection:
        return Refused(HTTPStatus.UPGRADE_REQUIRED, "This is a WebSocket.", (("upgrade", "websocket"),))
    if head.value(b"sec-websocket-version") != b"13":
        advice = (("upgrade", "websocket"), ("sec-websocket-version", "13"))
        return Refused(HTTPStatus.UPGRADE_REQUIRED, "Only WebSocket version 13 is spoken here.", advice)
    try:
        key = base64.b64decode(head.value(b"sec-websocket-key"), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != 16:
        return Refused(HTTPStatus.BAD_REQUEST, "Sec-WebSocket-Key is not 16 bytes in base64.")
    if version.SUBPROTOCOL.encode() not in head.tokens(b"sec-websocket-protocol"):
        return Refused(HTTPStatus.BAD_REQUEST, f"No subprotocol in common: this relay speaks {version.SUBPROTOCOL}.")
    if _nonce(head) is None:
        return Refused(HTTPStatus.BAD_REQUEST, f"{version.NONCE_HEADER} is not 32 bytes in hexadecimal.")
    return None


def _nonce(head: Head) -> bytes | None:
    try:
        nonce = binascii.unhexlify(head.value(_NONCE))
    except binascii.Error:
        return None
    return nonce if len(nonce) == 32 else None


def _acceptance(head: Head) -> Accepted:
    key = head.value(b"sec-websocket-key")
    # SHA-1 is the handshake's, and proves nothing but that we speak WebSocket.
    accept = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
    response = (
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
        b"sec-websocket-accept: %b\r\nsec-websocket-protocol: %b\r\n\r\n"
    ) % (accept, version.SUBPROTOCOL.encode())
    return Accepted(response, _nonce(head) or b"")
