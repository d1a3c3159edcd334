"""The catalogue: which models the network wants, where their files are, what they pay. Pure.

It comes from the relay, signed (`agent.relay_view` checks that before anything here sees it), or from the list that
comes with Nightjar. An entry's id stands for one file: a node serves under it only a file of this SHA-256.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from desktop.errors import DesktopError

MAX_ENTRIES = 2000

Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,95}\Z")]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
Bytes = Annotated[int, Meta(ge=1, le=2**42)]
Whole = Annotated[int, Meta(ge=0, le=2**53)]
Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
"""What a window can put into a sentence: Qt counts no further."""

Line = Annotated[str, Meta(max_length=300)]
Url = Annotated[str, Meta(max_length=2000)]
Host = Annotated[str, Meta(pattern=r"^(\*\.)?[a-z0-9.-]{1,253}\Z")]


class Price(msgspec.Struct, frozen=True):
    """What callers pay, in pico-dollars a token (the same number as micro-dollars per million tokens)."""

    prompt: Whole = 0
    completion: Whole = 0


class Demand(msgspec.Struct, frozen=True):
    """What callers asked for over the last 7 days, and how many nodes have the model now."""

    calls: Count = 0
    prompt_tokens: Whole = 0
    completion_tokens: Whole = 0
    nodes: Count = 0


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One file of one model. `url` is empty where the file comes with Nightjar. `size` is in bytes."""

    id: Id
    title: Line
    file: Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,150}\.gguf\Z")]
    size: Bytes
    sha256: Sha256
    url: Url = ""
    redirect_hosts: Annotated[tuple[Host, ...], Meta(max_length=16)] = ()
    """Other hosts the server may send us to; `*.example.org` stands for every host below that name."""

    licence: Line = ""
    licence_url: Url = ""
    summary: Line = ""
    architecture: Line = ""
    quantisation: Line = ""
    parameters: Whole = 0
    context: Whole = 0
    shape: dict[str, Any] = {}
    """What the memory fit needs of the file's header, so that it can be judged before it is downloaded."""

    price: Price = Price()
    demand: Demand = Demand()
    retired: bool = False
    """No longer wanted: not offered for download; a copy that is there still works."""


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """All entries as the relay listed them at `issued_ms` (Unix milliseconds)."""

    issued_ms: Whole
    owner_percent: Annotated[int, Meta(ge=0, le=100)] = 0
    """The owner's share of what callers pay."""

    entries: Annotated[tuple[Entry, ...], Meta(max_length=MAX_ENTRIES)]

    @property
    def names(self) -> set[str]:
        return {entry.id for entry in self.entries}

    def find(self, name: str) -> Entry | None:
        """The entry of this id; case does not matter."""
        return next((entry for entry in self.entries if entry.id.casefold() == name.casefold()), None)

    def of_file(self, sha256: str) -> Entry | None:
        return next((entry for entry in self.entries if entry.sha256 == sha256), None)

    def search(self, words: str) -> tuple[Entry, ...]:
        """Entries that are offered and contain every word of `words`, in the catalogue's order."""
        wanted = words.casefold().split()
        return tuple(
            entry for entry in self.entries if not entry.retired and all(word in _text(entry) for word in wanted)
        )


class CatalogueUnreadable(DesktopError):
    """What should be a catalogue is none."""

    def __init__(self, why: str) -> None:
        super().__init__(f"The catalogue of models cannot be read: {why}.")
        self.why = why


_decoder = msgspec.json.Decoder(Catalogue)


def read_catalogue(data: bytes) -> Catalogue:
    """Raises CatalogueUnreadable."""
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CatalogueUnreadable(str(error).rstrip(".")) from error


def merged(relay: Catalogue | None, bundled: Catalogue) -> Catalogue:
    """The relay's list, and what comes with Nightjar where the relay says nothing of it."""
    if relay is None:
        return bundled
    known = {entry.id for entry in relay.entries}
    own = tuple(entry for entry in bundled.entries if entry.id not in known)
    return msgspec.structs.replace(relay, entries=(*relay.entries, *own))


def _text(entry: Entry) -> str:
    return f"{entry.id} {entry.title} {entry.summary} {entry.architecture} {entry.quantisation}".casefold()
