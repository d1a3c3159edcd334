"""A parser's events as the parts of an answer's channels, which is what the pipeline of a choice wants of it."""

from __future__ import annotations

import msgspec

from desktop.inference.formats.events import CallArguments, CallOpened, Content, Event, Reasoning
from desktop.inference.formats.parser import OutputParser
from desktop.inference.generation import FinishReason, RecordKind
from desktop.inference.pipeline import Part


class AnswerParser:
    """One choice's text to parts: a call is opened by a delta, and its arguments follow it piece by piece.

    `markers` are the ids of the model's marks that are control tokens.
    """

    def __init__(self, parser: OutputParser, markers: frozenset[int]) -> None:
        self.markers = markers
        self._parser = parser

    @property
    def reason(self) -> FinishReason | None:
        return "tool_calls" if self._parser.calls else None

    @property
    def complete(self) -> bool:
        """Never known before the model ends: what may follow is the grammar's matter."""
        return False

    def feed(self, text: str) -> list[Part]:
        return list(map(_part, self._parser.feed(text)))

    def flush(self) -> list[Part]:
        return list(map(_part, self._parser.finish()))


def _part(event: Event) -> Part:
    match event:
        case Content(text):
            return Part(RecordKind.TEXT, text)
        case Reasoning(text):
            return Part(RecordKind.REASONING, text)
        case CallOpened(call, name):
            opened = {"tool_calls": [{"index": call, "name": name}]}
            return Part(RecordKind.DELTA, msgspec.json.encode(opened).decode())
        case CallArguments(_, text):
            return Part(RecordKind.TOOL_ARGUMENTS, text)
