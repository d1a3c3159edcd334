"""What happened lately: what one look at the PC cannot show, since it is about time.

Each look makes a new value from the one before. It holds when somebody last did something, when each obstacle was last
seen, which of two thresholds (battery, heat) was crossed last, and how often in a row sharing was cut short.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from desktop.agent.state import Reason
from desktop.settings import SharingSettings
from desktop.system.conditions import Conditions, Heat, Power, Unknown

LONGEST_WAIT_S = 30 * 60.0
"""No wait grows beyond this by itself: an evening of short absences must not cost the night."""

FLAP_S = 15 * 60.0
"""Sharing that is cut short twice within this time waits longer before the third try."""

_JITTER_S = 1.5
"""Idle time is read in whole steps and takes time to read: a moment this close to the one known is the same input."""

_MIB = 1024 * 1024

_START_MARGIN = 512 * _MIB
"""Room beyond the model's own that must be there before it is loaded, so that loading it does not end sharing."""


@dataclass(frozen=True, slots=True)
class Lately:
    """`present` are the obstacles there now, `seen` is when each was last there. `stops` counts how often in a row
    sharing was cut short.

    `input_at` is None while nothing here can tell when the PC was last used.
    """

    input_at: float | None = None
    present: frozenset[Reason] = frozenset()
    seen: Mapping[Reason, float] = field(default_factory=dict)
    battery_low: bool = False
    hot: bool = False
    asleep: bool = False
    woke_at: float = float("-inf")
    stops: int = 0
    stopped_at: float = float("-inf")


def looked(lately: Lately, conditions: Conditions, rules: SharingSettings, now: float, *, need: int = 0) -> Lately:
    """After one look. `need` is the memory in bytes that the model takes and does not have yet."""
    if lately.asleep and not conditions.asleep:
        lately = replace(lately, woke_at=now)  # Somebody opened the lid; idle clocks go on through sleep, or do not.
    after = replace(
        lately,
        input_at=_input_at(lately, conditions, now),
        battery_low=_battery_low(conditions.power, rules, was=lately.battery_low),
        hot=_hot(conditions.heat, rules, was=lately.hot),
        asleep=conditions.asleep,
    )
    present = _obstacles(after, conditions, rules, need=need)
    seen = {reason: at for reason, at in lately.seen.items() if at <= now}
    seen |= dict.fromkeys(present - _unmeasured(conditions), now)
    return replace(after, present=present, seen=seen)


def stopped(lately: Lately, rules: SharingSettings, now: float) -> Lately:
    """After sharing was cut short by the owner or another program: the second time in a row, waits double."""
    recent = now - lately.stopped_at <= FLAP_S + idle_wait(lately, rules, locked=False)
    return replace(lately, stops=lately.stops + 1 if recent else 1, stopped_at=now)


def idle_wait(lately: Lately, rules: SharingSettings, *, locked: bool) -> float:
    """Seconds without input before sharing starts."""
    return _stretched(lately, min(rules.idle_s, rules.idle_locked_s) if locked else rules.idle_s)


def clear_wait(lately: Lately, rules: SharingSettings) -> float:
    """Seconds without any obstacle before sharing starts."""
    return _stretched(lately, rules.clear_s)


def exclusive_apps(conditions: Conditions, rules: SharingSettings) -> list[str]:
    """Running programs the owner wants the whole PC for, as the owner spelt them."""
    return [name for name in rules.exclusive_apps if name.lower() in conditions.programs]


def _obstacles(lately: Lately, conditions: Conditions, rules: SharingSettings, *, need: int) -> frozenset[Reason]:
    """What must be over for a while before sharing starts, as far as it is there now. Not known counts as there."""
    load, room = conditions.load, conditions.room
    there = {
        Reason.TOO_HOT: lately.hot,
        Reason.EXCLUSIVE_APP: bool(exclusive_apps(conditions, rules)),
        Reason.FULL_SCREEN: bool(conditions.full_screen),
        Reason.CALL_OR_VIDEO: bool(conditions.call_or_video),
        Reason.CPU_BUSY: _above(load.cpu, rules.cpu_others_percent),
        Reason.GPU_BUSY: _above(load.gpu, rules.gpu_others_percent),
        Reason.LOW_MEMORY: _below(room.memory, rules.keep_memory_mib * _MIB + (need + _START_MARGIN if need else 0)),
        Reason.LOW_DISK: _below(room.disk, rules.keep_disk_mib * _MIB),
    }
    return frozenset(reason for reason, is_there in there.items() if is_there)


def _unmeasured(conditions: Conditions) -> frozenset[Reason]:
    """Obstacles only because they are not known: once they are, nothing has to be over first."""
    loads = {Reason.CPU_BUSY: conditions.load.cpu, Reason.GPU_BUSY: conditions.load.gpu}
    return frozenset(reason for reason, load in loads.items() if isinstance(load, Unknown))


def _stretched(lately: Lately, wait: float) -> float:
    return max(wait, min(wait * 2.0 ** max(0, lately.stops - 1), LONGEST_WAIT_S))


def _above(share: float | Unknown, percent: float) -> bool:
    return isinstance(share, Unknown) or share * 100 > percent


def _below(free: int | None, least: int) -> bool:
    return free is not None and free < least


def _input_at(lately: Lately, conditions: Conditions, now: float) -> float | None:
    known, said = lately.input_at, conditions.presence.input_at
    if isinstance(said, Unknown):
        return None
    said = min(max(said, lately.woke_at), now)
    if known is None or known > now:  # The second: the clock was set back.
        return said
    return said if said > known + _JITTER_S else known


def _battery_low(power: Power, rules: SharingSettings, *, was: bool) -> bool:
    if power.percent is None:
        return False
    return power.percent < (rules.battery_start_percent if was else rules.battery_stop_percent)


def _hot(heat: Heat, rules: SharingSettings, *, was: bool) -> bool:
    return heat.celsius is not None and heat.celsius >= (rules.hot_start_c if was else rules.hot_stop_c)
