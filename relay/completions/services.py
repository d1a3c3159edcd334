"""What a running call may use, given by the use case that runs it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from relay.clock import Clock
from relay.completions.envelope import ChatEnvelope
from relay.completions.seam import Cut
from relay.completions.timers import Timers
from relay.completions.waiting import WaitingRoom
from relay.completions.watch import Watch
from relay.upstreams.port import Attempt, Failure
from relay.upstreams.target import NodeTarget, ProviderTarget, Route, Target

if TYPE_CHECKING:
    from relay.completions.call import Call
    from relay.completions.enveloped import Enveloped


class CallServices(ABC):
    """The call's view of the use case. A base class and no protocol: compiled, it then costs next to nothing."""

    clock: Clock
    watch: Watch
    timers: Timers
    room: WaitingRoom

    @abstractmethod
    def open_attempt(self, call: Call, target: Target) -> Attempt:
        """Start an attempt; its output speaks to `call`."""

    @abstractmethod
    def attempt_failed(self, call: Call, failure: Failure) -> bool:
        """Have it remembered; whether another key of the same target may be tried."""

    @abstractmethod
    def answered(self, call: Call, *, ttft_ms: int | None, duration_ms: int, tokens: int) -> None:
        """Have it remembered that the target came to the end of its answer. `ttft_ms` is None if nobody can tell."""

    @abstractmethod
    def may_retry(self, call: Call) -> bool:
        """Whether the organisation may make one more attempt after a fault; it then counts."""

    @abstractmethod
    def targets_now(self, call: Call) -> Route:
        """Which targets can take a waiting call now, best first: none that is dearer than what is held for it."""

    @abstractmethod
    def continuations(self, call: Call, lost: NodeTarget, tried: Sequence[object]) -> tuple[list[NodeTarget], bool]:
        """Which nodes can go on where `lost` stopped, the likest first; and whether one may be able to soon."""

    @abstractmethod
    def continue_attempt(self, call: Call, target: NodeTarget, answer: Enveloped) -> Attempt:
        """Have a node go on with `answer`. Raises LinkUnavailable."""

    @abstractmethod
    def continuations_by_text(self, call: Call, tried: Sequence[object]) -> list[ProviderTarget]:
        """Which providers, of those the call could have gone to at first, can go on with its text."""

    @abstractmethod
    def rejoin_attempt(self, call: Call, target: ProviderTarget, cut: Cut, envelope: ChatEnvelope) -> Attempt:
        """Have a provider go on with the text of `cut`; `envelope` writes its events. Raises KeysUsedUp."""

    @abstractmethod
    def after_flush(self, call: Call) -> None:
        """Have `call.flushed()` called in the next turn of the loop, when what was written has left."""

    @abstractmethod
    def earned(self, target: NodeTarget) -> None:
        """Something was booked for this node; its owner may be told."""
