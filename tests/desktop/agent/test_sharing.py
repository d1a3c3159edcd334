"""One reason, one sentence: the pure decision."""

from __future__ import annotations

from typing import Any

import pytest

from desktop.agent.retry import parting
from desktop.agent.sharing import Facts, countdown, decide, said_at, typed, wants_model
from desktop.agent.state import Enrolment, Mode, Reason
from relay.wire.frames import CloseCode
from tests.builders import NOON, a_link, a_model, an_enrolment


def facts(**changed: Any) -> Facts:
    values: dict[str, Any] = {
        "now": NOON,
        "mode": Mode.ALWAYS,
        "snoozed_until": None,
        "enrolment": an_enrolment(),
        "link": a_link(),
        "models": (a_model(),),
        "running": 0,
    }
    return Facts(**values | changed)


IN_ORDER: list[tuple[Reason, dict[str, Any]]] = [
    (Reason.NOT_ENROLLED, {"enrolment": Enrolment()}),
    (Reason.RELAY_UNREACHABLE, {"link": a_link(kind="waiting", problem="it does not answer", retry_at=NOON + 12)}),
    (Reason.NO_MODEL, {"models": (a_model(kind="failed", problem="The file is damaged."),)}),
    (Reason.SHUTTING_DOWN, {"stopping": True}),
    (Reason.MODE_OFF, {"mode": Mode.OFF}),
    (Reason.SNOOZED, {"snoozed_until": NOON + 1750}),
    (Reason.OWNER_ACTIVE, {"mode": Mode.IDLE}),
    (Reason.WARMING_UP, {"models": (a_model(kind="loading"),)}),
    (Reason.SERVING, {"running": 2}),
]


@pytest.mark.parametrize(("reason", "change"), IN_ORDER)
def test_each_fact_alone_gives_its_reason(reason: Reason, change: dict[str, Any]) -> None:
    assert decide(facts(**change)).reason is reason


@pytest.mark.parametrize("first", range(len(IN_ORDER)))
def test_the_first_reason_that_applies_wins(first: int) -> None:
    together: dict[str, Any] = {}
    for _reason, change in reversed(IN_ORDER[first:]):
        together |= change
    assert decide(facts(**together)).reason is IN_ORDER[first][0]


def test_only_ready_and_serving_share() -> None:
    assert decide(facts()).sharing
    assert [reason for reason, change in IN_ORDER if decide(facts(**change)).sharing] == [Reason.SERVING]


def test_every_sentence_is_whole_and_every_standstill_has_a_remedy_or_an_end() -> None:
    passing = {Reason.SHUTTING_DOWN, Reason.WARMING_UP, Reason.SERVING}
    for reason, change in IN_ORDER:
        verdict = decide(facts(**change))
        assert verdict.sentence.endswith(".")
        assert reason in passing or verdict.remedy or verdict.until is not None


def test_when_idle_says_plainly_that_it_cannot_tell() -> None:
    assert "cannot tell" in decide(facts(mode=Mode.IDLE)).sentence
    assert decide(facts(mode=Mode.IDLE, owner_idle=True)).sharing
    assert "you are using" in decide(facts(mode=Mode.IDLE, owner_idle=False)).sentence


def test_a_snooze_ends_by_itself() -> None:
    assert decide(facts(snoozed_until=NOON)).reason is Reason.READY


def test_a_sentence_counts_down() -> None:
    assert said_at(decide(facts(snoozed_until=NOON + 1750)), NOON) == "Paused by you; goes on in 29:10."
    waiting = decide(facts(link=a_link(kind="waiting", problem="it does not answer", retry_at=NOON + 12)))
    assert said_at(waiting, NOON) == (
        "Not sharing: no contact with the relay relay.example (it does not answer); next try in 0:12."
    )


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
        ({"mode": Mode.IDLE}, False),
        ({"enrolment": Enrolment()}, False),
        ({"stopping": True}, False),
    ],
)
def test_a_model_is_in_memory_only_while_the_owner_shares(change: dict[str, Any], wanted: bool) -> None:
    assert wants_model(facts(**change)) is wanted


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
    assert "hoose" not in typed(decide(facts(**change))), reason
