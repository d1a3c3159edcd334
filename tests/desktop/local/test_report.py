"""What is said while a private relay has no node that answers yet."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from desktop.agent.sharing.decision import Facts, decide
from desktop.agent.state import Enrolment, Mode, Snapshot
from desktop.errors import DesktopError
from desktop.local import report
from desktop.local.report import JsonReport, TextReport, lasting
from tests.builders import NOON, a_link, a_model, an_enrolment
from tests.desktop.local.test_ready import READY


def a_snapshot(**changed: Any) -> Snapshot:
    values: dict[str, Any] = {
        "now": NOON,
        "mode": Mode.ALWAYS,
        "snoozed_until": None,
        "enrolment": an_enrolment(),
        "link": a_link(),
        "models": (a_model(),),
        "running": 0,
    }
    facts = Facts(**values | changed)
    return Snapshot(
        at=NOON,
        mode=facts.mode,
        snoozed_until=facts.snoozed_until,
        sharing=decide(facts),
        link=facts.link,
        enrolment=facts.enrolment,
        models=facts.models,
    )


LOADING = a_snapshot(models=(a_model(kind="loading"),))
FOR_GOOD = {
    "barred": a_snapshot(enrolment=Enrolment("none", problem="The relay no longer knows this PC.")),
    "rejected": a_snapshot(link=a_link(kind="waiting", problem="the key is not accepted", refused=True)),
    "no model": a_snapshot(models=(a_model(kind="failed", problem="The file is damaged."),)),
    "off": a_snapshot(mode=Mode.OFF),
}


async def timers_due() -> None:
    """Lets timers run that are due."""
    due = asyncio.Event()
    asyncio.get_running_loop().call_later(0.0, due.set)
    await due.wait()


def never(error: DesktopError) -> None:
    raise AssertionError(error)


def test_people_get_the_addresses_before_the_node_is_ready(capsys: pytest.CaptureFixture[str]) -> None:
    TextReport(never).began(READY)
    assert READY.api_key in capsys.readouterr().out


async def test_a_node_that_takes_long_is_explained_in_one_line_and_its_readiness_in_another(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(report, "PATIENCE_S", 0.0)
    text = TextReport(never)
    for snapshot in (LOADING, LOADING, FOR_GOOD["off"]):
        text.look(snapshot)
        await timers_due()
    text.look(a_snapshot())
    text.look(a_snapshot(running=1))
    assert capsys.readouterr().out.splitlines() == [
        LOADING.sharing.sentence,
        "Off: sharing is switched off. To share now: nightjar mode always",
        "Ready: this PC answers now.",
    ]


async def test_an_ordinary_start_is_not_commented_on(capsys: pytest.CaptureFixture[str]) -> None:
    text = TextReport(never)
    text.look(LOADING)
    text.look(a_snapshot())
    assert capsys.readouterr().out == "Ready: this PC answers now.\n"


def test_a_program_gets_one_line_when_ready_and_none_before(capsys: pytest.CaptureFixture[str]) -> None:
    as_json = JsonReport(never)
    as_json.began(READY)
    as_json.look(LOADING)
    assert not capsys.readouterr().out
    as_json.look(a_snapshot())
    as_json.look(FOR_GOOD["off"])
    as_json.look(a_snapshot())
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["api_key"] == READY.api_key


@pytest.mark.parametrize("case", FOR_GOOD)
def test_what_does_not_go_away_by_itself_ends_a_programs_wait(case: str) -> None:
    errors: list[DesktopError] = []
    as_json = JsonReport(errors.append)
    as_json.began(READY)
    as_json.look(FOR_GOOD[case])
    as_json.look(FOR_GOOD[case])
    assert [str(error) for error in errors] == [FOR_GOOD[case].sharing.sentence]


@pytest.mark.parametrize(
    "passing",
    [
        LOADING,
        a_snapshot(snoozed_until=NOON + 60),
        a_snapshot(link=a_link(kind="waiting", problem="it does not answer")),
        a_snapshot(enrolment=Enrolment("waiting")),
    ],
)
def test_what_passes_is_waited_for(passing: Snapshot) -> None:
    assert lasting(passing) is None
