"""What the tray and the pages show, as values: the texts are ready, the widgets only place them.

Pure and small on purpose: `presenters` makes these from a snapshot, a test compares them, a widget never decides.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Protocol

from desktop.agent.state import Mode


class Translate(Protocol):
    """`QCoreApplication.translate`, or in a test the text itself with `%n` filled in."""

    def __call__(self, context: str, text: str, disambiguation: str = "", n: int = -1, /) -> str: ...


class Shape(enum.Enum):
    """The seven signs of the tray and of the state card. They differ in shape, so that colour is never needed."""

    SERVING = "filled"
    READY = "outline"
    WAITING = "clock"
    PAUSED = "bars"
    OFF = "slash"
    NEEDS_YOU = "exclamation"
    NO_CONTACT = "dotted"


class Tone(enum.Enum):
    """How a sign or a short text feels. Colour only underlines what the words already say."""

    GOOD = "good"
    CALM = "calm"
    ATTENTION = "attention"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Money:
    """`rounded` for the eye, at most two decimals; `exact` only where it says more, else empty."""

    rounded: str
    exact: str = ""


@dataclass(frozen=True, slots=True)
class StateView:
    """The sentence of the day. `can_pause` and `can_resume` are never both true; `mode` is None before contact."""

    shape: Shape
    tone: Tone
    headline: str
    detail: str
    mode: Mode | None
    can_pause: bool
    can_resume: bool


@dataclass(frozen=True, slots=True)
class SpeedView:
    """The live meter. `history`: tokens/s of each second of the last minute; `spoken` is for a screen reader."""

    figure: str
    unit: str
    caption: str
    history: tuple[float, ...]
    spoken: str


@dataclass(frozen=True, slots=True)
class EarningsView:
    """What the PC earned. `empty` stands in place of the figures when there are none yet.

    `exact` tells today's amount to the last digit where the rounded one would hide nearly all of it.
    """

    today: Money
    month: Money
    lifetime: Money
    caption: str
    exact: str = ""
    empty: str = ""


@dataclass(frozen=True, slots=True)
class ModelView:
    """One model: its name, one word for how it is, and a line of facts or the problem.

    `done` is the share (0 to 1) of a download that is here, None for a model that is; `spoken` says it to a reader.
    """

    name: str
    state: str
    tone: Tone
    detail: str
    done: float | None = None
    spoken: str = ""


@dataclass(frozen=True, slots=True)
class RelayView:
    """The link to the relay: a short word for the pill, and the sentence behind it."""

    word: str
    address: str
    detail: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class EnrolmentView:
    """What is asked of the owner to connect this PC; with a `code` it waits for the approval in the browser."""

    relay: str
    code: str
    url: str
    expiry: str
    problem: str


@dataclass(frozen=True, slots=True)
class HomeView:
    """The home page. `enrolment` is None once a relay knows this PC; `ticking` says that a text counts down."""

    state: StateView
    speed: SpeedView
    earnings: EarningsView
    models: tuple[ModelView, ...]
    models_empty: str
    relay: RelayView
    enrolment: EnrolmentView | None
    ticking: bool


@dataclass(frozen=True, slots=True)
class TrayView:
    """The tray's icon, tooltip and the rows that change. No text counts down: a menu is not redrawn each second."""

    shape: Shape
    tooltip: str
    state: str
    earnings: str
    mode: Mode | None
    can_choose: bool
    can_pause: bool
    can_resume: bool
    can_free_memory: bool
    models: str
    quit: str
