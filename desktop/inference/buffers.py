"""The true sizes of llama.cpp's buffers, which it tells in its log and nowhere else.

Lines of the form `load_tensors:   CPU_Mapped model buffer size =     3.06 MiB`, at loading. Pure.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

MARK: Final = b"buffer size ="

_LINE: Final = re.compile(
    r"^\S+\s+(?P<device>\S+)\s+(?:\S+ )*?(?P<kind>model|KV|RS|compute|output|state) buffer size =\s+"
    r"(?P<size>[\d.]+) MiB"
)
_MIB: Final = 1024 * 1024


class Buffer(NamedTuple):
    """`device` and `kind` are llama.cpp's own words; `size` is in bytes, to a hundredth of a MiB."""

    device: str
    kind: str
    size: int


def parse_buffer(line: str) -> Buffer | None:
    found = _LINE.search(line)
    return Buffer(found["device"], found["kind"], int(float(found["size"]) * _MIB)) if found else None
