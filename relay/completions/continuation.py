"""What becomes of a call whose target was lost in the middle of its answer: a node is sought that goes on with it.

The rules are `resume`'s; this is the search itself, driven by the call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from relay.completions.resume import Handovers, divide
from relay.completions.seam import continuable
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
_CONTINUED: Final = b"x-nightjar-resumed: continued\r\n"


class Continuation:
    """Of one call, from its first loss on.

    `before` are the tokens that legs gave which are over, `served` the nodes of those legs, and `cause` is where in the
    call's chain of failures the loss stands that is being mended.
    """

    def __init__(self, call: Call, services: CallServices, answer: Enveloped | None) -> None:
        """`answer` is what a node said, if others can go on with it by its ids."""
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
        self._by_text = answer is None

    @property
    def left_s(self) -> float:
        """Seconds until the search is given up."""
        return self._handovers.left_s(self._services.watch.now)

    @property
    def exact(self) -> bool:
        """Whether all who gave a part of it compute alike: then it is the answer that one of them would have given."""
        return self._exact and not self._by_text

    @property
    def header(self) -> bytes:
        """The header line that says how it went on."""
        if self._by_text:
            return _CONTINUED
        return _EXACT if self._exact else _REPLAYED

    def after_loss(self, failure: Failure, *, cause: int) -> bool:
        """The call's target is lost, or declined to go on; whether another goes on, or may soon."""
        call, target = self._call, self._call.target
        if not self._handovers.searching:
            self.cause = cause
            tokens = call.tokens_shown
            if self._answer is not None and not call.request.stream:
                tokens = self._answer.tokens()
            if tokens > self.before:
                self._shares.append((call.legs, tokens))
                self.before = tokens
                if isinstance(target, NodeTarget):
                    self.served.append(target)
        if isinstance(target, NodeTarget):
            self._tried.append(target.link)
            self._lost = target
        else:
            self._tried.append(target)
        allowed = self._handovers.lost(announced=failure.announced, now=self._services.watch.now)
        return allowed and call.legs < MAX_LEGS and self._seek()

    def look_again(self) -> bool:
        """At each tick: False when nobody can go on any more."""
        return not self._waits or self._seek()

    def _seek(self) -> bool:
        """Have somebody go on: a node that has the ids, else a provider by the text; a stream waits for a busy node."""
        lost, call, answer = self._lost, self._call, self._answer
        soon = False
        if not self._by_text and lost is not None and answer is not None:
            free, soon = self._services.continuations(call, lost, self._tried)
            if free:
                self._waits = False
                self._exact = self._exact and computes_alike(free[0], lost)
                call.continue_at(free[0], answer, within_s=self.left_s)
                return True
        if self._seek_by_text():
            return True
        self._waits = soon and call.request.stream
        if self._waits:
            call.wait_for_target(self.left_s)
        return self._waits

    def _seek_by_text(self) -> bool:
        """From then on it is known by its text alone."""
        call = self._call
        output = call.output
        if output is None or not call.may_move:
            return False
        targets = self._services.continuations_by_text(call, self._tried)
        cut = output.cut() if targets else None
        if cut is None or not continuable(cut):
            return False
        self._by_text, self._waits = True, False
        call.rejoin_at(targets[0], cut, output.envelope(), within_s=self.left_s)
        return True

    def found(self) -> None:
        """The answer goes on."""
        self._handovers.found()
        self._tried.clear()

    def divided(self, prompt_tokens: int, tokens: int) -> tuple[Delivered, ...]:
        """Who gave what of the tokens that left."""
        return divide(self._shares, self._call.legs, prompt_tokens=prompt_tokens, tokens=tokens)
