"""Every face the interface can show, by name: what the gallery paints and the tests go through.

A face is brought about by facts, never written down: the reason, the sentence and the countdown are the agent's own.
"""

from __future__ import annotations

from dataclasses import replace

from desktop.agent.sharing.decision import PLUGGED_IN
from desktop.agent.sharing.lately import Lately
from desktop.agent.sharing.schedule import Schedule, parse_schedule
from desktop.agent.state import Earnings, LinkState, Mode, ModelState, Reason, Snapshot
from desktop.models.progress import Progress
from desktop.settings import SharingSettings
from desktop.system.conditions import UNKNOWN, Heat, Load, Power, Presence, Room
from desktop.ui.examples import (
    FREE,
    LONG_NAME,
    MODEL,
    NOW,
    RELAY,
    facts,
    long_words,
    not_enrolled,
    seen,
    serving,
    snapshot,
    unreachable,
    waiting_for_approval,
)

_GB = 1_000_000_000
_LOADING = ModelState("llama-3.2-3b-instruct-q5_k_m", "loading")
_EMBEDDER = ModelState("nomic-embed-text:latest (Ollama)", "ready", slots=1, decode_tps=0.0)

DOWNLOADING = Progress("gemma-3-4b-it-q4_k_m", "downloading", 1_070_000_000, 2_490_000_000, bytes_per_s=11_800_000)
_QUEUED = Progress("llama-3.2-3b-instruct-q5_k_m", "queued", 0, 2_320_000_000)
_PAUSED = Progress("qwen2.5-14b-instruct-q4_k_m", "paused", 6_100_000_000, 8_990_000_000, sentence="Paused by you.")
_METERED = Progress(
    "phi-4-q4_k_m", "waiting", 400_000_000, 8_890_000_000, sentence="Waiting: this network costs by the byte."
)
_SILENT = Progress(
    "mistral-7b-instruct-v0.3-q4_k_m",
    "waiting",
    0,
    4_370_000_000,
    sentence="Waiting: the connection to models.example.org broke.",
    retry_at=NOW + 48,
)
_STOPPED = Progress(
    LONG_NAME,
    "stopped",
    61 * _GB,
    64 * _GB,
    sentence="The download stopped: 3.4 GB are needed and 1.2 GB free in /home/maria/.local/share/nightjar/models.",
    remedy="Make room, or move the model folder to another disk; then resume.",
)


def every_face() -> dict[str, Snapshot | None]:
    """By name; None is the moment before the agent's first word."""
    return {"starting": None, **_contact(), **_models(), **_wishes(), **_conditions(), **_sharing()}


def _contact() -> dict[str, Snapshot]:
    return {
        "not-enrolled": not_enrolled(),
        "not-enrolled-problem": not_enrolled(f"Enrolment at {RELAY} failed: nobody approved it in time."),
        "waiting-for-approval": waiting_for_approval(),
        "connecting": snapshot(link=LinkState("connecting", RELAY)),
        "no-contact": unreachable(),
        "refused": snapshot(
            link=LinkState(
                "waiting", RELAY, retry_at=NOW + 540, problem="the relay does not accept this PC's key", refused=True
            )
        ),
    }


def _models() -> dict[str, Snapshot]:
    failed = ModelState(
        MODEL.name,
        "failed",
        problem="The model file is damaged or no GGUF file: it ends in the middle of its description.",
    )
    resting = ModelState(MODEL.name, "unloaded")
    return {
        "no-model": snapshot(models=()),
        "first-download": snapshot(models=(), downloads=(DOWNLOADING,)),
        "first-download-stopped": snapshot(models=(), downloads=(_STOPPED,)),
        "first-download-paused": snapshot(models=(), downloads=(_PAUSED,)),
        "model-failed": snapshot(models=(failed,)),
        "warming-up": snapshot(models=(ModelState(MODEL.name, "loading"),)),
        "restarting": snapshot(
            models=(ModelState(MODEL.name, "restarting", problem="The model's process was ended by SIGKILL."),)
        ),
        "resting": snapshot(models=(resting,)),
        "two-models": snapshot(models=(replace(MODEL, running=1), _LOADING), running=1),
        "other-engine": snapshot(models=(MODEL, _EMBEDDER)),
        "downloads": snapshot(downloads=(DOWNLOADING, _QUEUED, _PAUSED)),
        "downloads-held": snapshot(downloads=(_METERED, _SILENT, _STOPPED)),
    }


def _wishes() -> dict[str, Snapshot]:
    paused = facts(snoozed_until=NOW + 29 * 60 + 10)
    by_night, never = parse_schedule("daily 20:00-07:00"), Schedule(frozenset())
    return {
        "closing": replace(serving(1), sharing=snapshot(running=1, stopping=True).sharing),
        "asleep": _with(asleep=True),
        "off": snapshot(mode=Mode.OFF),
        "paused": seen(paused),
        "paused-into-the-night": seen(replace(paused, schedule=by_night)),
        "paused-beside-heat": seen(replace(paused, conditions=replace(FREE, heat=Heat(95.0, "graphics card")))),
        "paused-for-a-program": seen(replace(paused, snoozed_until=NOW + 7 * 86_400, snoozed_for="blender")),
        "paused-until-plugged-in": seen(replace(paused, snoozed_until=NOW + 7 * 86_400, snoozed_for=PLUGGED_IN)),
        "outside-schedule": seen(facts(schedule=by_night)),
        "never-in-schedule": seen(facts(schedule=never)),
    }


def _conditions() -> dict[str, Snapshot]:
    """What makes a PC wait by itself."""
    apps = SharingSettings(exclusive_apps=("Blender", "DaVinci Resolve"))
    away = Presence(NOW - 3_600, "test")
    measuring = facts(Mode.IDLE, conditions=replace(FREE, presence=Presence(measuring=True)))
    blind = Presence(problem="there is neither a desktop nor a console here")
    return {
        "on-battery": _with(power=Power(on_battery=True, percent=81)),
        "saving-energy": _with(power=Power(saver=True, percent=81)),
        "battery-low": _with(power=Power(percent=22)),
        "too-hot": _with(heat=Heat(95.0, "graphics card")),
        "cooled-down": _after(Reason.TOO_HOT),
        "exclusive-app": seen(
            facts(rules=apps, conditions=replace(FREE, programs=frozenset({"blender", "davinci resolve"})))
        ),
        "exclusive-app-over": _after(Reason.EXCLUSIVE_APP),
        "full-screen": _with(full_screen="a program"),
        "full-screen-over": _after(Reason.FULL_SCREEN),
        "call": _with(call_or_video="the camera is in use"),
        "call-over": _after(Reason.CALL_OR_VIDEO),
        "owner-measuring": seen(measuring),
        "owner-unknown": _with(presence=blind),
        "owner-active": _with(presence=Presence(NOW - 5, "test")),
        "owner-was-active": _with(presence=Presence(NOW - 120, "test")),
        "owner-was-active-beside-load": _with(presence=Presence(NOW - 120, "test"), load=Load(cpu=0.6)),
        "handing-over": _handing_over(),
        "cpu-measuring": _with(presence=away, load=Load(cpu=UNKNOWN)),
        "cpu-busy": _with(load=Load(cpu=0.6)),
        "cpu-was-busy": _after(Reason.CPU_BUSY),
        "gpu-busy": _with(load=Load(cpu=0.0, gpu=0.6)),
        "gpu-was-busy": _after(Reason.GPU_BUSY),
        "low-memory": _with(room=Room(memory=300_000_000)),
        "memory-was-low": _after(Reason.LOW_MEMORY),
        "low-disk": _with(room=Room(disk=300_000_000)),
        "disk-was-low": _after(Reason.LOW_DISK),
    }


def _sharing() -> dict[str, Snapshot]:
    return {
        "ready": snapshot(),
        "first-answer": snapshot(earnings=Earnings(today=1_800, month=1_800, lifetime=1_800, answers_today=1)),
        "serving": serving(),
        "long-words": long_words(),
    }


def _handing_over() -> Snapshot:
    just_back = replace(FREE, presence=Presence(NOW - 1, "test"))
    return seen(facts(Mode.IDLE, running=2, models=(replace(MODEL, running=2),), conditions=just_back))


def _with(**changed: object) -> Snapshot:
    """A PC that would share when idle, but for these conditions."""
    return seen(facts(Mode.IDLE, conditions=replace(FREE, **changed)))  # type: ignore[arg-type]


def _after(reason: Reason) -> Snapshot:
    """This was over 20 s ago: too short a time to begin."""
    return seen(facts(Mode.IDLE, conditions=FREE, lately=Lately(seen={reason: NOW - 20})))
