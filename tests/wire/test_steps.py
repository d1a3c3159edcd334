"""Step records: what is packed comes out again, however it is cut into frames, and nothing else does."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.wire.errors import ProtocolViolation, SessionMisuse
from relay.wire.frames import FINISH_REASONS, Kind, LegId, StepKind
from relay.wire.steps import (
    HEAD,
    MAX_RECORD_BYTES,
    MAX_RECORD_IDS,
    MAX_RECORDS,
    StepRecord,
    decode_delta,
    decode_steps,
    encode_steps,
)
from tests.wire.links import end, text
from tests.wire.strategies import step_records


def frame(*records: bytes) -> bytes:
    return bytes([Kind.STEP]) + b"".join(records)


def packed(*, kind: int = 0, n_ids: int = 0, length: int | None = None, data: bytes = b"", ids: bytes = b"") -> bytes:
    return HEAD.pack(1, 0, kind, n_ids, len(data) if length is None else length) + ids + data


def test_a_record_is_packed_as_the_protocol_says() -> None:
    record = StepRecord(LegId(0x01020304), 5, StepKind.REASONING, struct.pack("<2I", 7, 8), "é".encode())
    assert encode_steps([record]) == bytes.fromhex("16 04030201 05 01 0200 02000000 07000000 08000000 c3a9")


@given(st.lists(step_records(), min_size=1, max_size=8))
def test_what_is_packed_comes_out_again(records: list[StepRecord]) -> None:
    assert decode_steps(encode_steps(records)) == records


@given(st.lists(step_records(), min_size=1, max_size=8), st.data())
def test_however_records_are_cut_into_frames_the_same_come_out(records: list[StepRecord], data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(1, len(records)))) | {len(records)})
    frames = [encode_steps(records[start:stop]) for start, stop in zip([0, *cuts], cuts, strict=False)]
    assert [record for message in frames for record in decode_steps(message)] == records


@given(st.lists(step_records(), min_size=1, max_size=3))
def test_a_step_frame_cut_anywhere_gives_whole_records_or_a_violation(records: list[StepRecord]) -> None:
    message = encode_steps(records)
    for length in range(1, len(message)):
        try:
            got = decode_steps(message[:length])
        except ProtocolViolation:
            continue
        assert got == records[: len(got)]


def test_a_record_may_hold_as_much_as_the_limits_say_and_no_more() -> None:
    most = StepRecord(LegId(1), 0, 0, bytes(4 * MAX_RECORD_IDS), b"x" * MAX_RECORD_BYTES)
    assert decode_steps(encode_steps([most])) == [most]
    with pytest.raises(ProtocolViolation):
        decode_steps(frame(packed(data=b"x" * (MAX_RECORD_BYTES + 1))))
    with pytest.raises(ProtocolViolation):
        decode_steps(frame(packed(n_ids=MAX_RECORD_IDS + 1, ids=bytes(4 * MAX_RECORD_IDS + 4))))
    with pytest.raises(SessionMisuse):
        encode_steps([text(1, "x" * (MAX_RECORD_BYTES + 1))])
    with pytest.raises(SessionMisuse):
        encode_steps([text(1, "", ids=bytes(4 * MAX_RECORD_IDS + 4))])


def test_a_frame_holds_at_least_one_record_and_at_most_a_thousand() -> None:
    assert len(decode_steps(encode_steps([text(1, "")] * MAX_RECORDS))) == MAX_RECORDS
    for records in ([], [text(1, "")] * (MAX_RECORDS + 1)):
        with pytest.raises(ProtocolViolation):
            decode_steps(encode_steps(records))


@pytest.mark.parametrize(
    "record",
    [
        packed(length=5, data=b"four"),
        packed(length=2**32 - 1),
        packed(n_ids=1),
        packed(n_ids=65535, length=2**32 - 1),
        packed(kind=5),
        packed(kind=255),
        packed()[:-1],
    ],
)
def test_a_record_that_does_not_add_up_is_a_violation(record: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        decode_steps(frame(packed(data=b"fine"), record))


@pytest.mark.parametrize("data", [b"", bytes(4), bytes(7), bytes(10)])
def test_a_vector_is_an_index_and_whole_numbers(data: bytes) -> None:
    decode_steps(frame(packed(kind=StepKind.VECTOR, data=bytes(8))))
    with pytest.raises(ProtocolViolation):
        decode_steps(frame(packed(kind=StepKind.VECTOR, data=data)))


@pytest.mark.parametrize("kind", [StepKind.TEXT, StepKind.REASONING, StepKind.TOOL_ARGUMENTS])
@pytest.mark.parametrize("data", [b"\xff", "é".encode()[:1], b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80"])
def test_text_is_whole_code_points_strictly(kind: StepKind, data: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        decode_steps(frame(packed(kind=kind, data=data)))


def test_a_choice_ends_only_for_the_known_reasons() -> None:
    for reason in FINISH_REASONS:
        assert decode_steps(encode_steps([end(1, reason)]))
    for unknown in ("", "error", "stop ", "STOP"):
        with pytest.raises(ProtocolViolation):
            decode_steps(encode_steps([end(1, unknown)]))


def test_a_delta_is_the_json_of_one_event() -> None:
    delta = decode_delta(b'{"content":"hi","tool_calls":[{"index":0,"name":"f","arguments":"{"}],"role":"system"}')
    assert (delta.content, delta.tool_calls[0].name) == ("hi", "f")
    decode_steps(frame(packed(kind=StepKind.DELTA, data=b"{}")))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{",
        b'{"content":1}',
        b'{"content":"\xff"}',
        b'{"content":"\\ud800"}',
        b'{"tool_calls":[{"index":-1}]}',
        b'{"tool_calls":[{"index":128}]}',
        b'{"x":' + b"[" * 10_000,
    ],
)
def test_anything_else_in_a_delta_is_a_violation(data: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        decode_steps(frame(packed(kind=StepKind.DELTA, data=data)))


def test_a_record_does_not_show_its_text() -> None:
    assert "secret" not in repr(text(1, "secret"))
