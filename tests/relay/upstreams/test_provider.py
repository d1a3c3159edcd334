from __future__ import annotations

from typing import NoReturn

import pytest

from relay.clock import ManualClock
from relay.storage.secret import Secret
from relay.upstreams.http import Origin, Pool
from relay.upstreams.provider import BadBaseUrl, Provider, parse_base_url


def _never(_coroutine: object) -> NoReturn:
    raise AssertionError("nothing here opens a connection")


def _provider(base_url: str, key: str = "") -> Provider:
    return Provider.at("alpha", base_url, key=Secret(key), pool=Pool(ManualClock(), _never))


def _head(provider: Provider) -> bytes:
    (key,) = provider.keys
    return key.prefix


@pytest.mark.parametrize(
    ("url", "origin", "path"),
    [
        ("https://api.example.com/v1", Origin("api.example.com", 443, tls=True), "/v1"),
        ("http://127.0.0.1:8080/v1/", Origin("127.0.0.1", 8080, tls=False), "/v1"),
        ("http://[::1]:1234", Origin("::1", 1234, tls=False), ""),
    ],
)
def test_a_base_url_is_an_origin_and_a_path(url: str, origin: Origin, path: str) -> None:
    assert parse_base_url(url) == (origin, path)


@pytest.mark.parametrize(
    "url",
    ["", "api.example.com/v1", "ftp://x/v1", "http://", "http://u:p@x/v1", "http://x/v1?a=b", "http://x:99999/v1",
     "http://x/v1#f", "http://x/v 1", "http://x/v1\r\nhost: y"],
)  # fmt: skip
def test_a_url_that_is_no_base_url_is_refused_with_the_reason(url: str) -> None:
    with pytest.raises(BadBaseUrl):
        parse_base_url(url)


def test_the_key_goes_into_the_request_and_nowhere_else() -> None:
    provider = _provider("https://api.example.com/v1", "sk-secret")

    assert b"authorization: Bearer sk-secret\r\n" in _head(provider)
    assert "sk-secret" not in repr(provider)


def test_the_host_header_names_a_port_only_where_it_is_not_the_usual_one() -> None:
    assert b"host: x\r\n" in _head(_provider("https://x/v1"))
    assert b"host: x:80\r\n" in _head(_provider("https://x:80/v1"))
    assert b"host: [::1]:1234\r\n" in _head(_provider("http://[::1]:1234"))
