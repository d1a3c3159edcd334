"""`nightjar://` links, from web pages and mails: what each asks for, or why it asks for nothing. Pure.

Anybody can write a link, so nothing here is believed: what is not exactly one of three known shapes is refused whole.

    nightjar://enroll?relay=URL[&token=TOKEN]    nightjar://models/add?id=ID    nightjar://open/PAGE
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import msgspec

from desktop.agent.address import RelayAddress
from desktop.errors import EnrolmentFailed
from desktop.models.catalogue import Id
from desktop.ui.places import Place

SCHEME: Final = "nightjar"
_LONGEST: Final = 2_048
_LONGEST_HOST: Final = 253
"""As names of hosts go."""

_PLACES: Final = {place.value: place for place in Place}
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{1,200}")


@dataclass(frozen=True, slots=True)
class EnrolLink:
    """To make this PC a node of `relay`; with a `token`, without a browser."""

    relay: str
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ModelLink:
    """To look at a model of the catalogue, which its owner may then download."""

    id: str


@dataclass(frozen=True, slots=True)
class PageLink:
    """To go to a page."""

    place: Place


class Fault(enum.Enum):
    """Why a link is refused."""

    TOO_LONG = enum.auto()
    STRANGE = enum.auto()
    """Characters that no link of ours has: spaces, controls, letters that look like others."""

    NOT_OURS = enum.auto()
    UNKNOWN = enum.auto()
    NO_RELAY = enum.auto()


Link = EnrolLink | ModelLink | PageLink | Fault


def is_link(text: str) -> bool:
    """Whether it is meant to be one of ours."""
    return text[: len(SCHEME) + 1].lower() == f"{SCHEME}:"


def parse_link(text: str) -> Link:
    """What `text` asks for."""
    if len(text) > _LONGEST:
        return Fault.TOO_LONG
    if not _is_plain(text):
        return Fault.STRANGE
    if not is_link(text):
        return Fault.NOT_OURS
    try:
        parts = urlsplit(text)
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True, max_num_fields=4, errors="strict")
    except ValueError:
        return Fault.UNKNOWN
    fields = dict(pairs)
    if len(fields) < len(pairs) or parts.fragment:
        return Fault.UNKNOWN
    if not all(_is_plain(value) for value in fields.values()):
        return Fault.STRANGE
    return _meant(parts.netloc.lower(), parts.path.strip("/"), fields)


def _meant(verb: str, rest: str, fields: dict[str, str]) -> Link:
    match verb, rest, fields:
        case "enroll", "", {"relay": relay, **others} if others.keys() <= {"token"}:
            return _enrolment(relay, others.get("token"))
        case "models", "add", {"id": name, **others} if not others:
            try:
                return ModelLink(msgspec.convert(name, Id))
            except msgspec.ValidationError:
                return Fault.UNKNOWN
        case "open", page, _ if not fields and page in _PLACES:
            return PageLink(_PLACES[page])
    return Fault.UNKNOWN


def _enrolment(relay: str, token: str | None) -> Link:
    if token is not None and not _TOKEN.fullmatch(token):
        return Fault.UNKNOWN
    try:
        address = RelayAddress.parse(relay)
    except EnrolmentFailed:
        return Fault.NO_RELAY
    if "@" in relay or len(address.host) > _LONGEST_HOST:
        return Fault.NO_RELAY
    return EnrolLink(address.url, token)


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and " " not in text
