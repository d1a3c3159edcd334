"""The books of one running call."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from relay.faults import crash
from relay.ledger.board import CELL_BYTES, CELL_DELIVERED, CELL_PROMPT, LEG_SHIFT, Seat
from relay.ledger.calls import Admission, Closed, LegTerms, Outcome, Settlement
from relay.ledger.entries import NanoDollars
from relay.ledger.errors import AlreadySettled
from relay.ledger.journal import Journal, Position, RecordKind
from relay.ledger.records import encode
from relay.ledger.settlement import settle

MAX_SETTLE_BYTES = 1024
"""A longer one can only come of a provider's finish reason or error code, which are words: they are cut."""

_LEG = int(RecordKind.LEG)
_SETTLE = int(RecordKind.SETTLE)


class CallBooks:
    """Belongs to the event loop's thread. Every method is cheap enough for the hot path; none waits."""

    __slots__ = (
        "_at",
        "_cells",
        "_journal",
        "_leg_bits",
        "_on_closed",
        "_settled",
        "admission",
        "legs",
        "seat",
        "since",
    )

    def __init__(
        self,
        admission: Admission,
        journal: Journal,
        seat: Seat,
        on_closed: Callable[[CallBooks, Closed], None],
    ) -> None:
        self.admission = admission
        self.legs: dict[int, LegTerms] = {}
        self.since: Position = journal.position
        self.seat = seat
        self._cells, self._at = seat
        self._journal = journal
        self._leg_bits = 0
        self._on_closed = on_closed
        self._settled = False

    @property
    def bound(self) -> NanoDollars:
        """The most this call may cost."""
        return self.admission.bound

    def leg(self, terms: LegTerms) -> None:
        """Writes down a leg before its call is dispatched; `progress` speaks of this leg from now on."""
        delivered = self._at + CELL_DELIVERED
        before = self._cells[delivered] - self._leg_bits
        self._journal.append(_LEG, encode((self.admission.call, before, terms)))  # a LegBegun
        self.legs[terms.number] = terms
        self._leg_bits = self._cells[delivered] = terms.number << LEG_SHIFT

    def committed(self, prompt_tokens: int) -> None:
        """The commit point: the relay's count of the prompt is known, its fee due with the first token."""
        self._cells[self._at + CELL_PROMPT] = prompt_tokens

    def progress(self, tokens: int, bytes_: int) -> None:
        """How much of the current leg has been written to the caller so far, in all. Call it after the write."""
        cells, at = self._cells, self._at
        cells[at + CELL_DELIVERED] = self._leg_bits | tokens
        cells[at + CELL_BYTES] = bytes_

    def settle(self, outcome: Outcome) -> Settlement:
        """Closes the books, once: raises AlreadySettled. ValueError if a delivered leg was never written down."""
        admission = self.admission
        if self._settled:
            raise AlreadySettled(admission.call)
        crash.point("before_settle")
        settlement = settle(self.legs, outcome.delivered, admission.bound)
        at_ms = admission.started_ms + outcome.duration_ms
        record = encode((admission.call, at_ms, outcome))  # a Settled
        if len(record) > MAX_SETTLE_BYTES:
            outcome = _shortened(outcome)
            record = encode((admission.call, at_ms, outcome))
        end = self._journal.append(_SETTLE, record)
        self._settled = True
        crash.point("mid_settle")
        self._on_closed(self, Closed(admission, self.legs, outcome, settlement, at_ms, end))
        return settlement


def _shortened(outcome: Outcome) -> Outcome:
    reason, error = outcome.finish_reason, outcome.error
    return msgspec.structs.replace(
        outcome, finish_reason=reason[:100] if reason else reason, error=error[:100] if error else error
    )
