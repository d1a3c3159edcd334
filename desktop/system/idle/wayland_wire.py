"""The few messages of Wayland that idle time needs, as bytes: no library, since ten messages are all there is to it.

A message is `object u32, size u16 << 16 | opcode u16, arguments`, in the byte order of the machine; strings are a
length with the closing zero, the bytes, and padding to four. From the core protocol and `ext-idle-notify-v1`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

DISPLAY = 1
"""The object every connection begins with."""

_HEAD = struct.Struct("=II")
_WORD = struct.Struct("=I")

# Requests.
GET_REGISTRY = 1
"""wl_display"""

BIND = 0
"""wl_registry"""

SYNC = 0
"""wl_display"""

GET_IDLE_NOTIFICATION = 1
"""ext_idle_notifier_v1; `get_input_idle_notification` is the same from version 2 on, without regard to inhibitors."""

# Events.
ERROR = 0
"""wl_display"""

GLOBAL = 0
"""wl_registry"""

DONE = 0
"""wl_callback"""

IDLED, RESUMED = 0, 1
"""ext_idle_notification_v1"""


@dataclass(frozen=True, slots=True)
class Event:
    """One message, to be read in order by `number` and `text`."""

    object: int
    opcode: int
    body: bytes


def request(target: int, opcode: int, *arguments: int | str) -> bytes:
    """One message."""
    body = b"".join(_WORD.pack(each) if isinstance(each, int) else _string(each) for each in arguments)
    return _HEAD.pack(target, (_HEAD.size + len(body)) << 16 | opcode) + body


def split(data: bytes) -> tuple[list[Event], bytes]:
    """The whole messages in `data`, and what is left. Raises ValueError for a size no message has."""
    events: list[Event] = []
    while len(data) >= _HEAD.size:
        target, head = _HEAD.unpack_from(data)
        size = head >> 16
        if size < _HEAD.size or size % 4:
            raise ValueError(f"a message of {size} bytes")
        if len(data) < size:
            break
        events.append(Event(target, head & 0xFFFF, data[_HEAD.size : size]))
        data = data[size:]
    return events, data


def number(body: bytes) -> tuple[int, bytes]:
    """The first word, and the rest. Raises ValueError."""
    if len(body) < _WORD.size:
        raise ValueError("a message that is too short")
    return _WORD.unpack_from(body)[0], body[_WORD.size :]


def text(body: bytes) -> tuple[str, bytes]:
    """The first string, and the rest. Raises ValueError."""
    length, rest = number(body)
    if length > len(rest):
        raise ValueError("a string that is longer than its message")
    return rest[:length].rstrip(b"\0").decode(errors="replace"), rest[-(-length // 4) * 4 :]


def _string(value: str) -> bytes:
    data = value.encode() + b"\0"
    return _WORD.pack(len(data)) + data + bytes(-len(data) % 4)
