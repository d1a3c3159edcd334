"""What the owner can tell the agent: the whole language downwards.

The tray, the window and the command line make these; `Agent.post` takes them from any thread. A command says what is
wanted, never how; whether it worked shows in the next `Snapshot`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from desktop.agent.state import Mode


@dataclass(frozen=True, slots=True)
class SetMode:
    """Ends a snooze too: who picks a mode wants it now."""

    mode: Mode


@dataclass(frozen=True, slots=True)
class Snooze:
    """No calls before the Unix time `until`; kept by its end, so it survives a restart.

    `ends_with` ends it earlier: the name of a program, when that closes, or `plugged in`.
    """

    until: float
    ends_with: str = ""


@dataclass(frozen=True, slots=True)
class Resume:
    """Ends a snooze."""


@dataclass(frozen=True, slots=True)
class SetRules:
    """Changes rules of sharing by their names in the settings; None goes back to what the settings say."""

    changed: dict[str, object]


@dataclass(frozen=True, slots=True)
class Enrol:
    """Makes this PC a node of `relay` (an http or https address): with a token at once, without one by browser."""

    relay: str
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class CancelEnrolment:
    """Stops waiting for the approval in the browser."""


@dataclass(frozen=True, slots=True)
class FreeMemory:
    """Unloads the models as soon as no call is running; the next call loads them again."""


@dataclass(frozen=True, slots=True)
class Forget:
    """Drops what is kept about the past: the switches between sharing and not."""


@dataclass(frozen=True, slots=True)
class Quit:
    """Ends the agent; with `drain`, running answers are finished first (30 s at most)."""

    drain: bool


Command = SetMode | Snooze | Resume | SetRules | Enrol | CancelEnrolment | FreeMemory | Forget | Quit
