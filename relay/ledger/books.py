"""The books of one running call."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from relay.faults import crash
from relay.ledger.board import CELL_BYTES, CELL_DELIVERED, CELL_PROMPT, LEG_SHIFT, Board, Seat
from relay.ledger.calls import Admission, Closed, Delivered, LegTerms, Outcome, Settlement
from relay.ledger.entries import NanoDollars
from relay.ledger.errors import AlreadySettled
from relay.ledger.journal import Journal, RecordKind
from relay.ledger.records import encode
from relay.ledger.settlement import settle

MAX_SETTLE_BYTES = 1024
"""A longer one can only come of a provider's finish reason or error code, which are words: they are cut."""

_ADMIT = int(RecordKind.ADMIT)
_LEG = int(RecordKind.LEG)
_SETTLE = int(RecordKind.SETTLE)


class CallBooks:
    """Belongs to the event loop's thread. Every method is cheap enough for the hot path; none waits.

    Nothing is written down before the first leg, since nothing has left this process by then. A line on the board is
    taken with the first progress: most plain calls are settled without ever having any.
    """

    seat: Seat | None = None
    _leg_bits = 0
    _prompt_tokens = 0
    _settled = False

    def __init__(
        self, admission: Admission, journal: Journal, board: Board, on_closed: Callable[[CallBooks, Closed], None]
    ) -> None:
        self.admission = admission
        self.legs: dict[int, LegTerms] = {}
        self.since = journal.position
        self._journal = journal
        self._board = board
        self._on_closed = on_closed

    @property
    def bound(self) -> NanoDollars:
        """The most this call may cost."""
        return self.admission.bound

    def leg(self, terms: LegTerms) -> None:
        """Writes down a leg before its call is dispatched; `progress` speaks of this leg from now on."""
        legs = self.legs
        if legs:
            self._journal.append(_LEG, encode((self.admission.call, self._delivered(), terms)))  # a LegBegun
        else:
            self._journal.append(_ADMIT, encode((self.admission, terms)))  # a Begun
        legs[terms.number] = terms
        self._leg_bits = bits = terms.number << LEG_SHIFT
        if self.seat is not None:
            cells, at = self.seat
            cells[at + CELL_DELIVERED] = bits

    def committed(self, prompt_tokens: int) -> None:
        """The commit point: the relay's count of the prompt is known, its fee due with the first token."""
        self._prompt_tokens = prompt_tokens
        if self.seat is not None:
            cells, at = self.seat
            cells[at + CELL_PROMPT] = prompt_tokens

    def progress(self, tokens: int, bytes_: int) -> None:
        """How much of the current leg has been written to the caller so far, in all. Call it after the write."""
        if self.seat is None:
            self.seat = self._board.take(self.admission.call, self._leg_bits | tokens, bytes_, self._prompt_tokens)
            return
        cells, at = self.seat
        cells[at + CELL_DELIVERED] = self._leg_bits | tokens
        cells[at + CELL_BYTES] = bytes_

    def cost_of(self, delivered: Sequence[Delivered]) -> NanoDollars:
        """What the call costs if that is all that is delivered, as it will be settled."""
        return settle(self.legs, delivered, self.admission.bound).cost

    def settle(self, outcome: Outcome) -> Settlement:
        """Closes the books, once: raises AlreadySettled. ValueError if a delivered leg was never written down."""
        admission, legs = self.admission, self.legs
        if self._settled:
            raise AlreadySettled(admission.call)
        if crash.armed:
            crash.point("before_settle")
        settlement = settle(legs, outcome.delivered, admission.bound)
        if not legs:
            self._journal.append(_ADMIT, encode((admission, None)))
        at_ms = admission.started_ms + outcome.duration_ms
        record = encode((admission.call, at_ms, outcome))  # a Settled
        if len(record) > MAX_SETTLE_BYTES:
            outcome = _shortened(outcome)
            record = encode((admission.call, at_ms, outcome))
        end = self._journal.append(_SETTLE, record)
        self._settled = True
        if crash.armed:
            crash.point("mid_settle")
        self._on_closed(self, Closed(admission, legs, outcome, settlement, at_ms, end))
        return settlement

    def _delivered(self) -> int:
        """The current leg's tokens, as the board has them."""
        if self.seat is None:
            return 0
        cells, at = self.seat
        return cells[at + CELL_DELIVERED] - self._leg_bits


def _shortened(outcome: Outcome) -> Outcome:
    reason, error = outcome.finish_reason, outcome.error
    return msgspec.structs.replace(
        outcome, finish_reason=reason[:100] if reason else reason, error=error[:100] if error else error
    )
