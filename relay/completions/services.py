"""What a running call may use: ports and numbers, given by the use case that runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from relay.clock import Clock
from relay.completions.timers import Timers
from relay.completions.watch import Watch
from relay.upstreams.port import Attempt
from relay.upstreams.target import NodeTarget, Target

if TYPE_CHECKING:
    from relay.completions.call import Call, Output


class CallServices(Protocol):
    """The call's view of the use case."""

    @property
    def clock(self) -> Clock: ...

    @property
    def watch(self) -> Watch: ...

    @property
    def timers(self) -> Timers: ...

    def open_attempt(self, call: Call, target: Target) -> tuple[Output, Attempt]:
        """Start an attempt; its output speaks to `call`."""

    def after_flush(self, call: Call) -> None:
        """Have `call.flushed()` called in the next turn of the loop, when what was written has left."""

    def earned(self, target: NodeTarget) -> None:
        """Something was booked for this node; its owner may be told."""
