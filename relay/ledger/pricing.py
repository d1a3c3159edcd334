"""What tokens cost. Pure.

Prices are whole pico-dollars a token. A call is summed in pico-dollars and rounded once, half to even, to the ledger's
nano-dollars; rounding per token or per leg would drift.
"""

from __future__ import annotations

import msgspec

from relay.ledger.entries import NanoDollars
from relay.wire.frames import PicoDollars

_PICO_PER_NANO = 1000


class Price(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Pico-dollars for a token of the prompt and for one of the completion."""

    prompt: PicoDollars
    completion: PicoDollars

    def cost(self, prompt_tokens: int, completion_tokens: int) -> NanoDollars:
        return rounded(prompt_tokens * self.prompt + completion_tokens * self.completion)

    def bound(self, prompt_tokens: int, completion_tokens: int) -> NanoDollars:
        """What to hold for at most so many tokens: rounded up, so that the cost always fits."""
        return NanoDollars(-(-(prompt_tokens * self.prompt + completion_tokens * self.completion) // _PICO_PER_NANO))


FREE = Price(prompt=PicoDollars(0), completion=PicoDollars(0))


def rounded(pico: int) -> NanoDollars:
    """Pico-dollars to nano-dollars, half to even."""
    nano: NanoDollars
    nano, rest = divmod(pico, _PICO_PER_NANO)  # type: ignore[assignment]  # a NewType call costs as much as the division
    if rest < 500 or (rest == 500 and not nano & 1):
        return nano
    return NanoDollars(nano + 1)
