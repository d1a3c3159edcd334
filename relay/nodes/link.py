"""One ready session with one node, as calls see it: what the node offers, and the legs running on it.

Everything here happens synchronously in the socket's read callback: a frame reaches the call's sink without a task, a
queue or a copy. This module knows no socket; it writes to a `Line`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, Protocol

from relay.errors import RelayError
from relay.nodes.facts import NodeFacts
from relay.wire.codec import Steps
from relay.wire.errors import SessionMisuse
from relay.wire.frames import (
    Accept,
    Account,
    Advertise,
    AdvertisedModel,
    CallHeader,
    CloseCode,
    Decline,
    Drain,
    Fail,
    Finish,
    LegId,
    Note,
    Status,
    Yield,
)
from relay.wire.relay_session import RelaySession
from relay.wire.session import BodyWanted, State

logger = logging.getLogger(__name__)

ACCOUNT_EVERY_S: Final = 1.0
"""A node that finishes many answers a second hears of its earnings once."""


class LegSink(Protocol):
    """Where one leg's answer goes. Called synchronously; nothing follows a terminal or the leg's `cancel`."""

    def accepted(self, prompt_tokens: int, prompt_digest: bytes) -> None:
        """The node will answer; for a large body this comes after its last part."""

    def declined(self, reason: str, message: str, retry_after: float | None) -> None:
        """Terminal: not this call, and nobody is at fault."""

    def step(self, choice: int, kind: int, n_ids: int, ids: bytes, data: bytes) -> None:
        """A piece of the answer. `ids` are `n_ids` sampled tokens, little-endian u32."""

    def flush(self) -> None:
        """The socket read is over that brought steps: what they were can be written. Does not follow a terminal."""

    def finished(self, finish: Finish) -> None:
        """Terminal: the answer is whole."""

    def failed(self, fail: Fail) -> None:
        """Terminal: the node cannot go on."""

    def yielded(self, yielded: Yield) -> None:
        """Terminal: the owner needs the PC."""

    def lost(self, reason: str) -> None:
        """Terminal: the link is gone, and whatever the node was doing with it."""


class Line(Protocol):
    """The socket under a link."""

    def send(self, message: bytes) -> None:
        """Queue a message; all of one turn of the loop leave in one write."""

    def pump(self) -> None:
        """There is a part of a body to send, as soon as few of them wait."""

    def close(self, code: CloseCode, reason: str) -> None:
        """Say so and hang up. Nothing is received after it."""

    async def answers(self, within_s: float) -> bool:
        """Whether the other end answers a ping in time."""

    def now(self) -> float:
        """The loop's clock, in seconds."""

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> object:
        """Run `callback` after a while, if the line still stands then."""


class LinkWatcher(Protocol):
    """Hears what routing should know."""

    def changed(self, link: NodeLink) -> None:
        """What the node offers, or whether it takes calls, is different now."""

    def told(self, link: NodeLink) -> None:
        """The node has said how it is; perhaps nothing has changed."""

    def closed(self, link: NodeLink) -> None:
        """The link takes no call any more and has no legs left."""


class Earnings(Protocol):
    """What a node has earned, in nano-dollars."""

    @property
    def today(self) -> int: ...
    @property
    def month(self) -> int: ...
    @property
    def lifetime(self) -> int: ...
    @property
    def answers_today(self) -> int: ...


class LinkUnavailable(RelayError):
    """The link takes no new call: it is draining, closed or full."""

    def __init__(self, node: str) -> None:
        super().__init__(node)
        self.node = node

    def __str__(self) -> str:
        return f"node {self.node} takes no new call"


class Leg:
    """The handle on one attempt on a node."""

    __slots__ = ("_link", "number", "sink")

    def __init__(self, link: NodeLink, number: LegId, sink: LegSink) -> None:
        self._link = link
        self.number = number
        self.sink = sink

    def cancel(self) -> None:
        """Stop. The sink hears nothing more; no harm if the leg is over."""
        self._link.cancel(self.number)


class NodeLink:
    """A ready session. Promises each sink exactly one terminal unless its leg is cancelled first."""

    __slots__ = (
        "_account",
        "_account_due",
        "_capacity",
        "_leaving",
        "_legs",
        "_legs_at_status",
        "_line",
        "_touched",
        "_watcher",
        "models",
        "node",
        "session",
        "status",
    )

    def __init__(self, node: NodeFacts, session: RelaySession, line: Line, watcher: LinkWatcher) -> None:
        self.node = node
        self.session: Final = session
        self.models: Mapping[str, AdvertisedModel] = {}
        self.status: Status | None = None
        self._line: Final = line
        self._watcher: Final = watcher
        self._legs: dict[int, Leg] = {}
        self._touched: dict[int, Leg] = {}
        self._capacity = 0
        self._legs_at_status = 0
        self._account: Account | None = None
        self._account_due = False
        self._leaving: CloseCode | None = None

    @property
    def takes_calls(self) -> bool:
        """Whether routing may offer it calls: it shares, and neither side is leaving."""
        return self.session.state is State.READY and self.sharing

    @property
    def sharing(self) -> bool:
        return self.status is not None and self.status.sharing

    @property
    def running(self) -> int:
        """Legs open here, offered ones included."""
        return len(self._legs)

    @property
    def free_slots(self) -> int:
        """Calls it could take now: what it last said, less what was opened since; never more than it has slots."""
        if self.status is None:
            return 0
        said = self.status.free_slots + self._legs_at_status - len(self._legs)
        return max(0, min(said, self._capacity - len(self._legs)))

    @property
    def epoch(self) -> int:
        return self.session.epoch

    # --- calls ------------------------------------------------------------------------------------------------------

    def open(self, header: CallHeader, body: bytes, sink: LegSink, *, ids: bytes = b"") -> Leg:
        """Offers a call; `ids` are the delivered tokens of a resume. Raises LinkUnavailable."""
        try:
            number, message = self.session.offer(header, body, ids=ids)
        except SessionMisuse as error:
            raise LinkUnavailable(self.node.node_id) from error
        leg = self._legs[number] = Leg(self, number, sink)
        self._line.send(message)
        return leg

    def cancel(self, number: LegId) -> None:
        """Closes a leg from this side, before the node hears of it."""
        if self._legs.pop(number, None) is None:
            return
        self._touched.pop(number, None)
        message = self.session.cancel(number, self._line.now())
        if message:
            self._line.send(message)
        self._close_if_done()

    # --- what the node says -----------------------------------------------------------------------------------------

    def hear(self, message: bytes, now: float) -> None:
        """One message of the node. Raises ProtocolViolation."""
        for event in self.session.receive(message, now):
            if type(event) is Steps:
                self._steps(event)
            else:
                self._control(event)

    def flush(self) -> None:
        """After the last message of one socket read."""
        if not self._touched:
            return
        touched, self._touched = self._touched, {}
        for number, leg in touched.items():
            # An earlier sink's flush may have cancelled this leg.
            if number in self._legs:
                try:
                    leg.sink.flush()
                except Exception as error:  # noqa: BLE001 - as in `_guarded`, without a call more per leg
                    self._broken(leg, error)

    def _steps(self, steps: Steps) -> None:
        legs, touched = self._legs, self._touched
        for record in steps.records:
            number = record.leg
            leg = legs.get(number)
            if leg is None:
                continue
            touched[number] = leg
            ids = record.ids
            try:
                leg.sink.step(record.choice, record.kind, len(ids) >> 2, ids, record.data)
            except Exception as error:  # noqa: BLE001 - as in `_guarded`, without a call more per record
                self._broken(leg, error)

    def _control(self, event: object) -> None:
        match event:
            case Accept():
                if leg := self._legs.get(event.id):
                    self._guarded(leg, lambda: leg.sink.accepted(event.prompt_tokens, event.prompt_digest))
            case Finish():
                self._end(event.id, lambda sink: sink.finished(event))
            case Decline():
                self._end(event.id, lambda sink: sink.declined(event.reason, event.message, event.retry_after))
            case Yield():
                self._end(event.id, lambda sink: sink.yielded(event))
            case Fail():
                self._end(event.id, lambda sink: sink.failed(event))
            case Status():
                self._status(event)
            case Advertise():
                self.models = {model.model: model for model in event.models}
                self._capacity = sum(model.slots for model in event.models)
                self._watcher.changed(self)
            case BodyWanted():
                self._line.pump()
            case Drain():
                self._watcher.changed(self)
            case _:
                pass

    def _status(self, status: Status) -> None:
        before = self.takes_calls
        self.status = status
        self._legs_at_status = len(self._legs)
        self._watcher.told(self)
        if self.takes_calls is not before:
            self._watcher.changed(self)

    def _end(self, number: LegId, tell: Callable[[LegSink], None]) -> None:
        """A terminal: the leg leaves the table before its sink hears of it."""
        leg = self._legs.pop(number, None)
        self._touched.pop(number, None)
        if leg is not None:
            self._guarded(leg, lambda: tell(leg.sink))
        self._close_if_done()

    def _guarded(self, leg: Leg, act: Callable[[], None]) -> None:
        """One call's fault must not take down the socket all of the node's calls share."""
        try:
            act()
        except Exception as error:  # noqa: BLE001 - the supervisor of the calls on this socket
            self._broken(leg, error)

    def _broken(self, leg: Leg, error: Exception) -> None:
        logger.error("a call failed while hearing node %s, leg %d", self.node.node_id, leg.number, exc_info=error)
        self.cancel(leg.number)

    # --- what the relay says ----------------------------------------------------------------------------------------

    def send_account(self, earnings: Earnings) -> None:
        """Tells the owner's app what it has earned; at most once a second, the newest figures."""
        account = Account(
            today=earnings.today,
            month=earnings.month,
            lifetime=earnings.lifetime,
            answers_today=earnings.answers_today,
        )
        if self._account_due:
            self._account = account
        elif self.session.state in (State.READY, State.DRAINING):
            self._account_due = True
            self._line.send(self.session.account(account))
            self._line.call_later(ACCOUNT_EVERY_S, self._account_again)

    def _account_again(self) -> None:
        self._account_due = False
        account, self._account = self._account, None
        if account is not None:
            self.send_account(account)

    def send_note(self, note: Note) -> None:
        """A word of the operator to the owner."""
        if self.session.state in (State.READY, State.DRAINING):
            self._line.send(self.session.note(note))

    # --- the end ----------------------------------------------------------------------------------------------------

    def goodbye(self, code: CloseCode = CloseCode.GOING_AWAY, *, retry_after: float | None = None) -> None:
        """No new calls; the socket closes with `code` when the running ones are done."""
        if self.session.state is State.READY or self.session.state is State.DRAINING:
            self._line.send(self.session.bye(code, retry_after=retry_after))
            self._leaving = code
            self._watcher.changed(self)
            self._close_if_done()

    async def answers(self, within_s: float) -> bool:
        """Whether the node is there: it answers a ping in time."""
        return await self._line.answers(within_s)

    def hang_up(self, code: CloseCode, reason: str) -> None:
        """Ends the link now; its legs are lost."""
        self._line.close(code, reason)

    def lost(self, reason: str) -> None:
        """The line is gone, or is going: every leg is told."""
        self.session.close()
        legs, self._legs = self._legs, {}
        self._touched = {}
        self._watcher.closed(self)
        for leg in legs.values():
            self._guarded(leg, partial(leg.sink.lost, reason))

    def _close_if_done(self) -> None:
        if self._leaving is not None and not self._legs:
            self._line.close(self._leaving, "the relay is going away")
