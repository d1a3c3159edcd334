"""Addresses, waits and the meter: small decisions without I/O."""

from __future__ import annotations

import pytest

from desktop.agent.address import RelayAddress
from desktop.agent.meter import RateMeter
from desktop.agent.retry import Backoff, Parting, parting
from desktop.agent.state import Earnings
from desktop.errors import EnrolmentFailed
from relay.wire.frames import CloseCode


@pytest.mark.parametrize(
    ("typed", "url", "place", "socket"),
    [
        ("relay.example", "https://relay.example", "relay.example:443", "wss://relay.example:443/v1/node"),
        ("https://Relay.Example:8443/", "https://relay.example:8443", "relay.example:8443", None),
        ("http://127.0.0.1:8484", "http://127.0.0.1:8484", "127.0.0.1:8484", "ws://127.0.0.1:8484/v1/node"),
        ("http://[::1]:8484", "http://[::1]:8484", "[::1]:8484", None),
        ("http://192.168.1.20", "http://192.168.1.20", "192.168.1.20:80", None),
    ],
)
def test_a_typed_address_becomes_what_is_dialled_and_signed(
    typed: str, url: str, place: str, socket: str | None
) -> None:
    address = RelayAddress.parse(typed)
    assert (address.url, address.place) == (url, place)
    assert RelayAddress.parse(address.url) == address
    assert socket is None or address.socket_url("/v1/node") == socket


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ftp://relay.example",
        "http://relay.example",
        "https://u:p@relay.example",
        "https://relay.example/x",
        "http://a:b",
    ],
)
def test_an_address_that_would_be_wrong_or_unsafe_is_refused_with_a_remedy(typed: str) -> None:
    with pytest.raises(EnrolmentFailed) as refused:
        RelayAddress.parse(typed)
    assert refused.value.remedy


def test_only_pages_of_the_relay_itself_are_opened() -> None:
    address = RelayAddress.parse("https://relay.example")
    assert address.contains("https://relay.example/enrol?x=1")
    assert not any(
        address.contains(url)
        for url in ("http://relay.example/", "https://evil.example/", "https://relay.example:1/", "javascript:1", "")
    )


def test_waits_double_up_to_the_most_and_start_again_after_a_good_session() -> None:
    backoff = Backoff(first=1, most=60, chance=lambda: 1.0)
    lost = Parting("lost")
    assert [backoff.wait(lost) for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    backoff.good()
    assert backoff.wait(lost) == 1


def test_waits_are_spread_over_their_whole_span() -> None:
    chances = iter([0.0, 0.5])
    backoff = Backoff(first=1, most=60, chance=lambda: next(chances))
    assert [backoff.wait(Parting("lost")) for _ in range(2)] == [0.0, 1.0]


def test_a_node_that_was_replaced_does_not_fight_back_at_once() -> None:
    backoff = Backoff(first=1, most=60, chance=lambda: 0.0)
    assert backoff.wait(parting(CloseCode.REPLACED)) >= 30


def test_only_a_revocation_ends_the_dialling() -> None:
    assert [code for code in CloseCode if parting(code).gone] == [CloseCode.REVOKED]


def test_the_meter_gives_tokens_per_second() -> None:
    meter = RateMeter()
    meter.add(30)
    meter.tick(2.0)
    assert meter.tokens_per_s == 15


def test_the_meter_rests_after_a_still_minute() -> None:
    meter = RateMeter()
    meter.add(30)
    rests = []
    for _ in range(61):
        meter.tick(1.0)
        rests.append(meter.at_rest)
    assert rests == [False] * 60 + [True]
    assert meter.history == (0.0,) * 60


LAST_OF_JANUARY = 1_769_903_940.0
"""31 January 2026, 23:59 UTC."""


@pytest.mark.parametrize(
    ("later", "left"),
    [(30.0, Earnings(3, 40, 500, 2)), (120.0, Earnings(0, 0, 500, 0)), (-86_400.0, Earnings(0, 40, 500, 0))],
    ids=["the same day", "a new month", "a day earlier by a clock that was set"],
)
def test_what_was_earned_today_is_not_told_of_the_day_after(later: float, left: Earnings) -> None:
    assert Earnings(3, 40, 500, 2).by(LAST_OF_JANUARY + later, told_at=LAST_OF_JANUARY) == left
