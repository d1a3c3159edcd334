"""The use case "complete a chat": admit a call, find its targets, start it, and keep watch over all that run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import Protocol

from relay.accounts.identity import Identity
from relay.clock import Clock
from relay.completions.call import Call
from relay.completions.embedded import Embedded
from relay.completions.envelope import ChatEnvelope
from relay.completions.enveloped import Enveloped
from relay.completions.failover import BUSY_RETRY_S
from relay.completions.kinds import EMBEDDING
from relay.completions.naming import resolved
from relay.completions.passthrough import PassThrough
from relay.completions.refusal import (
    Refusal,
    all_busy,
    all_resting,
    no_credit,
    no_node_shares,
    none_fits,
    not_allowed,
    shutting_down,
    unknown_model,
)
from relay.completions.rejoined import Rejoined, going_on
from relay.completions.reply import Reply
from relay.completions.request import CallRequest, patched
from relay.completions.resume import marks_of
from relay.completions.seam import Cut, Method
from relay.completions.services import CallServices
from relay.completions.targets import Targets, is_well
from relay.completions.timers import Timers
from relay.completions.waiting import WaitingRoom
from relay.completions.watch import TimerLoop, Watch
from relay.ledger.calls import Admission
from relay.ledger.entries import CallId, NanoDollars
from relay.ledger.errors import InsufficientCredit
from relay.ledger.service import Ledger
from relay.nodes.link import LegSink
from relay.routing.retries import RetryBudget
from relay.routing.rules import Rule
from relay.settings import CallSettings, TimerSettings
from relay.upstreams.keys import KeysUsedUp, ProviderKey
from relay.upstreams.node import Tenants, offer_chat
from relay.upstreams.port import Attempt, Failure, Fault
from relay.upstreams.target import NodeTarget, ProviderTarget, Route, Target
from relay.wire.frames import LegId, Resume

PAUSED_RETRY_S = 30.0
"""A pause lasts until a person's work or game ends: minutes, so asking again every second helps nobody."""
PICO_PER_NANO = 1000
LONGEST_REST_S = 2.0
"""Where every target rests: a call waits for so long, if one comes back in that time."""


class Loop(TimerLoop, Protocol):
    """What the service needs of an event loop."""

    def call_soon(self, callback: Callable[[], None], /) -> object: ...


class Completions(CallServices):
    """Runs calls. One per process; belongs to the event loop's thread."""

    def __init__(
        self,
        *,
        loop: Loop,
        clock: Clock,
        ledger: Ledger,
        targets: Targets,
        timers: TimerSettings,
        settings: CallSettings,
        next_id: Callable[[], CallId],
        earned: Callable[[NodeTarget], None],
        tenants: Tenants,
        traced: Callable[[CallId, CallRequest], None] | None = None,
    ) -> None:
        """`traced` is told of each call that is admitted."""
        self.clock = clock
        self.watch = Watch(loop)
        self.timers = Timers(timers)
        self.room = WaitingRoom(loop)
        self._earned = earned
        self._loop = loop
        self._ledger = ledger
        self._targets = targets
        self._tenants = tenants
        self._traced = traced
        self._settings = settings
        self._next_id = next_id
        self._retries = RetryBudget()
        self._unflushed: list[Call] = []
        self._closing = False

    def begin(self, identity: Identity, request: CallRequest, reply: Reply) -> Call:
        """Admit a call and start it; its answer goes to `reply`.

        Raises:
            Refusal: it was not admitted; nothing was booked and nothing written.
        """
        if self._closing:
            raise shutting_down()
        now = self.clock.now()
        request = resolved(request, self._targets.has)
        route = self._targets.route(request, identity, now)
        if route is None:
            raise self._without_route(request.model, identity)
        if route.first is None:
            raise none_fits(request.model, route.left_out, request.preferences.only)
        patience_s = self._patience_s(route, request.model)
        max_tokens, bound = self._bound(identity, request, route)
        call_id = CallId(reply.call_id) if reply.call_id else self._next_id()
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
        if self._traced is not None:
            self._traced(call_id, request)
        if reply.call_id:
            books = reply.booked(books)
        self._retries.called(identity.organisation, now)
        call = Call(
            self,
            reply,
            identity=identity,
            request=request,
            route=route,
            first=route.first,
            books=books,
            max_tokens=max_tokens,
        )
        if patience_s:
            call.wait(patience_s)
        else:
            call.start()
        return call

    def rules_of(self, identity: Identity, request: CallRequest) -> tuple[Rule, ...]:
        """What was set for calls such as this one, whichever of its models answers."""
        rules = self._targets.rules
        if not rules.some:
            return ()
        return rules.concerning(identity, (resolved(request, self._targets.has).model, *request.fallbacks))

    def _patience_s(self, route: Route, model: str) -> float:
        """How long the call has to wait for its turn at most; 0 if it has not to wait.

        Raises:
            Refusal: it would wait in vain.
        """
        if route.targets and not self.room.has_waiters(model):
            return 0.0
        if not route.targets and not route.busy:
            rests_s = min((each.candidate.rests_s for each in route.left_out if each.reason == "resting"), default=inf)
            if rests_s > LONGEST_REST_S:
                raise all_resting(model, route.left_out, rests_s)
            return LONGEST_REST_S
        if self.room.has_room(model, self._targets.slots(model)):
            return self.timers.settings.queue_s
        if route.targets:  # those who wait may be waiting for others
            return 0.0
        raise all_busy(model, BUSY_RETRY_S)

    def _without_route(self, model: str, identity: Identity) -> Refusal:
        if not self._targets.rules.allows(identity, model):
            return not_allowed(model)
        if self._targets.is_known(model, identity):
            return no_node_shares(model, PAUSED_RETRY_S)
        return unknown_model(model)

    def _bound(self, identity: Identity, request: CallRequest, route: Route) -> tuple[int, NanoDollars]:
        """The completion's limit per choice, and the most the call can cost, at the dearest target.

        Without a limit of the caller's the relay sets one: the smallest of its default, the largest context, and what
        the credit affords.
        """
        price, prompt = route.price, request.prompt_bound
        default = request.kind.default_tokens
        if default is None:
            default = self._settings.default_max_tokens
        limit = min(request.max_tokens or default, route.context)
        bound = price.bound(prompt, limit * request.n)
        if request.max_tokens is None and price.completion:
            left = self._ledger.available(identity.organisation) - price.bound(prompt, 0)
            if request.max_cost is not None:
                left = min(left, request.max_cost // PICO_PER_NANO - price.bound(prompt, 0))
            affordable = left * PICO_PER_NANO // (price.completion * request.n)
            if 0 < affordable < limit:
                limit = affordable
                bound = price.bound(prompt, limit * request.n)
        return limit, bound

    # --- what a running call asks for ---------------------------------------------------------------------------------

    def open_attempt(self, call: Call, target: Target) -> Attempt:
        """Send the call to one target."""
        if isinstance(target, ProviderTarget):
            key = self._take_key(call, target)
            call.output = sink = PassThrough(call)
            return target.provider.ask(_outgoing(call, target), sink, key, call.request.kind.path)
        target.health.breaker.began(self.clock.now())
        if call.request.kind is EMBEDDING:
            return self._offer(call, target, Embedded(call))
        answer = Enveloped(call, resumable=call.request.n == 1 and target.link.models[target.model].resume == "ids")
        call.answer_at_node = call.output = answer
        return self._offer(call, target, answer)

    def attempt_failed(self, call: Call, failure: Failure) -> bool:
        now, target, key = self.clock.now(), call.target, call.key
        if failure.fault is Fault.ILL:
            target.health.failed(now, failure.code)
        else:
            target.health.breaker.released()
        if key is None or not isinstance(target, ProviderTarget):
            return False
        if failure.fault is Fault.KEY_DEAD:
            key.refuse()
        elif failure.fault is Fault.KEY_BUSY:
            key.rest(now, failure.retry_after)
        else:
            return False
        return target.provider.keys.rests_s(now) <= 0

    def answered(self, call: Call, *, ttft_ms: int | None, duration_ms: int, tokens: int) -> None:
        target = call.target
        target.health.answered(
            self.clock.now(),
            first_token_s=None if ttft_ms is None else ttft_ms / 1000,
            tokens=tokens,
            written_s=(duration_ms - (ttft_ms or 0)) / 1000,
        )
        if call.key is not None:
            call.key.worked()
        if call.has_choice:
            self._targets.went(call.request, call.identity, target)

    def may_retry(self, call: Call) -> bool:
        return self._retries.take(call.identity.organisation, self.clock.now())

    def targets_now(self, call: Call) -> Route:
        route, most = self._targets.route(call.request, call.identity, self.clock.now()), call.dearest
        if route is None:
            return Route(())
        affordable = [
            each
            for each in route.targets
            if each.price.prompt <= most.prompt and each.price.completion <= most.completion
        ]
        return Route(affordable, left_out=route.left_out)

    def continuations(self, call: Call, lost: NodeTarget, tried: Sequence[object]) -> tuple[list[NodeTarget], bool]:
        context = min(lost.context, call.prompt_tokens + call.max_tokens)
        return self._targets.continuations(
            call.request, call.identity, lost, price=call.dearest, context=context, tried=tried
        )

    def continue_attempt(self, call: Call, target: NodeTarget, answer: Enveloped) -> Attempt:
        marks = marks_of(answer.heard or ())
        resume = Resume(
            leg=LegId(call.legs),
            position=marks.position,
            prompt_digest=answer.prompt_digest,
            channels=marks.channels,
        )
        return self._offer(call, target, answer, resume, marks.ids)

    def continuations_by_text(self, call: Call, tried: Sequence[object]) -> list[ProviderTarget]:
        now = self.clock.now()
        return [
            each
            for each in call.targets
            if isinstance(each, ProviderTarget) and each.traits.continues and each not in tried and is_well(each, now)
        ]

    def rejoin_attempt(self, call: Call, target: ProviderTarget, cut: Cut, envelope: ChatEnvelope) -> Attempt:
        key = self._take_key(call, target)
        left = max(1, call.max_tokens - call.tokens_shown)
        changes = going_on(call.request, cut, Method(target.traits.continues), left)
        if target.model != call.request.said_model:
            changes["model"] = target.model
        body = patched(call.request.forwarded, changes, without=("max_completion_tokens",))
        call.output = sink = Rejoined(call, cut, envelope)
        return target.provider.ask(body, sink, key)

    def _take_key(self, call: Call, target: ProviderTarget) -> ProviderKey:
        """Raises KeysUsedUp."""
        now = self.clock.now()
        target.health.breaker.began(now)
        call.key = key = target.provider.keys.take(now)
        if key is None:
            raise KeysUsedUp(target.name)
        return key

    def _offer(
        self, call: Call, target: NodeTarget, leg: LegSink, resume: Resume | None = None, ids: bytes = b""
    ) -> Attempt:
        request = call.request
        return offer_chat(
            target.link,
            request.raw,
            leg,
            kind=request.kind.word,
            created=call.created,
            model=target.model,
            n=request.n,
            deadline_s=self.timers.settings.call_s,
            seed=call.seed,
            tenant=self._tenants.of(call.identity.organisation, target.link.node.node_id),
            max_tokens=call.max_tokens,
            resume=resume,
            ids=ids,
        )

    def after_flush(self, call: Call) -> None:
        """Look at `call` again in the next turn of the loop."""
        unflushed = self._unflushed
        if not unflushed:
            self._loop.call_soon(self._flushed)
        unflushed.append(call)

    def _flushed(self) -> None:
        calls, self._unflushed = self._unflushed, []
        for call in calls:
            try:
                call.flushed()
            except Exception as error:  # noqa: BLE001 - the supervisor of the calls
                self.watch.broken(call, error)

    def earned(self, target: NodeTarget) -> None:
        self._earned(target)

    # --- the end ------------------------------------------------------------------------------------------------------

    def stop_admitting(self) -> None:
        """From now on every new call is refused."""
        self._closing = True

    def end_all(self) -> None:
        """Tell every caller still waiting that the relay is going."""
        for call in self.watch.running():
            try:
                call.fail(shutting_down())
            except Exception as error:  # noqa: BLE001 - the supervisor of the calls
                self.watch.broken(call, error)


def _outgoing(call: Call, target: ProviderTarget) -> bytes:
    """The caller's bytes, with the model's name and the fields the relay needs patched."""
    request = call.request
    changes: dict[str, object] = {}
    if target.model != request.said_model:
        changes["model"] = target.model
    if request.stream and not request.include_usage:
        changes["stream_options"] = {"include_usage": True}
    if request.max_tokens is None and call.max_tokens and (target.price.prompt or target.price.completion):
        changes["max_tokens"] = call.max_tokens
    return patched(request.forwarded, changes)
