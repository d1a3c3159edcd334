"""Large payloads in parts: sent in turn by the relay, put together within their announced length by the node."""

from __future__ import annotations

from collections import deque

import msgspec

from relay.wire.codec import BodyPart, encode_body
from relay.wire.errors import ProtocolViolation
from relay.wire.fields import BODY_PART
from relay.wire.frames import Call, LegId


class Part(msgspec.Struct, frozen=True):
    """A `BODY` message to send. With the last one the clock of the leg's first content starts."""

    leg: LegId
    message: bytes
    last: bool


class Outbox:
    """Payloads to send: held until their header is accepted, then one part of each in turn."""

    def __init__(self) -> None:
        self._rest: dict[LegId, memoryview] = {}
        self._turns: deque[LegId] = deque()

    def __contains__(self, leg: object) -> bool:
        """Whether something of this leg's payload is still to be sent."""
        return leg in self._rest

    def hold(self, leg: LegId, payload: bytes) -> None:
        self._rest[leg] = memoryview(payload)

    def release(self, leg: LegId) -> None:
        self._turns.append(leg)

    def discard(self, leg: LegId) -> None:
        self._rest.pop(leg, None)

    def clear(self) -> None:
        self._rest.clear()
        self._turns.clear()

    def next(self) -> Part | None:
        while self._turns:
            leg = self._turns.popleft()
            rest = self._rest.pop(leg, None)
            if rest is None:
                continue
            part, rest = rest[:BODY_PART], rest[BODY_PART:]
            if rest:
                self._rest[leg] = rest
                self._turns.append(leg)
            return Part(leg, encode_body(leg, part), last=not rest)
        return None


class Inbox:
    """Payloads being received. Holds no more than the sum of the lengths that were announced and accepted."""

    def __init__(self) -> None:
        self._calls: dict[LegId, Call] = {}
        self._parts: dict[LegId, bytearray] = {}

    def __contains__(self, leg: object) -> bool:
        """Whether something of this leg's payload is still to come."""
        return leg in self._calls

    def expect(self, call: Call) -> None:
        self._calls[call.id] = call
        self._parts[call.id] = bytearray()

    def discard(self, leg: LegId) -> None:
        self._calls.pop(leg, None)
        self._parts.pop(leg, None)

    def clear(self) -> None:
        self._calls.clear()
        self._parts.clear()

    def take(self, part: BodyPart) -> tuple[bytes, bytes] | None:
        """Add a part; body and ids once the whole payload is there."""
        call = self._calls.get(part.leg)
        if call is None:
            raise ProtocolViolation("a body part after the whole body")
        payload = self._parts[part.leg]
        payload += part.data
        if len(payload) < call.payload_len:
            return None
        self.discard(part.leg)
        if len(payload) > call.payload_len:
            raise ProtocolViolation("more of a body than its call said")
        return bytes(payload[: call.body_len]), bytes(payload[call.body_len :])
