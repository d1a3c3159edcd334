"""The words of the Sharing rules page, and which of the owner's wishes make sense together. Pure: no Qt, no clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from desktop.agent.sharing.schedule import DAY_SLOTS, SLOT_MINUTES, WEEK_SLOTS, Schedule, parse_schedule
from desktop.agent.sharing.words import countdown
from desktop.agent.state import Obstacle, Snapshot
from desktop.settings import SharingSettings
from desktop.ui.agent_words import AgentWords, sentence, unopened
from desktop.ui.figures import Formats, counted
from desktop.ui.rules_views import (
    CardView,
    ChoiceView,
    NumberView,
    ProgramsView,
    RulesView,
    SwitchView,
    WeekView,
    WhyView,
)
from desktop.ui.state_presenter import StatePresenter
from desktop.ui.views import Shape, Tone, Translate

AWAY = ("idle_s", "idle_locked_s", "clear_s", "grace_s")
SCHEDULE = ("schedule",)
BATTERY = ("on_battery", "battery_stop_percent", "battery_start_percent")
HEAT = ("hot_stop_c", "hot_start_c")
OTHERS = ("cpu_others_percent", "gpu_others_percent", "keep_memory_mib", "keep_disk_mib")
PROGRAMS = ("exclusive_apps",)
"""The rules of each card."""

NIGHTS = parse_schedule("daily 22:00-07:00")

_CHOICES: Mapping[str, tuple[float, ...]] = {
    "idle_s": (60, 120, 300, 600, 900, 1_800, 3_600, 7_200),
    "idle_locked_s": (0, 30, 60, 120, 300, 600, 1_800),
    "clear_s": (30, 60, 120, 300, 600, 1_800),
    "grace_s": (0, 2, 5, 10),
    "keep_memory_mib": (0, 512, 1_024, 2_048, 4_096, 8_192, 16_384, 32_768),
    "keep_disk_mib": (0, 1_024, 2_048, 5_120, 10_240, 20_480, 51_200, 102_400),
}
"""Sensible values of rules that have no natural step. What was set elsewhere is added."""

_WITHIN = {"%": (0.0, 100.0), "°C": (30.0, 120.0)}
"""What `SharingSettings` takes."""

_PAIRS = {
    "battery_stop_percent": "battery_start_percent",
    "battery_start_percent": "battery_stop_percent",
    "hot_stop_c": "hot_start_c",
    "hot_start_c": "hot_stop_c",
}
"""Thresholds that hold only together: a wish for one may have to wait for a wish for the other."""

Wishes = Mapping[str, object]
"""By rule, as `SetRules` carries them."""


@dataclass(frozen=True, slots=True)
class RulesFacts:
    """`wishes` are what the hand has set and the agent's rules do not say yet; `refused`: some never came true."""

    wishes: Wishes = field(default_factory=dict)
    known_program: str = ""
    refused: bool = False


class RulesPresenter:
    """Makes a `RulesView` from facts. `week` gives the minute of the week, in the PC's own time, of a Unix time."""

    def __init__(self, translate: Translate, formats: Formats, week: Callable[[float], float]) -> None:
        self._translate = translate
        self._formats = formats
        self._agent = AgentWords(translate, formats)
        self._week = week
        self._states = StatePresenter(translate, formats)

    def tr(self, text: str, disambiguation: str = "", n: int = -1) -> str:
        """Named and shaped as `lupdate` wants it: the context is this class."""
        return self._translate("RulesPresenter", text, disambiguation, n)

    def page(self, facts: RulesFacts, snapshot: Snapshot | None, now: float) -> RulesView:
        if snapshot is None:
            headline = self.tr("Nothing to change now")
            detail = self.tr("The rules show here while Nightjar is at work.")
            return RulesView(WhyView(Shape.NO_CONTACT, Tone.CALM, headline, detail))
        rules, wishes = snapshot.rules, facts.wishes
        refused = self.tr("Nightjar did not take the last change; the rules are as they were.")
        return RulesView(
            why=self.why(snapshot, now),
            refused=refused if facts.refused else "",
            away=self._away(rules, wishes),
            week=self.week(rules, wishes, now),
            battery=self._battery(rules, wishes),
            heat=self._heat(rules, wishes),
            others=self._others(rules, wishes),
            programs=self._programs(rules, facts),
        )

    # --- why -------------------------------------------------------------------------------------------------------

    def why(self, snapshot: Snapshot, now: float) -> WhyView:
        """The state as on Home, and everything else that would hold sharing back if that were over."""
        state = self._states.state(snapshot, now)
        others = tuple(self._other(each, now) for each in snapshot.obstacles[1:])
        title = self.tr("This PC would wait for this, too:") if others else ""
        if not others and not snapshot.sharing.sharing:
            title = self.tr("Nothing else is in the way.")
        return WhyView(state.shape, state.tone, state.headline, state.detail, title, others)

    def _other(self, obstacle: Obstacle, now: float) -> str:
        said = sentence(self._agent.said(unopened(obstacle.sentence)))
        if obstacle.until is None or obstacle.until <= now:
            return said
        over = self.tr("Over at %1, in %2.").replace("%1", self._formats.moment(obstacle.until, now))
        return f"{said} {over.replace('%2', countdown(obstacle.until - now))}"

    # --- cards -----------------------------------------------------------------------------------------------------

    def _away(self, rules: SharingSettings, wishes: Wishes) -> CardView:
        at_once, no_time = self.tr("at once"), self.tr("no time")
        rows = (
            ("idle_s", self.tr("Share after this long without mouse and keyboard"), at_once),
            ("idle_locked_s", self.tr("The same while the screen is locked"), at_once),
            ("clear_s", self.tr("Calls, games and other load must be over for"), no_time),
            ("grace_s", self.tr("When you come back, an answer may go on for"), no_time),
        )
        fields = tuple(
            self._choice(rules, wishes, rule, label, partial(self._span, zero=zero)) for rule, label, zero in rows
        )
        note = self.tr("“When idle” waits until you are away. “Always” shares while you work, too.")
        return CardView(fields, note)

    def _battery(self, rules: SharingSettings, wishes: Wishes) -> CardView:
        on = bool(_shown(rules, wishes, "on_battery"))
        labels = {
            "battery_stop_percent": self.tr("Stop below a charge of"),
            "battery_start_percent": self.tr("Once stopped, start again from"),
        }
        switch = SwitchView("on_battery", self.tr("Share on battery, too"), on)
        return CardView((switch, *self._pair(rules, wishes, labels, "%")))

    def _heat(self, rules: SharingSettings, wishes: Wishes) -> CardView:
        labels = {
            "hot_stop_c": self.tr("Stop when processor or graphics card reach"),
            "hot_start_c": self.tr("Once stopped, start again below"),
        }
        return CardView(self._pair(rules, wishes, labels, "°C"))

    def _others(self, rules: SharingSettings, wishes: Wishes) -> CardView:
        limits = {
            "cpu_others_percent": self.tr("Wait while they use more of the processor than"),
            "gpu_others_percent": self.tr("Wait while they use more of the graphics card than"),
        }
        rooms = {
            "keep_memory_mib": self.tr("Memory that stays free for them"),
            "keep_disk_mib": self.tr("Disk space that stays free"),
        }
        numbers = (NumberView(rule, label, _number(rules, wishes, rule), 0, 100, "%") for rule, label in limits.items())
        choices = (self._choice(rules, wishes, rule, label, self._room) for rule, label in rooms.items())
        note = self.tr("The two limits count for “When idle”; memory and disk always do.")
        return CardView((*numbers, *choices), note)

    def _programs(self, rules: SharingSettings, facts: RulesFacts) -> ProgramsView:
        names = programs(rules, facts.wishes)
        empty = self.tr("None yet. Add a game or a studio program, and nothing is shared while it runs.")
        known = self.tr("%1 is on the list already.").replace("%1", facts.known_program)
        return ProgramsView(names, "" if names else empty, known if facts.known_program else "")

    # --- week ------------------------------------------------------------------------------------------------------

    def week(self, rules: SharingSettings, wishes: Wishes, now: float) -> WeekView:
        schedule = parse_schedule(str(_shown(rules, wishes, "schedule")))
        formats = self._formats
        return WeekView(
            schedule.slots,
            float(int(self._week(now))),
            self._summary(schedule),
            tuple(formats.weekday(day) for day in range(7)),
            tuple(formats.weekday_short(day) for day in range(7)),
            tuple(formats.clock(slot * SLOT_MINUTES) for slot in range(DAY_SLOTS + 1)),
        )

    def _summary(self, schedule: Schedule) -> str:
        if schedule.always:
            return self.tr("Open all week.")
        if not schedule.slots:
            return self.tr("No hour is open, so this PC never shares.")
        hours = f"{len(schedule.slots) / 2:g}".replace(".", self._formats.point)
        whole = str(WEEK_SLOTS // 2)
        return self.tr("Open for %1 of %2 hours a week.").replace("%2", whole).replace("%1", hours)

    # --- fields ----------------------------------------------------------------------------------------------------

    def _choice(
        self, rules: SharingSettings, wishes: Wishes, rule: str, label: str, words: Callable[[float], str]
    ) -> ChoiceView:
        value = _number(rules, wishes, rule)
        values = sorted({*map(float, _CHOICES[rule]), value})
        return ChoiceView(rule, label, value, tuple((each, words(each)) for each in values))

    def _pair(
        self,
        rules: SharingSettings,
        wishes: Wishes,
        labels: Mapping[str, str],
        unit: str,
    ) -> tuple[NumberView, ...]:
        """Two thresholds. The problem stands beside what was changed; where both were, beside the second."""
        names = tuple(labels)
        changed = [name for name in names if name in wishes]
        problem = self._problem(rules, wishes, changed[-1]) if changed and not fits(rules, wishes, names[0]) else ""
        return tuple(
            NumberView(
                name,
                label,
                _number(rules, wishes, name),
                *_WITHIN[unit],
                unit,
                problem if changed and name == changed[-1] else "",
            )
            for name, label in labels.items()
        )

    def _problem(self, rules: SharingSettings, wishes: Wishes, rule: str) -> str:
        other = f"{_number(rules, wishes, _PAIRS[rule]):g}".replace(".", self._formats.point)
        texts = {
            "battery_stop_percent": self.tr("This is above the charge from which it starts again: raise that, too."),
            "battery_start_percent": self.tr("It would start again while it still has to stop: at least %1 %."),
            "hot_stop_c": self.tr("This is below the temperature at which it starts again: lower that, too."),
            "hot_start_c": self.tr("It would start again while it is still too hot: at most %1 °C."),
        }
        return texts[rule].replace("%1", other)

    def _span(self, seconds: float, zero: str) -> str:
        """`1 h 30 min`."""
        minutes, rest = divmod(round(seconds), 60)
        hours, minutes = divmod(minutes, 60)
        parts = [
            text.replace("%1", str(count))
            for count, text in ((hours, self.tr("%1 h")), (minutes, self.tr("%1 min")), (rest, self.tr("%1 s")))
            if count
        ]
        return " ".join(parts) or zero

    def _room(self, mib: float) -> str:
        if not mib:
            return self.tr("nothing")
        if mib < 1_024 or mib % 512:
            return f"{counted(round(mib), self._formats)} MiB"
        return f"{mib / 1_024:g} GiB".replace(".", self._formats.point)


# --- wishes ----------------------------------------------------------------------------------------------------------


def fits(rules: SharingSettings, wishes: Wishes, rule: str) -> bool:
    """Whether a wish for `rule` holds beside the others: a threshold of two has to be on its side of the other."""
    if rule not in _PAIRS:
        return True
    names = BATTERY[1:] if rule in BATTERY else HEAT
    stop, start = (_number(rules, wishes, name) for name in names)
    return start >= stop if rule in BATTERY else start <= stop


def ready(rules: SharingSettings, wishes: Wishes) -> dict[str, object]:
    """Those that can be sent."""
    return {rule: wish for rule, wish in wishes.items() if fits(rules, wishes, rule)}


def open_wishes(rules: SharingSettings, wishes: Wishes) -> dict[str, object]:
    """Those that have not come true yet."""
    return {rule: wish for rule, wish in wishes.items() if not _is_met(rules, rule, wish)}


def programs(rules: SharingSettings, wishes: Wishes) -> tuple[str, ...]:
    """Those the whole PC is kept for, as the owner spelt them."""
    shown: Any = _shown(rules, wishes, "exclusive_apps")
    return tuple(shown)


def program_name(typed: str) -> str:
    r"""`C:\Games\Game.exe` as `Game.exe`: programs are known by the name of their file."""
    return typed.replace("\\", "/").rstrip("/").rpartition("/")[2].strip()


def _is_met(rules: SharingSettings, rule: str, wish: Any) -> bool:
    if rule == "schedule":
        return parse_schedule(rules.schedule) == parse_schedule(wish)
    if rule == "exclusive_apps":
        return rules.exclusive_apps == tuple(wish)
    return bool(getattr(rules, rule) == wish)


def _shown(rules: SharingSettings, wishes: Wishes, rule: str) -> object:
    return wishes[rule] if rule in wishes else getattr(rules, rule)


def _number(rules: SharingSettings, wishes: Wishes, rule: str) -> float:
    shown: Any = _shown(rules, wishes, rule)
    return float(shown)
