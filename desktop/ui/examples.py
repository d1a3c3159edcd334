"""Snapshots of a PC that shares, but for what is given: the builders of the faces, and of the interface's tests."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from desktop.agent.sharing.decision import Facts, decide, obstacles
from desktop.agent.sharing.lately import looked
from desktop.agent.state import Earnings, Enrolment, LinkState, Mode, ModelState, Snapshot
from desktop.models.progress import Progress
from desktop.system.conditions import Conditions, Load, Presence

NOW = 1_795_000_000.0

RELAY = "https://relay.example.org"
_ENROLLED = Enrolment("enrolled", node_id="node-7f3a", relay=RELAY)
_LINKED = LinkState("ready", RELAY, since=NOW - 5_400)
MODEL = ModelState("qwen2.5-7b-instruct-q4_k_m", "ready", slots=4, decode_tps=38.4)
_EARNED = Earnings(today=312_451_800, month=6_204_118_000, lifetime=41_020_000_000, answers_today=128)
FREE = Conditions(presence=Presence(NOW - 3_600, "test"), load=Load(cpu=0.0))
"""Nobody has touched the PC for an hour, and nothing else runs."""

LONG_NAME = "Mistral-Large-Instruct-2407-123B-imatrix-i1-IQ4_XS-00001-of-00003-mit-sehr-langem-Namen"


def facts(mode: Mode = Mode.ALWAYS, **changed: Any) -> Facts:
    """What the agent knows of a PC that is ready to share, but for what is given; `changed` are fields of `Facts`."""
    values: dict[str, Any] = {
        "now": NOW,
        "snoozed_until": None,
        "enrolment": _ENROLLED,
        "link": _LINKED,
        "models": (MODEL,),
        "running": 0,
        "conditions": FREE,
        "week": minute_of_the_week,
    }
    return Facts(mode=mode, **values | changed)


def seen(known: Facts, *, earnings: Earnings | None = _EARNED, downloads: tuple[Progress, ...] = ()) -> Snapshot:
    """After one look at the PC; the state is the agent's own verdict."""
    known = replace(known, lately=looked(known.lately, known.conditions, known.rules, NOW))
    rates = tuple(_rate(second) if known.running else 0.0 for second in range(60))
    return Snapshot(
        at=NOW,
        mode=known.mode,
        snoozed_until=known.snoozed_until,
        sharing=decide(known),
        link=known.link,
        enrolment=known.enrolment,
        models=known.models,
        running=known.running,
        tokens_per_s=41.3 if known.running else 0.0,
        earnings=earnings,
        rate_history=rates,
        snoozed_for=known.snoozed_for,
        obstacles=obstacles(known),
        rules=known.rules,
        downloads=downloads,
    )


def snapshot(
    *,
    earnings: Earnings | None = _EARNED,
    downloads: tuple[Progress, ...] = (),
    mode: Mode = Mode.ALWAYS,
    **changed: Any,
) -> Snapshot:
    """`seen`, of `facts`."""
    return seen(facts(mode, **changed), earnings=earnings, downloads=downloads)


def serving(answers: int = 2) -> Snapshot:
    return snapshot(running=answers, models=(replace(MODEL, running=answers),))


def unreachable() -> Snapshot:
    link = LinkState("waiting", RELAY, retry_at=NOW + 12, problem="it does not answer")
    return snapshot(link=link)


def not_enrolled(problem: str = "") -> Snapshot:
    return snapshot(enrolment=Enrolment(problem=problem), link=LinkState(), earnings=None)


def waiting_for_approval() -> Snapshot:
    page = f"{RELAY}/connect"
    enrolment = Enrolment("waiting", relay=RELAY, user_code="BCDFGHJK", approve_url=page, expires_at=NOW + 542)
    return snapshot(enrolment=enrolment, link=LinkState(), earnings=None)


def long_words() -> Snapshot:
    """Names, addresses and problems as long as they come."""
    relay = "https://nightjar-relay.informatik.universitaet-klausenburg.example.org:8443"
    problem = "Cannot read /home/maria/.local/share/nightjar/models/blobs/sha256-0f8ac3f1cf2b6f1d1a57e2b/model.gguf."
    models = (
        ModelState(LONG_NAME, "ready", slots=16, running=3, decode_tps=7.25),
        ModelState(LONG_NAME, "failed", problem=problem),
    )
    link = LinkState("waiting", relay, retry_at=NOW + 3_725, problem=f"{problem} It answered 502 Bad Gateway.")
    earned = Earnings(
        today=1_234_567_890_123, month=98_765_432_109_876, lifetime=987_654_321_098_765, answers_today=1_204_331
    )
    return snapshot(link=link, models=models, earnings=earned, enrolment=replace(_ENROLLED, relay=relay), running=3)


def _rate(second: int) -> float:
    """Two calls that came and one that went."""
    if second < 9:
        return 0.0
    level = 21.0 if second < 24 or second > 44 else 41.0
    return level + 2.2 * math.sin(second * 1.7) + (19.0 if second > 52 else 0.0)


def minute_of_the_week(at: float) -> float:
    """By UTC; Unix time began on a Thursday."""
    return (at / 60 + 3 * 1_440) % (7 * 1_440)
