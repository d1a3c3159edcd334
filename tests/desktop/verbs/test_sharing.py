"""status, pause, resume, mode, schedule and rules, against a running agent."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from desktop import cli
from desktop.agent.state import Reason
from desktop.settings import SharingSettings
from desktop.system.conditions import Power
from desktop.system.watch.still import at_rest
from desktop.verbs.sharing import MEANINGS
from tests.desktop.agent.conftest import Desktop
from tests.fakes import FakeRelay


@pytest.fixture
async def desktop(own_home: Path) -> AsyncIterator[Desktop]:
    """Runs where the command line looks for it."""
    desktop = Desktop(own_home)
    async with desktop.running():
        yield desktop


async def run(*arguments: str) -> int:
    return await asyncio.to_thread(cli.main, arguments)


async def test_a_pause_until_a_time_of_the_day(desktop: Desktop) -> None:
    assert await run("pause", "--until", "18:00") == 0
    until = desktop.agent.snapshot.snoozed_until
    assert until is not None
    assert time.localtime(until)[3:6] == (18, 0, 0)
    assert 0 < until - time.time() <= 86400


async def test_a_pause_while_a_program_runs(desktop: Desktop, capsys: pytest.CaptureFixture[str]) -> None:
    program = psutil.Process().name()
    async with FakeRelay().serving() as relay:
        await desktop.join(relay)
        assert await run("pause", "--while", program) == 0
    assert f"Paused by you, until {program} closes." in capsys.readouterr().out
    assert desktop.agent.snapshot.snoozed_for == program


async def test_a_pause_while_a_program_runs_that_does_not_is_refused(
    desktop: Desktop, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run("pause", "--while", "no-such-program") == 1
    assert "No program 'no-such-program' runs now." in capsys.readouterr().err
    assert desktop.agent.snapshot.snoozed_until is None


async def test_a_pause_until_plugged_in(desktop: Desktop) -> None:
    desktop.watch.becomes(replace(at_rest(), power=Power(on_battery=True, percent=70)))
    assert await run("pause", "--until", "plugged-in") == 0
    assert desktop.agent.snapshot.snoozed_for == "plugged in"
    desktop.watch.becomes(at_rest())
    await desktop.until(lambda snapshot: snapshot.snoozed_until is None)


async def test_a_pause_until_nonsense_is_one_line(desktop: Desktop, capsys: pytest.CaptureFixture[str]) -> None:
    assert await run("pause", "--until", "soon") == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert desktop.agent.snapshot.snoozed_until is None


async def test_hours_are_set_shown_and_cleared(desktop: Desktop, capsys: pytest.CaptureFixture[str]) -> None:
    assert await run("schedule", "mon-fri", "18:00-08:00,", "sat-sun", "00:00-24:00") == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows[1] == "mon  " + "." * 36 + "#" * 12
    assert rows[2] == "tue  " + "#" * 16 + "." * 20 + "#" * 12
    assert rows[7] == "sun  " + "#" * 48
    assert desktop.agent.snapshot.rules.schedule
    assert await run("schedule", "always") == 0
    capsys.readouterr()
    assert await run("schedule", "--json") == 0
    assert json.loads(capsys.readouterr().out)["schedule"] == "always"


async def test_outside_the_hours_status_says_when_they_begin(
    desktop: Desktop, capsys: pytest.CaptureFixture[str]
) -> None:
    day = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[(time.localtime().tm_wday + 2) % 7]
    async with FakeRelay().serving() as relay:
        await desktop.join(relay)
        assert await run("schedule", f"{day} 10:00-11:00") == 0
        capsys.readouterr()
        assert await run("status") == 0
        lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Waiting: your schedule keeps this time free; sharing starts in ")
    assert "nightjar schedule" in lines[1]


async def test_hours_that_make_no_sense_are_one_line(desktop: Desktop, capsys: pytest.CaptureFixture[str]) -> None:
    assert await run("schedule", "weekdays") == 1
    assert "no part of a schedule" in capsys.readouterr().err
    assert desktop.agent.snapshot.rules.schedule == ""


async def test_rules_are_changed_shown_and_put_back(desktop: Desktop, capsys: pytest.CaptureFixture[str]) -> None:
    assert await run("rules", "idle_s=600", "on_battery=yes", "exclusive_apps=Blender, game.exe") == 0
    shown = capsys.readouterr().out
    assert "10 min" in shown
    assert "Blender, game.exe" in shown
    rules = desktop.agent.snapshot.rules
    assert (rules.idle_s, rules.on_battery, rules.exclusive_apps) == (600.0, True, ("Blender", "game.exe"))
    assert await run("rules", "idle_s=", "on_battery=no", "--json") == 0
    assert json.loads(capsys.readouterr().out)["rules"]["idle_s"] == 300


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("idle=600", "no rule"),
        ("idle_s", "no rule"),
        ("idle_s=soon", "cannot be idle_s: it takes a number."),
        ("on_battery=perhaps", "it takes true or false."),
        ("grace_s=11", "it takes a number of at most 10"),
        ("battery_start_percent=10", "below `battery_stop_percent`"),
        ("schedule=weekdays", "no part of a schedule"),
    ],
)
async def test_a_rule_that_makes_no_sense_is_one_line_and_changes_nothing(
    desktop: Desktop, capsys: pytest.CaptureFixture[str], change: str, says: str
) -> None:
    assert await run("rules", change) == 1
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
    assert desktop.agent.snapshot.rules == SharingSettings(first_mode="always")


def test_every_rule_has_a_meaning() -> None:
    assert set(MEANINGS) == set(SharingSettings.__struct_fields__)


async def test_status_tells_what_else_stands_in_the_way(desktop: Desktop, capsys: pytest.CaptureFixture[str]) -> None:
    async with FakeRelay().serving() as relay:
        await desktop.join(relay)
        desktop.watch.becomes(replace(at_rest(), power=Power(on_battery=True, percent=70)))
        assert await run("pause") == 0
    assert "Also: this PC runs on battery." in capsys.readouterr().out


async def test_the_history_names_each_switch_and_its_reason(
    desktop: Desktop, capsys: pytest.CaptureFixture[str]
) -> None:
    async with FakeRelay().serving() as relay:
        await desktop.join(relay)
        assert await run("mode", "off") == 0
        await desktop.until(lambda snapshot: snapshot.switches[-1].freed_s is not None)
        capsys.readouterr()
        assert await run("status", "--history") == 0
        last = desktop.agent.snapshot.switches[-1]
    out = capsys.readouterr().out
    assert "Off: sharing is switched off. (PC free after" in out
    assert out.index("Off: sharing is switched off. (") < out.rindex("Sharing: ready")
    assert last.reason is Reason.MODE_OFF
