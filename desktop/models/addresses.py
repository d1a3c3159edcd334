"""Where a model's file may be fetched from, and where a server may send us. Pure.

https only, but for this PC itself. A redirect leaves the host only for one that the catalogue's entry names, so that a
hijacked mirror cannot point this PC at its owner's own network.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import SplitResult, urljoin, urlsplit

from desktop.models.errors import SourceRefused

MAX_REDIRECTS = 5


def checked(url: str) -> str:
    """`url`, if a file may come from there. Raises SourceRefused."""
    parts = _split(url)
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        return url
    raise SourceRefused(f"{parts.hostname} would send the file unprotected (no https)")


def redirected(origin: str, at: str, location: str, *, allowed: Iterable[str]) -> str:
    """Where `location`, an answer at `at`, leads, for a file of `origin`. Raises SourceRefused."""
    target = urljoin(at, location)
    host, home = _split(checked(target)).hostname or "", _split(origin).hostname or ""
    if host == home or any(_covers(pattern, host) for pattern in allowed):
        if is_local(host) and not is_loopback(home):
            raise SourceRefused(f"{home} sends us on to {host}, which is no public address")
        return target
    raise SourceRefused(f"{home} sends us on to {host}, which the catalogue does not name")


def host_of(url: str) -> str:
    return urlsplit(url).hostname or url


def is_loopback(host: str) -> bool:
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def is_local(host: str) -> bool:
    """An address of this PC or its own network, written as such."""
    address = _address(host)
    return host == "localhost" or (address is not None and not address.is_global)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise SourceRefused(f"{url!r} is no address of a file") from error
    if parts.username is not None or parts.password is not None:
        raise SourceRefused(f"the address of {parts.hostname} carries a name or a password")
    if not parts.hostname or parts.scheme not in ("http", "https"):
        raise SourceRefused(f"{url!r} is no web address")
    return parts


def _covers(pattern: str, host: str) -> bool:
    return host.endswith(pattern[1:]) if pattern.startswith("*.") else host == pattern


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
