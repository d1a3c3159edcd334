"""Earnings and answers as sheets for a spreadsheet. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from desktop.agent.relay_view import AnswerTold, EarningsTold

NANO: Final = 1_000_000_000
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")

Sheet = tuple[tuple[str, ...], list[tuple[Any, ...]]]
"""Head and rows."""


def earnings_sheet(found: EarningsTold) -> Sheet:
    """One row a day and model."""
    rows: list[tuple[Any, ...]] = [(each.day, each.model, each.answers, money(each.earned)) for each in found.days]
    return ("day", "model", "answers", "earned_usd"), rows


def answers_sheet(answers: Iterable[AnswerTold]) -> Sheet:
    """One row an answer; what was asked and answered is known to nobody here."""
    head = ("at", "model", "prompt_tokens", "completion_tokens", "duration_ms", "state", "earned_usd")
    rows: list[tuple[Any, ...]] = [
        (
            moment_of(each.at_ms),
            each.model,
            each.prompt_tokens,
            each.completion_tokens,
            each.duration_ms,
            each.state,
            money(each.earned),
        )
        for each in answers
    ]
    return head, rows


def csv_text(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Lines end as the format's standard says, with CR and LF."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(head)
    writer.writerows([[_cell(value) for value in row] for row in rows])
    return text.getvalue()


def money(nano: int) -> str:
    """Dollars to the last digit."""
    sign = "-" if nano < 0 else ""
    whole, parts = divmod(abs(nano), NANO)
    return f"{sign}{whole}.{parts:09}"


_FEWEST, _SHORTEST_MS = 8, 100
"""Tokens and time that tell a speed: below, it is that of one packet more or less, up to thousands a second."""


def writing_speed(answer: AnswerTold) -> float | None:
    """Tokens a second from the first one on; None where there were too few to tell."""
    writing_ms = answer.duration_ms - (answer.first_ms or 0)
    if answer.completion_tokens < _FEWEST or writing_ms < _SHORTEST_MS:
        return None
    return (answer.completion_tokens - 1) * 1000 / writing_ms


def moment_of(at_ms: int) -> str:
    """By this PC's clock and zone."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _cell(value: Any) -> Any:
    """A spreadsheet must not take a name from elsewhere for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
