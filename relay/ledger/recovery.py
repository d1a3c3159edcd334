"""What a dead process left behind: its journal and board, read as the calls they tell of.

A call with a settlement is settled by it. One without is settled here, at its line on the board: the caller pays for
what was written to them, whoever served it is paid. A prompt without a single token delivered costs nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from relay.ledger.batch import JournalMark
from relay.ledger.board import Line, read_lines
from relay.ledger.calls import Admission, Closed, Delivered, LegTerms, Outcome
from relay.ledger.entries import CallId
from relay.ledger.journal import Record, RecordKind, replay
from relay.ledger.records import LegBegun, Settled, decode_admit, decode_leg, decode_settle
from relay.ledger.settlement import settle

CRASHED = "relay_crashed"
"""The error code of a call that its relay did not live to end."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Story:
    """A call so far. `tokens` are those of legs that were followed by another."""

    admission: Admission
    legs: dict[int, LegTerms] = field(default_factory=dict)
    tokens: dict[int, int] = field(default_factory=dict)


def recover(directory: Path, mark: JournalMark, *, now_ms: int) -> Sequence[Closed]:
    """Every call that the database does not have as settled, closed."""
    stories: dict[CallId, _Story] = {}
    closed: list[Closed] = []
    for record in replay(directory, mark.oldest):
        try:
            ended = _tell(stories, record)
        except (msgspec.DecodeError, KeyError) as error:
            _log.warning("a record of the journal says nothing: %s at %d", type(error).__name__, record.start)
            continue
        if ended is not None and record.start >= mark.carried:
            closed.append(ended)
    lines = {line.call: line for line in read_lines(directory)}
    closed += [_cut_short(story, lines.get(call), now_ms) for call, story in stories.items()]
    return closed


def _tell(stories: dict[CallId, _Story], record: Record) -> Closed | None:
    """Adds a record to its call's story; a settlement ends it."""
    if record.kind == RecordKind.ADMIT:
        begun = decode_admit(record.payload)
        story = stories[begun.admission.call] = _Story(begun.admission)
        if begun.terms is not None:
            story.legs[begun.terms.number] = begun.terms
    elif record.kind == RecordKind.LEG:
        _begin_leg(stories, decode_leg(record.payload))
    elif record.kind == RecordKind.SETTLE:
        return _end(stories, decode_settle(record.payload), record)
    return None


def _begin_leg(stories: dict[CallId, _Story], begun: LegBegun) -> None:
    story = stories[begun.call]
    story.tokens[next(reversed(story.legs))] = begun.before
    story.legs[begun.terms.number] = begun.terms


def _end(stories: dict[CallId, _Story], settled: Settled, record: Record) -> Closed:
    story = stories.pop(settled.call)
    settlement = settle(story.legs, settled.outcome.delivered, story.admission.bound)
    return Closed(story.admission, story.legs, settled.outcome, settlement, settled.at_ms, record.end)


def _cut_short(story: _Story, line: Line | None, now_ms: int) -> Closed:
    outcome = Outcome(state="failed", error=CRASHED, delivered=_delivered(story, line))
    settlement = settle(story.legs, outcome.delivered, story.admission.bound)
    return Closed(story.admission, story.legs, outcome, settlement, now_ms, 0)


def _delivered(story: _Story, line: Line | None) -> tuple[Delivered, ...]:
    tokens = dict(story.tokens)
    if line is not None and story.legs and line.leg == next(reversed(story.legs)):
        tokens[line.leg] = line.tokens
    legs = [leg for leg in story.legs if tokens.get(leg)]
    if not legs:
        return ()
    prompt_tokens = (line.prompt_tokens if line is not None else 0) or story.legs[legs[0]].prompt_tokens
    first = Delivered(legs[0], prompt_tokens, tokens[legs[0]])
    return (first, *(Delivered(leg, 0, tokens[leg]) for leg in legs[1:]))
