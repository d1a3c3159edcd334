"""A caller's side with some header lines more."""

from __future__ import annotations

from relay.completions.reply import Reply
from relay.ledger.books import CallBooks
from relay.ledger.calls import Outcome


class MarkedReply(Reply):
    """Hands everything on to `reply`; `extra` is added to the head."""

    def __init__(self, reply: Reply, extra: bytes) -> None:
        self.call_id = reply.call_id
        self._reply = reply
        self._extra = extra

    def respond(self, status: int, headers: bytes, body: bytes) -> None:
        self._reply.respond(status, headers + self._extra, body)

    def begin(self, status: int, headers: bytes) -> None:
        self._reply.begin(status, headers + self._extra)

    def send(self, data: bytes) -> None:
        self._reply.send(data)

    def end(self) -> None:
        self._reply.end()

    def abort(self) -> None:
        self._reply.abort()

    def unsent(self) -> int:
        return self._reply.unsent()

    def may_lag(self) -> int:
        return self._reply.may_lag()

    def booked(self, books: CallBooks) -> CallBooks:
        return self._reply.booked(books)

    def settled(self, outcome: Outcome) -> None:
        self._reply.settled(outcome)
