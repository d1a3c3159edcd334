"""The library: which models are on this PC, and which are wanted. Frozen values; `store` keeps them on disk.

A model's file is either ours (downloaded, in the model folder) or somebody else's (imported: never written, moved or
deleted by us). Sizes are in bytes, moments in Unix seconds.
"""

from __future__ import annotations

from typing import Literal, TypeVar

import msgspec

from desktop.models.catalogue import Entry
from desktop.models.errors import NoSuchModel

Origin = Literal["download", "file", "lm-studio", "ollama", "hugging-face"]


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was verified when it came in. It is still the same while its size and time of change are."""

    name: str
    """Under which it is offered. A catalogue model's id, or a name of its own."""

    path: str
    """Absolute; of a download, the name within the model folder."""

    size: int
    mtime_ns: int
    sha256: str
    origin: Origin
    added_at: float
    active: bool = True
    """Whether the owner wants it offered."""

    entry: Entry | None = None
    """What the catalogue said of this very file."""

    projector: str = ""
    """Absolute; the file of its picture part, if it has one."""

    @property
    def is_ours(self) -> bool:
        return self.origin == "download"


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """A download that is not done. It is next when it is not paused; `problem` says why it stopped by itself."""

    entry: Entry
    added_at: float
    paused: bool = False
    problem: str = ""
    remedy: str = ""

    @property
    def name(self) -> str:
        return self.entry.id

    @property
    def runnable(self) -> bool:
        return not self.paused and not self.problem


Named = TypeVar("Named", Model, Wish)


class Library(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. Models by when they came, wishes in the order of the queue."""

    folder: str = ""
    """Where downloads go; empty: the default."""

    speed_limit: int = 0
    """Bytes a second for all downloads together; 0: no limit."""

    models: tuple[Model, ...] = ()
    wishes: tuple[Wish, ...] = ()

    def model(self, name: str) -> Model:
        """By name or an unmistakable beginning of one. Raises NoSuchModel."""
        return _named(name, self.models)

    def wish(self, name: str) -> Wish:
        """As `model`."""
        return _named(name, self.wishes)

    @property
    def names(self) -> set[str]:
        """Of all models and wishes."""
        return {model.name for model in self.models} | {wish.name for wish in self.wishes}

    def with_wish(self, wish: Wish) -> Library:
        """At its place if it is there already, else at the end."""
        if any(each.name == wish.name for each in self.wishes):
            wishes = tuple(wish if each.name == wish.name else each for each in self.wishes)
        else:
            wishes = (*self.wishes, wish)
        return msgspec.structs.replace(self, wishes=wishes)

    def without_wish(self, name: str) -> Library:
        return msgspec.structs.replace(self, wishes=tuple(each for each in self.wishes if each.name != name))

    def with_model(self, model: Model) -> Library:
        """In place of one of this name."""
        others = tuple(each for each in self.models if each.name != model.name)
        return msgspec.structs.replace(self, models=(*others, model))

    def changed(self, model: Model) -> Library:
        """`model` at the place of the one of its name."""
        models = tuple(model if each.name == model.name else each for each in self.models)
        return msgspec.structs.replace(self, models=models)

    def without_model(self, name: str) -> Library:
        return msgspec.structs.replace(self, models=tuple(each for each in self.models if each.name != name))


def _named(name: str, among: tuple[Named, ...]) -> Named:
    wanted = name.casefold()
    fitting = [each for each in among if each.name.casefold() == wanted]
    fitting = fitting or [each for each in among if each.name.casefold().startswith(wanted)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        names = ", ".join(each.name for each in fitting)
        raise NoSuchModel(name, f"It could be any of: {names}.")
    raise NoSuchModel(name)
