"""Every state of the pages beyond Home, by name: what the gallery paints and the tests go through."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QWidget

from desktop.agent.relay_view import AnswerTold, EarnedDay, EarnedModel, EarningsTold, ReasonTold
from desktop.agent.sharing.history import LENGTH, news
from desktop.agent.sharing.schedule import parse_schedule
from desktop.agent.state import Enrolment, Mode, Snapshot, Switch
from desktop.models.catalogue import Demand, Entry, Price
from desktop.models.fit import Badge, Buffers, Plan
from desktop.models.ranking import Estimate, Ranked
from desktop.models.store import Usage
from desktop.settings import SharingSettings
from desktop.system.autostart import AtLogin
from desktop.system.conditions import Heat, Load, Presence
from desktop.system.crashes import Fault
from desktop.system.watch.self_test import Finding
from desktop.ui.activity_presenter import ActivityFacts, ActivityPresenter
from desktop.ui.diagnostics_presenter import DiagnosticsFacts, DiagnosticsPresenter
from desktop.ui.earnings_presenter import EarningsFacts, EarningsPresenter
from desktop.ui.examples import (
    FREE,
    LONG_NAME,
    MODEL,
    NOW,
    RELAY,
    facts,
    minute_of_the_week,
    not_enrolled,
    seen,
    snapshot,
    waiting_for_approval,
)
from desktop.ui.faces import DOWNLOADING, every_face
from desktop.ui.figures import Formats
from desktop.ui.first_run_presenter import FirstRunFacts, FirstRunPresenter
from desktop.ui.first_run_steps import Step
from desktop.ui.library_facts import Act, CatalogueSeen, LibraryFacts, LibrarySeen, ModelHere
from desktop.ui.library_presenter import LibraryPresenter
from desktop.ui.pages.activity import ActivityPage
from desktop.ui.pages.diagnostics import DiagnosticsPage
from desktop.ui.pages.earnings import EarningsPage
from desktop.ui.pages.first_run import FirstRunPage
from desktop.ui.pages.models import ModelsPage
from desktop.ui.pages.rules import RulesPage
from desktop.ui.pages.settings import SettingsPage
from desktop.ui.private_relay import RelayState
from desktop.ui.private_relay_presenter import PrivateRelayFacts, PrivateRelayPresenter
from desktop.ui.rules_presenter import RulesFacts, RulesPresenter
from desktop.ui.settings_presenter import Folders, SettingsFacts, SettingsPresenter
from desktop.ui.theme import Theme

Make = Callable[[Theme, Formats], QWidget]

_GB = 1_000_000_000
_FOLDER = Path("/home/maria/.local/share/nightjar/models")
_USAGE = Usage(_FOLDER, 14_300_000_000, 1_070_000_000, 4_700_000_000, 118 * _GB)

HERE = (
    ModelHere(MODEL.name, 4_680_000_000, "download", True, "ready", Badge.ROOMY, ours=True),
    ModelHere("llama-3.2-3b-instruct-q5_k_m", 2_320_000_000, "download", False, "ready", Badge.ROOMY, ours=True),
    ModelHere(
        "mistral-small:24b",
        14_300_000_000,
        "ollama",
        True,
        "missing",
        Badge.TIGHT,
        ours=False,
        path="/usr/share/ollama/.ollama/models/blobs/sha256-0f8ac3",
    ),
)
LIBRARY = LibrarySeen(HERE, _USAGE)


def candidate(
    name: str,
    title: str,
    size: int,
    *,
    badge: Badge | None = Badge.ROOMY,
    hour: int = 31_000_000,
    speed: float = 38.0,
    calls: int = 12_408,
    nodes: int = 3,
    url: str = "https://models.example.org/file.gguf",
    licence: str = "Apache-2.0",
) -> Ranked:
    """A model of the catalogue, judged."""
    entry = Entry(
        id=name,
        title=title,
        file="file.gguf",
        size=size,
        sha256="0" * 64,
        url=url,
        licence=licence,
        price=Price(100_000, 400_000),
        demand=Demand(calls, 900_000, 4_000_000, nodes),
    )
    plan = None if badge is None else _plan(badge, size)
    return Ranked(entry, plan, Estimate(speed, hour, "speed"))


def _plan(badge: Badge, size: int) -> Plan:
    memory, none = Buffers(size, 0, 0), Buffers(0, 0, 0)
    return Plan(badge, context=8192, slots=4, pool=8192, gpu_layers=0, ram=memory, card=none, used=0.5)


FOUND = (
    candidate(
        "gemma-3-12b-it-q4_k_m", "Gemma 3 12B Instruct", 7_300_000_000, hour=48_000_000, speed=21, licence="Gemma"
    ),
    candidate(MODEL.name, "Qwen 2.5 7B Instruct", 4_680_000_000, hour=31_000_000, calls=9_911, nodes=7),
    candidate("gemma-3-4b-it-q4_k_m", "Gemma 3 4B Instruct", 2_490_000_000, hour=9_400_000, speed=64, calls=1, nodes=1),
    candidate(
        "qwen2.5-72b-instruct-q4_k_m",
        "Qwen 2.5 72B Instruct",
        47_400_000_000,
        badge=Badge.NONE,
        hour=88_000_000,
        speed=3,
    ),
    candidate("nightjar-demo", "Nightjar demo", 140_000_000, url="", licence="MIT"),
)
CATALOGUE = CatalogueSeen("", FOUND)
_FULL = LibraryFacts(LIBRARY, catalogue=CATALOGUE)


def _models(facts: LibraryFacts, face: str = "downloads", *, freed: int = 0) -> Make:
    def make(theme: Theme, formats: Formats) -> QWidget:
        page = ModelsPage(theme)
        presenter = LibraryPresenter(QCoreApplication.translate, formats)
        told = replace(facts, told=presenter.removed(freed)) if freed else facts
        page.show_view(presenter.page(told, every_face()[face] if face else snapshot(), NOW))
        return page

    return make


_UNKEPT = "The choice cannot be kept in /home/maria/.local/share/nightjar/{}: no space left on device."
_RELAY_SILENT = (
    "The relay relay.example.org does not answer: it cannot be reached. Check that this PC is online, and try again."
)


def earned(days: int = 30) -> EarningsTold:
    """A month of two models, with days off."""
    told = []
    for ago in range(days):
        day = datetime.fromtimestamp(NOW - ago * 86_400, UTC).date().isoformat()
        if ago % 9 != 5:
            amount = int(180_000_000 + 130_000_000 * math.sin(ago * 0.9) + 5_100_000 * (days - ago))
            told.append(EarnedDay(day=day, model=MODEL.name, answers=88 + ago, earned=amount))
        if ago % 4 == 1:
            told.append(EarnedDay(day=day, model="gemma-3-4b-it-q4_k_m", answers=31, earned=61_000_000))
    by_model: dict[str, list[EarnedDay]] = {}
    for each in told:
        by_model.setdefault(each.model, []).append(each)
    models = [_of_model(name, each) for name, each in by_model.items()]
    return EarningsTold(
        at_ms=round(NOW * 1000),
        hour=21_400_000,
        today=312_451_800,
        week=2_180_700_000,
        month=sum(model.earned for model in models),
        lifetime=41_020_000_000,
        pending=702_000_000,
        answers_today=128,
        days=told,
        models=models,
    )


def _of_model(name: str, days: list[EarnedDay]) -> EarnedModel:
    answers, amount = sum(day.answers for day in days), sum(day.earned for day in days)
    return EarnedModel(model=name, answers=answers, earned=amount, prompt_tokens=0, completion_tokens=0)


def nothing_earned() -> EarningsTold:
    return EarningsTold(
        at_ms=round(NOW * 1000),
        hour=0,
        today=0,
        week=0,
        month=0,
        lifetime=0,
        pending=0,
        answers_today=0,
        days=[],
        models=[],
    )


REASONS = (
    ReasonTold(
        code="cheaper_elsewhere",
        sentence=f"This PC answered 3 of 41 calls for {MODEL.name} in the last 24 hours; "
        "2 other PCs can answer for less.",
        model=MODEL.name,
    ),
    ReasonTold(
        code="no_demand",
        sentence="Nobody asked for gemma-3-4b-it-q4_k_m in the last 24 hours. Another model may be wanted more.",
        model="gemma-3-4b-it-q4_k_m",
    ),
)


def _earnings(
    facts: EarningsFacts, face: str = "ready", *, table: bool = False, pointed: int | None = None, saved: str = ""
) -> Make:
    def make(theme: Theme, formats: Formats) -> QWidget:
        page = EarningsPage(theme)
        presenter = EarningsPresenter(QCoreApplication.translate, formats)
        told = replace(facts, saved=presenter.saved(saved)) if saved else facts
        page.show_view(presenter.page(told, every_face()[face], NOW))
        page.days.show_table(table)
        page.days.chart.point(pointed)
        return page

    return make


_ENDS = {3: "cancelled", 11: "failed"}


def answers(count: int = 50) -> tuple[AnswerTold, ...]:
    """One every seven minutes, the newest first; two did not end well."""
    return tuple(
        AnswerTold(
            number=count - ago,
            at_ms=round((NOW - 60 - ago * 420) * 1000),
            model=LONG_NAME if ago == 5 else MODEL.name,
            prompt_tokens=212 + 97 * (ago % 7) ** 2,
            completion_tokens=1 if ago == 3 else 240 + 31 * (ago % 5),
            duration_ms=6_900 + 230 * (ago % 9),
            first_ms=420,
            earned=0 if ago == 11 else 81_400 + 9_100 * (ago % 7),
            state=_ENDS.get(ago, "completed"),
        )
        for ago in range(count)
    )


def switches() -> tuple[Switch, ...]:
    """A day's: what the faces wait for, with times of sharing between."""
    kept: list[Switch] = []
    for at, face in enumerate(every_face().values()):
        for each in (face, snapshot() if at % 2 else None):
            if each is not None and (switch := news(kept[-1] if kept else None, each.sharing, NOW)) is not None:
                kept.append(replace(switch, freed_s=1.4 if at % 7 == 0 else None))
    return tuple(replace(each, at=NOW - ago * 1_700) for ago, each in zip(range(LENGTH, 0, -1), kept, strict=False))


def active() -> Snapshot:
    """A PC that shares and has done so before."""
    return replace(snapshot(), switches=switches())


def _activity(told: ActivityFacts, snapshot: Snapshot | None = None) -> Make:
    def make(_theme: Theme, formats: Formats) -> QWidget:
        page = ActivityPage()
        presenter = ActivityPresenter(QCoreApplication.translate, formats)
        page.show_view(presenter.page(told, snapshot if snapshot is not None else active(), NOW))
        return page

    return make


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


FINDINGS = (
    Finding("folders", "/home/maria/.local/share/nightjar", ok=True, says="can be written"),
    Finding("settings", "/home/maria/.config/nightjar/settings.toml", ok=True, says="none: the defaults hold"),
    Finding("agent", "control socket", ok=True, says="Sharing: ready, waiting for the next call."),
    Finding("enrolment", "key", ok=True, says="kept in the Secret Service"),
    Finding("relay", "https://relay.example.org", ok=True, says="answers in 84 ms"),
    Finding("model", f"{_FOLDER}/{LONG_NAME}.gguf", ok=True, says="4.68 GB, Q4_K_M, made for 131072 tokens"),
    Finding("last input", "all together", ok=True, says="3 s ago"),
    Finding("power", "UPower", ok=True, says="on mains, 81 %"),
    Finding("heat", "processor", ok=None, says="no sensor"),
)
WRONG = (
    Finding("relay", "https://relay.example.org", ok=False, says="it does not answer (nothing answers there)"),
    Finding(
        "model", "/mnt/big/model.gguf", ok=False, says="no such file or directory: correct `model` in settings.toml"
    ),
)
_LOG = tuple(
    f"2026-11-18 22:{at // 60:02}:{at % 60:02} INFO    an answer was written (tokens: {at * 7}, tokens per s: 41.2, "
    f"model: {MODEL.name})"
    for at in range(40)
)
_LOGS = "/home/maria/.local/state/nightjar/log"
_REPORT = """## Nightjar
version 0.1.0
Python 3.11.7

## Hardware
cpu: AMD Ryzen 7 5800X 8-Core Processor
ram_bytes: 33540440064

## Self-test
ok  folders  ~/.local/share/nightjar  can be written
"""


_TRACE = """Traceback (most recent call last):
  File "desktop/agent/supervisor.py", line 152, in _live
    async with asyncio.TaskGroup() as group:
ValueError: a fact that cannot be
"""


def _diagnostics(told: DiagnosticsFacts) -> Make:
    def make(_theme: Theme, formats: Formats) -> QWidget:
        page = DiagnosticsPage()
        page.show_view(DiagnosticsPresenter(QCoreApplication.translate, formats).page(told, NOW))
        return page

    return make


_FOLDERS = Folders("/home/maria/.local/share/nightjar", "/home/maria/.config/nightjar/settings.toml", _LOGS)
_AT_LOGIN = AtLogin(on=True, place="/home/maria/.config/autostart/nightjar.desktop")
SETTINGS = SettingsFacts(at_login=_AT_LOGIN, usage=_USAGE, traces=1_430_000, version="0.1.0", folders=_FOLDERS)


_KEY = "sk-nj-AbCdEfGhIjKlMnOpQrStUvWxYz0123456789abcdefg"
_PRIVATE = RelayState("running", "http://127.0.0.1:8484/v1", "http://127.0.0.1:8484", _KEY)
_PORT_IN_USE = (
    "The local relay is not running: cannot listen on 127.0.0.1:8484: address already in use. Stop what uses it, or "
    "name another port: `port` under [private_relay] in settings.toml."
)


_NO_RELAY = PrivateRelayFacts(installed=True)


def _settings(told: SettingsFacts, snapshot: Snapshot | None, private: PrivateRelayFacts = _NO_RELAY) -> Make:
    def make(theme: Theme, formats: Formats) -> QWidget:
        page = SettingsPage(theme)
        page.private_relay.show_view(PrivateRelayPresenter(QCoreApplication.translate, formats).card(private, snapshot))
        page.show_view(SettingsPresenter(QCoreApplication.translate, formats).page(told, snapshot))
        return page

    return make


_NOTICED = Finding("hands off", "test", ok=True, says="")
_CHOSEN = tuple(each for each in FOUND if each.entry.url)


def _first_run(told: FirstRunFacts, snapshot: Snapshot | None = None) -> Make:
    def make(theme: Theme, formats: Formats) -> QWidget:
        page = FirstRunPage(theme)
        shown = snapshot if snapshot is not None else not_enrolled()
        page.show_view(FirstRunPresenter(QCoreApplication.translate, formats).page(told, shown, NOW))
        return page

    return make


FIRST_RUN: dict[str, Make] = {
    "first-run-welcome": _first_run(FirstRunFacts()),
    "first-run-connect": _first_run(FirstRunFacts(Step.CONNECT)),
    "first-run-connect-problem": _first_run(
        FirstRunFacts(Step.CONNECT), not_enrolled(f"Enrolment at {RELAY} failed: nobody approved it in time.")
    ),
    "first-run-waiting": _first_run(FirstRunFacts(Step.CONNECT), waiting_for_approval()),
    "first-run-connected": _first_run(FirstRunFacts(Step.CONNECT), active()),
    "first-run-test": _first_run(FirstRunFacts(Step.TEST), active()),
    "first-run-test-away": _first_run(FirstRunFacts(Step.TEST, trying="away"), active()),
    "first-run-test-good": _first_run(FirstRunFacts(Step.TEST, tried=_NOTICED), active()),
    "first-run-test-bad": _first_run(FirstRunFacts(Step.TEST, tried=replace(_NOTICED, ok=False)), active()),
    "first-run-model-looking": _first_run(FirstRunFacts(Step.MODEL), active()),
    "first-run-model": _first_run(FirstRunFacts(Step.MODEL, found=_CHOSEN), active()),
    "first-run-model-coming": _first_run(
        FirstRunFacts(Step.MODEL, found=_CHOSEN), replace(active(), downloads=(DOWNLOADING,))
    ),
    "first-run-model-none": _first_run(FirstRunFacts(Step.MODEL, found=()), active()),
    "first-run-model-silent": _first_run(FirstRunFacts(Step.MODEL, search_problem=_RELAY_SILENT), active()),
    "first-run-share": _first_run(FirstRunFacts(Step.SHARE), active()),
    "first-run-share-off": _first_run(
        FirstRunFacts(
            Step.SHARE,
            mode=Mode.OFF,
            problem="Start at login cannot be changed: /home/maria/.config/autostart: permission denied.",
        ),
        active(),
    ),
}

PAGES: dict[str, Make] = {
    "models": _models(_FULL),
    "models-held": _models(_FULL, "downloads-held"),
    "models-looking": _models(LibraryFacts(), "starting"),
    "models-empty": _models(
        LibraryFacts(
            LibrarySeen((), Usage(_FOLDER, 0, 0, 0, 118 * _GB)),
            catalogue=CatalogueSeen(
                "", FOUND[-1:], "This PC is not enrolled at a relay; this is what comes with Nightjar."
            ),
        ),
        "",
    ),
    "models-importing": _models(
        LibraryFacts(
            LIBRARY,
            catalogue=CatalogueSeen("zephyr", ()),
            act=Act("import", "phi-4-q4_k_m.gguf", 3_100_000_000, 8_890_000_000, NOW - 12, can_stop=True),
        ),
        "",
    ),
    "models-error": _models(
        LibraryFacts(
            LIBRARY,
            search_problem="The relay relay.example.org does not answer: it cannot be reached. "
            "Check that this PC is online, and try again.",
            problem="/home/maria/phi-4.gguf cannot be used: it is too small to be a model. Choose another file.",
        ),
        "",
    ),
    "models-done": _models(LibraryFacts(LIBRARY, catalogue=CATALOGUE), "", freed=4_680_000_000),
    "earnings": _earnings(EarningsFacts(earned(), REASONS)),
    "earnings-pointed": _earnings(EarningsFacts(earned(), REASONS), pointed=21),
    "earnings-week": _earnings(EarningsFacts(earned(), days=7)),
    "earnings-table": _earnings(EarningsFacts(earned()), table=True, saved="/home/maria/nightjar-earnings.csv"),
    "earnings-nothing": _earnings(EarningsFacts(nothing_earned(), REASONS[:1])),
    "earnings-asking": _earnings(EarningsFacts(asking=True)),
    "earnings-not-enrolled": _earnings(EarningsFacts(), "not-enrolled"),
    "earnings-error": _earnings(EarningsFacts(problem=_RELAY_SILENT)),
    "earnings-stale": _earnings(EarningsFacts(earned(), problem=_RELAY_SILENT)),
    "activity": _activity(ActivityFacts(answers(), more=True)),
    "activity-few": _activity(ActivityFacts(answers(3)), snapshot()),
    "activity-nothing": _activity(ActivityFacts((), REASONS)),
    "activity-asking": _activity(ActivityFacts(asking=True)),
    "activity-more": _activity(ActivityFacts(answers(), more=True, asking=True)),
    "activity-not-enrolled": _activity(ActivityFacts(), not_enrolled()),
    "activity-error": _activity(ActivityFacts(problem=_RELAY_SILENT)),
    "rules": _rules(RulesFacts(), ruled()),
    "rules-held-back": _rules(RulesFacts(), held_back()),
    "rules-wrong": _rules(
        RulesFacts({"battery_stop_percent": 70.0, "hot_stop_c": 70.0, "hot_start_c": 80.0}, known_program="Blender"),
        ruled(exclusive_apps=("Blender", "DaVinci Resolve", LONG_NAME), idle_s=90, keep_memory_mib=1_500),
    ),
    "rules-never": _rules(RulesFacts(refused=True), ruled(schedule="never")),
    "rules-starting": _rules(RulesFacts(), None),
    "diagnostics": _diagnostics(DiagnosticsFacts(FINDINGS, NOW - 60, log=_LOG, folder=_LOGS)),
    "diagnostics-wrong": _diagnostics(DiagnosticsFacts(WRONG + FINDINGS[:2], log=_LOG[:3], folder=_LOGS)),
    "diagnostics-fault": _diagnostics(
        DiagnosticsFacts(FINDINGS[:2], log=_LOG[:3], folder=_LOGS, fault=Fault(NOW - 3_600, "0.1.0", "agent", _TRACE))
    ),
    "diagnostics-looking": _diagnostics(DiagnosticsFacts(testing=True, reporting=True, folder=_LOGS)),
    "diagnostics-report": _diagnostics(
        DiagnosticsFacts(FINDINGS[:3], log=_LOG, folder=_LOGS, report=_REPORT, saved="/home/maria/nightjar-report.txt")
    ),
    "diagnostics-error": _diagnostics(
        DiagnosticsFacts(
            FINDINGS[:2],
            folder=_LOGS,
            report=_REPORT,
            problem="/media/stick/report.txt cannot be written: permission denied.",
        )
    ),
    "settings": _settings(SETTINGS, active()),
    "settings-relay": _settings(
        SETTINGS, active(), PrivateRelayFacts(installed=True, state=_PRIVATE, copied="endpoint")
    ),
    "settings-relay-own": _settings(
        SETTINGS,
        replace(active(), enrolment=Enrolment("enrolled", "node-7f3a", _PRIVATE.origin)),
        PrivateRelayFacts(installed=True, state=_PRIVATE),
    ),
    "settings-relay-absent": _settings(SETTINGS, active(), PrivateRelayFacts(installed=False)),
    "settings-relay-starting": _settings(
        SETTINGS, active(), PrivateRelayFacts(installed=True, state=RelayState("starting"))
    ),
    "settings-relay-stopping": _settings(
        SETTINGS, active(), PrivateRelayFacts(installed=True, state=RelayState("stopping"))
    ),
    "settings-new": _settings(
        replace(SETTINGS, at_login=replace(_AT_LOGIN, on=False), traces=0, looks="dark"), not_enrolled()
    ),
    "settings-starting": _settings(SettingsFacts(), None),
    "settings-wrong": _settings(
        replace(
            SETTINGS,
            at_login=replace(_AT_LOGIN, on=False, blocked="It was switched off in the settings of this desktop."),
            login_problem="Start at login cannot be changed: /home/maria/.config/autostart: no space left on device.",
            usage=None,
            usage_problem="Cannot use the folder /mnt/big: no such file or directory.",
            forgotten=1_430_000,
            traces=None,
            forget_problem=f"Cannot use the folder {_LOGS}: permission denied.",
            look_problem=_UNKEPT.format("interface.json"),
            tells="problems",
            tell_problem=_UNKEPT.format("notices.json"),
        ),
        active(),
        PrivateRelayFacts(installed=True, state=RelayState("failed", problem=_PORT_IN_USE)),
    ),
    **FIRST_RUN,
    "activity-stale": _activity(ActivityFacts(answers(9), problem=_RELAY_SILENT)),
}
