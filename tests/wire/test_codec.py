"""Frames to bytes and back; and bytes that are no frame, of which only `ProtocolViolation` comes."""

from __future__ import annotations

import struct
import tracemalloc
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.wire import frames
from relay.wire.codec import (
    OPENING,
    BodyPart,
    Ignored,
    OfferedCall,
    Sender,
    decode,
    decode_hello_body,
    encode,
    encode_body,
    encode_call,
    encode_hello_body,
)
from relay.wire.errors import ProtocolViolation, SessionMisuse
from relay.wire.fields import BODY_PART, INLINE_BODY
from relay.wire.frames import Call, Cancel, Frame, HelloBody, Kind, LegId, Status
from tests.wire import strategies
from tests.wire.links import an_offer


def heard(message: bytes, sender: Sender) -> object:
    return decode(message, sender, opening=message[0] in OPENING[sender])


@given(strategies.control_frames)
def test_every_control_frame_comes_out_as_it_went_in(said: tuple[Sender, Frame]) -> None:
    sender, frame = said
    message = encode(frame)
    assert message[0] == frame.KIND
    assert heard(message, sender) == frame


def test_there_is_a_round_trip_for_every_kind() -> None:
    packed = {Kind.CALL, Kind.BODY, Kind.STEP}
    assert {frame.KIND for frame in strategies.from_relay | strategies.from_node} | packed == set(Kind)


@given(strategies.calls())
def test_a_call_comes_out_with_its_payload_if_that_is_small(offered: tuple[Call, bytes]) -> None:
    call, payload = offered
    inline = len(payload) <= INLINE_BODY
    assert heard(encode_call(call, payload), Sender.RELAY) == OfferedCall(call, payload if inline else None)


@given(strategies.hello_bodies)
def test_a_hello_body_comes_out_as_it_went_in(body: HelloBody) -> None:
    assert decode_hello_body(encode_hello_body(body)) == body


@given(strategies.leg_ids, st.binary(min_size=1, max_size=100))
def test_a_body_part_comes_out_as_it_went_in(leg: LegId, data: bytes) -> None:
    assert heard(encode_body(leg, data), Sender.RELAY) == BodyPart(leg, data)


def test_a_body_part_has_at_least_a_byte_and_at_most_64_kib() -> None:
    assert heard(encode_body(LegId(1), bytes(BODY_PART)), Sender.RELAY)
    for size in (0, BODY_PART + 1):
        with pytest.raises(ProtocolViolation):
            heard(encode_body(LegId(1), bytes(size)), Sender.RELAY)


# --- what one side may say is not for the other


@given(strategies.control_frames)
def test_no_frame_may_come_from_the_wrong_side_or_in_the_other_phase(said: tuple[Sender, Frame]) -> None:
    sender, frame = said
    message = encode(frame)
    other = Sender.NODE if sender is Sender.RELAY else Sender.RELAY
    for side, opening in ((other, True), (other, False), (sender, message[0] not in OPENING[sender])):
        with pytest.raises(ProtocolViolation):
            decode(message, side, opening=opening)


def test_only_unknown_kinds_with_the_high_bit_are_ignored() -> None:
    known = {kind.value for kind in Kind}
    for kind in set(range(256)) - known:
        message = bytes([kind]) + b"anything"
        for sender in Sender:
            if kind & 0x80:
                assert decode(message, sender, opening=False) == Ignored(kind)
            else:
                with pytest.raises(ProtocolViolation):
                    decode(message, sender, opening=False)


# --- fields


def test_unknown_fields_are_ignored() -> None:
    message = bytes([Kind.CANCEL]) + b'{"id":1,"why":"later version","more":[{}]}'
    assert heard(message, Sender.RELAY) == Cancel(id=LegId(1))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"id":0}',
        b'{"id":-1}',
        b'{"id":4294967296}',
        b'{"id":1e99}',
        b'{"id":"1"}',
        b'{"id":' + b"9" * 500 + b"}",
        b'{"id":1}{"id":1}',
        b'{"id":1,"x":' + b"[" * 900,
        b'{"id":1,"\xff":1}' + b"\xff",
    ],
)
def test_a_control_frame_that_is_not_its_struct_is_a_violation(text: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        heard(bytes([Kind.CANCEL]) + text, Sender.RELAY)


STATUS: dict[str, object] = {"sharing": True, "reason": "ready", "free_slots": 1}
TOO_MUCH: dict[Kind, list[dict[str, object]]] = {
    Kind.STATUS: [
        STATUS | {"reason": "x" * 65},
        STATUS | {"free_slots": 65536},
        STATUS | {"load": -1},
        STATUS | {"until": 1e13},
    ],
    Kind.ADVERTISE: [
        {"models": [{"model": "m", "digest": "d", "context": 1, "slots": 1}] * 257},
        {"models": [{"model": "m" * 257, "digest": "d", "context": 1, "slots": 1}]},
        {"models": [{"model": "m", "digest": "d", "context": 1, "slots": 1025}]},
        {"models": [{"model": "m", "digest": "d", "context": 1, "slots": 1, "features": ["x"] * 65}]},
    ],
    Kind.ACCEPT: [{"id": 1, "prompt_tokens": 1, "prompt_digest": "A" * 44}, {"id": 1, "prompt_tokens": 2**31}],
    Kind.FINISH: [{"id": 1, "reason": "bored", "usage": {"prompt_tokens": 1, "completion_tokens": 1}}],
    Kind.FAIL: [
        {"id": 1, "code": "x", "message": "m" * 1001},
        {"id": 1, "code": "x", "message": "", "at_fault": "you"},
    ],
}


@pytest.mark.parametrize(("kind", "fields"), [(kind, fields) for kind, cases in TOO_MUCH.items() for fields in cases])
def test_no_field_exceeds_its_bound(kind: Kind, fields: dict[str, object]) -> None:
    with pytest.raises(ProtocolViolation):
        heard(bytes([kind]) + msgspec.json.encode(fields), Sender.NODE)


def test_a_message_longer_than_its_kind_can_be_is_not_even_parsed() -> None:
    padded = encode(Status(sharing=True, reason="ready", free_slots=1))[:-1] + b" " * 2048 + b"}"
    with pytest.raises(ProtocolViolation, match="longer"):
        heard(padded, Sender.NODE)


def test_we_cannot_say_what_the_other_side_would_refuse() -> None:
    for frame in (Cancel(id=LegId(0)), Status(sharing=True, reason="x" * 65, free_slots=1)):
        with pytest.raises(SessionMisuse):
            encode(frame)


def test_a_violation_does_not_repeat_what_the_other_side_wrote() -> None:
    fields = {"id": 1, "reason": "canary", "usage": {"prompt_tokens": 1, "completion_tokens": 1}}
    with pytest.raises(ProtocolViolation) as violation:
        heard(bytes([Kind.FINISH]) + msgspec.json.encode(fields), Sender.NODE)
    assert "canary" not in str(violation.value)
    assert "reason" in str(violation.value)


@pytest.mark.parametrize(
    "message",
    [
        bytes([Kind.CALL]),
        bytes([Kind.CALL]) + struct.pack("<I", 2**32 - 1),
        bytes([Kind.CALL]) + struct.pack("<I", 100) + b"{}",
        encode_call(an_offer(1, body_len=3), b"four"),
        encode_call(an_offer(1, body_len=3), b""),
        encode_call(an_offer(1, body_len=INLINE_BODY + 1), b"") + b"x",
        bytes([Kind.BODY]) + b"\1\0\0",
    ],
)
def test_a_call_or_body_that_does_not_add_up_is_a_violation(message: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        heard(message, Sender.RELAY)


# --- anything at all


@settings(max_examples=300)
@given(strategies.malformed(), st.sampled_from(list(Sender)), st.booleans())
def test_of_malformed_messages_only_violations_come(message: bytes, sender: Sender, opening: bool) -> None:
    with suppress(ProtocolViolation):
        decode(message, sender, opening=opening)


@given(st.binary(max_size=300))
def test_of_a_malformed_hello_body_only_violations_come(body: bytes) -> None:
    with suppress(ProtocolViolation):
        decode_hello_body(body)


@given(strategies.messages, st.sampled_from(list(Sender)))
def test_of_a_message_cut_anywhere_only_violations_come(message: bytes, sender: Sender) -> None:
    step = max(1, len(message) // 50)
    for length in range(0, len(message), step):
        with suppress(ProtocolViolation):
            decode(message[:length], sender, opening=message[0] in OPENING[sender])


@pytest.mark.parametrize(
    "message",
    [
        bytes([Kind.STEP]) + bytes(12) * 21_000,
        bytes([Kind.STEP]) + struct.pack("<IBBHI", 1, 0, 0, 65535, 2**32 - 1) + bytes(200_000),
        bytes([Kind.ADVERTISE]) + b'{"models":[' + b"[" * 200_000,
        bytes([Kind.ADVERTISE]) + b'{"models":[' + b'{"model":"","digest":"","context":0,"slots":0},' * 5000 + b"{}]}",
        bytes([Kind.FINISH]) + b'{"id":' + b"9" * 90_000 + b"}",
    ],
)
def test_a_hostile_message_costs_no_more_memory_than_a_few_times_its_size(message: bytes) -> None:
    with suppress(ProtocolViolation):
        heard(message, Sender.NODE)
    tracemalloc.start()
    try:
        with suppress(ProtocolViolation):
            heard(message, Sender.NODE)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 16 * len(message)


def test_the_relays_own_defaults_are_those_of_the_protocol() -> None:
    assert frames.Limits() == frames.Limits(
        frame_bytes=262_144, frames_per_s=500, burst_frames=1000, bytes_per_s=4_194_304
    )
