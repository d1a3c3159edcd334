"""Which addresses this relay may connect to for a provider: public ones, and those the operator's settings name.

A provider's URL is typed by a person and its name is answered by whoever runs its DNS, so either can point at a router,
a cloud's metadata service or a database next door. A name is resolved once for each connection, and the connection goes
to the very address that was looked at.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from typing import Final

from relay.errors import RelayError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

SETTING: Final = "upstreams.private_addresses"

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_SITE_LOCAL: Final = ipaddress.IPv6Network("fec0::/10")


class BadNetwork(RelayError):
    """An entry of the settings is no network."""

    remedy = 'Write an address or a network, as "127.0.0.1" or "192.168.0.0/16".'

    def __init__(self, setting: str, text: str) -> None:
        super().__init__(setting, text)
        self.setting = setting
        self.text = text

    def __str__(self) -> str:
        return f"{self.setting} names {self.text!r}, which is no network"


class OutOfReach(RelayError):
    """The host has no address that this relay may connect to."""

    def __init__(self, host: str) -> None:
        super().__init__(host)
        self.host = host

    @property
    def remedy(self) -> str:
        return f"If it is yours, name its address or network in {SETTING} of relay.toml."

    def __str__(self) -> str:
        return f"{self.host} is not at a public address, and the setting {SETTING} does not name it"


def networks(texts: Iterable[str], setting: str = SETTING) -> tuple[Network, ...]:
    """Raises BadNetwork."""
    found = []
    for text in texts:
        try:
            found.append(ipaddress.ip_network(text, strict=False))
        except ValueError as error:
            raise BadNetwork(setting, text) from error
    return tuple(found)


def is_public(address: Address) -> bool:
    """Whether it is somebody's on the internet: not private, of this host or link, shared, reserved, or for many."""
    if isinstance(address, ipaddress.IPv6Address):
        if (inner := _carried(address)) is not None:
            return is_public(inner)
        if address in _SITE_LOCAL:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _carried(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that packets to this one end at, if that is how they travel."""
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (None if teredo is None else teredo[1])


class Reach:
    """Public addresses, and those within `allowed`."""

    def __init__(self, allowed: Iterable[Network] = ()) -> None:
        self._allowed = tuple(allowed)

    def admits(self, text: str) -> bool:
        """Whether a connection may go to this numeric address."""
        address = ipaddress.ip_address(text)
        if is_public(address):
            return True
        carried = _carried(address) if isinstance(address, ipaddress.IPv6Address) else None
        plain = carried or address
        return any(plain.version == each.version and plain in each for each in self._allowed)

    def check_literal(self, host: str) -> None:
        """Refuse a URL's host that says itself where it is. Raises OutOfReach."""
        try:
            admitted = self.admits("127.0.0.1" if host.lower() == "localhost" else host)
        except ValueError:  # a name, which the DNS answers for at each connection
            return
        if not admitted:
            raise OutOfReach(host)

    async def find(self, host: str, port: int) -> list[str]:
        """The addresses of a host that a connection may go to, at least one, in the resolver's order.

        Raises:
            OSError: it has none.
            ValueError: no DNS can have such a name.
            OutOfReach: it has, and none of them may be used.
        """
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
        admitted = [each for each in addresses if self.admits(each)]
        if not admitted:
            raise OutOfReach(host)
        return admitted


PUBLIC: Final = Reach()
