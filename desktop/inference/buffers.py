"""The true sizes of llama.cpp's buffers and the graphics cards it uses, which it tells in its log and nowhere else.

Lines of the forms `load_tensors:   CPU_Mapped model buffer size =     3.06 MiB` and
`...: using device CUDA0 (NVIDIA H100 80GB HBM3) (0000:00:07.0) - 80563 MiB free`, at loading. Pure.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

MARKS: Final = (b"buffer size =", b": using device ")
"""What lines that are read here contain."""

_LINE: Final = re.compile(
    r"^\S+\s+(?P<device>\S+)\s+(?:\S+ )*?(?P<kind>model|KV|RS|compute|output|state) buffer size =\s+"
    r"(?P<size>[\d.]+) MiB"
)
_DEVICE: Final = re.compile(r": using device \S+ \((?P<name>.+)\) \([^()]*\) - \d+ MiB free")
_MIB: Final = 1024 * 1024


class Buffer(NamedTuple):
    """`device` and `kind` are llama.cpp's own words; `size` is in bytes, to a hundredth of a MiB."""

    device: str
    kind: str
    size: int


def parse_buffer(line: str) -> Buffer | None:
    found = _LINE.search(line)
    return Buffer(found["device"], found["kind"], int(float(found["size"]) * _MIB)) if found else None


def parse_device(line: str) -> str | None:
    """The maker's name of a graphics card that the model is computed on."""
    found = _DEVICE.search(line)
    return found["name"] if found else None
