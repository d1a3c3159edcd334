from __future__ import annotations

import ipaddress

import pytest

from relay.upstreams.reach import BadNetwork, OutOfReach, Reach, is_public, networks


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "104.18.7.192", "2606:4700::6812:7c0", "2002:101:101::1", "64:ff9b::101:101"]
)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.255.0.9",
        "0.0.0.0",  # noqa: S104 - nothing is bound
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.2.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "fd00:ec2::254",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "2002:7f00:1::1",
        "64:ff9b::a9fe:a9fe",
    ],
)
def test_an_address_near_the_relay_is_not(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


def test_what_the_settings_name_is_in_reach_and_nothing_beside_it() -> None:
    reach = Reach(networks(["127.0.0.1", "10.0.0.0/8", "fd00::/8"]))

    assert [each for each in ("127.0.0.1", "10.9.9.9", "fd00::1", "::ffff:127.0.0.1") if not reach.admits(each)] == []
    assert [each for each in ("127.0.0.2", "192.168.0.1", "fe80::1%eth0", "::1") if reach.admits(each)] == []


def test_an_entry_that_is_no_network_is_named() -> None:
    with pytest.raises(BadNetwork, match=r"upstreams\.private_addresses names 'localhost'"):
        networks(["localhost"])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LocalHost", "::1", "10.0.0.1"])
def test_a_url_that_says_itself_where_it_is_can_be_refused_at_once(host: str) -> None:
    with pytest.raises(OutOfReach) as caught:
        Reach().check_literal(host)

    assert "upstreams.private_addresses" in caught.value.remedy


@pytest.mark.parametrize("host", ["1.1.1.1", "api.openai.com", "a..b"])
def test_a_name_is_only_known_once_it_is_looked_up(host: str) -> None:
    Reach().check_literal(host)
