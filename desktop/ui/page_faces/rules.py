"""Every state of the Sharing rules page."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QWidget

from desktop.agent.sharing.schedule import parse_schedule
from desktop.agent.state import Mode, Snapshot
from desktop.settings import SharingSettings
from desktop.system.conditions import Heat, Load, Presence
from desktop.ui.examples import FREE, LONG_NAME, NOW, facts, minute_of_the_week, seen
from desktop.ui.figures import Formats
from desktop.ui.page_faces.fixed import Make
from desktop.ui.pages.rules import RulesPage
from desktop.ui.rules_presenter import RulesFacts, RulesPresenter
from desktop.ui.theme import Theme


def ruled(mode: Mode = Mode.IDLE, **rules: Any) -> Snapshot:
    """A PC with these rules, and nobody at it."""
    chosen = SharingSettings(**rules)
    return seen(facts(mode, rules=chosen, schedule=parse_schedule(chosen.schedule)))


def held_back() -> Snapshot:
    """By more than one thing, with and without a known end."""
    chosen = SharingSettings(schedule="mon-fri 18:00-08:00, sat-sun 00:00-24:00", exclusive_apps=("blender",))
    there = replace(
        FREE,
        presence=Presence(NOW - 120, "test"),
        load=Load(cpu=0.6),
        heat=Heat(95.0, "graphics card"),
        programs=frozenset({"blender"}),
    )
    known = facts(Mode.IDLE, rules=chosen, schedule=parse_schedule(chosen.schedule), conditions=there)
    return seen(known)


def _rules(told: RulesFacts, snapshot: Snapshot | None) -> Make:
    def make(theme: Theme, formats: Formats) -> QWidget:
        page = RulesPage(theme)
        presenter = RulesPresenter(QCoreApplication.translate, formats, minute_of_the_week)
        page.show_view(presenter.page(told, snapshot, NOW))
        return page

    return make


FACES: dict[str, Make] = {
    "rules": _rules(RulesFacts(), ruled()),
    "rules-held-back": _rules(RulesFacts(), held_back()),
    "rules-wrong": _rules(
        RulesFacts({"battery_stop_percent": 70.0, "hot_stop_c": 70.0, "hot_start_c": 80.0}, known_program="Blender"),
        ruled(exclusive_apps=("Blender", "DaVinci Resolve", LONG_NAME), idle_s=90, keep_memory_mib=1_500),
    ),
    "rules-never": _rules(RulesFacts(refused=True), ruled(schedule="never")),
    "rules-starting": _rules(RulesFacts(), None),
}
