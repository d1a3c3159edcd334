"""A week in the life of a PC, minute by minute, with random facts: one state, no flapping, no countdown that lies."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from desktop.agent.sharing.decision import YIELDING, Facts, blocks, decide, look_again_at
from desktop.agent.sharing.history import news
from desktop.agent.sharing.lately import LONGEST_WAIT_S, Lately, clear_wait, idle_wait, looked, stopped
from desktop.agent.sharing.schedule import WEEK_SLOTS, parse_schedule
from desktop.agent.state import Mode, Reason, Sharing, Switch
from desktop.settings import SharingSettings
from desktop.system.conditions import UNKNOWN, Conditions, Heat, Load, Power, Presence, Room
from tests.builders import NOON, a_link, a_model, an_enrolment
from tests.desktop.agent.sharing_facts import facts

MINUTE = 60.0
WEEK = 7 * 24 * 60
RULES = SharingSettings(exclusive_apps=("blender",))
SCHEDULES = [parse_schedule("always"), parse_schedule("mon-fri 18:00-08:00, sat-sun 00:00-24:00")]


def week(moment: float) -> float:
    return (moment / 60) % (WEEK_SLOTS * 30)


class World:
    """Things begin and end at random; most of the time nothing is the matter."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._on: dict[str, float] = {}
        self.now = NOON
        self.input_at = NOON - 600.0
        self.mode = Mode.IDLE
        self.snoozed_until: float | None = None
        self.schedule = self._chance.choice(SCHEDULES)
        self.heat = 60.0
        self.charge = 80.0

    def tick(self) -> None:
        self.now += MINUTE
        for thing, starts, longest in (
            ("work", 0.01, 120), ("call", 0.004, 60), ("film", 0.003, 120), ("build", 0.02, 15), ("game", 0.003, 90),
            ("blender", 0.003, 60), ("render", 0.004, 30), ("unplugged", 0.002, 120), ("sleep", 0.001, 300),
            ("offline", 0.002, 10), ("lock", 0.01, 60), ("blind", 0.001, 20), ("loading", 0.01, 2),
            ("tight", 0.003, 20),
        ):  # fmt: skip
            if self.now >= self._on.get(thing, 0) and self._chance.random() < starts:
                self._on[thing] = self.now + self._chance.uniform(1, longest) * MINUTE
        if self.has("work"):
            self.input_at = self.now - self._chance.uniform(0, 50)
        if self._chance.random() < 0.001:
            self.mode = self._chance.choice(list(Mode))
        if self._chance.random() < 0.002:
            self.snoozed_until = self.now + self._chance.choice([30, 60, 240]) * MINUTE
        self.heat = min(96.0, max(50.0, self.heat + self._chance.uniform(-6, 6)))
        self.charge = min(100.0, max(5.0, self.charge + (-0.5 if self.has("unplugged") else 0.7)))

    def has(self, thing: str) -> bool:
        return self.now < self._on.get(thing, 0)

    @property
    def conditions(self) -> Conditions:
        there = "a film is playing" if self.has("film") else ""
        return Conditions(
            presence=Presence(UNKNOWN if self.has("blind") else self.input_at, "test", locked=self.has("lock")),
            power=Power(on_battery=self.has("unplugged"), percent=self.charge),
            heat=Heat(self.heat),
            load=Load(cpu=0.6 if self.has("build") else 0.05, gpu=0.4 if self.has("render") else 0.0),
            room=Room(memory=(2**29 if self.has("tight") else 2**33)),
            asleep=self.has("sleep"),
            full_screen="a game" if self.has("game") else "",
            call_or_video="the microphone is in use" if self.has("call") else there,
            programs=frozenset({"blender"} if self.has("blender") else set()),
        )

    def facts(self, lately: Lately) -> Facts:
        return Facts(
            now=self.now,
            mode=self.mode,
            snoozed_until=self.snoozed_until,
            enrolment=an_enrolment(),
            link=a_link(kind="waiting", retry_at=self.now + 30) if self.has("offline") else a_link(),
            models=(a_model(kind="loading" if self.has("loading") else "ready"),),
            running=0,
            conditions=self.conditions,
            lately=lately,
            rules=RULES,
            schedule=self.schedule,
            week=week,
        )


def live(world: World, minutes: int) -> Iterator[tuple[Facts, Sharing]]:
    """What the agent does: look, decide, remember."""
    lately, before = Lately(), False
    for _ in range(minutes):
        world.tick()
        lately = looked(lately, world.conditions, RULES, world.now)
        facts = world.facts(lately)
        verdict = decide(facts)
        if before and not verdict.sharing and verdict.reason in YIELDING:
            lately = stopped(lately, RULES, world.now)
            facts = replace(facts, lately=lately)
            verdict = decide(facts)
        before = verdict.sharing
        yield facts, verdict


def later(facts: Facts, moment: float) -> bool:
    """Whether this PC shares at `moment` if nothing but the clock changes until then."""
    loaded = tuple(replace(model, kind="ready") for model in facts.models)
    lately = looked(facts.lately, facts.conditions, facts.rules, moment)
    return decide(replace(facts, now=moment, lately=lately, models=loaded)).sharing


@pytest.mark.parametrize("seed", range(4))
def test_a_random_week_has_one_state_at_a_time_no_flapping_and_honest_countdowns(seed: int) -> None:
    stops: list[float] = []
    reasons: set[Reason] = set()
    shared = 0
    before: Sharing | None = None
    for seen, verdict in live(World(seed), WEEK):
        standing = [block.reason for block in blocks(seen)]
        assert verdict.sharing is (not standing) is (verdict.reason is Reason.READY)
        assert standing == sorted(standing, key=list(Reason).index)
        reasons.add(verdict.reason)
        shared += verdict.sharing
        if before is not None and before.sharing and verdict.reason in YIELDING:
            stops.append(seen.now)
        before = verdict
        if verdict.until is not None and verdict.reason is not Reason.RELAY_UNREACHABLE:
            assert verdict.until > seen.now
            assert not later(seen, max(seen.now, verdict.until - MINUTE))
            assert not verdict.firm or later(seen, verdict.until + MINUTE), (verdict, standing)
    assert shared > WEEK / 20
    assert len(reasons) >= 14
    assert max(sum(at <= stop < at + 3600 for stop in stops) for at in stops) <= 6


def test_what_disturbs_as_soon_as_sharing_starts_ends_it_at_most_twice_an_hour_before_long() -> None:
    stops = 0
    lately, input_at, now = Lately(), NOON, NOON
    while now < NOON + 10 * 3600:
        now += 10
        conditions = Conditions(presence=Presence(input_at, "test"), load=Load(cpu=0.0))
        lately = looked(lately, conditions, RULES, now)
        if decide(facts(now=now, conditions=conditions, lately=lately)).sharing:
            input_at = now
            lately = stopped(lately, RULES, now)
            stops += 1
    assert 10 <= stops <= 24


def test_a_burst_of_load_every_other_minute_does_not_make_the_pc_flap() -> None:
    lately, before, starts = Lately(), False, 0
    for second in range(0, 4 * 3600, 10):
        now = NOON + second
        cpu = 0.9 if second % 130 < 30 else 0.0
        conditions = Conditions(presence=Presence(NOON - 3600, "test"), load=Load(cpu=cpu))
        lately = looked(lately, conditions, RULES, now)
        sharing = decide(facts(now=now, conditions=conditions, lately=lately)).sharing
        if before and not sharing:
            lately = stopped(lately, RULES, now)
        starts += sharing and not before
        before = sharing
    assert starts <= 4


def test_waits_double_with_the_second_stop_in_a_row_and_not_beyond_half_an_hour() -> None:
    lately = Lately()
    waits = []
    for stop in range(6):
        lately = stopped(lately, RULES, NOON + stop * 300)
        waits.append((idle_wait(lately, RULES, locked=False), clear_wait(lately, RULES)))
    assert waits == [(300, 60), (600, 120), (1200, 240), (1800, 480), (1800, 960), (LONGEST_WAIT_S, LONGEST_WAIT_S)]


def test_a_calm_hour_forgets_earlier_stops() -> None:
    lately = stopped(stopped(Lately(), RULES, NOON), RULES, NOON + 300)
    assert idle_wait(stopped(lately, RULES, NOON + 3900), RULES, locked=False) == 300


def test_the_clock_alone_changes_nothing_before_the_moment_it_says() -> None:
    for seen, verdict in live(World(5), WEEK // 4):
        again = look_again_at(seen)
        for moment in (seen.now + 20, seen.now + 55, seen.now + 600):
            if again is not None and moment < again:
                lately = looked(seen.lately, seen.conditions, seen.rules, moment)
                after = decide(replace(seen, now=moment, lately=lately))
                assert (after.reason, after.sentence) == (verdict.reason, verdict.sentence)


def test_a_wait_the_owner_chose_longer_than_half_an_hour_stays_as_it_is() -> None:
    rules = SharingSettings(idle_s=3600.0)
    lately = stopped(stopped(Lately(), rules, NOON), rules, NOON + 60)
    assert idle_wait(lately, rules, locked=False) == 3600


# --- one look after another ----------------------------------------------------------------------------------------


def look(lately: Lately, now: float, **changed: object) -> Lately:
    values: dict[str, object] = {"presence": Presence(NOON - 600, "test"), "load": Load(cpu=0.0)}
    return looked(lately, Conditions(**values | changed), RULES, now)  # type: ignore[arg-type]


def test_idle_time_that_is_read_a_second_late_is_not_a_new_input() -> None:
    lately = look(Lately(), NOON)
    assert look(lately, NOON + 5, presence=Presence(NOON - 599, "test")).input_at == NOON - 600


def test_an_input_is_not_unlearnt_from_a_source_that_saw_less() -> None:
    lately = look(Lately(), NOON, presence=Presence(NOON - 5, "test"))
    assert look(lately, NOON + 5).input_at == NOON - 5


def test_waking_up_counts_as_an_input() -> None:
    lately = look(look(Lately(), NOON), NOON + 10, asleep=True)
    assert look(lately, NOON + 7200).input_at == NOON + 7200


def test_a_clock_that_is_set_back_does_not_wait_for_the_past() -> None:
    lately = look(Lately(), NOON, presence=Presence(NOON - 5, "test"), load=Load(cpu=0.9))
    earlier = look(lately, NOON - 86400, presence=Presence(NOON - 86400 - 600, "test"))
    assert earlier.input_at == NOON - 86400 - 600
    assert Reason.CPU_BUSY not in earlier.seen


def test_a_source_that_fails_makes_the_owner_unknown_at_once() -> None:
    assert look(look(Lately(), NOON), NOON + 5, presence=Presence(problem="it hangs")).input_at is None


# --- history -------------------------------------------------------------------------------------------------------


def sharing(reason: Reason) -> Sharing:
    return Sharing(sharing=reason in (Reason.READY, Reason.SERVING), reason=reason, sentence=f"{reason}.")


def test_calls_that_come_and_go_are_no_switches() -> None:
    ready = news(None, sharing(Reason.READY), NOON)
    assert ready is not None
    assert news(ready, sharing(Reason.SERVING), NOON + 1) is None
    assert news(ready, sharing(Reason.SNOOZED), NOON + 2) == Switch(NOON + 2, False, Reason.SNOOZED, "snoozed.")
