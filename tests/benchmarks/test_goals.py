"""Figures against goals, and the samples they come from."""

from __future__ import annotations

from typing import get_args

from tests.benchmarks.goals import Goal, Topic, goals_of, verdict

RATE = Goal(what="a rate", better="more", must=0.5, reach=0.6)
COST = Goal(what="a cost", better="less", must=1.5, reach=1.3)


def test_a_rate_must_not_be_below_its_goal_nor_a_cost_above() -> None:
    assert RATE.met(0.5)
    assert not RATE.met(0.49)
    assert COST.met(1.5)
    assert not COST.met(1.51)


def test_to_reach_is_more_than_to_meet() -> None:
    assert RATE.met(0.55)
    assert not RATE.reached(0.55)
    assert COST.reached(1.2)


def test_a_goal_nobody_measured_is_not_met() -> None:
    assert verdict({"rate": 1.0, "cost": 1.0}, {"rate": RATE, "cost": COST})
    assert not verdict({"rate": 1.0}, {"rate": RATE, "cost": COST})


def test_what_is_striven_for_is_never_easier_than_what_must_be() -> None:
    for topic in get_args(Topic):
        for goal in goals_of(topic).values():
            assert goal.met(goal.reach)
