"""One reason, one sentence: the pure decision."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from desktop.agent.retry import parting
from desktop.agent.sharing.decision import PLUGGED_IN, decide, in_use, snooze_is_over, wants_model
from desktop.agent.sharing.lately import Lately
from desktop.agent.sharing.schedule import WEEK_SLOTS, Schedule, parse_schedule
from desktop.agent.sharing.words import ENGLISH, Phrase, countdown, said_at, typed
from desktop.agent.state import Enrolment, Mode, Reason
from desktop.settings import SharingSettings
from desktop.system.conditions import UNKNOWN, Conditions, Heat, Load, Power, Presence, Room
from relay.wire.frames import CloseCode
from tests.builders import NOON, a_link, a_model
from tests.desktop.agent.sharing_facts import conditions, facts

GIB = 1024**3

IN_ORDER: list[tuple[Reason, dict[str, Any]]] = [
    (Reason.NOT_ENROLLED, {"enrolment": Enrolment()}),
    (Reason.RELAY_UNREACHABLE, {"link": a_link(kind="waiting", problem="it does not answer", retry_at=NOON + 12)}),
    (Reason.NO_MODEL, {"models": (a_model(kind="failed", problem="The file is damaged."),)}),
    (Reason.SHUTTING_DOWN, {"stopping": True}),
    (Reason.ASLEEP, {"asleep": True}),
    (Reason.MODE_OFF, {"mode": Mode.OFF}),
    (Reason.SNOOZED, {"snoozed_until": NOON + 1750}),
    (Reason.OUTSIDE_SCHEDULE, {"schedule": parse_schedule("mon 01:00-02:00")}),
    (Reason.ON_BATTERY, {"power": Power(on_battery=True, percent=90)}),
    (Reason.TOO_HOT, {"heat": Heat(95.0)}),
    (Reason.EXCLUSIVE_APP, {"programs": frozenset({"blender"})}),
    (Reason.FULL_SCREEN, {"full_screen": "a program"}),
    (Reason.CALL_OR_VIDEO, {"call_or_video": "the microphone is in use"}),
    (Reason.OWNER_ACTIVE, {"presence": Presence(NOON - 5, "test")}),
    (Reason.CPU_BUSY, {"load": Load(cpu=0.5)}),
    (Reason.GPU_BUSY, {"load": Load(cpu=0.0, gpu=0.5)}),
    (Reason.LOW_MEMORY, {"room": Room(memory=GIB // 2)}),
    (Reason.LOW_DISK, {"room": Room(disk=GIB // 2)}),
    (Reason.WARMING_UP, {"models": (a_model(kind="loading"),)}),
    (Reason.SERVING, {"running": 2}),
]
"""Each reason with the one change that brings it about."""

RULES = SharingSettings(exclusive_apps=("Blender",))
_CONDITIONS = set(Conditions.__dataclass_fields__)


def changed(*changes: dict[str, Any]) -> Any:
    """Facts with all changes at once; loads and room are put together."""
    together: dict[str, Any] = {}
    inner: dict[str, Any] = {}
    for change in changes:
        for name, value in change.items():
            (inner if name in _CONDITIONS else together)[name] = value
    loads = [change["load"] for change in changes if "load" in change]
    rooms = [change["room"] for change in changes if "room" in change]
    if len(loads) == 2:
        inner["load"] = Load(cpu=max(load.cpu for load in loads), gpu=max(load.gpu for load in loads))
    if len(rooms) == 2:
        inner["room"] = Room(memory=GIB // 2, disk=GIB // 2)
    return facts(rules=RULES, conditions=conditions(**inner), **together)


def test_every_reason_has_its_place_in_the_order() -> None:
    named = [reason for reason, _change in IN_ORDER]
    assert [reason for reason in Reason if reason is not Reason.READY] == named


@pytest.mark.parametrize(("reason", "change"), IN_ORDER)
def test_each_fact_alone_gives_its_reason(reason: Reason, change: dict[str, Any]) -> None:
    assert decide(changed(change)).reason is reason


@pytest.mark.parametrize(("first", "second"), list(itertools.combinations(range(len(IN_ORDER)), 2)))
def test_of_any_two_reasons_the_first_in_order_wins(first: int, second: int) -> None:
    (reason, one), (_, other) = IN_ORDER[first], IN_ORDER[second]
    if set(one) & set(other) - {"load", "room"}:
        pytest.skip("both change the same fact")
    assert decide(changed(one, other)).reason is reason


def test_only_ready_and_serving_share() -> None:
    assert decide(facts()).sharing
    assert [reason for reason, change in IN_ORDER if decide(changed(change)).sharing] == [Reason.SERVING]


@pytest.mark.parametrize(("reason", "change"), IN_ORDER)
def test_every_sentence_is_whole_and_every_standstill_has_a_remedy_or_an_end(
    reason: Reason, change: dict[str, Any]
) -> None:
    passing = {Reason.SHUTTING_DOWN, Reason.ASLEEP, Reason.WARMING_UP, Reason.SERVING, Reason.TOO_HOT}
    verdict = decide(changed(change))
    assert verdict.sentence.endswith(".")
    assert "{" not in verdict.sentence
    assert reason in passing or verdict.remedy or verdict.until is not None


def test_the_catalogue_has_a_text_for_every_phrase() -> None:
    assert set(ENGLISH) == set(Phrase)


# --- the owner's presence ------------------------------------------------------------------------------------------


def test_unknown_counts_as_in_use_and_says_why() -> None:
    unknown = facts(conditions=conditions(presence=Presence(problem="no desktop session")))
    assert decide(unknown).reason is Reason.OWNER_ACTIVE
    assert "cannot tell" in decide(unknown).sentence
    assert "no desktop session" in decide(unknown).sentence


def test_before_the_first_look_it_waits_and_says_so() -> None:
    verdict = decide(facts(conditions=conditions(presence=Presence(measuring=True))))
    assert (verdict.reason, verdict.sentence) == (
        Reason.OWNER_ACTIVE,
        "Waiting: looking whether this PC is in use.",
    )


def test_sharing_starts_five_minutes_after_the_last_input() -> None:
    def at(age: float) -> Any:
        return facts(conditions=conditions(presence=Presence(NOON - age, "test")))

    assert decide(at(299)).reason is Reason.OWNER_ACTIVE
    assert decide(at(300)).sharing


def test_who_is_typing_sees_no_countdown_that_starts_anew_with_every_key() -> None:
    verdict = decide(facts(conditions=conditions(presence=Presence(NOON - 5, "test"))))
    assert said_at(verdict, NOON) == "Waiting: you are using this PC; sharing starts after 5 min without input."
    assert verdict.until is None


def test_who_has_left_is_told_since_when_and_how_long_it_takes_yet() -> None:
    verdict = decide(facts(conditions=conditions(presence=Presence(NOON - 120, "test"))))
    assert said_at(verdict, NOON) == "Waiting: you used this PC 2 min ago; sharing starts in 3:00."


def test_a_locked_screen_shortens_the_wait() -> None:
    verdict = decide(facts(conditions=conditions(presence=Presence(NOON - 61, "test", locked=True))))
    assert verdict.sharing


def test_a_countdown_names_the_last_obstacle_to_end() -> None:
    busy = Lately(seen={Reason.CPU_BUSY: NOON - 10})
    verdict = decide(facts(lately=busy, conditions=conditions(presence=Presence(NOON - 290, "test"))))
    assert (verdict.reason, verdict.until, verdict.firm) == (Reason.OWNER_ACTIVE, NOON + 50, True)


def test_a_countdown_over_an_obstacle_without_known_end_promises_the_earliest() -> None:
    verdict = decide(facts(conditions=conditions(presence=Presence(NOON - 120, "test"), load=Load(cpu=0.5))))
    assert said_at(verdict, NOON) == "Waiting: you used this PC 2 min ago; sharing starts in 3:00 at the earliest."


def test_always_shares_beside_the_owner_but_keeps_to_hours_battery_heat_and_memory() -> None:
    besides = {Reason.FULL_SCREEN, Reason.CALL_OR_VIDEO, Reason.OWNER_ACTIVE, Reason.CPU_BUSY, Reason.GPU_BUSY}
    for reason, change in IN_ORDER:
        verdict = decide(changed({"mode": Mode.ALWAYS} | change))
        assert verdict.sharing is (reason in besides or reason is Reason.SERVING), reason


@pytest.mark.parametrize(("reason", "change"), IN_ORDER)
def test_the_tighter_limits_hold_while_owner_or_programs_use_the_pc(reason: Reason, change: dict[str, Any]) -> None:
    uses = {Reason.FULL_SCREEN, Reason.CALL_OR_VIDEO, Reason.OWNER_ACTIVE, Reason.CPU_BUSY, Reason.GPU_BUSY}
    assert in_use(changed({"mode": Mode.ALWAYS} | change)) is (reason in uses)


def test_on_a_pc_that_nobody_can_tell_about_always_knows_no_tighter_limits() -> None:
    assert not in_use(facts(mode=Mode.ALWAYS, conditions=conditions(presence=Presence(problem="no desktop"))))


# --- pauses --------------------------------------------------------------------------------------------------------


def test_a_snooze_ends_by_itself() -> None:
    assert decide(facts(snoozed_until=NOON)).reason is Reason.READY


def test_a_sentence_counts_down() -> None:
    assert said_at(decide(facts(snoozed_until=NOON + 1750)), NOON) == "Paused by you; goes on in 29:10."
    waiting = decide(facts(link=a_link(kind="waiting", problem="it does not answer", retry_at=NOON + 12)))
    assert said_at(waiting, NOON) == (
        "Not sharing: no contact with the relay relay.example (it does not answer); next try in 0:12."
    )


def test_a_pause_for_a_program_ends_when_it_closes_and_not_before() -> None:
    paused = {"snoozed_until": NOON + 86400, "snoozed_for": "vlc"}
    vlc = frozenset({"vlc"})
    playing = facts(**paused, conditions=conditions(programs=vlc, sought=vlc))
    assert decide(playing).sentence == "Paused by you, until vlc closes."
    assert not snooze_is_over(playing)
    assert not snooze_is_over(facts(**paused)), "nobody has looked for it yet"
    assert snooze_is_over(facts(**paused, conditions=conditions(sought=vlc)))


def test_a_pause_until_plugged_in_ends_with_the_battery() -> None:
    paused = {"snoozed_until": NOON + 86400, "snoozed_for": PLUGGED_IN}
    assert not snooze_is_over(facts(**paused, conditions=conditions(power=Power(on_battery=True))))
    assert snooze_is_over(facts(**paused))


def test_a_plain_pause_ends_by_its_time_alone() -> None:
    assert not snooze_is_over(facts(snoozed_until=NOON + 60))


# --- hours ---------------------------------------------------------------------------------------------------------


def minutes(moment: float) -> float:
    """A week that began at noon of `NOON`, as if that were Monday 12:00."""
    return (12 * 60 + (moment - NOON) / 60) % (WEEK_SLOTS * 30)


def test_outside_the_hours_the_countdown_is_to_their_beginning() -> None:
    verdict = decide(facts(schedule=parse_schedule("mon 18:00-20:00"), week=minutes))
    assert said_at(verdict, NOON) == "Waiting: your schedule keeps this time free; sharing starts in 6:00:00."


def test_clocks_put_forward_in_between_do_not_make_the_countdown_lie() -> None:
    def forward(moment: float) -> float:
        return minutes(moment) + (60 if moment >= NOON + 3600 else 0)

    verdict = decide(facts(schedule=parse_schedule("mon 18:00-20:00"), week=forward))
    assert verdict.until == NOON + 5 * 3600


def test_a_schedule_without_any_hour_says_so_and_promises_nothing() -> None:
    verdict = decide(facts(schedule=Schedule(frozenset())))
    assert verdict.until is None
    assert "no open hour" in verdict.sentence


# --- two thresholds ------------------------------------------------------------------------------------------------


def test_between_its_two_thresholds_the_battery_keeps_what_it_decided() -> None:
    between = conditions(power=Power(percent=50))
    assert decide(facts(conditions=between)).sharing
    assert decide(facts(conditions=between, lately=Lately(battery_low=True))).reason is Reason.ON_BATTERY


def test_on_battery_shares_where_the_owner_allowed_it_until_the_charge_is_low() -> None:
    allowed = SharingSettings(on_battery=True)
    assert decide(facts(rules=allowed, conditions=conditions(power=Power(on_battery=True, percent=80)))).sharing
    low = decide(facts(rules=allowed, conditions=conditions(power=Power(on_battery=True, percent=39))))
    assert low.sentence == "Waiting: the battery is low; sharing starts when it is above 60 %."


def test_a_power_saver_is_respected_also_when_plugged_in() -> None:
    assert decide(facts(conditions=conditions(power=Power(percent=90, saver=True)))).reason is Reason.ON_BATTERY


def test_heat_ends_below_the_lower_threshold_and_a_minute_later() -> None:
    hot = facts(conditions=conditions(heat=Heat(91, "graphics card")))
    assert "graphics card is too hot; sharing starts when it is below 75 °C" in decide(hot).sentence
    warm = facts(now=NOON + 5, lately=hot.lately, conditions=conditions(heat=Heat(80, "graphics card")))
    assert decide(warm).reason is Reason.TOO_HOT
    cool = facts(now=NOON + 10, lately=warm.lately, conditions=conditions(heat=Heat(70, "graphics card")))
    assert decide(cool).until == NOON + 65
    assert decide(replace(cool, now=NOON + 65)).sharing


# --- models --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "text"), [(0.2, "0:01"), (59, "0:59"), (3600, "1:00:00"), (-1, "0:00")])
def test_a_countdown_never_reads_zero_while_something_is_to_come(seconds: float, text: str) -> None:
    assert countdown(seconds) == text


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({}, True),
        ({"link": a_link(kind="waiting")}, True),
        ({"mode": Mode.OFF}, False),
        ({"snoozed_until": NOON + 60}, False),
        ({"conditions": conditions(presence=Presence())}, False),
        ({"conditions": conditions(load=Load(cpu=UNKNOWN))}, False),
        ({"enrolment": Enrolment()}, False),
        ({"stopping": True}, False),
    ],
)
def test_a_model_is_in_memory_only_while_the_owner_shares(change: dict[str, Any], wanted: bool) -> None:
    assert wants_model(facts(**change)) is wanted


def test_what_was_never_measured_need_not_be_over_for_a_minute_once_it_is() -> None:
    first = facts(conditions=conditions(load=Load(cpu=UNKNOWN)))
    assert decide(first).sentence == "Waiting: measuring what other programs use."
    assert decide(facts(now=NOON + 10, lately=first.lately)).sharing


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("", "it was revoked there"),
        ("this node may not connect any more: revoked", "it was revoked there"),
        ("cloned: this node's key is in use on two computers", "its key is in use on two computers"),
        ("this node may not connect any more: cloned", "its key is in use on two computers"),
        ("this node may not connect any more: abuse", "it was suspended there (abuse)"),
    ],
)
def test_why_the_relay_bars_this_pc_is_said_once(said: str, why: str) -> None:
    assert parting(CloseCode.REVOKED, said).problem == why


def test_a_barred_pc_is_told_the_whole_command_that_enrols_it_again() -> None:
    barred = Enrolment("none", relay="https://relay.example", problem="The relay no longer knows this PC: why.")
    assert decide(facts(enrolment=barred)).remedy == "Enrol again: nightjar enroll --relay https://relay.example"


def test_a_problem_that_names_its_remedy_is_not_followed_by_another() -> None:
    failed = Enrolment("none", problem="It failed. Try again: nightjar enroll --relay https://relay.example")
    assert not decide(facts(enrolment=failed)).remedy


@pytest.mark.parametrize(("reason", "change"), IN_ORDER)
def test_nobody_at_a_terminal_is_told_to_choose(reason: Reason, change: dict[str, Any]) -> None:
    assert "hoose" not in typed(decide(changed(change))), reason
