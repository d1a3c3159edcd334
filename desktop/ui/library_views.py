"""What the Models page shows, as values."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from desktop.ui.views import Tone


class Wanted(enum.Enum):
    """What the owner can ask of a model with a button in its row."""

    OFFER = "offer"
    REST = "rest"
    REMOVE = "remove"
    RESUME = "resume"
    PAUSE = "pause"
    CANCEL = "cancel"
    DOWNLOAD = "download"


@dataclass(frozen=True, slots=True)
class ActionView:
    """A button: its word, and what a screen reader says, which names the model. `why_not` explains a dead one."""

    wanted: Wanted
    text: str
    spoken: str
    enabled: bool = True
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class RowView:
    """A model: `note` is a second line for what is wrong, or what it would earn; `done` as in `ModelView`."""

    name: str
    detail: str
    state: str = ""
    tone: Tone = Tone.CALM
    actions: tuple[ActionView, ...] = ()
    title: str = ""
    note: str = ""
    note_tone: Tone = Tone.CALM
    figure: str = ""
    figure_unit: str = ""
    done: float | None = None
    spoken: str = ""

    @property
    def shown(self) -> str:
        return self.title or self.name


@dataclass(frozen=True, slots=True)
class DiskView:
    """`share` of what the models' disk could hold for them that is taken, 0 to 1."""

    text: str
    folder: str
    share: float
    tone: Tone


@dataclass(frozen=True, slots=True)
class ActView:
    """The long act under way. `done` is None where it cannot be measured."""

    text: str
    done: float | None
    can_stop: bool
    stop: str


@dataclass(frozen=True, slots=True)
class QuestionView:
    """A confirmation: what happens in `text` and `detail`, `yes` on the button that does it."""

    text: str
    detail: str
    yes: str


@dataclass(frozen=True, slots=True)
class LibraryView:
    """The whole page. Texts in place of rows: `models_empty`, `found_empty`."""

    models: tuple[RowView, ...]
    models_empty: str
    downloads: tuple[RowView, ...]
    found: tuple[RowView, ...]
    found_empty: str
    notice: str
    disk: DiskView | None
    act: ActView | None
    problem: str
    told: str
    can_change: bool
    ticking: bool
