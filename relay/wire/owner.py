"""What a node may ask the relay for its owner, over HTTP, and the answers: earnings, answers served, demand, reasons.

A question is signed by the node's key (`identity.owner_text`). Nothing here has text of a call, nor who made it. Money
is in nano-dollars, prices in pico-dollars a token, moments in Unix milliseconds, days are those of UTC (`2026-01-31`).
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from relay.wire.fields import Count, Name, Nonce, Signature, Text, Unsigned, Wide, Word

NONCE_PATH: Final = "/v1/node/owner/nonce"
ASK_PATH: Final = "/v1/node/owner/ask"
MAX_QUESTION: Final = 1024
MAX_DAYS: Final = 400
MAX_ANSWERS: Final = 500

Stamp = Annotated[int, Meta(ge=0, le=4_102_444_800_000)]
"""Until the year 2100: moments that every calendar can show."""


class Fresh(msgspec.Struct, frozen=True):
    """A nonce to sign questions with, for `for_s` seconds."""

    nonce: Nonce
    for_s: float


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A question as it travels: `question` is the JSON that was signed, to the byte."""

    node_id: Word
    nonce: Nonce
    question: Annotated[bytes, Meta(max_length=MAX_QUESTION)]
    signature: Signature


class EarningsWanted(msgspec.Struct, frozen=True, tag="earnings"):
    """Sums, and the last `days` days one by one."""

    days: Annotated[int, Meta(ge=1, le=MAX_DAYS)] = 30


class AnswersWanted(msgspec.Struct, frozen=True, tag="answers"):
    """Answers served, newest first, those before the one numbered `before`."""

    before: Unsigned | None = None
    limit: Annotated[int, Meta(ge=1, le=MAX_ANSWERS)] = 100


class ReasonsWanted(msgspec.Struct, frozen=True, tag="reasons"):
    """Why this node gets few calls, or none."""


class DemandWanted(msgspec.Struct, frozen=True, tag="demand"):
    """What callers ask for."""


class CatalogueWanted(msgspec.Struct, frozen=True, tag="catalogue"):
    """The signed list of models."""


Question = EarningsWanted | AnswersWanted | ReasonsWanted | DemandWanted | CatalogueWanted


class EarnedDay(msgspec.Struct, frozen=True):
    """One day of one model."""

    day: str
    model: Name
    earned: Wide
    answers: Count

    def __post_init__(self) -> None:
        """Raises ValueError, which a decoder tells as its own, where the calendar has no such day."""
        date.fromisoformat(self.day)


class EarnedModel(msgspec.Struct, frozen=True):
    """One model over the days that were asked for."""

    model: Name
    earned: Wide
    answers: Count
    prompt_tokens: Unsigned
    completion_tokens: Unsigned


class Earnings(msgspec.Struct, frozen=True, kw_only=True):
    """What a node has earned. `hour` is the last 60 minutes; `week` and `month` the last 7 and 30 days with today.

    `pending` is the part of `lifetime` that checks hold back; it can still be reversed.
    """

    at_ms: Stamp
    hour: Wide
    today: Wide
    week: Wide
    month: Wide
    lifetime: Wide
    pending: Wide
    answers_today: Count
    days: list[EarnedDay]
    models: list[EarnedModel]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a node delivered of one call. `number` orders answers; `state` is that of the whole call."""

    number: Unsigned
    at_ms: Stamp
    model: Name
    prompt_tokens: Unsigned
    completion_tokens: Unsigned
    duration_ms: Wide
    first_ms: Wide | None
    earned: Wide
    state: Word


class Answers(msgspec.Struct, frozen=True):
    """`more`: whether there are older ones."""

    answers: list[Answer]
    more: bool


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that decides about this node's calls; the first is the most telling. `model` where it is about one."""

    code: Word
    sentence: Text
    model: Name = ""
    hinders: bool = True


class Reasons(msgspec.Struct, frozen=True):
    """Never empty: where nothing hinders, it says so."""

    reasons: list[Reason]


class ModelDemand(msgspec.Struct, frozen=True, kw_only=True):
    """One model over the last `Demand.days` days, all callers and targets together; `nodes` have it now."""

    model: Name
    calls: Count
    prompt_tokens: Unsigned
    completion_tokens: Unsigned
    nodes: Count


class Demand(msgspec.Struct, frozen=True):
    """Most asked for first; only models of the catalogue, and others that the node's organisation can name."""

    days: Unsigned
    models: list[ModelDemand]


class SignedCatalogue(msgspec.Struct, frozen=True):
    """`body` is JSON, to the byte what was signed (`identity.catalogue_text`)."""

    body: bytes
    signature: Signature
