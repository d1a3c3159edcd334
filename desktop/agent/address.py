"""A relay's address: what a person types, what is dialled, what is signed. Pure."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from desktop.errors import EnrolmentFailed

_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class RelayAddress:
    """Scheme and place of a relay; nothing else of a URL means anything here."""

    scheme: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> RelayAddress:
        """`relay.example`, `https://relay.example:8443/`, `http://127.0.0.1:8686`. Raises EnrolmentFailed.

        Plain http is for addresses that never leave this PC or its own network: everything else would carry strangers'
        prompts in the clear.
        """
        whole = text if "://" in text else f"https://{text}"
        try:
            parts = urlsplit(whole.strip())
            port = parts.port or _PORTS[parts.scheme]
        except (ValueError, KeyError) as error:
            raise EnrolmentFailed(text, "this is no web address", "Write it like https://relay.example") from error
        if not parts.hostname or parts.username or parts.query or parts.fragment or parts.path.strip("/"):
            raise EnrolmentFailed(text, "this is not the address of a relay", "Write it like https://relay.example")
        address = cls(parts.scheme, parts.hostname.lower(), port)
        if address.scheme == "http" and not address.is_near:
            raise EnrolmentFailed(
                text, "plain http would let others read along", f"Write it like https://{address.host}"
            )
        return address

    @property
    def place(self) -> str:
        """`host:port`, always with the port: what signatures are bound to."""
        return f"{self._bracketed}:{self.port}"

    @property
    def url(self) -> str:
        """As people write it, and as the record keeps it."""
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self._bracketed}{port}"

    @property
    def is_loopback(self) -> bool:
        return self.host == "localhost" or (self._ip is not None and self._ip.is_loopback)

    @property
    def is_near(self) -> bool:
        return self.is_loopback or (self._ip is not None and self._ip.is_private)

    def socket_url(self, path: str) -> str:
        """Where the node's WebSocket is opened."""
        return f"{'wss' if self.scheme == 'https' else 'ws'}://{self.place}{path}"

    def contains(self, url: str) -> bool:
        """Whether `url` is a page of this relay."""
        try:
            other = urlsplit(url)
            return (other.scheme, other.hostname, other.port or _PORTS[other.scheme]) == (
                self.scheme,
                self.host,
                self.port,
            )
        except (ValueError, KeyError):
            return False

    @property
    def _bracketed(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def _ip(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
        try:
            return ipaddress.ip_address(self.host)
        except ValueError:
            return None
