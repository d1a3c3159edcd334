"""What is done about a node that its own relay bars while it starts."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from desktop.agent.commands import Command, Enrol
from desktop.agent.state import Enrolment
from desktop.agent.supervisor import Agent
from desktop.local.admission import Admission, Readmission
from desktop.local.report import lasting
from tests.builders import a_link, an_enrolment
from tests.desktop.local.test_report import a_snapshot, never

BARRED = a_snapshot(enrolment=Enrolment("none", problem="The relay no longer knows this PC: why."))
REFUSED = a_snapshot(link=a_link(kind="waiting", problem="not known", refused=True))
STARTING = a_snapshot(link=a_link(kind="connecting"))


class Places:
    """An admission and an agent that keep what they are asked."""

    def __init__(self) -> None:
        self.posted: list[Command] = []
        self.came = asyncio.Event()

    async def order(self) -> Enrol:
        return Enrol("http://127.0.0.1:1", "token")

    def post(self, command: Command) -> None:
        self.posted.append(command)
        self.came.set()

    def readmission(self) -> Readmission:
        mine: Any = self
        return Readmission(cast("Admission", mine), cast("Agent", mine), failed=never)


async def test_a_barred_node_is_enrolled_anew_once_and_nobody_need_hear_of_it() -> None:
    places = Places()
    readmission = places.readmission()
    assert not readmission.mends(STARTING)
    assert readmission.mends(BARRED)
    assert readmission.mends(BARRED)
    await asyncio.wait_for(places.came.wait(), 10)
    assert not readmission.mends(a_snapshot(enrolment=Enrolment("waiting")))
    assert not readmission.mends(BARRED)
    assert places.posted == [Enrol("http://127.0.0.1:1", "token")]


async def test_a_second_failure_is_heard_of() -> None:
    for first, second in (
        (BARRED, a_snapshot(enrolment=Enrolment("none", problem="Enrolment failed."))),
        (REFUSED, a_snapshot(link=REFUSED.link, enrolment=an_enrolment(problem="Enrolment failed."))),
    ):
        places = Places()
        readmission = places.readmission()
        assert readmission.mends(first)
        await asyncio.wait_for(places.came.wait(), 10)
        assert not readmission.mends(second)
        assert lasting(second) is not None


async def test_a_node_that_was_ready_once_stays_barred() -> None:
    readmission = Places().readmission()
    assert not readmission.mends(a_snapshot())
    assert not readmission.mends(BARRED)
