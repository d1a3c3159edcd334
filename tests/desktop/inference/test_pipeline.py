"""The pipeline without a model: bytes as tokens, and small grammars and parsers in its two seams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from desktop.inference.fake import BYTES
from desktop.inference.generation import FinishReason, RecordKind
from desktop.inference.pipeline import Event, Part, Pipeline
from desktop.inference.sampling import Draws, Logits, NotFinite, Sampler, SamplingParameters

TEXT, REASONING, DELTA = (int(kind) for kind in (RecordKind.TEXT, RecordKind.REASONING, RecordKind.DELTA))


class Digits:
    """Lets only digits through, then an end after three of them."""

    def __init__(self) -> None:
        self.accepted: list[int] = []
        self.whole_rows = 0

    def allows(self, token: int) -> bool:
        return token == BYTES.END if len(self.accepted) == 3 else ord("0") <= token <= ord("9")

    def masked(self, logits: Logits) -> Logits:
        self.whole_rows += 1
        return np.array([v if self.allows(at) else -np.inf for at, v in enumerate(logits)], np.float32)

    def accept(self, token: int) -> None:
        assert self.allows(token)
        self.accepted.append(token)


class Thinking:
    """Text in brackets is reasoning; `!` makes it a tool call; `.` completes it."""

    markers = frozenset({1})

    def __init__(self) -> None:
        self.inside = False
        self.reason: FinishReason | None = None
        self.complete = False
        self.held = ""

    def feed(self, text: str) -> Sequence[Part]:
        parts = []
        for character in text:
            if character in "[]":
                self.inside = character == "["
            elif character == "!":
                self.reason = "tool_calls"
                parts.append(Part(DELTA, "{}"))
            elif character == "~":
                self.held += character
            else:
                parts.append(Part(REASONING if self.inside else TEXT, character))
            self.complete = character == "."
        return parts

    def flush(self) -> Sequence[Part]:
        return [Part(TEXT, self.held)] if self.held else []


def a_pipeline(limit: int = 100, **given: Any) -> Pipeline:
    parameters = given.pop("parameters", SamplingParameters(temperature=0))
    return Pipeline(BYTES, Sampler(parameters, 7, 0), limit=limit, **given)


def write(pipeline: Pipeline, text: str) -> list[Event]:
    events = pipeline.open()
    for token in text.encode():
        if pipeline.end is None:
            events += pipeline.take(token)
    if pipeline.end is None:
        events += pipeline.take(BYTES.END)
    return events


def text(events: list[Event], kind: int = TEXT) -> str:
    return b"".join(event.data for event in events if event.kind == kind).decode()


def test_a_stop_token_ends_the_answer_counts_and_is_no_text() -> None:
    pipeline = a_pipeline(stop_ids=frozenset(b"c"))

    assert text(write(pipeline, "abcd")) == "ab"
    assert (pipeline.end, pipeline.generated) == ("stop", 3)


def test_a_stop_token_lets_out_what_a_stop_string_held_back() -> None:
    assert text(write(a_pipeline(stops=("bx",), stop_ids=frozenset(b"c")), "abcd")) == "ab"


def test_a_stop_string_with_the_last_token_that_is_allowed_is_a_stop() -> None:
    pipeline = a_pipeline(limit=3, stops=("c",))

    assert text(write(pipeline, "abcd")) == "ab"
    assert pipeline.end == "stop"


def test_an_end_is_not_counted_and_the_limit_is_one() -> None:
    ended, limited = a_pipeline(limit=3), a_pipeline(limit=3)
    write(ended, "ab")
    write(limited, "abc")

    assert (ended.end, ended.generated) == ("stop", 2)
    assert (limited.end, limited.generated) == ("length", 3)


def test_without_room_for_a_token_only_the_echo_is_said() -> None:
    pipeline = a_pipeline(limit=0, preface="é" * 10_000)
    events = pipeline.open()

    assert pipeline.end == "length"
    assert text(events) == "é" * 10_000
    assert max(len(event.data) for event in events) < 64 * 1024


def test_a_token_the_grammar_allows_costs_no_look_at_the_others() -> None:
    grammar = Digits()
    pipeline = a_pipeline(grammar=grammar)
    assert pipeline.choose(BYTES.certain(ord("5"))) == ord("5")

    assert grammar.whole_rows == 0


def test_a_token_the_grammar_does_not_allow_is_drawn_again_with_the_second_draw() -> None:
    grammar = Digits()
    pipeline = a_pipeline(grammar=grammar, parameters=SamplingParameters())
    row = np.full(BYTES.n_vocab, -30.0, np.float32)
    row[ord("x")] = 20
    row[ord("0") : ord("9") + 1] = 0

    assert pipeline.choose(row) == ord("0") + int(Draws(7, 0).u(0, 1) * 10)
    assert grammar.whole_rows == 1
    assert not grammar.accepted, "choosing is not taking"


def test_a_grammar_decides_over_the_end_too() -> None:
    pipeline = a_pipeline(grammar=Digits())
    for _ in range(3):
        token = pipeline.choose(BYTES.certain(BYTES.END))
        assert token == ord("0")
        pipeline.take(token)

    assert pipeline.choose(BYTES.certain(ord("7"))) == BYTES.END


def test_a_grammar_that_leaves_nothing_is_noticed() -> None:
    row = BYTES.certain(ord("x"))
    row[ord("0") : ord("9") + 1] = -np.inf

    with pytest.raises(NotFinite):
        a_pipeline(grammar=Digits()).choose(row)


def test_ids_from_outside_are_held_to_the_grammar() -> None:
    pipeline = a_pipeline(grammar=Digits())

    assert pipeline.admits(ord("1"))
    assert not pipeline.admits(ord("x"))
    assert not pipeline.admits(BYTES.END)
    assert not pipeline.admits(-1)
    assert not pipeline.admits(BYTES.n_vocab)


def test_a_parser_turns_text_into_channels_in_order() -> None:
    events = write(a_pipeline(parser=Thinking()), "[why]so")

    assert (text(events, REASONING), text(events)) == ("why", "so")
    assert [event.kind for event in events] == [REASONING] * 3 + [TEXT] * 2


def test_stop_strings_are_looked_for_in_visible_text_only() -> None:
    pipeline = a_pipeline(parser=Thinking(), stops=("hy",))
    events = write(pipeline, "[why]oh[?]y or hy?")

    assert text(events, REASONING) == "why?"
    assert text(events) == "ohy or "
    assert pipeline.end == "stop"


def test_a_parser_says_what_the_models_own_end_means() -> None:
    called, cut = a_pipeline(parser=Thinking()), a_pipeline(parser=Thinking(), limit=2)
    write(called, "a!")
    write(cut, "!a")

    assert called.end == "tool_calls"
    assert cut.end == "length"


def test_a_parser_can_complete_an_answer_and_loses_nothing_it_held() -> None:
    pipeline = a_pipeline(parser=Thinking())

    assert text(write(pipeline, "a~b.c")) == "ab.~"
    assert (pipeline.end, pipeline.generated) == ("stop", 4)


def test_text_that_might_have_been_a_stop_string_keeps_its_place_before_other_channels() -> None:
    events = write(a_pipeline(parser=Thinking(), stops=("ab",)), "a[x]b")

    assert events == [Event(TEXT, b"a"), Event(REASONING, b"x"), Event(TEXT, b"b")]
