from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desktop.inference.local_server.event_stream import MAX_EVENT_BYTES, EventReader, StreamBroken

STREAM = (
    b': hello\n\ndata: {"a":1}\r\n\r\nevent: x\nid: 7\ndata: {"b":\ndata: 2}\n\n'
    b'\n\ndata:{"c":3}\n\ndata: [DONE]\n\ndata: no\n\n'
)
EVENTS = [b'{"a":1}', b'{"b":\n2}', b'{"c":3}']


@given(st.sets(st.integers(0, len(STREAM))))
def test_events_are_the_same_however_their_bytes_were_cut(cuts: set[int]) -> None:
    reader, events, start = EventReader(), [], 0
    for end in [*sorted(cuts), len(STREAM)]:
        if not reader.done:
            events += reader.feed(STREAM[start:end])
        start = end

    assert events == EVENTS
    assert reader.done


def test_an_event_without_end_is_refused() -> None:
    reader = EventReader()
    for _ in range(MAX_EVENT_BYTES // 1000):
        reader.feed(b"data: " + b"x" * 1000 + b"\n")

    with pytest.raises(StreamBroken):
        reader.feed(b"data: " + b"x" * 50_000)
