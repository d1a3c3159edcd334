"""A private relay beside the app, as the interface sees it. Whoever starts it is above; this knows no Qt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from desktop.agent.commands import Enrol


@dataclass(frozen=True, slots=True)
class RelayState:
    """`endpoint` is the address of its API, `origin` that of the relay itself. Both and the key only while it runs."""

    kind: Literal["off", "starting", "running", "stopping", "failed"] = "off"
    endpoint: str = ""
    origin: str = ""
    key: str = field(default="", repr=False)
    problem: str = ""


class PrivateRelay(Protocol):
    """For any thread; all but `invitation` return at once."""

    def installed(self) -> bool:
        """Whether there is a relay to start on this PC."""

    def subscribe(self, hear: Callable[[RelayState], None], /) -> None:
        """`hear` is called with the present state and every later one, on any thread."""

    def start(self) -> None:
        """Now, and whenever Nightjar starts."""

    def stop(self) -> None:
        """Now, and until it is started again. Running calls are finished first."""

    def invitation(self) -> Enrol:
        """What makes this PC a node of it. Blocks; raises DesktopError."""
