"""Calls that other processes of this relay make on nodes whose sockets this one holds.

To the other process this one is the node: it takes the same frames and answers with them. Leg ids are those of the
other's session on its channel; the node's own session has others. What the other process thinks of a node's free slots
is a little old, so it is told `busy` here, as a node would say it.
"""

from __future__ import annotations

from typing import Final

import msgspec

from relay.cluster.mesh import Peer
from relay.nodes.link import Leg, LinkUnavailable, NodeLink
from relay.wire import codec
from relay.wire.bodies import Inbox
from relay.wire.codec import BodyPart, OfferedCall, Sender
from relay.wire.frames import (
    Accept,
    Account,
    Call,
    CallHeader,
    Cancel,
    Decline,
    Fail,
    Finish,
    Frame,
    LegId,
    Yield,
)
from relay.wire.steps import StepRecord, encode_steps

MOST_RECORDS: Final = 512
MOST_BYTES: Final = 64 * 1024
"""Of one message of steps: what one read of the node's socket brought may be more than a frame can hold."""


class Lodging:
    """One other process's use of one node: the legs it has open there."""

    def __init__(self, peer: Peer, channel: int, link: NodeLink) -> None:
        self.link = link
        self._peer = peer
        self._channel = channel
        self._legs: dict[LegId, Lodger] = {}
        self._large: dict[LegId, Call] = {}
        self._inbox = Inbox()

    def __len__(self) -> int:
        return len(self._legs)

    def hear(self, message: bytes) -> None:
        """A frame of the other process."""
        match codec.decode(message, Sender.RELAY, opening=False):
            case OfferedCall(call, payload):
                if payload is None:
                    self._large[call.id] = call
                    self._inbox.expect(call)
                    self.send(Accept(id=call.id, prompt_tokens=0, prompt_digest=b""))
                else:
                    self._open(call, payload[: call.body_len], payload[call.body_len :])
            case BodyPart() as part:
                if part.leg in self._large and (whole := self._inbox.take(part)) is not None:
                    self._open(self._large.pop(part.leg), *whole)
            case Cancel(id=leg):
                self._large.pop(leg, None)
                self._inbox.discard(leg)
                if (lodger := self._legs.pop(leg, None)) is not None:
                    lodger.leg.cancel()
            case Account() as account:
                self.link.send_account(account)

    def leave(self) -> None:
        """The other process is gone: nobody waits for its answers."""
        legs, self._legs = self._legs, {}
        for lodger in legs.values():
            lodger.leg.cancel()

    def _open(self, call: Call, body: bytes, ids: bytes) -> None:
        if not self.link.takes_calls or not self.link.free_slots:
            self.send(Decline(id=call.id, reason="busy" if self.link.takes_calls else "draining"))
            return
        lodger = self._legs[call.id] = Lodger(self, call.id)
        try:
            lodger.leg = self.link.open(_header_of(call), body, lodger, ids=ids)
        except LinkUnavailable:
            del self._legs[call.id]
            self.send(Decline(id=call.id, reason="gone"))

    # --- for the lodgers --------------------------------------------------------------------------------------------

    def send(self, frame: Frame) -> None:
        self.send_message(codec.encode(frame))

    def send_message(self, message: bytes) -> None:
        self._peer.send(self._channel, message)

    def ended(self, leg: LegId) -> None:
        self._legs.pop(leg, None)


class Lodger:
    """The sink of one such leg: it says on, under the other process's id, what the node says."""

    leg: Leg

    def __init__(self, lodging: Lodging, number: LegId) -> None:
        self._lodging = lodging
        self._number = number
        self._records: list[StepRecord] = []
        self._bytes = 0

    def accepted(self, prompt_tokens: int, prompt_digest: bytes) -> None:
        self._lodging.send(Accept(id=self._number, prompt_tokens=prompt_tokens, prompt_digest=prompt_digest))

    def declined(self, reason: str, message: str, retry_after: float | None) -> None:
        self._end(Decline(id=self._number, reason=reason, message=message, retry_after=retry_after))

    def step(self, choice: int, kind: int, n_ids: int, ids: bytes, data: bytes) -> None:
        self._records.append(StepRecord(self._number, choice, kind, ids, data))
        self._bytes += 4 * n_ids + len(data)
        if self._bytes > MOST_BYTES or len(self._records) >= MOST_RECORDS:
            self.flush()

    def flush(self) -> None:
        if self._records:
            records, self._records, self._bytes = self._records, [], 0
            self._lodging.send_message(encode_steps(records))

    def finished(self, finish: Finish) -> None:
        self._end(finish)

    def failed(self, fail: Fail) -> None:
        self._end(fail)

    def yielded(self, yielded: Yield) -> None:
        self._end(yielded)

    def lost(self, _reason: str) -> None:
        """The other process hears of the whole link, and so of each leg."""
        self._lodging.ended(self._number)

    def _end(self, frame: Decline | Finish | Fail | Yield) -> None:
        self.flush()
        self._lodging.ended(self._number)
        self._lodging.send(msgspec.structs.replace(frame, id=self._number))


def _header_of(call: Call) -> CallHeader:
    return CallHeader(**{name: getattr(call, name) for name in CallHeader.__struct_fields__})
