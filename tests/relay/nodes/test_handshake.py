from __future__ import annotations

import json
from http import HTTPStatus

import pytest
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.streams import StreamReader
from websockets.typing import Subprotocol

from relay.nodes.handshake import Accepted, Refused, answer

HEADERS = {
    "host": "relay.example",
    "upgrade": "websocket",
    "connection": "Upgrade",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    "sec-websocket-version": "13",
    "sec-websocket-protocol": "nightjar.1",
    "x-nightjar-nonce": "ab" * 32,
}


def a_head(request_line: str = "GET /v1/node HTTP/1.1", /, **changed: str | None) -> bytes:
    """A good upgrade; a header set to None is left out, `_` in its name stands for `-`."""
    headers: dict[str, str | None] = {**HEADERS, **{name.replace("_", "-"): value for name, value in changed.items()}}
    lines = [request_line, *(f"{name}: {value}" for name, value in headers.items() if value is not None)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def refusal(data: bytes) -> Refused:
    result = answer(data)
    assert isinstance(result, Refused)
    return result


def oracle_status(data: bytes) -> int:
    server = ServerProtocol(subprotocols=[Subprotocol("nightjar.1")])
    reader = StreamReader()
    reader.feed_data(data)
    request = Request.parse(reader.read_line)
    try:
        next(request)
    except StopIteration as parsed:
        return server.accept(parsed.value).status_code
    raise AssertionError("the head is not whole")


def test_a_good_upgrade_is_accepted_with_the_rfcs_own_example() -> None:
    result = answer(a_head())
    assert isinstance(result, Accepted)
    assert b"\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in result.response
    assert b"\r\nsec-websocket-protocol: nightjar.1\r\n" in result.response
    assert result.response.startswith(b"HTTP/1.1 101 ")
    assert result.nonce == b"\xab" * 32
    assert oracle_status(a_head()) == 101


def test_extensions_are_never_agreed_to() -> None:
    result = answer(a_head(sec_websocket_extensions="permessage-deflate"))
    assert isinstance(result, Accepted)
    assert b"extensions" not in result.response


@pytest.mark.parametrize("offer", ["nightjar.9, nightjar.1", "nightjar.1,chat"])
def test_our_subprotocol_is_found_among_several(offer: str) -> None:
    assert isinstance(answer(a_head(sec_websocket_protocol=offer)), Accepted)


@pytest.mark.parametrize(
    "changed",
    [
        {"upgrade": None},
        {"upgrade": "h2c"},
        {"connection": "keep-alive"},
        {"sec_websocket_key": None},
        {"sec_websocket_key": "short"},
        {"sec_websocket_key": "dGhlIHNhbXBsZSBub25jZQ="},
        {"sec_websocket_version": None},
        {"sec_websocket_version": "8"},
        {"sec_websocket_protocol": None},
        {"sec_websocket_protocol": "chat"},
    ],
)
def test_what_the_oracle_refuses_is_refused(changed: dict[str, str | None]) -> None:
    data = a_head(**changed)
    assert oracle_status(data) in (400, 426)
    assert refusal(data).status in (HTTPStatus.BAD_REQUEST, HTTPStatus.UPGRADE_REQUIRED)


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/v1/chat/completions",
        "/v1/node/",
        "/v1/nodes",
        "/v1//node",
        "/v1/%6eode",
        "/x/../v1/node",
        "http://relay.example/v1/node",
    ],
)
def test_only_the_exact_raw_path_is_a_node_socket(target: str) -> None:
    refused = refusal(a_head(f"GET {target} HTTP/1.1"))
    assert refused.status == HTTPStatus.NOT_FOUND
    assert "/v1/node" in refused.message


@pytest.mark.parametrize(
    ("data", "status"),
    [
        pytest.param(a_head("GET /v1/node?token=x HTTP/1.1"), 400, id="a query"),
        pytest.param(a_head("POST /v1/node HTTP/1.1"), 405, id="a POST"),
        pytest.param(a_head(origin="https://relay.example"), 403, id="an origin"),
        pytest.param(a_head(content_length="5"), 400, id="a body"),
        pytest.param(a_head(transfer_encoding="chunked"), 400, id="a chunked body"),
        pytest.param(a_head(x_long="x" * 17_000), 431, id="a long head"),
        pytest.param(a_head(**{f"x_{n}": "1" for n in range(70)}), 431, id="many headers"),
        pytest.param(a_head().replace(b"\r\n\r\n", b"\r\nsec-websocket-key: a\r\n\r\n"), 400, id="two keys"),
        pytest.param(a_head().replace(b"\r\n\r\n", b"\r\nhost: b\r\n\r\n"), 400, id="two hosts"),
        pytest.param(a_head(x_nightjar_nonce=None), 400, id="no nonce"),
        pytest.param(a_head(x_nightjar_nonce="ab" * 31), 400, id="a short nonce"),
        pytest.param(a_head(x_nightjar_nonce="zz" * 32), 400, id="a nonce that is not hexadecimal"),
        pytest.param(a_head("GET /v1/node HTTP/1.0"), 400, id="HTTP/1.0"),
        pytest.param(b"GET /v1/node HTTP/1.1\r\nhost : a\r\n\r\n", 400, id="space before the colon"),
        pytest.param(b"GET /v1/node HTTP/1.1\r\n", 400, id="no end"),
    ],
)
def test_a_request_that_is_no_upgrade_of_a_node_is_refused(data: bytes, status: int) -> None:
    assert refusal(data).status == status


def test_a_refusal_is_an_error_object_in_a_whole_http_answer() -> None:
    head, _, body = refusal(a_head("GET /nowhere HTTP/1.1")).response.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404 Not Found\r\n")
    assert b"connection: close" in head
    assert f"content-length: {len(body)}".encode() in head
    assert json.loads(body)["error"]["code"] == "not_found"


def test_a_wrong_version_names_the_right_one() -> None:
    assert b"sec-websocket-version: 13" in refusal(a_head(sec_websocket_version="8")).response
