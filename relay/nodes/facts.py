"""What is known of a node: by the relay's own records, and by what the desktop said of itself.

What a desktop says is shown to people who decide by it, so it is bounded and stripped of what could mislead the eye.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from relay.errors import RelayError
from relay.storage.ids import NodeId, OrganisationId, PersonId

MAX_NAME: Final = 64
MAX_FACTS_BYTES: Final = 8 * 1024
_Short = Annotated[str, Meta(max_length=256)]


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """Who a node is to the relay. `pool` says who may use it."""

    node_id: NodeId
    organisation: OrganisationId
    owner: PersonId
    name: str
    pool: str


class DesktopFacts(msgspec.Struct, frozen=True):
    """What a desktop says of itself when it asks to be enrolled; `public_key` is the key it will be known by."""

    public_key: Annotated[bytes, Meta(min_length=32, max_length=32)]
    name: _Short = ""
    os: _Short = ""
    app_version: _Short = ""
    hardware: Annotated[dict[_Short, Annotated[str, Meta(max_length=256)] | int | float], Meta(max_length=32)] = {}


class BadFacts(RelayError):
    """The facts are too large, or not what they should be."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f"the facts of this PC cannot be read: {self.problem}"


_decoder = msgspec.json.Decoder(DesktopFacts)


def read_facts(data: bytes) -> DesktopFacts:
    """The facts as sent, fit to be shown. Raises BadFacts."""
    if len(data) > MAX_FACTS_BYTES:
        raise BadFacts(f"longer than {MAX_FACTS_BYTES} bytes")
    try:
        facts = _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadFacts(str(error) if isinstance(error, msgspec.ValidationError) else "not JSON") from error
    return DesktopFacts(
        public_key=facts.public_key,
        name=visible(facts.name, MAX_NAME) or "Unnamed PC",
        os=visible(facts.os),
        app_version=visible(facts.app_version),
        hardware={
            visible(key): visible(value) if isinstance(value, str) else value for key, value in facts.hardware.items()
        },
    )


def visible(text: str, longest: int = 256) -> str:
    """`text` in one line, without characters that are invisible or turn the writing direction."""
    kept = (char if unicodedata.category(char)[0] not in "CZ" else " " for char in text)
    return " ".join("".join(kept).split())[:longest].strip()
