"""The decision: every obstacle in one fixed order; the first is the reason, and none means that this PC shares.

Knows no clock and no I/O; `now` comes with the facts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from desktop.agent.sharing.lately import Lately, clear_wait, exclusive_apps, idle_wait
from desktop.agent.sharing.schedule import SLOT_MINUTES, WEEK_SLOTS, Schedule
from desktop.agent.sharing.words import Phrase, answers, host_of, say, span, spelt
from desktop.agent.state import Enrolment, LinkState, Mode, ModelState, Obstacle, Reason, Sharing
from desktop.settings import SharingSettings
from desktop.system.conditions import Conditions, Unknown

PLUGGED_IN = "plugged in"
"""What `Facts.snoozed_for` says of a pause that ends when the PC is plugged in; anything else names a program."""

_STILL_USING_S = 30.0
"""So soon after an input the owner is still there: a countdown that starts anew with every key helps nobody."""

_WEEK_MINUTES = WEEK_SLOTS * SLOT_MINUTES

COURTESIES = frozenset(
    {Reason.FULL_SCREEN, Reason.CALL_OR_VIDEO, Reason.OWNER_ACTIVE, Reason.CPU_BUSY, Reason.GPU_BUSY}
)
"""What only mode *When idle* waits for: who chose *Always* wants to share beside all this."""

YIELDING = COURTESIES | {Reason.EXCLUSIVE_APP, Reason.TOO_HOT, Reason.LOW_MEMORY}
"""Sharing that one of these ends was cut short: soon twice in a row, and waits grow."""


def _no_week(_moment: float) -> float:
    return 0.0


@dataclass(frozen=True, slots=True)
class Facts:
    """All that decides. `week` gives the minute of the week, in the PC's own time, of a Unix time."""

    now: float
    mode: Mode
    snoozed_until: float | None
    enrolment: Enrolment
    link: LinkState
    models: tuple[ModelState, ...]
    running: int
    stopping: bool = False
    snoozed_for: str = ""
    conditions: Conditions = field(default_factory=Conditions)
    lately: Lately = field(default_factory=Lately)
    rules: SharingSettings = field(default_factory=SharingSettings)
    schedule: Schedule = field(default_factory=Schedule)
    week: Callable[[float], float] = _no_week


@dataclass(frozen=True, slots=True)
class Block:
    """One obstacle. `ends_at`: when it ends if nothing changes, None if that is not known.

    `quiet`: it ends then, but so likely is put off again that no countdown is shown while it is the reason.
    """

    reason: Reason
    sentence: str
    remedy: str = ""
    ends_at: float | None = None
    quiet: bool = False
    used_at: float | None = None


def decide(facts: Facts) -> Sharing:
    """The one reason that holds now."""
    standing = tuple(blocks(facts))
    if not standing:
        return _shared(facts)
    first = standing[0]
    until, firm = _ends(facts, standing)
    return Sharing(
        sharing=False,
        reason=first.reason,
        sentence=first.sentence,
        until=until,
        remedy=first.remedy,
        firm=firm,
        used_at=first.used_at,
    )


def obstacles(facts: Facts) -> tuple[Obstacle, ...]:
    """`blocks`, as the owner is told."""
    return tuple(Obstacle(each.reason, each.sentence, None if each.quiet else each.ends_at) for each in blocks(facts))


def blocks(facts: Facts) -> Iterator[Block]:
    """Everything that keeps this PC from sharing now, in the order of `Reason`."""
    for rule in (_enrolment, _contact, _models, *_WISHES, _warming):
        if (block := rule(facts)) is not None:
            yield block


def wants_model(facts: Facts) -> bool:
    """Whether the owner's wishes call for a model in memory: while Off, paused or in use, the PC is theirs."""
    return facts.enrolment.kind == "enrolled" and all(rule(facts) is None for rule in _WISHES)


def snooze_is_over(facts: Facts) -> bool:
    """Whether what the owner paused for has come to pass, before the pause's own end."""
    if not facts.snoozed_for:
        return False
    if facts.snoozed_for == PLUGGED_IN:
        return not facts.conditions.power.on_battery
    name = facts.snoozed_for.lower()
    return name in facts.conditions.sought and name not in facts.conditions.programs


def look_again_at(facts: Facts) -> float | None:
    """The Unix time at which the clock alone may change the verdict or its sentence; None if it cannot."""
    moments = [block.ends_at for block in blocks(facts) if block.ends_at is not None]
    if facts.lately.input_at is not None:
        moments.append(facts.lately.input_at + _STILL_USING_S)
    if not facts.schedule.always:
        minute = facts.week(facts.now)
        moments.append(facts.now + (SLOT_MINUTES - minute % SLOT_MINUTES) * 60)
    return min((moment for moment in moments if moment > facts.now), default=None)


def in_use(facts: Facts) -> bool:
    """Whether the owner or another program uses the PC: while sharing goes on all the same, the tighter limits hold.

    Where nobody can tell, *Always* means what it says: a server that was set to it has nobody to make room for.
    """
    if facts.lately.input_at is None:
        return False
    return any(rule(facts) is not None for rule in (_full_screen, _call_or_video, _owner, _cpu, _gpu))


def _ends(facts: Facts, standing: tuple[Block, ...]) -> tuple[float | None, bool]:
    """When sharing can start if nothing changes, and whether it will: not if some end is unknown."""
    first = standing[0]
    if first.reason is Reason.RELAY_UNREACHABLE:
        return first.ends_at, True
    if first.ends_at is None or first.quiet:
        return None, True
    lasting = [block for block in standing if block.reason is not Reason.WARMING_UP]
    ends = [block.ends_at for block in lasting if block.ends_at is not None]
    return _opens_at(facts, max(ends)), len(ends) == len(lasting)


def _shared(facts: Facts) -> Sharing:
    if not facts.running:
        return Sharing(sharing=True, reason=Reason.READY, sentence=say(Phrase.READY))
    phrase = Phrase.SERVING_ONE if facts.running == 1 else Phrase.SERVING_MANY
    return Sharing(sharing=True, reason=Reason.SERVING, sentence=say(phrase, count=facts.running))


# --- contact and model ---------------------------------------------------------------------------------------------


def _enrolment(facts: Facts) -> Block | None:
    enrolment = facts.enrolment
    if enrolment.kind == "enrolled":
        return None
    if enrolment.kind == "waiting":
        sentence = say(Phrase.APPROVE, code=spelt(enrolment.user_code))
        return Block(Reason.NOT_ENROLLED, sentence, say(Phrase.APPROVE_REMEDY, url=enrolment.approve_url))
    command = f"nightjar enroll --relay {enrolment.relay or 'URL'}"
    if not enrolment.problem:
        remedy = say(Phrase.NOT_ENROLLED_REMEDY, command=command)
        return Block(Reason.NOT_ENROLLED, say(Phrase.NOT_ENROLLED), remedy)
    # What went wrong with an attempt, or with a secret, often says itself what to do.
    remedy = "" if "nightjar enroll" in enrolment.problem else say(Phrase.ENROL_AGAIN, command=command)
    return Block(Reason.NOT_ENROLLED, say(Phrase.ENROLMENT_PROBLEM, problem=enrolment.problem), remedy)


def _contact(facts: Facts) -> Block | None:
    if facts.link.kind == "ready" or facts.enrolment.kind != "enrolled":
        return None
    relay = host_of(facts.enrolment.relay)
    if facts.link.kind != "waiting":
        return Block(Reason.RELAY_UNREACHABLE, say(Phrase.CONNECTING, relay=relay))
    problem = f" ({facts.link.problem})" if facts.link.problem else ""
    sentence = say(Phrase.UNREACHABLE, relay=relay, problem=problem)
    return Block(Reason.RELAY_UNREACHABLE, sentence, say(Phrase.UNREACHABLE_REMEDY), facts.link.retry_at)


def _models(facts: Facts) -> Block | None:
    if any(model.kind != "failed" for model in facts.models):
        return None
    if not facts.models:
        return Block(Reason.NO_MODEL, say(Phrase.NO_MODEL), say(Phrase.NO_MODEL_REMEDY))
    first = facts.models[0]
    why = f": {first.problem.rstrip('.')}" if first.problem else ""
    sentence = say(Phrase.MODEL_UNUSABLE, model=first.name, why=why)
    return Block(Reason.NO_MODEL, sentence, say(Phrase.MODEL_UNUSABLE_REMEDY))


def _warming(facts: Facts) -> Block | None:
    if not facts.models or any(model.kind in ("ready", "unloaded") for model in facts.models):
        return None
    if any(model.kind == "restarting" for model in facts.models):
        return Block(Reason.WARMING_UP, say(Phrase.RESTARTING))
    return Block(Reason.WARMING_UP, say(Phrase.WARMING_UP, model=facts.models[0].name))


# --- the owner's wishes and the PC's state -------------------------------------------------------------------------


def _stopping(facts: Facts) -> Block | None:
    if not facts.stopping:
        return None
    phrase = Phrase.CLOSING_FINISHING if facts.running else Phrase.CLOSING
    return Block(Reason.SHUTTING_DOWN, say(phrase, answers=answers(facts.running)))


def _asleep(facts: Facts) -> Block | None:
    return Block(Reason.ASLEEP, say(Phrase.ASLEEP)) if facts.conditions.asleep else None


def _off(facts: Facts) -> Block | None:
    return Block(Reason.MODE_OFF, say(Phrase.OFF), say(Phrase.OFF_REMEDY)) if facts.mode is Mode.OFF else None


def _snoozed(facts: Facts) -> Block | None:
    until = facts.snoozed_until
    if until is None or until <= facts.now:
        return None
    if not facts.snoozed_for:
        return Block(Reason.SNOOZED, say(Phrase.PAUSED), say(Phrase.PAUSED_REMEDY), until)
    phrase = Phrase.PAUSED_UNTIL_PLUGGED if facts.snoozed_for == PLUGGED_IN else Phrase.PAUSED_FOR_APP
    # Its own end is only the latest; when the program closes nobody knows.
    return Block(Reason.SNOOZED, say(phrase, app=facts.snoozed_for), say(Phrase.PAUSED_REMEDY))


def _outside(facts: Facts) -> Block | None:
    if facts.schedule.always or facts.schedule.is_open(facts.week(facts.now)):
        return None
    opens_at = _opens_at(facts, facts.now)
    phrase = Phrase.NEVER_IN_SCHEDULE if opens_at is None else Phrase.OUTSIDE_SCHEDULE
    return Block(Reason.OUTSIDE_SCHEDULE, say(phrase), say(Phrase.SCHEDULE_REMEDY), opens_at)


def _opens_at(facts: Facts, moment: float) -> float | None:
    """The first Unix time from `moment` on at which the schedule is open; right also when clocks change before that."""
    minute = facts.week(moment)
    wait = 0.0 if facts.schedule.always else facts.schedule.opens_in(minute)
    if not wait:
        return None if wait is None else moment
    guess = moment + wait * 60
    off = (minute + wait - facts.week(guess) + _WEEK_MINUTES / 2) % _WEEK_MINUTES - _WEEK_MINUTES / 2
    return guess + off * 60


def _battery(facts: Facts) -> Block | None:
    power, rules = facts.conditions.power, facts.rules
    if power.on_battery and not rules.on_battery:
        return Block(Reason.ON_BATTERY, say(Phrase.ON_BATTERY), say(Phrase.ON_BATTERY_REMEDY))
    if power.saver:
        return Block(Reason.ON_BATTERY, say(Phrase.SAVING_ENERGY), say(Phrase.SAVING_ENERGY_REMEDY))
    if facts.lately.battery_low:
        return Block(Reason.ON_BATTERY, say(Phrase.BATTERY_LOW, percent=f"{rules.battery_start_percent:.0f}"))
    return None


def _heat(facts: Facts) -> Block | None:
    part, celsius = facts.conditions.heat.part, f"{facts.rules.hot_start_c:.0f}"
    return _obstacle(facts, Reason.TOO_HOT, (Phrase.TOO_HOT, Phrase.COOLED_DOWN), part=part, celsius=celsius)


def _exclusive(facts: Facts) -> Block | None:
    apps = ", ".join(exclusive_apps(facts.conditions, facts.rules))
    phrases = (Phrase.EXCLUSIVE_APP, Phrase.EXCLUSIVE_APP_OVER)
    return _obstacle(facts, Reason.EXCLUSIVE_APP, phrases, Phrase.EXCLUSIVE_APP_REMEDY, app=apps)


def _full_screen(facts: Facts) -> Block | None:
    phrases = (Phrase.FULL_SCREEN, Phrase.FULL_SCREEN_OVER)
    return _obstacle(facts, Reason.FULL_SCREEN, phrases, Phrase.ALWAYS_REMEDY, what=facts.conditions.full_screen)


def _call_or_video(facts: Facts) -> Block | None:
    phrases = (Phrase.CALL_OR_VIDEO, Phrase.CALL_OR_VIDEO_OVER)
    return _obstacle(facts, Reason.CALL_OR_VIDEO, phrases, Phrase.ALWAYS_REMEDY, what=facts.conditions.call_or_video)


def _owner(facts: Facts) -> Block | None:
    presence, input_at, remedy = facts.conditions.presence, facts.lately.input_at, say(Phrase.ALWAYS_REMEDY)
    if presence.measuring:
        return Block(Reason.OWNER_ACTIVE, say(Phrase.OWNER_MEASURING), remedy)
    if input_at is None:
        why = f" ({presence.problem})" if presence.problem else ""
        return Block(Reason.OWNER_ACTIVE, say(Phrase.OWNER_UNKNOWN, why=why), remedy)
    wait = idle_wait(facts.lately, facts.rules, locked=presence.locked)
    if facts.now >= input_at + wait:
        return None
    if facts.now < input_at + _STILL_USING_S:
        sentence = say(Phrase.OWNER_ACTIVE, wait=span(wait))
        return Block(Reason.OWNER_ACTIVE, sentence, remedy, input_at + wait, quiet=True)
    sentence = say(Phrase.OWNER_WAS_ACTIVE)
    return Block(Reason.OWNER_ACTIVE, sentence, remedy, input_at + wait, used_at=input_at)


def _cpu(facts: Facts) -> Block | None:
    measuring = isinstance(facts.conditions.load.cpu, Unknown)
    phrases = (Phrase.CPU_MEASURING if measuring else Phrase.CPU_BUSY, Phrase.CPU_WAS_BUSY)
    return _obstacle(facts, Reason.CPU_BUSY, phrases, Phrase.ALWAYS_REMEDY)


def _gpu(facts: Facts) -> Block | None:
    return _obstacle(facts, Reason.GPU_BUSY, (Phrase.GPU_BUSY, Phrase.GPU_WAS_BUSY), Phrase.ALWAYS_REMEDY)


def _memory(facts: Facts) -> Block | None:
    phrases = (Phrase.LOW_MEMORY, Phrase.MEMORY_WAS_LOW)
    return _obstacle(facts, Reason.LOW_MEMORY, phrases, Phrase.LOW_MEMORY_REMEDY)


def _disk(facts: Facts) -> Block | None:
    return _obstacle(facts, Reason.LOW_DISK, (Phrase.LOW_DISK, Phrase.DISK_WAS_LOW), Phrase.LOW_DISK_REMEDY)


def _obstacle(
    facts: Facts, reason: Reason, phrases: tuple[Phrase, Phrase], remedy: Phrase | None = None, **words: str
) -> Block | None:
    """Something that is there, or that has not been over for long enough: one phrase for either."""
    there, over = phrases
    if reason in facts.lately.present:
        return Block(reason, say(there, **words), say(remedy) if remedy else "")
    seen = facts.lately.seen.get(reason)
    clear_at = None if seen is None else seen + clear_wait(facts.lately, facts.rules)
    if clear_at is None or facts.now >= clear_at:
        return None
    return Block(reason, say(over, **words), ends_at=clear_at)


def _when_idle(rule: Callable[[Facts], Block | None]) -> Callable[[Facts], Block | None]:
    """A rule that mode *Always* does not know."""

    def check(facts: Facts) -> Block | None:
        return None if facts.mode is Mode.ALWAYS else rule(facts)

    return check


_WISHES: tuple[Callable[[Facts], Block | None], ...] = (
    _stopping,
    _asleep,
    _off,
    _snoozed,
    _outside,
    _battery,
    _heat,
    _exclusive,
    _when_idle(_full_screen),
    _when_idle(_call_or_video),
    _when_idle(_owner),
    _when_idle(_cpu),
    _when_idle(_gpu),
    _memory,
    _disk,
)
