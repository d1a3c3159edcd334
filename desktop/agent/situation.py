"""What this PC is like and was lately, the rules that weigh it, and the switches that followed from it.

Between the watch, which only sees, and the decision, which only decides: here is the memory of both.
"""

from __future__ import annotations

import time
from dataclasses import replace

import msgspec

from desktop.agent.journal import Journal
from desktop.agent.sharing.decision import YIELDING
from desktop.agent.sharing.history import news
from desktop.agent.sharing.lately import Lately, looked, stopped
from desktop.agent.sharing.schedule import parse_schedule
from desktop.agent.state import Sharing, Switch
from desktop.errors import CommandRefused
from desktop.settings import SharingSettings, in_words
from desktop.system.conditions import Conditions
from desktop.system.watch.port import Watch


class Situation:
    """Of one agent. Times are Unix seconds."""

    def __init__(
        self, watch: Watch, settings: SharingSettings, chosen: dict[str, object], past: Journal[Switch]
    ) -> None:
        """`chosen` are the rules the owner changed in the app. Raises CommandRefused."""
        self.watch = watch
        self.lately = Lately()
        self._settings = settings
        self._past = past
        self._sharing = False
        self._last: Switch | None = None
        self.use(chosen)

    def use(self, chosen: dict[str, object]) -> None:
        """Other rules from now on. Raises CommandRefused."""
        rules = rules_with(self._settings, chosen)
        self.rules, self.schedule = rules, parse_schedule(rules.schedule)

    @property
    def conditions(self) -> Conditions:
        return self.watch.conditions

    @property
    def switches(self) -> tuple[Switch, ...]:
        return self._past.values

    def look(self, now: float, *, need: int) -> None:
        """Takes in what the watch says now. `need` is the memory in bytes that a model to be loaded takes."""
        self.lately = looked(self.lately, self.conditions, self.rules, now, need=need)

    def judged(self, sharing: Sharing, now: float) -> None:
        """Remembers a verdict."""
        if self._sharing and sharing.reason in YIELDING:
            self.lately = stopped(self.lately, self.rules, now)
        self._sharing = sharing.sharing
        if (switch := news(self._last, sharing, now)) is not None:
            self._last = switch
            self._past.add(switch)

    def freed(self, now: float) -> None:
        """The model's process is gone: how long the owner waited for that belongs to the switch."""
        last = self._last
        if last is not None and not last.sharing and last.freed_s is None:
            self._last = replace(last, freed_s=round(now - last.at, 2))
            self._past.replace_last(self._last)

    def forget(self) -> None:
        """Drops the switches, on disk too."""
        self._past.clear()
        self._last = None


def rules_with(settings: SharingSettings, chosen: dict[str, object]) -> SharingSettings:
    """The settings, with what the owner chose instead. Raises CommandRefused if the two make no sense together."""
    try:
        rules = msgspec.convert(msgspec.to_builtins(settings) | chosen, SharingSettings)
        parse_schedule(rules.schedule)
    except msgspec.ValidationError as error:
        raise CommandRefused(
            f"These rules cannot be used: {in_words(error)}.", "See `nightjar rules --help`."
        ) from error
    except ValueError as error:
        raise CommandRefused(f"These rules cannot be used: {error}.", "See `nightjar rules --help`.") from error
    return rules


def week_minute(moment: float) -> float:
    """The minute of the week, Monday 0:00 being 0, in this PC's time."""
    local = time.localtime(moment)
    return ((local.tm_wday * 24 + local.tm_hour) * 60 + local.tm_min) + (local.tm_sec + moment % 1) / 60
