"""The books of one running call."""

from __future__ import annotations

from relay.ledger.calls import LegTerms, Outcome, Settlement


class CallBooks:
    """Belongs to the event loop's thread. Every method is cheap enough for the hot path; none waits."""

    def leg(self, terms: LegTerms) -> None:
        """Writes down a leg before its call is dispatched; `progress` speaks of this leg from now on."""
        raise NotImplementedError

    def committed(self, prompt_tokens: int) -> None:
        """The commit point is reached and the relay's count of the prompt is known: its fee is due with the first token."""
        raise NotImplementedError

    def progress(self, tokens: int, bytes_: int) -> None:
        """How much of the current leg has been written to the caller so far, in all. Call it after the write."""
        raise NotImplementedError

    def settle(self, outcome: Outcome) -> Settlement:
        """Closes the books, exactly once. Raises AlreadySettled."""
        raise NotImplementedError
