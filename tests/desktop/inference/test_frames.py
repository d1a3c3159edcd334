from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.inference import frames
from desktop.inference.frames import FrameReader, Kind, PipeBroken
from desktop.inference.generation import Channel, GenerateCall, Record, Resume

records = st.tuples(
    st.integers(0, 2**32 - 1),
    st.builds(
        Record,
        st.integers(0, 255),
        st.sampled_from([0, 3]),
        st.lists(st.integers(0, 2**32 - 1), max_size=4).map(lambda ids: b"".join(i.to_bytes(4, "little") for i in ids)),
        st.binary(max_size=20),
    ),
)


def a_step(given: list[tuple[int, Record]]) -> bytes:
    return frames.encode_step([frames.pack_record(serial, *record) for serial, record in given])


@given(st.lists(st.lists(records, max_size=5), max_size=4), st.data())
def test_steps_survive_any_split_of_the_stream(steps: list[list[tuple[int, Record]]], data: st.DataObject) -> None:
    stream = b"".join(a_step(step) for step in steps)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    reader = FrameReader()
    received = []
    for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        received += reader.feed(stream[begin:end])

    assert [kind for kind, _ in received] == [Kind.STEP] * len(steps)
    assert [list(frames.decode_step(payload)) for _, payload in received] == steps


@given(st.lists(records, min_size=1, max_size=3), st.integers(1, 12))
def test_a_step_cut_inside_a_record_is_noticed(step: list[tuple[int, Record]], missing: int) -> None:
    ((_, payload),) = FrameReader().feed(a_step(step))

    with pytest.raises(PipeBroken):
        list(frames.decode_step(payload[:-missing]))


def test_a_call_carries_the_body_byte_for_byte_and_where_to_go_on() -> None:
    channels = (Channel(1, 0, 5, bytes(range(32))),)
    resume = Resume(b"\xff" * 32, (b"\x01\0\0\0\x02\0\0\0", b"", b"\x03\0\0\0"), channels)
    call = GenerateCall(
        id=8, body=b'{"x":\xff}', created=1, seed=-5, max_tokens=9, tenant="a", n=3, kind="completion", resume=resume
    )
    ((kind, payload),) = FrameReader().feed(frames.encode_call(3, call))
    head, body, carried = frames.decode_call(payload)

    assert kind == Kind.CALL
    assert (head.serial, head.seed, head.n, head.kind, body) == (3, -5, 3, "completion", call.body)
    assert carried == resume


def test_a_length_beyond_the_cap_is_refused_before_anything_is_kept() -> None:
    with pytest.raises(PipeBroken):
        FrameReader().feed((frames.MAX_PAYLOAD + 1).to_bytes(4, "little") + b"\x0f")


def test_a_control_frame_that_is_no_json_is_a_broken_pipe() -> None:
    with pytest.raises(PipeBroken):
        frames.decode(b"{", frames.Cancel)
