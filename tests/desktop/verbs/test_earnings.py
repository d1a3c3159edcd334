"""`nightjar earnings` and `nightjar activity` against a real relay, and in words."""

from __future__ import annotations

import csv
from pathlib import Path

import msgspec
import pytest

from desktop.agent.relay_view import AnswerTold, EarningsTold, ReasonTold
from desktop.agent.sheets import money, writing_speed
from desktop.verbs.earnings import activity_lines, earnings_lines
from desktop.verbs.output import dollars, write_csv
from tests.desktop.verbs.conftest import Terminal
from tests.relay.running import MODEL, RunningRelay, a_chat

ANSWER = AnswerTold(
    number=1,
    at_ms=1_767_225_600_000,
    model="tiny",
    prompt_tokens=10,
    completion_tokens=41,
    duration_ms=1100,
    first_ms=100,
    earned=5_000_000,
    state="completed",
)
NOTHING = EarningsTold(
    at_ms=0, hour=0, today=0, week=0, month=0, lifetime=0, pending=0, answers_today=0, days=[], models=[]
)


async def test_earnings_are_those_of_the_books(terminal: Terminal, relay: RunningRelay) -> None:
    for _ in range(2):
        await relay.raw(relay.chat(a_chat(max_tokens=20)))
    total = sum(row.owner_nano for row in await relay.usage_rows())
    told = (await terminal.json("earnings"))["earnings"]
    assert (told["today"], told["lifetime"], told["answers_today"]) == (total, total, 2)
    _, out, _ = await terminal.run("earnings")
    assert f"Today      {dollars(total)} (2 answers)" in out
    assert MODEL in out


async def test_answers_are_listed_without_their_text(terminal: Terminal, relay: RunningRelay) -> None:
    await relay.raw(relay.chat(a_chat(max_tokens=20)))
    (answer,) = (await terminal.json("activity"))["answers"]
    assert answer["model"] == MODEL
    _, out, _ = await terminal.run("activity", "--limit", "5")
    assert "France" not in out
    assert len(out.splitlines()) == 2


async def test_a_spreadsheet_sums_to_the_same(terminal: Terminal, relay: RunningRelay, tmp_path: Path) -> None:
    for _ in range(3):
        await relay.raw(relay.chat(a_chat(max_tokens=20)))
    total = sum(row.owner_nano for row in await relay.usage_rows())
    for verb, rows in (("earnings", 1), ("activity", 3)):
        path = tmp_path / f"{verb}.csv"
        assert (await terminal.run(verb, "--csv", str(path)))[0] == 0
        lines = list(csv.DictReader(path.read_text().splitlines()))
        assert len(lines) == rows
        assert round(sum(float(line["earned_usd"]) for line in lines) * 1e9) == total
    _, out, _ = await terminal.run("activity", "--csv", "-")
    assert out.startswith("at,model,prompt_tokens")


async def test_a_pc_that_is_no_node_is_told_how_to_become_one(terminal: Terminal) -> None:
    status, _, err = await terminal.run("earnings")
    assert (status, "nightjar enroll" in err) == (1, True)


@pytest.mark.parametrize(
    "words", [("earnings", "--days", "0"), ("earnings", "--days", "x"), ("activity", "--limit", "0")]
)
async def test_a_number_out_of_range_is_a_wrong_command_line(words: tuple[str, ...], terminal: Terminal) -> None:
    with pytest.raises(SystemExit) as ended:
        await terminal.run(*words)
    assert ended.value.code == 2


def test_what_stands_in_the_way_is_said_and_what_does_not_is_left_out() -> None:
    reasons = [
        ReasonTold(code="no_demand", sentence="Nobody asked for tiny."),
        ReasonTold(code="private_pool", sentence="Only own keys.", hinders=False),
    ]
    lines = earnings_lines(NOTHING, reasons, 30)
    assert lines[-2:] == ["Why not more?", "- Nobody asked for tiny."]
    assert not any("Only own keys." in line for line in lines)


@pytest.mark.parametrize(
    "short",
    [
        msgspec.structs.replace(ANSWER, completion_tokens=4),
        msgspec.structs.replace(ANSWER, duration_ms=105),
        msgspec.structs.replace(ANSWER, duration_ms=100),
    ],
    ids=["a few tokens", "a few milliseconds", "all at once"],
)
def test_an_answer_too_short_to_tell_a_speed_has_none(short: AnswerTold) -> None:
    assert writing_speed(short) is None


def test_an_answers_speed_is_that_of_its_writing() -> None:
    assert "40 tok/s" in activity_lines([ANSWER])[0]
    assert activity_lines([]) == ["No answers yet."]


@pytest.mark.parametrize(
    ("nano", "text"),
    [(0, "$0.00"), (310_000_000, "$0.31"), (1_234_500_000_000, "$1,234.50"), (4_200, "$0.000004"), (7, "$0.000000007")],
)
def test_small_sums_show_that_something_came_in(nano: int, text: str) -> None:
    assert dollars(nano) == text


def test_money_in_a_table_is_exact() -> None:
    assert [money(each) for each in (0, 1, 5_000_000_001, -1)] == [
        "0.000000000",
        "0.000000001",
        "5.000000001",
        "-0.000000001",
    ]


def test_a_name_from_elsewhere_is_no_formula(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    write_csv(str(path), ("model", "earned"), [("=HYPERLINK()", -1)])
    assert path.read_text().splitlines() == ["model,earned", "'=HYPERLINK(),-1"]
