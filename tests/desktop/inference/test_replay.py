"""Replaying without a model: any answer, cut anywhere, goes on alike; all else is a mismatch, never an error."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from desktop.inference.fake import BYTES
from desktop.inference.generation import Channel, RecordKind
from desktop.inference.pipeline import Event, Pipeline
from desktop.inference.resume import ResumeMismatch, replay
from desktop.inference.sampling import Sampler, SamplingParameters

TEXT = int(RecordKind.TEXT)
Taken = tuple[bytes, list[int]]
"""What one token brings: text, and the tokens whose log-probabilities come with it."""

tokens = st.lists(st.sampled_from([*b"ab\xc3\xa9\xf0", BYTES.END]), max_size=24)
stops = st.lists(st.text("abé", min_size=1, max_size=3), max_size=2).map(tuple)
tops = st.sampled_from([None, 0, 2])


def maker(stops: tuple[str, ...], top: int | None, limit: int = 20) -> Callable[[], Pipeline]:
    sampler = SamplingParameters(temperature=0, frequency_penalty=0.5)
    return lambda: Pipeline(BYTES, Sampler(sampler, 1, 0), limit=limit, stops=stops, top=top)


def take(pipeline: Pipeline, token: int) -> Taken:
    events = pipeline.take(token, BYTES.certain(token))
    told = [measured.token for measured in pipeline.measured if measured is not None]
    pipeline.measured.clear()
    return b"".join(event.data for event in events), told


def channel(text: bytes) -> tuple[Channel, ...]:
    return (Channel(0, TEXT, len(text), hashlib.sha256(text).digest()),)


@given(tokens, stops, tops, st.data())
def test_any_answer_cut_anywhere_goes_on_as_if_it_had_not_been(
    written: list[int], stops: tuple[str, ...], top: int | None, data: st.DataObject
) -> None:
    make = maker(stops, top)
    whole, taken, ids = make(), list[Taken](), list[int]()
    for token in [*written, BYTES.END]:
        if whole.end is None:
            taken.append(take(whole, token))
            ids.append(token)
    at = data.draw(st.integers(0, len(ids) - 1))
    resumed = replay(make, ids[:at], channel(b"".join(text for text, _ in taken[:at])))
    assert not resumed.events
    text, told = b"", list[int]()
    for token in [*resumed.again, *ids[at:]]:
        events = resumed.pipeline.take(token, BYTES.certain(token))
        told += [measured.token for measured in resumed.pipeline.measured if measured is not None]
        resumed.pipeline.measured.clear()
        if resumed.delivered is not None:
            events = resumed.delivered.without(events)
        text += b"".join(event.data for event in events)

    assert text == b"".join(text for text, _ in taken[at:])
    assert told == [token for _, told in taken[at:] for token in told]
    assert (resumed.pipeline.end, resumed.pipeline.generated) == (whole.end, whole.generated)


@given(
    st.lists(st.integers(-3, 300), max_size=30),
    stops,
    tops,
    st.lists(st.builds(Channel, st.just(0), st.integers(0, 5), st.integers(0, 40), st.binary(max_size=32)), max_size=3),
)
def test_whatever_is_claimed_is_continued_or_refused(
    ids: list[int], stops: tuple[str, ...], top: int | None, channels: list[Channel]
) -> None:
    try:
        resumed = replay(maker(stops, top), ids, channels)
    except ResumeMismatch:
        return
    assert all(0 <= token < BYTES.END for token in ids)
    assert len(ids) <= 20
    assert resumed.pipeline.generated + len(resumed.again) == len(ids)


@given(tokens.map(lambda ids: [token for token in ids if token != BYTES.END]), st.data())
def test_less_text_than_the_ids_give_is_made_up_for(written: list[int], data: st.DataObject) -> None:
    make = maker((), None, limit=100)
    pipeline = make()
    text = b"".join(take(pipeline, token)[0] for token in written)
    at = data.draw(st.integers(0, len(text)))
    try:
        resumed = replay(make, written, channel(text[:at]))
    except ResumeMismatch:
        assert text[at] & 0xC0 == 0x80
        return

    assert b"".join(data for _, data in resumed.events) == text[at:]
    assert all(event == Event(TEXT, event.data) for event in resumed.events)
