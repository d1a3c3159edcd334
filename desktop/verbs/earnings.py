"""`nightjar earnings` and `nightjar activity`: what this PC has earned and served, as the relay's books say."""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from desktop.agent.relay_view import AnswerTold, EarningsTold, ReasonTold

MAX_DAYS: Final = 400
MAX_ROWS: Final = 100_000


def describe_earnings(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--days", type=_days, default=30, metavar="N", help="how many days to list (default: 30)")
    verb.add_argument("--csv", metavar="FILE", help="write days and models as a table for spreadsheets; - prints it")
    verb.set_defaults(act=earnings)


def describe_activity(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--limit", type=_rows, default=20, metavar="N", help="how many answers (default: 20)")
    verb.add_argument("--csv", metavar="FILE", help="write them as a table for spreadsheets; - prints it")
    verb.set_defaults(act=activity)


def earnings(options: argparse.Namespace) -> int:
    """Raises DesktopError."""
    from desktop.agent.sheets import earnings_sheet
    from desktop.verbs.output import say_json, write_csv

    found, reasons = asyncio.run(_earnings(options.days))
    if options.csv:
        write_csv(options.csv, *earnings_sheet(found))
    elif options.json:
        say_json({"ok": True, "earnings": found, "reasons": reasons})
    else:
        print("\n".join(earnings_lines(found, reasons, options.days)))
    return 0


def activity(options: argparse.Namespace) -> int:
    """Raises DesktopError."""
    from desktop.agent.sheets import answers_sheet
    from desktop.verbs.output import say_json, write_csv

    answers = asyncio.run(_activity(options.limit))
    if options.csv:
        write_csv(options.csv, *answers_sheet(answers))
    elif options.json:
        say_json({"ok": True, "answers": answers})
    else:
        print("\n".join(activity_lines(answers)))
    return 0


async def _earnings(days: int) -> tuple[EarningsTold, list[ReasonTold]]:
    from desktop.agent import books
    from desktop.verbs import place

    return await books.earned(place.paths(), days)


async def _activity(limit: int) -> list[AnswerTold]:
    from desktop.agent import books
    from desktop.verbs import place

    return await books.served(place.paths(), limit)


# --- in words ------------------------------------------------------------------------------------------------------


def earnings_lines(found: EarningsTold, reasons: list[ReasonTold], days: int) -> list[str]:
    """Sums first, then each model, then each day, then what stands in the way of more."""
    from desktop.verbs.output import dollars, table

    lines = [
        f"Last hour  {dollars(found.hour)}",
        f"Today      {dollars(found.today)} ({_answers(found.answers_today)})",
        f"7 days     {dollars(found.week)}",
        f"30 days    {dollars(found.month)}",
        f"Lifetime   {dollars(found.lifetime)}",
    ]
    if found.pending:
        lines.append(f"Pending    {dollars(found.pending)} of it is held until checks are done")
    if found.models:
        rows = [(each.model, str(each.answers), dollars(each.earned)) for each in found.models]
        lines += ["", table((f"Model ({days} days)", "Answers", "Earned"), rows)]
    if found.days:
        days_ = [(each.day, each.model, str(each.answers), dollars(each.earned)) for each in found.days]
        lines += ["", table(("Day (UTC)", "Model", "Answers", "Earned"), days_)]
    hindrances = [each.sentence for each in reasons if each.hinders]
    if hindrances:
        lines += ["", "Why not more?", *(f"- {sentence}" for sentence in hindrances)]
    return lines


def activity_lines(answers: list[AnswerTold]) -> list[str]:
    """Newest first. What was asked and answered is known to nobody here."""
    from desktop.agent.sheets import moment_of
    from desktop.verbs.output import dollars, table

    if not answers:
        return ["No answers yet."]
    rows = [
        (
            moment_of(each.at_ms),
            each.model,
            f"{each.prompt_tokens} + {each.completion_tokens}",
            _speed(each),
            dollars(each.earned),
            "" if each.state == "completed" else each.state,
        )
        for each in answers
    ]
    return [table(("When", "Model", "Tokens", "Speed", "Earned", ""), rows)]


def _answers(count: int) -> str:
    return "1 answer" if count == 1 else f"{count} answers"


def _speed(answer: AnswerTold) -> str:
    from desktop.agent.sheets import writing_speed

    speed = writing_speed(answer)
    return "-" if speed is None else f"{speed:.0f} tok/s"


def _days(text: str) -> int:
    return _number(text, MAX_DAYS)


def _rows(text: str) -> int:
    return _number(text, MAX_ROWS)


def _number(text: str, most: int) -> int:
    if not text.isdigit() or not 1 <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to {most}")
    return int(text)
