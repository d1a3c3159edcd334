"""HEAD, pages of other origins, proxies in front, and one connection too many: byte by byte, on both edges."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from relay.server import server_config
from relay.settings import ServerSettings
from relay.upstreams.reach import BadNetwork
from tests.relay.provider import ANSWER, ScriptedProvider, scripted_provider
from tests.relay.running import RunningRelay, a_chat, as_provider, running_relay

PAGE = b"https://app.example.com"
ALLOWED = b"access-control-allow-origin: "


@pytest.fixture
async def provider() -> AsyncIterator[ScriptedProvider]:
    async with scripted_provider() as running:
        yield running


@pytest.fixture(params=["http", "asgi"])
async def relay(
    request: pytest.FixtureRequest, provider: ScriptedProvider, tmp_path: Path
) -> AsyncIterator[RunningRelay]:
    async with running_relay(tmp_path, providers=[as_provider(provider)], edge=request.param) as running:
        yield running


@pytest.fixture(params=["http", "asgi"])
async def open_relay(
    request: pytest.FixtureRequest, provider: ScriptedProvider, tmp_path: Path
) -> AsyncIterator[RunningRelay]:
    """One whose settings name an origin, and a proxy."""
    named = {"origins": (PAGE.decode(),), "proxies": ("127.0.0.1",)}
    at = [as_provider(provider)]
    async with running_relay(tmp_path, providers=at, edge=request.param, server_settings=named) as running:
        yield running


def _request(relay: RunningRelay, method: bytes, path: bytes, *lines: bytes) -> bytes:
    head = [method + b" " + path + b" HTTP/1.1", b"host: x", b"authorization: Bearer " + relay.key.encode(), *lines]
    return b"\r\n".join([*head, b"connection: close", b"", b""])


def _from(origin: bytes, request: bytes) -> bytes:
    return request.replace(b"content-type:", b"origin: " + origin + b"\r\ncontent-type:", 1)


def _preflight(relay: RunningRelay, origin: bytes) -> bytes:
    asks = (b"access-control-request-method: POST", b"access-control-request-headers: authorization, x-stainless-os")
    return _request(relay, b"OPTIONS", b"/v1/chat/completions", b"origin: " + origin, *asks)


async def test_head_is_get_without_the_body(relay: RunningRelay) -> None:
    answer = await relay.raw(_request(relay, b"HEAD", b"/v1/models"))
    head, _, body = answer.partition(b"\r\n\r\n")
    whole = await relay.raw(_request(relay, b"GET", b"/v1/models"))

    assert head.startswith(b"HTTP/1.1 200 ")
    assert body == b""
    assert b"content-length: %d" % len(whole.partition(b"\r\n\r\n")[2]) in head


async def test_methods_that_a_route_has_not_are_refused_and_the_connection_goes_on(relay: RunningRelay) -> None:
    for method in (b"HEAD", b"OPTIONS", b"GET"):
        request = _request(relay, method, b"/v1/chat/completions").replace(b"connection: close\r\n", b"")
        answers = await relay.raw(request + relay.chat(a_chat()))

        assert answers.startswith(b"HTTP/1.1 405 "), method
        assert b"allow: POST\r\n" in answers
        assert ANSWER.encode() in answers
        assert (b"method_not_allowed" in answers) is (method != b"HEAD")


async def test_pages_are_not_served_unless_the_settings_name_them(relay: RunningRelay) -> None:
    assert (await relay.raw(_preflight(relay, PAGE))).startswith(b"HTTP/1.1 405 ")
    assert ALLOWED not in await relay.raw(_from(PAGE, relay.chat(a_chat())))


async def test_a_page_of_a_named_origin_may_ask_and_read(open_relay: RunningRelay) -> None:
    preflight = await open_relay.raw(_preflight(open_relay, PAGE))
    answer = await open_relay.raw(_from(PAGE, open_relay.chat(a_chat())))
    streamed = await open_relay.raw(_from(PAGE, open_relay.chat(a_chat(stream=True))))
    models = await open_relay.raw(_request(open_relay, b"GET", b"/v1/models", b"origin: " + PAGE))
    refused = await open_relay.raw(_from(PAGE, open_relay.chat(a_chat(), key="sk-nj-wrong")))

    assert preflight.startswith(b"HTTP/1.1 204 ")
    assert b"access-control-allow-headers: authorization, x-stainless-os\r\n" in preflight
    for told in (preflight, answer, streamed, models, refused):
        assert ALLOWED + PAGE + b"\r\n" in told
        assert b"vary: Origin\r\n" in told
    assert ANSWER.encode() in answer
    assert refused.startswith(b"HTTP/1.1 401 ")


async def test_a_page_of_another_origin_hears_no_and_reads_nothing(open_relay: RunningRelay) -> None:
    other = b"https://app.example.com.evil.example"
    preflight = await open_relay.raw(_preflight(open_relay, other))
    answer = await open_relay.raw(_from(other, open_relay.chat(a_chat())))

    assert preflight.startswith(b"HTTP/1.1 403 ")
    assert b"server.origins" in preflight
    assert ALLOWED not in preflight + answer


async def test_pages_are_not_served_beside_the_api(open_relay: RunningRelay) -> None:
    assert ALLOWED not in await open_relay.raw(_request(open_relay, b"GET", b"/console", b"origin: " + PAGE))


async def test_who_asks_behind_a_proxy_is_whom_the_proxy_names(open_relay: RunningRelay) -> None:
    """Enrolment allows each address so many tries: other addresses have theirs, and a made-up one is not believed."""
    limit = open_relay.services.settings.enrolment.strangers_per_address_min

    async def status(forwarded: bytes) -> bytes:
        lines = (b"x-forwarded-for: " + forwarded, b"content-length: 2", b"content-type: application/json")
        request = _request(open_relay, b"POST", b"/v1/node/enrol/challenge", *lines) + b"{}"
        return (await open_relay.raw(request)).split(b" ", 2)[1]

    first = [await status(b"198.51.100.%d, 203.0.113.7" % number) for number in range(limit)]
    assert set(first) == {b"200"}
    assert await status(b"198.51.100.99, 203.0.113.7") == b"429"
    assert await status(b"203.0.113.8") == b"200"


async def test_without_a_named_proxy_nobody_is_believed(relay: RunningRelay) -> None:
    limit = relay.services.settings.enrolment.strangers_per_address_min
    found = []
    for number in range(limit + 1):
        lines = (b"x-forwarded-for: 203.0.113.%d" % number, b"content-length: 2", b"content-type: application/json")
        request = _request(relay, b"POST", b"/v1/node/enrol/challenge", *lines) + b"{}"
        found.append((await relay.raw(request)).split(b" ", 2)[1])

    assert found == [b"200"] * limit + [b"429"]


async def test_a_proxy_that_is_no_address_is_named(relay: RunningRelay) -> None:
    settings = relay.services.settings
    changed = type(settings)(data=settings.data, server=ServerSettings(proxies=("nginx",)))
    with pytest.raises(BadNetwork, match=r"server\.proxies names 'nginx'"):
        server_config(changed, relay.services)


@pytest.mark.parametrize("edge", ["http", "asgi"])
async def test_one_connection_too_many_is_turned_away_and_the_others_go_on(
    provider: ScriptedProvider, tmp_path: Path, edge: str
) -> None:
    at, few = [as_provider(provider)], {"connections": 1}
    async with running_relay(tmp_path, providers=at, edge=edge, server_settings=few) as relay:
        reader, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        writer.write(relay.chat(a_chat(), close=False))
        await reader.readuntil(ANSWER.encode())

        refused = await relay.raw(b"")
        writer.write(relay.chat(a_chat()))

        assert refused.startswith(b"HTTP/1.1 503 ")
        assert b"retry-after: 5\r\n" in refused
        assert b"too_many_connections" in refused
        assert ANSWER.encode() in await reader.read()
        writer.close()
