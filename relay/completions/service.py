"""The use case "complete a chat": admit a call, find its targets, start it, and keep watch over all that run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from relay.accounts.identity import Identity
from relay.clock import Clock
from relay.completions.call import Call, Output
from relay.completions.enveloped import Enveloped
from relay.completions.passthrough import PassThrough
from relay.completions.refusal import all_busy, no_credit, shutting_down, unknown_model
from relay.completions.reply import Reply
from relay.completions.request import ChatRequest, patched
from relay.completions.targets import Targets
from relay.completions.timers import Timers
from relay.completions.watch import TimerLoop, Watch
from relay.ledger.calls import Admission
from relay.ledger.entries import CallId, NanoDollars
from relay.ledger.errors import InsufficientCredit
from relay.ledger.service import Ledger
from relay.settings import CallSettings, TimerSettings
from relay.upstreams.http import Pool
from relay.upstreams.node import Tenants, offer_chat
from relay.upstreams.port import Attempt
from relay.upstreams.target import NodeTarget, ProviderTarget, Target

BUSY_RETRY_S = 2.0


class Loop(TimerLoop, Protocol):
    """What the service needs of an event loop."""

    def call_soon(self, callback: Callable[[], None], /) -> object: ...


class Completions:
    """Runs calls. One per process; belongs to the event loop's thread."""

    def __init__(
        self,
        *,
        loop: Loop,
        clock: Clock,
        ledger: Ledger,
        targets: Targets,
        pool: Pool,
        timers: TimerSettings,
        settings: CallSettings,
        next_id: Callable[[], CallId],
        earned: Callable[[NodeTarget], None],
        tenants: Tenants,
    ) -> None:
        self.clock = clock
        self.watch = Watch(loop)
        self.timers = Timers(timers)
        self.earned = earned
        self._loop = loop
        self._ledger = ledger
        self._targets = targets
        self._pool = pool
        self._tenants = tenants
        self._settings = settings
        self._next_id = next_id
        self._unflushed: list[Call] = []
        self._closing = False

    def begin(self, identity: Identity, request: ChatRequest, reply: Reply) -> Call:
        """Admit a call and start it; its answer goes to `reply`.

        Raises:
            Refusal: it was not admitted; nothing was booked and nothing written.
        """
        if self._closing:
            raise shutting_down()
        targets = self._route(identity, request)
        call_id = self._next_id()
        max_tokens, bound = self._hold(identity, request, targets)
        admission = Admission(
            call=call_id,
            organisation=identity.organisation,
            project=identity.project,
            key=identity.key,
            model=request.model,
            bound=bound,
            stream=request.stream,
            started_ms=self.clock.now_ms(),
        )
        try:
            books = self._ledger.admit(admission)
        except InsufficientCredit as error:
            raise no_credit(error.needed, error.available) from error
        call = Call(
            self,
            reply,
            call_id=call_id,
            identity=identity,
            request=request,
            targets=targets,
            books=books,
            max_tokens=max_tokens,
        )
        call.start()
        return call

    def _route(self, identity: Identity, request: ChatRequest) -> list[Target]:
        targets, exists = self._targets.find(request.model, identity)
        if not exists:
            raise unknown_model(request.model)
        if not targets:
            raise all_busy(request.model, BUSY_RETRY_S)
        return targets

    def _hold(self, identity: Identity, request: ChatRequest, targets: list[Target]) -> tuple[int, NanoDollars]:
        """The completion's limit per choice, and an upper bound of the cost at the dearest target, in nano-dollars.

        Without a limit of the caller's the relay sets one: the smallest of its default, the largest context, and what
        the credit affords.
        """
        asked = request.max_tokens
        limit = min(asked or self._settings.default_max_tokens, max(target.context for target in targets))
        prompt = request.prompt_bound
        bound = max(target.price.bound(prompt, limit * request.n) for target in targets)
        if asked is None and bound > (free := self._ledger.available(identity.organisation)):
            dearest = max(target.price.completion for target in targets) * request.n
            fixed = max(target.price.bound(prompt, 0) for target in targets)
            affordable = int((free - fixed) * 1000 // dearest) if dearest else 0
            if affordable >= 1:
                limit = min(limit, affordable)
                bound = max(target.price.bound(prompt, limit * request.n) for target in targets)
        return limit, bound

    # --- what a running call asks for (CallServices) ------------------------------------------------------------------

    def open_attempt(self, call: Call, target: Target) -> tuple[Output, Attempt]:
        """Send the call to one target."""
        if isinstance(target, ProviderTarget):
            sink = PassThrough(call)
            return sink, target.provider.ask(self._pool, _outgoing(call, target), sink)
        leg = Enveloped(call)
        return leg, self._offer(call, target, leg)

    def _offer(self, call: Call, target: NodeTarget, leg: Enveloped) -> Attempt:
        request = call.request
        return offer_chat(
            target.link,
            request.raw,
            leg,
            created=call.created,
            model=target.model,
            n=request.n,
            deadline_s=self.timers.settings.call_s,
            seed=call.seed,
            tenant=self._tenants.of(call.identity.organisation, target.link.node.node_id),
            max_tokens=call.max_tokens,
        )

    def after_flush(self, call: Call) -> None:
        """Look at `call` again in the next turn of the loop."""
        if not self._unflushed:
            self._loop.call_soon(self._flushed)
        self._unflushed.append(call)

    def _flushed(self) -> None:
        calls, self._unflushed = self._unflushed, []
        for call in calls:
            call.flushed()

    # --- the end ------------------------------------------------------------------------------------------------------

    def stop_admitting(self) -> None:
        """From now on every new call is refused."""
        self._closing = True

    def end_all(self) -> None:
        """Tell every caller still waiting that the relay is going."""
        for call in self.watch.running():
            call.fail(shutting_down())


def _outgoing(call: Call, target: ProviderTarget) -> bytes:
    """The caller's bytes, with the model's name and the fields the relay needs patched."""
    request = call.request
    changes: dict[str, object] = {}
    if target.model != request.model:
        changes["model"] = target.model
    if request.stream and not request.include_usage:
        changes["stream_options"] = {"include_usage": True}
    if request.max_tokens is None and (target.price.prompt or target.price.completion):
        changes["max_tokens"] = call.max_tokens
    return patched(request.raw, changes)
