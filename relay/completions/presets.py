"""Presets: fields of a request kept under a name, which a call takes over by asking for `@preset/NAME` as its model.

Functions of a connection, as in `accounts.directory`; `Presets` is what a running relay keeps of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, delete, insert, select

from relay.accounts.errors import NoSuchRecord
from relay.completions.body import role_of
from relay.completions.kinds import CHAT
from relay.completions.refusal import Refusal, bad_request, unknown_preset
from relay.completions.request import CallRequest, parse, patched
from relay.errors import RelayError
from relay.storage import revision
from relay.storage.ids import OrganisationId
from relay.storage.tables import presets

MARK: Final = "@preset/"
SYSTEM: Final = "system"
"""The field of a preset that becomes the first message, where a call has no system message of its own."""

MOST_BYTES: Final = 1024 * 1024
"""Of a preset, as JSON. Each of its calls is put together with it while others wait."""

_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_CALLS_OWN: Final = frozenset({"messages", "prompt", "input", "stream", "stream_options", "session_id", "user"})
"""Fields that make a call that call."""

_LIMITS: Final = frozenset({"max_tokens", "max_completion_tokens"})
"""Two names of one field: whoever says one does not mean the other."""

Fields = dict[str, Any]


class BadPreset(RelayError):
    """What an operator wrote cannot be a preset."""

    remedy = "A preset is one JSON object with fields of a request, such as model, temperature, provider and system"

    def __init__(self, slug: str, problem: str) -> None:
        super().__init__(slug, problem)
        self.slug = slug
        self.problem = problem

    def __str__(self) -> str:
        return f"preset {self.slug[:64]!r}: {self.problem}"


def check_preset(slug: str, fields: Fields) -> None:
    """Whether calls could be made with it. Raises BadPreset."""
    if not _SLUG.fullmatch(slug):
        raise BadPreset(slug, "its name must be 1 to 64 of a-z, 0-9, '.', '_', '-', beginning with a letter or digit")
    if unfit := sorted(_CALLS_OWN.intersection(fields)):
        raise BadPreset(slug, f"{', '.join(unfit)} can only be said by a call")
    if not isinstance(fields.get(SYSTEM, ""), str):
        raise BadPreset(slug, "system must be a text")
    model = fields.get("model", "any")
    if isinstance(model, str) and MARK in model:
        raise BadPreset(slug, "its model cannot be another preset")
    if len(msgspec.json.encode(fields)) > MOST_BYTES:
        raise BadPreset(slug, f"it has more than {MOST_BYTES:,} bytes")
    try:
        parse(msgspec.json.encode({"model": "any", "messages": [{}], **_without_system(fields)}))
    except Refusal as refusal:
        raise BadPreset(slug, refusal.message) from refusal


def _without_system(fields: Fields) -> Fields:
    return {name: value for name, value in fields.items() if name != SYSTEM}


def set_preset(connection: Connection, organisation: OrganisationId, slug: str, fields: Fields, *, at_ms: int) -> None:
    """In place of the one of that name, if there is one. Raises BadPreset."""
    check_preset(slug, fields)
    connection.execute(delete(presets).where(_is(organisation, slug)))
    row = {"organisation": organisation, "slug": slug, "fields": fields, "changed_ms": at_ms}
    connection.execute(insert(presets).values(row))
    revision.bump(connection)


def remove_preset(connection: Connection, organisation: OrganisationId, slug: str) -> None:
    """Raises NoSuchRecord."""
    if not connection.execute(delete(presets).where(_is(organisation, slug))).rowcount:
        raise NoSuchRecord("preset", slug)
    revision.bump(connection)


def list_presets(connection: Connection) -> dict[tuple[OrganisationId, str], Fields]:
    """All there are, of all organisations."""
    query = select(presets).order_by(presets.c.organisation, presets.c.slug)
    return {(OrganisationId(row.organisation), row.slug): row.fields for row in connection.execute(query)}


def _is(organisation: OrganisationId, slug: str) -> ColumnElement[bool]:
    return (presets.c.organisation == organisation) & (presets.c.slug == slug)


class Presets:
    """Those of all organisations."""

    def __init__(self) -> None:
        self._found: Mapping[tuple[OrganisationId, str], Fields] = {}

    def load(self, found: Mapping[tuple[OrganisationId, str], Fields]) -> None:
        """Replace everything."""
        self._found = found

    def applied(self, request: CallRequest, organisation: OrganisationId) -> CallRequest:
        """The call as it is with its preset. What the call says itself stands.

        Raises:
            Refusal: there is no such preset, or the two do not go together.
        """
        model, _, name = request.model.partition(MARK)
        slug, mark, suffix = name.partition(":")
        fields = self._found.get((organisation, slug))
        if fields is None:
            raise unknown_preset(slug)
        body = msgspec.json.decode(request.raw, type=dict[str, msgspec.Raw])
        said = {name: value for name, value in body.items() if bytes(value) != b"null"}
        if not _LIMITS.isdisjoint(said):
            said = dict.fromkeys(_LIMITS, msgspec.Raw(b"")) | said
        defaults: dict[str, object] = {name: value for name, value in fields.items() if name not in said}
        system = defaults.pop(SYSTEM, "")
        model = model or str(fields.get("model", ""))
        if not model:
            raise bad_request(f"Preset '{slug}' names no model. Ask for MODEL{MARK}{slug}.", param="model")
        defaults["model"] = f"{model}{mark}{suffix}"
        if "provider" in said and isinstance(fields.get("provider"), dict):
            defaults["provider"] = fields["provider"] | msgspec.json.decode(said["provider"])
        if system and request.kind is CHAT and role_of(request.messages[0]) not in ("system", "developer"):
            defaults["messages"] = [{"role": "system", "content": system}, *request.messages]
        made = parse(patched(request.raw, defaults), request.kind)
        made.sent = request.raw
        return made
