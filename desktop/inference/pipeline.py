"""One choice from logits to what its caller sees: sampler, grammar, detokeniser, output parser, stop matcher.

A pure function of the ids: whoever takes the same ids through a fresh pipeline arrives at the same text, the same held
back half character and the same counts for the penalties, which is how an answer is continued on another node. What
changes that for ids already given raises `text.PARSER_VERSION`.

Two seams stand open for structured output: a `Grammar` says which token may come next, and a `Parser` turns text into
parts of several channels. Stop strings are looked for in visible text only, behind the parser.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from desktop.inference import logprobs
from desktop.inference.generation import FinishReason, RecordKind
from desktop.inference.logprobs import Measured
from desktop.inference.sampling import REDRAW, Logits, Sampler
from desktop.inference.text import Piece, StopMatcher, Utf8Decoder

_TEXT: Final = int(RecordKind.TEXT)
_PREFACE: Final = 8192
"""Characters of one event at most: half of what the protocol lets a record hold."""


class Vocabulary(Protocol):
    """What a model's tokens are."""

    @property
    def n_vocab(self) -> int: ...

    def piece(self, token: int) -> Piece | None:
        """A token as text, empty for control tokens; None if it ends generation."""

    def label(self, token: int) -> bytes:
        """The token's own bytes, also those of control tokens."""

    def is_control(self, token: int) -> bool: ...


class Grammar(Protocol):
    """What may come next. The free draw is checked first (cheap); only when it fails is the whole row masked."""

    def allows(self, token: int) -> bool:
        """Whether `token`, an end of generation included, may come next. Changes nothing."""

    def masked(self, logits: Logits) -> Logits:
        """A copy with minus infinity for every token that may not."""

    def accept(self, token: int) -> None:
        """Goes on. Only for a token that is allowed; never for an end of generation."""


class Part(NamedTuple):
    """A piece of one channel: `kind` is a `RecordKind`, `text` what its record holds (JSON for a delta)."""

    kind: int
    text: str


class Parser(Protocol):
    """From the text a model writes to the channels a caller reads."""

    @property
    def markers(self) -> frozenset[int]:
        """Control tokens whose text it wants to see; all others are no text."""

    @property
    def reason(self) -> FinishReason | None:
        """`tool_calls` once the answer is one, else None: what the model's own end then means."""

    @property
    def complete(self) -> bool:
        """Nothing that may follow belongs to the answer: it ends here."""

    def feed(self, text: str) -> Sequence[Part]: ...

    def flush(self) -> Sequence[Part]:
        """What was held back, at the natural end."""


class Event(NamedTuple):
    """What goes into one record."""

    kind: int
    data: bytes


class _Waiting(NamedTuple):
    """A token whose log-probability waits for its text: it begins behind `start` characters and ends behind `end`."""

    start: int
    end: int
    measured: Measured | None


class Pipeline:
    """One choice. `limit` bounds its tokens; `top` is how many alternatives to measure, None for no measuring."""

    __slots__ = (
        "_decoded",
        "_decoder",
        "_grammar",
        "_limit",
        "_matcher",
        "_parser",
        "_preface",
        "_sampler",
        "_stop_ids",
        "_top",
        "_vocabulary",
        "_waiting",
        "end",
        "generated",
        "measured",
    )

    def __init__(
        self,
        vocabulary: Vocabulary,
        sampler: Sampler,
        *,
        limit: int,
        stops: tuple[str, ...] = (),
        stop_ids: frozenset[int] = frozenset(),
        top: int | None = None,
        preface: str = "",
        grammar: Grammar | None = None,
        parser: Parser | None = None,
    ) -> None:
        self.end: FinishReason | None = None
        self.generated = 0
        self.measured: list[Measured | None] = []
        """Log-probabilities whose text has been given out, for whoever takes the events to empty."""
        self._vocabulary = vocabulary
        self._sampler = sampler
        self._limit = limit
        self._stop_ids = stop_ids
        self._top = top
        self._preface = preface
        self._grammar = grammar
        self._parser = parser
        self._matcher = StopMatcher(stops) if stops else None
        self._decoder = Utf8Decoder()
        self._decoded = 0
        self._waiting: list[_Waiting] = []

    @property
    def measures(self) -> bool:
        """Whether log-probabilities are wanted."""
        return self._top is not None

    def open(self) -> list[Event]:
        """What stands before the first token: the prompt, if it is to be echoed. Without room for one, all ends."""
        if self._limit <= 0:
            self.end = "length"
        return [
            Event(_TEXT, self._preface[at : at + _PREFACE].encode()) for at in range(0, len(self._preface), _PREFACE)
        ]

    def choose(self, logits: Logits) -> int:
        """The next token by the protocol's rule. Raises NotFinite."""
        token = self._sampler.sample(logits, self.generated)
        if self._grammar is not None and not self._grammar.allows(token):
            token = self._sampler.sample(self._grammar.masked(logits), self.generated, REDRAW)
        return token

    def admits(self, token: int) -> bool:
        """Whether an id from outside can be one that this pipeline took elsewhere: text, and within the grammar."""
        if not 0 <= token < self._vocabulary.n_vocab or self._vocabulary.piece(token) is None:
            return False
        if self._vocabulary.is_control(token) and not self._expects(token):
            return False
        return self._grammar is None or self._grammar.allows(token)

    def _expects(self, token: int) -> bool:
        return token in self._stop_ids or (self._parser is not None and token in self._parser.markers)

    def take(self, token: int, logits: Logits | None = None) -> list[Event]:
        """Appends a token; what that brings for the caller. `end` is set if it was the last.

        An end of generation is not counted, everything else is. `logits` are those `token` was chosen from, for its
        log-probability; None while ids are replayed.
        """
        piece = self._vocabulary.piece(token)
        if piece is None:
            return self.close()
        self.generated += 1
        self._sampler.accept(token)
        if self._grammar is not None:
            self._grammar.accept(token)
        events = self._advance(token, piece, logits)
        if self.end is None and self.generated >= self._limit:
            events += self._close("length")
        return events

    def close(self) -> list[Event]:
        """The model's own end."""
        return self._close("stop")

    def _advance(self, token: int, piece: Piece, logits: Logits | None) -> list[Event]:
        if token in self._stop_ids:
            return self._close("stop")
        if self._parser is None and self._matcher is None and self._top is None:  # by far the most
            if piece.text is not None and not self._decoder.pending:
                return [Event(_TEXT, piece.raw)] if piece.raw else []
            text = self._decoder.push(piece)
            return [Event(_TEXT, text.encode())] if text else []
        if self._parser is not None and token in self._parser.markers:
            raw = self._vocabulary.label(token)
            piece = Piece(raw, raw.decode(errors="replace"))
        start, text = self._decoded, self._decoder.push(piece)
        self._decoded += len(text)
        events = self._written(text)
        if self._top is not None:
            measured = None if logits is None else logprobs.measure(logits, token, self._top)
            self._waiting.append(_Waiting(start, self._decoded, measured))
            self._release()
        return events

    def _written(self, text: str) -> list[Event]:
        """Through the parser and the stop matcher."""
        if self._parser is None:
            return self._shown([Part(_TEXT, text)] if text else [])
        events = self._shown(self._parser.feed(text))
        if self.end is None and self._parser.complete:
            events += self._close("stop")
        return events

    def _shown(self, parts: Sequence[Part]) -> list[Event]:
        if self._matcher is None:
            return [Event(kind, text.encode()) for kind, text in parts]
        events: list[Event] = []
        for kind, text in parts:
            shown, stopped = self._matcher.feed(text) if kind == _TEXT else (self._matcher.flush(), False)
            if shown:
                events.append(Event(_TEXT, shown.encode()))
            if kind != _TEXT:
                events.append(Event(kind, text.encode()))
            if stopped:
                self.end = self._meaning("stop")
                break
        return events

    def _close(self, reason: FinishReason) -> list[Event]:
        """The natural end: what was held back is text after all."""
        events = self._shown(self._parser.flush()) if self._parser is not None else []
        if self.end is None:
            self.end = self._meaning(reason)
            if self._matcher is not None and (held := self._matcher.flush()):
                events.append(Event(_TEXT, held.encode()))
        self._release()
        return events

    def _meaning(self, reason: FinishReason) -> FinishReason:
        called = self._parser.reason if self._parser is not None else None
        return called if called is not None and reason == "stop" else reason

    def _release(self) -> None:
        """Gives out the log-probabilities of the tokens whose text has begun to be shown; at a natural end, of all."""
        held = self._matcher.held if self._matcher is not None else 0
        shown = self._decoded - held
        natural = self.end is not None and not held
        ready = 0
        for start, end, measured in self._waiting:
            if not (start < shown or (end <= shown and not self._decoder.pending) or natural):
                break
            self.measured.append(measured)
            ready += 1
        del self._waiting[:ready]
