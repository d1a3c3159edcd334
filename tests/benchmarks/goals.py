"""Holds measured figures against the goals of `goals.toml`."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

Topic = Literal["relay", "peers", "engine", "handover", "window"]


@dataclass(frozen=True, slots=True)
class Goal:
    """One figure to reach. `must` is the least that counts, `reach` what to strive for."""

    what: str
    better: Literal["more", "less"]
    must: float
    reach: float

    def met(self, figure: float) -> bool:
        return self._at_least(figure, self.must)

    def reached(self, figure: float) -> bool:
        return self._at_least(figure, self.reach)

    def _at_least(self, figure: float, bound: float) -> bool:
        return figure >= bound if self.better == "more" else figure <= bound


def goals_of(topic: Topic) -> dict[str, Goal]:
    table = tomllib.loads(Path(__file__).with_name("goals.toml").read_text())
    return msgspec.convert(table[topic], dict[str, Goal])


def verdict(figures: Mapping[str, float], goals: Mapping[str, Goal]) -> bool:
    """Whether every goal was measured and met."""
    return all(name in figures and goal.met(figures[name]) for name, goal in goals.items())
