"""How asking the relay goes: the part that the facts of every page that asks it share. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayFacts:
    """`problem` is why the last question had no answer; what was told before it stays known."""

    asking: bool = False
    problem: str = ""
