"""What the Sharing rules page shows, as values: the texts are ready, the widgets only place them.

`rule` is always the name of a field of `SharingSettings`.
"""

from __future__ import annotations

from dataclasses import dataclass

from desktop.ui.views import Shape, Tone


@dataclass(frozen=True, slots=True)
class ChoiceView:
    """A rule with a few sensible values, each with its words; what was set elsewhere is one of them."""

    rule: str
    label: str
    value: float
    options: tuple[tuple[float, str], ...]


@dataclass(frozen=True, slots=True)
class NumberView:
    """A rule that is a number from `least` to `most`. `problem` says why what is typed cannot hold."""

    rule: str
    label: str
    value: float
    least: float
    most: float
    unit: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class SwitchView:
    """A rule that is yes or no."""

    rule: str
    label: str
    on: bool


FieldView = ChoiceView | NumberView | SwitchView


@dataclass(frozen=True, slots=True)
class CardView:
    """Some rules, and in which mode they count."""

    fields: tuple[FieldView, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class WeekView:
    """The half hours of the week in which this PC may share, 0 being Monday from 0:00.

    `now` is the minute of the week. `days` and `short_days` begin with Monday; `times` are the 49 borders of a day's
    half hours.
    """

    slots: frozenset[int]
    now: float | None
    summary: str
    days: tuple[str, ...]
    short_days: tuple[str, ...]
    times: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProgramsView:
    """Programs that want the whole PC. `empty` stands in place of their names, `problem` is about the one typed."""

    names: tuple[str, ...]
    empty: str
    problem: str


@dataclass(frozen=True, slots=True)
class WhyView:
    """Whether this PC shares now and why; `others` are what holds it back beside that, under `others_title`."""

    shape: Shape
    tone: Tone
    headline: str
    detail: str
    others_title: str = ""
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RulesView:
    """The page. Without a word of the agent there is only `why`; `refused` tells of a change that did not hold."""

    why: WhyView
    refused: str = ""
    away: CardView | None = None
    week: WeekView | None = None
    battery: CardView | None = None
    heat: CardView | None = None
    others: CardView | None = None
    programs: ProgramsView | None = None
