"""The books of one call that several callers share: who pays for what.

To the call these are its books. Every token is paid by the oldest caller to whom it was written by the time it was
counted, the prompt by the first who pays anything; each in books of their own, under a hold of their own, so that a
crash at any instant leaves each with no more than they received, and whoever served the call with all of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from relay.ledger.books import CallBooks
from relay.ledger.calls import CallState, Delivered, LegTerms, Outcome, Settlement, TokenSource
from relay.ledger.settlement import NOTHING

GIVEN: Final[TokenSource] = "cache"
"""The source of tokens that somebody else has paid for."""


class Payer:
    """One caller's share. `left` says how many bytes of the answer have left for this caller."""

    def __init__(self, books: CallBooks, left: Callable[[], int]) -> None:
        self.books = books
        self.left = left
        self.legs: dict[int, int] = {}
        """Tokens by leg, for which this caller pays."""
        self.pays_prompt = False

    @property
    def tokens(self) -> int:
        return sum(self.legs.values())


class SharedBooks(CallBooks):
    """The books that the call is given. Belongs to the event loop's thread."""

    def __init__(self, first: CallBooks, left: Callable[[], int], *, prompt_estimate: int) -> None:
        """`prompt_estimate` is charged to a caller who leaves before anybody counted the prompt."""
        super().__init__(first.admission, first._journal, first._board, first._on_closed)  # noqa: SLF001 - its own kin
        self.payers = [Payer(first, left)]
        """Those who are attached, the oldest first; the last of them stays here until the call is settled."""
        self._departed: list[Payer] = []
        self._terms: LegTerms | None = None
        self._told = 0
        self._prompt = 0
        self._prompt_estimate = prompt_estimate
        self._prompt_paid = False

    def join(self, books: CallBooks, left: Callable[[], int]) -> Payer:
        """Another caller, with books of their own; they are written down at once, since much may leave for them."""
        payer = Payer(books, left)
        self.payers.append(payer)
        if self._terms is not None:
            self._begin_leg(payer, self._terms.number)
        return payer

    # --- what the call says -------------------------------------------------------------------------------------------

    def leg(self, terms: LegTerms) -> None:
        self._terms = terms
        self._told = 0
        self.legs[terms.number] = terms
        self._begin_leg(self.payers[0], terms.number)

    def committed(self, prompt_tokens: int) -> None:
        self._prompt = prompt_tokens

    def progress(self, tokens: int, bytes_: int) -> None:
        more = tokens - self._told
        if more > 0:
            self._told = tokens
            self._charge(self._payer_of(bytes_), more, bytes_)

    def settle(self, outcome: Outcome) -> Settlement:
        """Closes the books of everybody who is still there. The sum over all is what the call delivered."""
        for delivered in outcome.delivered:
            self._reconcile(delivered)
            if delivered.prompt_tokens:
                self._prompt = delivered.prompt_tokens
        if outcome.delivered and not any(payer.tokens for payer in (*self.payers, *self._departed)):
            number = outcome.delivered[0].leg
            self._begin_leg(self.payers[0], number)
            self.payers[0].legs[number] = 0
        total = sum(delivered.completion_tokens for delivered in outcome.delivered)
        settlement = NOTHING
        for payer in self.payers:
            settlement = self._close(payer, outcome, total)
        self.payers = []
        return settlement

    # --- shares -------------------------------------------------------------------------------------------------------

    def leave(self, payer: Payer, *, state: CallState, error: str, duration_ms: int) -> None:
        """A caller is gone while others stay: their books are closed on what they have to pay until now."""
        self.payers.remove(payer)
        self._departed.append(payer)
        outcome = Outcome(state=state, error=error, source="estimate", duration_ms=duration_ms)
        self._close(payer, outcome, payer.tokens)

    def _payer_of(self, bytes_: int) -> Payer:
        return next((payer for payer in self.payers if payer.left() >= bytes_), self.payers[0])

    def _begin_leg(self, payer: Payer, number: int) -> None:
        if number not in payer.books.legs:
            payer.books.leg(self.legs[number])

    def _charge(self, payer: Payer, tokens: int, bytes_: int) -> None:
        if self._terms is None:
            return
        number = self._terms.number
        self._begin_leg(payer, number)
        payer.legs[number] = payer.legs.get(number, 0) + tokens
        if not self._prompt_paid:
            self._prompt_paid = True
            payer.pays_prompt = True
            payer.books.committed(self._prompt)
        payer.books.progress(payer.legs[number], bytes_)

    def _reconcile(self, delivered: Delivered) -> None:
        """Bring the shares of a leg to what was delivered in it, in the end."""
        everybody = (*self._departed, *self.payers)
        missing = delivered.completion_tokens - sum(payer.legs.get(delivered.leg, 0) for payer in everybody)
        if missing > 0:
            furthest = max(payer.left() for payer in self.payers)
            payer = self._payer_of(furthest)
            self._begin_leg(payer, delivered.leg)
            payer.legs[delivered.leg] = payer.legs.get(delivered.leg, 0) + missing
        for payer in reversed(self.payers):
            if missing >= 0:
                break
            paid = payer.legs.get(delivered.leg, 0)
            payer.legs[delivered.leg] = max(paid + missing, 0)
            missing += paid - payer.legs[delivered.leg]

    def _close(self, payer: Payer, outcome: Outcome, total: int) -> Settlement:
        prompt = 0
        if payer.legs and (payer.pays_prompt or not self._prompt_paid):
            self._prompt_paid = True
            prompt = self._prompt or self._prompt_estimate
        numbers = [number for number in sorted(payer.legs) if payer.legs[number] or prompt]
        shares = tuple(
            Delivered(number, prompt if number == numbers[0] else 0, payer.legs[number]) for number in numbers
        )
        given = total - payer.tokens
        late = payer.books.admission.started_ms - self.admission.started_ms
        return payer.books.settle(
            Outcome(
                state=outcome.state,
                delivered=shares,
                finish_reason=outcome.finish_reason,
                error=outcome.error,
                source=outcome.source if shares else GIVEN,
                cached_tokens=outcome.cached_tokens if given <= 0 else given,
                ttft_ms=outcome.ttft_ms,
                duration_ms=max(outcome.duration_ms - late, 0),
            )
        )
