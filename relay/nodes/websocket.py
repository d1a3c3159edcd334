"""The part of RFC 6455 the node protocol allows, as bytes in and messages out. It knows no socket and no clock.

Allowed from a node: masked, whole (FIN) frames with opcode binary, close, ping or pong, of at most `max_size` bytes.
What the RFC itself forbids is closed with the RFC's code (1002, 1007, 1009); what only our protocol forbids (text
messages, fragments) is its violation, 4400. Sizes are judged on the header, before a payload is buffered.

A general library costs 2-3 times as much per frame: it builds an object per frame and keeps states we never enter.
`websockets` stands beside this module as the oracle in its tests, and lends the one loop that must be in C.
"""

from __future__ import annotations

import enum
import struct
from typing import Final

try:
    from websockets.speedups import apply_mask
except ImportError:  # no compiler where the wheel was built: correct all the same, slower
    from websockets.utils import apply_mask

MAX_CONTROL_PAYLOAD: Final = 125
_MASKED: Final = 0x80
_BINARY_FIN: Final = 0x82
_SMALL_TO_WHOLE: Final = 0x80 - 6
"""From a small masked frame's second byte to its whole length: less the mask bit, plus the head."""
_EMPTY_MASKED_HEAD: Final = 6
"""Bytes of a masked frame's head without extended length: two, and the key of four."""
_U16 = struct.Struct("!H")
_U64 = struct.Struct("!Q")


class Opcode(enum.IntEnum):
    """The opcodes of the subset."""

    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


class RfcCode(enum.IntEnum):
    """Close codes that the RFC defines and we send or take note of."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    NO_STATUS = 1005
    ABNORMAL = 1006
    BAD_DATA = 1007
    TOO_BIG = 1009


VIOLATION: Final = 4400
"""`relay.wire.frames.CloseCode.VIOLATION`, as a plain number: this module is about bytes only."""


Message = tuple[int, bytes]
"""One whole frame, unmasked: its opcode (an `Opcode`'s value) and payload. A bare tuple: thousands come a second."""


class FrameError(Exception):
    """What came is not the subset. `code` closes the connection."""

    def __init__(self, code: int, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(f"{code}: {reason}")


class FrameReader:
    """Cuts the byte stream of one connection into messages, wherever the reads split it.

    After the first fault `error` is set and nothing more is read; the messages before it are still handed out.
    """

    __slots__ = ("_buffer", "_need", "error", "max_size")

    def __init__(self, max_size: int) -> None:
        self.max_size = max_size
        """May rise between reads: less is allowed before the node has proved who it is."""
        self.error: FrameError | None = None
        self._buffer = bytearray()
        self._need = 0

    @property
    def buffered(self) -> int:
        """Bytes held of a frame that is not complete."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Message]:
        """Messages completed by `data`, in order."""
        if self.error is not None:
            return []
        if self._buffer:
            return self._feed_on(data)
        # Nearly always one read is one small frame: what follows is for the others.
        size = len(data)
        if size >= _EMPTY_MASKED_HEAD and size == data[1] - _SMALL_TO_WHOLE and data[0] == _BINARY_FIN:
            return [(2, apply_mask(data[6:], data[2:6]))]
        return self._feed_all(data)

    def _feed_on(self, data: bytes) -> list[Message]:
        """With the beginning of a frame in the buffer."""
        self._buffer += data
        if len(self._buffer) < self._need:
            return []
        data = bytes(self._buffer)
        self._buffer = bytearray()
        return self._feed_all(data)

    def _feed_all(self, data: bytes) -> list[Message]:
        messages: list[Message] = []
        try:
            rest = self._cut(data, messages)
        except FrameError as error:
            self.error = error
            return messages
        if rest < len(data):
            self._buffer += data[rest:]
        return messages

    def _cut(self, data: bytes, messages: list[Message]) -> int:
        """Appends the whole frames of `data`; returns where the first incomplete one starts."""
        start = 0
        end = len(data)
        while end - start >= 2:
            first = data[start]
            second = data[start + 1]
            if first != _BINARY_FIN or second < _MASKED:
                _check_head(first, second)
            size = second & 0x7F
            head = _EMPTY_MASKED_HEAD
            if size > MAX_CONTROL_PAYLOAD:
                head = 8 if size == 126 else 14
                if end - start < head - 4:
                    self._need = head - 4
                    return start
                size = (_U16 if size == 126 else _U64).unpack_from(data, start + 2)[0]
                if size > self.max_size:
                    raise FrameError(RfcCode.TOO_BIG, f"a frame of {size} bytes; the limit is {self.max_size}")
            body = start + head
            stop = body + size
            if stop > end:
                self._need = stop - start
                return start
            messages.append((first & 0x0F, apply_mask(data[body:stop], data[body - 4 : body])))
            start = stop
        self._need = 2
        return start


def _check_head(first: int, second: int) -> None:
    """Raises unless the two bytes may begin a frame of the subset. Order: what every server refuses comes first."""
    opcode = first & 0x0F
    if 0x3 <= opcode <= 0x7 or opcode > Opcode.PONG:
        raise FrameError(RfcCode.PROTOCOL_ERROR, f"opcode {opcode} does not exist")
    if second < _MASKED:
        raise FrameError(RfcCode.PROTOCOL_ERROR, "frames of a client must be masked")
    if first & 0x70:
        raise FrameError(RfcCode.PROTOCOL_ERROR, "reserved bits must be 0: no extension was agreed")
    final = first & 0x80
    if opcode >= Opcode.CLOSE:
        if not final:
            raise FrameError(RfcCode.PROTOCOL_ERROR, "a control frame must not be fragmented")
        if second & 0x7F > MAX_CONTROL_PAYLOAD:
            raise FrameError(RfcCode.PROTOCOL_ERROR, "a control frame carries at most 125 bytes")
    elif opcode == 0x1:
        raise FrameError(VIOLATION, "messages are binary, not text")
    elif opcode == 0x0 or not final:
        raise FrameError(VIOLATION, "messages are not fragmented")


def encode(opcode: Opcode, payload: bytes) -> bytes:
    """A whole unmasked frame, as a server sends it."""
    size = len(payload)
    if size < 126:
        return bytes((0x80 | opcode, size)) + payload
    if size < 0x10000:
        return bytes((0x80 | opcode, 126)) + _U16.pack(size) + payload
    return bytes((0x80 | opcode, 127)) + _U64.pack(size) + payload


def encode_close(code: int, reason: str = "") -> bytes:
    """A close frame; the reason is cut to what fits, at a character."""
    text = reason.encode()[: MAX_CONTROL_PAYLOAD - 2].decode(errors="ignore").encode()
    return encode(Opcode.CLOSE, _U16.pack(code) + text)


def decode_close(payload: bytes) -> tuple[int, str]:
    """Code and reason of a close frame's payload; `FrameError` if it is none."""
    if not payload:
        return RfcCode.NO_STATUS, ""
    if len(payload) < 2:
        raise FrameError(RfcCode.PROTOCOL_ERROR, "a close frame with half a code")
    code: int = _U16.unpack_from(payload)[0]
    if not (code in _EXTERNAL_CODES or 3000 <= code < 5000):
        raise FrameError(RfcCode.PROTOCOL_ERROR, f"close code {code} may not be sent")
    try:
        return code, payload[2:].decode()
    except UnicodeDecodeError as error:
        raise FrameError(RfcCode.BAD_DATA, "the reason of a close frame is not UTF-8") from error


_EXTERNAL_CODES = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015)})
"""Registered codes that may appear in a frame (1004-1006 and 1015 may not)."""
