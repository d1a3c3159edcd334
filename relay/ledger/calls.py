"""What the ledger is told of a call, and what it answers. Values only.

They are msgspec structs and not dataclasses for one reason: each call makes half a dozen of them on the hot path, where
a frozen dataclass costs ten times as much; and the journal writes them as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal, final

import msgspec

from relay.ledger.entries import Account, CallId, NanoDollars
from relay.ledger.pricing import Price
from relay.storage.ids import KeyId, NodeId, OrganisationId, ProjectId

CallState = Literal["completed", "failed", "cancelled", "expired"]
"""Where every accepted call ends, exactly one of them."""

TokenSource = Literal["relay", "provider", "estimate", "cache"]
"""Who counted the tokens that are billed. `cache`: none are, the answer was another call's."""


class Admission(msgspec.Struct, frozen=True, gc=False, array_like=True, kw_only=True):
    """A call about to be accepted. `bound` is the most it can cost: so much is held until it is settled."""

    call: CallId
    organisation: OrganisationId
    project: ProjectId
    key: KeyId
    model: str
    bound: NanoDollars
    stream: bool
    started_ms: int


@final
class NodePayee(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="n"):
    """Somebody's PC: its owner's account gets the owner's share of what its legs cost."""

    node: NodeId
    account: Account


@final
class ProviderPayee(msgspec.Struct, frozen=True, gc=False, array_like=True, tag="p"):
    """An outside company: it gets all that its legs cost."""

    provider: str


Payee = NodePayee | ProviderPayee


MAX_LEGS: Final = 16
"""Of one call: for so many there is always room in the journal."""


class LegTerms(msgspec.Struct, frozen=True, gc=False, array_like=True, kw_only=True):
    """One attempt at one target, as agreed before it begins: who is paid, at which price.

    `number` counts from 1 within the call. `target` is the target's name, for reports. `prompt_tokens` is the relay's
    own count; 0 means it is not known yet. `model` is the one that is asked of it, where that is another than the call
    named first.
    """

    number: int
    target: str
    payee: Payee
    price: Price
    prompt_tokens: int = 0
    model: str = ""


class Delivered(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What one leg gave the caller. `prompt_tokens` counts only in the first that delivered: a prompt is paid once."""

    leg: int
    prompt_tokens: int
    completion_tokens: int


class Outcome(msgspec.Struct, frozen=True, gc=False, array_like=True, kw_only=True):
    """How a call ended. `delivered` has the legs that wrote something, in order; others are unpaid.

    `error` is the code the caller was given. `ttft_ms` is the time to the first content, None if there was none.
    """

    state: CallState
    delivered: tuple[Delivered, ...] = ()
    finish_reason: str | None = None
    error: str | None = None
    source: TokenSource = "relay"
    cached_tokens: int = 0
    ttft_ms: int | None = None
    duration_ms: int = 0


class Settlement(msgspec.Struct, frozen=True, gc=False):
    """What a call cost its caller, at most what was held, and who gets it.

    `cost + operator_loss = owner_share + operator_share + provider_share`. `leg` is the only leg that delivered. If
    several did it is 0, and `parts` has the settlement of each, of which this one is the sum.
    """

    leg: int
    prompt_tokens: int
    completion_tokens: int
    cost: NanoDollars
    owner_share: NanoDollars
    operator_share: NanoDollars
    provider_share: NanoDollars
    operator_loss: NanoDollars
    parts: tuple[Settlement, ...] = ()

    @property
    def legs(self) -> tuple[Settlement, ...]:
        """What each leg that delivered cost."""
        return self.parts or ((self,) if self.leg else ())


class Closed(msgspec.Struct, frozen=True, gc=False):
    """A call whose books are closed, on its way into the database. `end` is where its record ends in the journal."""

    admission: Admission
    legs: dict[int, LegTerms]
    outcome: Outcome
    settlement: Settlement
    at_ms: int
    end: int

    @property
    def model(self) -> str:
        """Which one answered, or was to answer last; the one the call named first, where nobody was asked."""
        delivered, legs = self.outcome.delivered, self.legs
        number = delivered[-1].leg if delivered else max(legs, default=0)
        return (legs[number].model if number else "") or self.admission.model


Listener = Callable[[Sequence[Closed]], None]
"""Is told of calls that have ended, on the carrier's thread; raises nothing."""
