"""One entry of the catalogue, and what makes one fit to be signed. Pure.

An entry's id stands for one file. Whoever signs it vouches for its SHA-256, so a desktop may fetch the file from
anywhere that the entry names. Sizes are in bytes, prices in pico-dollars a token.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from relay.errors import RelayError

MAX_SHAPE_BYTES: Final = 16 * 1024
MAX_PARSER: Final = 64
"""Versions of the way from tokens to text that a digest may name."""

_Whole = Annotated[int, Meta(ge=0, le=2**53)]
_Line = Annotated[str, Meta(max_length=300)]
_Url = Annotated[str, Meta(max_length=2000, pattern=r"^[!-~]*\Z")]
_Price = Annotated[int, Meta(ge=0, le=10**12)]


class Price(msgspec.Struct, frozen=True):
    """What a caller pays for tokens of this model on a node that asks for nothing else, in pico-dollars a token."""

    prompt: _Price
    completion: _Price


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model as the relay keeps it. Without a price, nodes are paid as for any model."""

    id: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,95}\Z")]
    title: Annotated[str, Meta(min_length=1, max_length=300)]
    file: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,150}\.gguf\Z")]
    size: Annotated[int, Meta(ge=1, le=2**42)]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
    url: _Url
    redirect_hosts: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*\Z", max_length=253)], ...],
        Meta(max_length=16),
    ] = ()
    licence: Annotated[str, Meta(min_length=1, max_length=300)]
    licence_url: _Url = ""
    summary: _Line = ""
    architecture: _Line = ""
    quantisation: _Line = ""
    parameters: _Whole = 0
    context: _Whole = 0
    shape: dict[str, Any] = {}
    """What `nightjar models describe` says of the file's header: desktops judge by it whether the model fits."""

    price: Price | None = None


def digests(entry: Entry) -> frozenset[str]:
    """What a node that serves this very file says it is, by any version of its software so far and to come.

    Empty where the entry does not say which chat template is in the file: then nobody can tell from a digest.
    """
    template = entry.shape.get("template_sha256")
    if not isinstance(template, str):
        return frozenset()
    template = template or hashlib.sha256(b"").hexdigest()
    said = (f"nightjar model v1\0{entry.sha256}\0{template}\0{parser}" for parser in range(1, MAX_PARSER + 1))
    return frozenset(hashlib.sha256(each.encode()).hexdigest() for each in said)


class BadEntry(RelayError):
    """This cannot be in the catalogue."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f"this cannot be in the catalogue: {self.problem}"


def read_entry(fields: object) -> Entry:
    """An entry from JSON values, checked. Raises BadEntry."""
    try:
        entry = msgspec.convert(fields, Entry)
    except msgspec.ValidationError as error:
        raise BadEntry(_explained(str(error))) from error
    _check_address(entry.url)
    if entry.licence_url and urlsplit(entry.licence_url).scheme not in ("http", "https"):
        raise BadEntry(f"{entry.licence_url!r} is no web address")
    if len(msgspec.json.encode(entry.shape)) > MAX_SHAPE_BYTES:
        raise BadEntry(f"its shape is larger than {MAX_SHAPE_BYTES // 1024} KiB")
    return entry


_FORMS: Final = {
    "id": "1 to 96 letters, digits and ._:@/+-, the first a letter or digit",
    "file": "a plain name that ends in .gguf",
    "sha256": "64 digits from 0 to 9 and a to f",
    "url": "plain characters without spaces",
    "licence_url": "plain characters without spaces",
    "redirect_hosts": "names of hosts, as cdn.example.com or *.example.com",
}
"""What the patterns of the fields say, for people."""


def _explained(problem: str) -> str:
    """A field's pattern says nothing to most people."""
    field = _WHERE.search(problem)
    form = _FORMS.get(field.group(1)) if field is not None and "matching regex" in problem else None
    return problem if field is None or form is None else f"{field.group(1)} must be {form}"


_WHERE: Final = re.compile(r"`\$\.(\w+)")


def _check_address(url: str) -> None:
    """Desktops fetch by https only, except from this computer itself."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise BadEntry(f"{url!r} is no web address") from error
    if not parts.hostname or parts.username is not None or parts.password is not None:
        raise BadEntry(f"{url!r} is no address of a file that everybody may fetch")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts.hostname)):
        raise BadEntry(f"{url!r} does not begin with https://")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
