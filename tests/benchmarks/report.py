"""What a benchmark prints: samples and a table for a person, one JSON object on the last line for a program."""

import json
import statistics
from collections.abc import Mapping, Sequence

from tests.benchmarks.goals import Goal, verdict

BUSY_SHARE = 0.1


def median(samples: Sequence[float]) -> float:
    return statistics.median(samples)


def rounded(value: float) -> float:
    """Four significant digits: more would claim what no benchmark knows."""
    return float(f"{value:.4g}")


def show_samples(samples: Mapping[str, Sequence[float]]) -> None:
    """Every raw sample, in the order of the rounds, and its median."""
    width = max(map(len, samples))
    print("samples, round by round, and their median")
    for name, values in samples.items():
        listed = "  ".join(f"{value:10.4g}" for value in values)
        print(f"  {name:<{width}}  {listed}   | {median(values):.4g}")


def warn_if_busy(lost: Sequence[float]) -> None:
    """Says so when others had much of the measured core: CPU figures stand then, rates and latencies do not."""
    if median(lost) > BUSY_SHARE:
        print(f"this machine is busy: {median(lost):.0%} of the measured core went to others; trust CPU figures only")


def show(figures: Mapping[str, float], goals: Mapping[str, Goal], *, as_json: bool) -> None:
    """The figures against their goals; with `as_json`, the machine-readable last line too."""
    width = max(map(len, figures))
    print("figures")
    for name, value in figures.items():
        print(f"  {name:<{width}}  {value:10.4g}  {_judged(value, goals.get(name))}".rstrip())
    passed = verdict(figures, goals)
    print("every goal is met" if passed else "a goal is missed")
    if as_json:
        musts = {name: goal.must for name, goal in goals.items()}
        numbers = {name: rounded(value) for name, value in figures.items()}
        print(json.dumps({"figures": numbers, "goals": musts, "pass": passed}))


def _judged(value: float, goal: Goal | None) -> str:
    if goal is None:
        return ""
    sign = ">=" if goal.better == "more" else "<="
    word = "reached" if goal.reached(value) else "met" if goal.met(value) else "MISSED"
    return f"{word:<8} must {sign} {goal.must:g}, reach for {goal.reach:g}: {goal.what}"
