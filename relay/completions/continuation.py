"""What becomes of a call whose target was lost in the middle of its answer: a node is sought that goes on with it.

The rules are `resume`'s; this is the search itself, driven by the call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from relay.completions.resume import Handovers, divide
from relay.completions.services import CallServices
from relay.completions.targets import computes_alike
from relay.ledger.calls import MAX_LEGS, Delivered
from relay.upstreams.port import Failure
from relay.upstreams.target import NodeTarget

if TYPE_CHECKING:
    from relay.completions.call import Call
    from relay.completions.enveloped import Enveloped

_EXACT: Final = b"x-nightjar-resumed: exact\r\n"
_REPLAYED: Final = b"x-nightjar-resumed: replayed\r\n"


class Continuation:
    """Of one call, from its first loss on.

    `before` are the tokens that legs gave which are over, `served` the nodes of those legs, and `cause` is where in the
    call's chain of failures the loss stands that is being mended.
    """

    def __init__(self, call: Call, services: CallServices, answer: Enveloped) -> None:
        self.before = 0
        self.cause = 0
        self.served: list[NodeTarget] = []
        self._call = call
        self._services = services
        self._answer = answer
        self._handovers = Handovers()
        self._shares: list[tuple[int, int]] = []
        self._tried: list[object] = []
        self._exact = True
        self._lost: NodeTarget | None = None
        self._waits = False

    @property
    def left_s(self) -> float:
        """Seconds until the search is given up."""
        return self._handovers.left_s(self._services.watch.now)

    @property
    def exact(self) -> bool:
        """Whether all who gave a part of it compute alike: then it is the answer that one of them would have given."""
        return self._exact

    @property
    def header(self) -> bytes:
        """The header line that says how it went on."""
        return _EXACT if self._exact else _REPLAYED

    def after_loss(self, failure: Failure, *, cause: int) -> bool:
        """The call's target is lost, or declined to go on; whether another goes on, or may soon."""
        call, target = self._call, self._call.target
        if not self._handovers.searching:
            self.cause = cause
            tokens = call.tokens_shown if call.request.stream else self._answer.tokens()
            if tokens > self.before and isinstance(target, NodeTarget):
                self._shares.append((call.legs, tokens))
                self.served.append(target)
                self.before = tokens
        if isinstance(target, NodeTarget):
            self._tried.append(target.link)
            self._lost = target
        allowed = self._handovers.lost(announced=failure.announced, now=self._services.watch.now)
        return allowed and call.legs < MAX_LEGS and self._seek()

    def look_again(self) -> bool:
        """At each tick: False when nobody can go on any more."""
        return not self._waits or self._seek()

    def _seek(self) -> bool:
        """Have the first node that can go on with the answer. A stream waits for one that is only busy."""
        lost, call = self._lost, self._call
        if lost is None:
            return False
        free, soon = self._services.continuations(call, lost, self._tried)
        self._waits = not free and soon and call.request.stream
        if free:
            self._exact = self._exact and computes_alike(free[0], lost)
            call.continue_at(free[0], self._answer, within_s=self.left_s)
            return True
        if self._waits:
            call.wait_for_target(self.left_s)
        return self._waits

    def found(self) -> None:
        """The answer goes on."""
        self._handovers.found()
        self._tried.clear()

    def divided(self, prompt_tokens: int, tokens: int) -> tuple[Delivered, ...]:
        """Who gave what of the tokens that left."""
        return divide(self._shares, self._call.legs, prompt_tokens=prompt_tokens, tokens=tokens)
