"""What the agent needs of whoever watches the PC."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from desktop.system.conditions import Conditions


@dataclass(frozen=True, slots=True)
class Attention:
    """How closely to look. `closely`: an input has to be known within a second; else a few seconds late will do.

    `programs` are names, in lower case, whose running is of interest.
    """

    closely: bool = False
    programs: frozenset[str] = field(default_factory=frozenset)


class Watch(Protocol):
    """Everything is called on the thread of the loop that `run` runs on."""

    @property
    def conditions(self) -> Conditions:
        """The newest; before the first look everything is unknown."""
        ...

    async def run(self, changed: Callable[[], None]) -> None:
        """Looks until cancelled. `changed` hears of every new value of `conditions`."""
        ...

    def attend(self, attention: Attention) -> None:
        """Changes how closely it looks, from now on."""
        ...

    def may_sleep(self) -> None:
        """Everything was handed over: a PC that waits for us to go to sleep need not wait any longer."""
        ...
