"""What the Models page knows beside the snapshot: the library, what was found in the catalogue, what is being done."""

from __future__ import annotations

from dataclasses import dataclass

from desktop.models.fit import Badge
from desktop.models.imports import Found
from desktop.models.library import Origin
from desktop.models.ranking import Ranked
from desktop.models.store import Condition, Usage


@dataclass(frozen=True, slots=True)
class ModelHere:
    """A model of the library; `size` in bytes. `ours`: deleting it deletes its file. `sees`: it looks at images."""

    name: str
    size: int
    origin: Origin
    active: bool
    condition: Condition
    badge: Badge | None
    ours: bool
    path: str = ""
    sees: bool = False


@dataclass(frozen=True, slots=True)
class LibrarySeen:
    """One look at the library."""

    models: tuple[ModelHere, ...]
    usage: Usage
    wishes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CatalogueSeen:
    """What fits `words`, best first. `notice` says where the list is not the relay's newest."""

    words: str
    found: tuple[Ranked, ...]
    notice: str = ""


@dataclass(frozen=True, slots=True)
class Act:
    """Something that takes a while: `done` of `size` bytes, 0 where nothing is counted; `began` in Unix seconds."""

    what: str
    name: str = ""
    done: int = 0
    size: int = 0
    began: float = 0.0
    can_stop: bool = False
    stopping: bool = False


@dataclass(frozen=True, slots=True)
class LibraryFacts:
    """`problem` is the last act's failure and `told` its success, as sentences; both vanish with the next act."""

    library: LibrarySeen | None = None
    unread: str = ""
    catalogue: CatalogueSeen | None = None
    searching: bool = False
    search_problem: str = ""
    act: Act | None = None
    problem: str = ""
    told: str = ""
    others: tuple[Found, ...] | None = None
