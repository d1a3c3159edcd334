"""The demo is the acceptance test of the main job: it runs as a person runs it, and does not let a fake pass."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from typing import Any

import pytest

from tests.end_to_end.demo import ROOT, Answer, Booking, faults

ANSWER = Answer(generation="gen-1", text="The capital of France is Paris.", tokens=8, ttft_ms=20.0, tokens_per_s=100.0)
BOOKING = Booking(state="completed", target="node/pc", tokens=8, cost=1000, node=700, operator=300, provider=0)


def test_a_right_answer_whose_shares_sum_to_its_cost_has_no_fault() -> None:
    assert faults(ANSWER, BOOKING) == []


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"cost": 0, "node": 0, "operator": 0}, "the call cost nothing"),
        ({"node": 0, "operator": 1000}, "the node earned nothing"),
        ({"operator": 299}, "the shares sum to 999 nano-dollars, the cost is 1000"),
        ({"state": "failed"}, "the call is failed, not completed"),
        ({"tokens": 9}, "the relay counted 9 tokens, the caller was told 8"),
    ],
)
def test_books_that_are_not_real_are_a_fault(changed: dict[str, Any], fault: str) -> None:
    assert fault in faults(ANSWER, dataclasses.replace(BOOKING, **changed))


def test_a_wrong_answer_is_a_fault() -> None:
    assert len(faults(dataclasses.replace(ANSWER, text="It is Lyon."), BOOKING)) == 1


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_demo_gets_a_real_answer_and_the_node_is_paid_for_it() -> None:
    command = [sys.executable, "tests/end_to_end/demo.py", "--json"]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    shown = json.loads(done.stdout)
    assert shown["ok"]
    assert shown["answer"] == "The capital of France is Paris."
    assert shown["ttft_ms"] > 0
    assert shown["tokens_per_s"] > 0
    assert 0 < shown["earned_nano_usd"] < shown["cost_nano_usd"]
    assert shown["target"]
