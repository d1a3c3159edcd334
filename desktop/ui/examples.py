"""One snapshot for every face of the interface: for the gallery, and as the builders of its tests."""

from __future__ import annotations

import math
from dataclasses import replace

from desktop.agent.sharing.decision import Facts, decide
from desktop.agent.state import Earnings, Enrolment, LinkState, Mode, ModelState, Sharing, Snapshot

NOW = 1_795_000_000.0

_RELAY = "https://relay.example.org"
_ENROLLED = Enrolment("enrolled", node_id="node-7f3a", relay=_RELAY)
_LINKED = LinkState("ready", _RELAY, since=NOW - 5_400)
_MODEL = ModelState("qwen2.5-7b-instruct-q4_k_m", "ready", slots=4, decode_tps=38.4)
_EARNED = Earnings(today=312_451_800, month=6_204_118_000, lifetime=41_020_000_000, answers_today=128)
_LONG_NAME = "Mistral-Large-Instruct-2407-123B-imatrix-i1-IQ4_XS-00001-of-00003-mit-sehr-langem-Namen"


def snapshot(
    *,
    mode: Mode = Mode.ALWAYS,
    snoozed_until: float | None = None,
    enrolment: Enrolment = _ENROLLED,
    link: LinkState = _LINKED,
    models: tuple[ModelState, ...] = (_MODEL,),
    running: int = 0,
    earnings: Earnings | None = _EARNED,
    stopping: bool = False,
) -> Snapshot:
    """A PC that is ready to share, but for what is given; the state is the agent's own verdict."""
    facts = Facts(NOW, mode, snoozed_until, enrolment, link, models, running, stopping)
    rates = tuple(_rate(second) if running else 0.0 for second in range(60))
    return Snapshot(
        at=NOW,
        mode=mode,
        snoozed_until=snoozed_until,
        sharing=decide(facts),
        link=link,
        enrolment=enrolment,
        models=models,
        running=running,
        tokens_per_s=41.3 if running else 0.0,
        earnings=earnings,
        rate_history=rates,
    )


def serving(answers: int = 2) -> Snapshot:
    return snapshot(running=answers, models=(replace(_MODEL, running=answers),))


def unreachable() -> Snapshot:
    link = LinkState("waiting", _RELAY, retry_at=NOW + 12, problem="The connection was refused.")
    return snapshot(link=link)


def not_enrolled(problem: str = "") -> Snapshot:
    return snapshot(enrolment=Enrolment(problem=problem), link=LinkState(), earnings=None)


def waiting_for_approval() -> Snapshot:
    page = f"{_RELAY}/connect"
    enrolment = Enrolment("waiting", relay=_RELAY, user_code="BCDFGHJK", approve_url=page, expires_at=NOW + 542)
    return snapshot(enrolment=enrolment, link=LinkState(), earnings=None)


def long_words() -> Snapshot:
    """Names, addresses and problems as long as they come."""
    relay = "https://nightjar-relay.informatik.universitaet-klausenburg.example.org:8443"
    problem = "Cannot read /home/maria/.local/share/nightjar/models/blobs/sha256-0f8ac3f1cf2b6f1d1a57e2b/model.gguf."
    models = (
        ModelState(_LONG_NAME, "ready", slots=16, running=3, decode_tps=7.25),
        ModelState(_LONG_NAME, "failed", problem=problem),
    )
    link = LinkState("waiting", relay, retry_at=NOW + 3_725, problem=f"{problem} It answered 502 Bad Gateway.")
    earned = Earnings(
        today=1_234_567_890_123, month=98_765_432_109_876, lifetime=987_654_321_098_765, answers_today=1_204_331
    )
    return snapshot(link=link, models=models, earnings=earned, enrolment=replace(_ENROLLED, relay=relay), running=3)


def every_face() -> dict[str, Snapshot | None]:
    """By name; None is the moment before the agent's first word."""
    return {
        "starting": None,
        "not-enrolled": not_enrolled(),
        "not-enrolled-problem": not_enrolled(f"Enrolment at {_RELAY} failed: nobody approved it in time."),
        "waiting-for-approval": waiting_for_approval(),
        "connecting": snapshot(link=LinkState("connecting", _RELAY)),
        "no-contact": unreachable(),
        "no-model": snapshot(models=()),
        "model-failed": snapshot(models=(ModelState(_MODEL.name, "failed", problem="The file is cut short."),)),
        "warming-up": snapshot(models=(ModelState(_MODEL.name, "loading"),)),
        "off": snapshot(mode=Mode.OFF),
        "paused": snapshot(snoozed_until=NOW + 29 * 60 + 10),
        "owner-active": snapshot(mode=Mode.IDLE),
        "ready": snapshot(),
        "first-answer": snapshot(earnings=Earnings(today=1_800, month=1_800, lifetime=1_800, answers_today=1)),
        "serving": serving(),
        "closing": replace(serving(1), sharing=_closing()),
        "long-words": long_words(),
    }


def _closing() -> Sharing:
    return snapshot(running=1, stopping=True).sharing


def _rate(second: int) -> float:
    """Two calls that came and one that went."""
    if second < 9:
        return 0.0
    level = 21.0 if second < 24 or second > 44 else 41.0
    return level + 2.2 * math.sin(second * 1.7) + (19.0 if second > 52 else 0.0)
