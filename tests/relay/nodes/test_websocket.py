"""The frame layer beside `websockets`' sans-I/O server: same bytes in, same messages or the same refusal out."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Frame as OracleFrame
from websockets.frames import Opcode as OracleOpcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from relay.nodes.websocket import (
    FrameError,
    FrameReader,
    Message,
    Opcode,
    RfcCode,
    decode_close,
    encode,
    encode_close,
)

LIMIT = 256 * 1024
SIZES = (0, 1, 125, 126, 127, 65535, 65536, LIMIT)


def a_frame(payload: bytes = b"\x15hello", **changed: int) -> bytes:
    """A masked client frame; `first` overrides its first byte, `mask_bit` and `length` parts of its second."""
    first = changed.get("first", 0x80 | changed.get("opcode", Opcode.BINARY))
    mask_bit = changed.get("mask_bit", 0x80)
    size = changed.get("size", len(payload))
    key = struct.pack("!I", changed.get("key", 0xA1B2C3D4))
    if size < 126:
        head = struct.pack("!BB", first, mask_bit | size)
    elif size < 65536:
        head = struct.pack("!BBH", first, mask_bit | 126, size)
    else:
        head = struct.pack("!BBQ", first, mask_bit | 127, size)
    if not mask_bit:
        return head + payload
    return head + key + bytes(byte ^ key[index % 4] for index, byte in enumerate(payload))


def ours(data: bytes, *, cuts: tuple[int, ...] = ()) -> tuple[list[Message], int | None]:
    """Messages and the close code of a fault, from `data` read in pieces."""
    reader = FrameReader(LIMIT)
    messages: list[Message] = []
    for start, stop in zip((0, *cuts), (*cuts, len(data)), strict=True):
        messages += reader.feed(data[start:stop])
    return messages, None if reader.error is None else reader.error.code


def oracle(data: bytes) -> tuple[list[Message], int | None]:
    server = ServerProtocol(state=State.OPEN, max_size=LIMIT)
    server.receive_data(data)
    messages = [
        (int(event.opcode), bytes(event.data)) for event in server.events_received() if isinstance(event, OracleFrame)
    ]
    if server.parser_exc is None or server.close_sent is None:
        return messages, None
    return messages, server.close_sent.code


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("key", [0, 1, 0xFFFFFFFF, 0xA1B2C3D4])
def test_a_binary_frame_of_any_size_and_mask_is_read_as_the_oracle_reads_it(size: int, key: int) -> None:
    payload = bytes(range(256)) * (size // 256) + bytes(size % 256)
    data = a_frame(payload, key=key)
    assert ours(data) == oracle(data) == ([(Opcode.BINARY, payload)], None)


@pytest.mark.parametrize("opcode", [Opcode.PING, Opcode.PONG])
@pytest.mark.parametrize("size", [0, 1, 125])
def test_control_frames_are_read_as_the_oracle_reads_them(opcode: Opcode, size: int) -> None:
    data = a_frame(bytes(size), opcode=opcode)
    assert ours(data) == oracle(data) == ([(opcode, bytes(size))], None)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(a_frame(mask_bit=0), id="unmasked"),
        pytest.param(a_frame(first=0xC2), id="rsv1"),
        pytest.param(a_frame(first=0xA2), id="rsv2"),
        pytest.param(a_frame(first=0x92), id="rsv3"),
        pytest.param(a_frame(first=0x83), id="opcode 3"),
        pytest.param(a_frame(first=0x87), id="opcode 7"),
        pytest.param(a_frame(first=0x8B), id="opcode 11"),
        pytest.param(a_frame(first=0x8F), id="opcode 15"),
        pytest.param(a_frame(first=0x09), id="a fragmented ping"),
        pytest.param(a_frame(first=0x08), id="a fragmented close"),
        pytest.param(a_frame(bytes(126), opcode=Opcode.PING), id="a long ping"),
        pytest.param(a_frame(bytes(LIMIT + 1)), id="oversize"),
        pytest.param(a_frame(b"", size=2**63 - 1), id="absurd size"),
    ],
)
def test_what_the_rfc_forbids_is_refused_with_the_oracles_code(data: bytes) -> None:
    good = a_frame(b"before")
    assert ours(good + data) == oracle(good + data)
    assert ours(data)[1] in (RfcCode.PROTOCOL_ERROR, RfcCode.TOO_BIG)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(a_frame(first=0x81), id="text"),
        pytest.param(a_frame(first=0x01), id="first fragment of a text"),
        pytest.param(a_frame(first=0x02), id="first fragment"),
        pytest.param(a_frame(first=0x00), id="middle fragment"),
        pytest.param(a_frame(first=0x80), id="last fragment"),
    ],
)
def test_what_only_our_protocol_forbids_is_a_violation(data: bytes) -> None:
    assert ours(a_frame(b"before") + data) == ([(Opcode.BINARY, b"before")], 4400)


def test_a_million_empty_fragments_cost_one_refusal() -> None:
    assert ours(a_frame(b"", first=0x02) + a_frame(b"", first=0x00) * 1_000_000) == ([], 4400)


def test_an_oversize_frame_is_refused_on_its_header_with_nothing_buffered() -> None:
    reader = FrameReader(LIMIT)
    assert reader.feed(struct.pack("!BBQ", 0x82, 0xFF, LIMIT + 1)) == []
    assert reader.error is not None
    assert reader.error.code == RfcCode.TOO_BIG
    assert reader.buffered == 0


def test_a_bad_second_byte_is_refused_before_the_rest_of_the_head_arrives() -> None:
    reader = FrameReader(LIMIT)
    reader.feed(b"\x82\x05")
    assert reader.error is not None


@pytest.mark.parametrize("size", [1, 2, 3, 5, 6, 7, 131])
def test_a_short_read_with_any_second_byte_is_judged_as_the_oracle_judges_it(size: int) -> None:
    for second in range(256):
        data = (bytes([0x82, second]) + bytes(200))[:size]
        assert ours(data) == oracle(data), second


def test_nothing_is_read_after_a_fault() -> None:
    reader = FrameReader(LIMIT)
    assert reader.feed(a_frame(mask_bit=0)) == []
    assert reader.feed(a_frame()) == []


@pytest.mark.parametrize("size", [0, 5, 125, 126, 300, 65536])
def test_a_stream_reads_the_same_at_every_split(size: int) -> None:
    data = a_frame(b"a") + a_frame(bytes(size)) + a_frame(b"", opcode=Opcode.PING) + a_frame(b"z")
    whole = ours(data)
    edges = [*range(20), *range(len(data) - 30, len(data))] if size > 1000 else range(len(data))
    for cut in edges:
        assert ours(data, cuts=(cut,)) == whole


def test_a_stream_reads_the_same_byte_by_byte() -> None:
    data = a_frame(bytes(130)) + a_frame(b"x") + a_frame(b"", opcode=Opcode.PONG) + a_frame(bytes(65536))
    assert ours(data, cuts=tuple(range(1, len(data)))) == ours(data) == oracle(data)


@given(data=st.binary(max_size=64))
@settings(max_examples=300)
def test_whatever_the_oracle_refuses_is_refused(data: bytes) -> None:
    _, refused = oracle(data)
    if refused is not None and not _ends_the_oracle(data):
        assert ours(data)[1] is not None


def _ends_the_oracle(data: bytes) -> bool:
    """A close frame or a fragment ends the comparison: what comes after is judged by state only one of us keeps."""
    messages, _ = ours(data)
    return any(opcode == Opcode.CLOSE for opcode, _ in messages)


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    opcode = draw(st.sampled_from([Opcode.BINARY, Opcode.PING, Opcode.PONG]))
    payload = draw(st.binary(max_size=125 if opcode != Opcode.BINARY else 300))
    return a_frame(payload, opcode=opcode, key=draw(st.integers(0, 2**32 - 1)))


@given(stream=st.lists(frames(), max_size=8).map(b"".join), fraction=st.lists(st.floats(0, 1), max_size=4))
@settings(max_examples=200)
def test_any_valid_stream_in_any_pieces_gives_the_oracles_messages(stream: bytes, fraction: list[float]) -> None:
    cuts = tuple(sorted(int(part * len(stream)) for part in fraction))
    assert ours(stream, cuts=cuts) == oracle(stream)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("opcode", [Opcode.BINARY, Opcode.PING])
def test_frames_leave_as_the_oracle_writes_them(size: int, opcode: Opcode) -> None:
    if opcode == Opcode.PING and size > 125:
        return
    assert encode(opcode, bytes(size)) == OracleFrame(OracleOpcode(opcode), bytes(size)).serialize(mask=False)


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 4400, 4999])
def test_a_close_frame_carries_code_and_reason_both_ways(code: int) -> None:
    data = encode_close(code, "wörter")
    assert decode_close(data[2:]) == (code, "wörter")


def test_a_long_reason_is_cut_between_characters() -> None:
    data = encode_close(4400, "ü" * 100)
    assert decode_close(data[2:]) == (4400, "ü" * 61)


def test_an_empty_close_frame_has_no_status() -> None:
    assert decode_close(b"") == (RfcCode.NO_STATUS, "")


@pytest.mark.parametrize(
    "payload", [b"\x03", b"\x03\xed", b"\x03\xee", b"\x03\xf7", b"\x00\x00", b"\x13\x88", b"\x03\xe8\xff"]
)
def test_a_close_frame_the_oracle_refuses_is_refused(payload: bytes) -> None:
    _, refused = oracle(a_frame(payload, opcode=Opcode.CLOSE))
    with pytest.raises(FrameError) as fault:
        decode_close(payload)
    assert fault.value.code == refused
