"""The little of the GGUF format that a made-up model needs: metadata, 32-bit tensors and Q8_0 matrices.

Format: github.com/ggml-org/ggml/blob/master/docs/gguf.md, version 3. All integers little-endian.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

_ALIGNMENT = 32
_BLOCK = 32
"""Weights that share one scale in Q8_0."""

Value = bool | int | float | str | Sequence[str] | Sequence[int] | Sequence[float]


@dataclass(frozen=True, slots=True)
class Tensor:
    """A named tensor: a matrix is stored as Q8_0 unless it is to be `exact`, all else in 32 bits."""

    name: str
    weights: NDArray[np.float32]
    exact: bool = False

    @property
    def kind(self) -> int:
        return 8 if self.weights.ndim == 2 and not self.exact else 0

    @property
    def size(self) -> int:
        return self.weights.size // _BLOCK * (_BLOCK + 2) if self.kind else self.weights.size * 4

    def data(self) -> bytes:
        return quantised(self.weights) if self.kind else self.weights.tobytes()


def quantised(weights: NDArray[np.float32]) -> bytes:
    """Q8_0: per block a 16-bit scale, then 32 signed bytes."""
    blocks = weights.reshape(-1, _BLOCK)
    scales = np.abs(blocks).max(axis=1, keepdims=True) / 127
    levels = np.rint(blocks / np.where(scales, scales, 1)).astype(np.int8)
    return np.concatenate([scales.astype(np.float16).view(np.int8), levels], axis=1).tobytes()


def write(path: Path, metadata: Mapping[str, Value], tensors: Sequence[Tensor]) -> None:
    """Writes the file whole or not at all."""
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        file.write(b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata)))
        for key, value in metadata.items():
            file.write(_string(key) + b"".join(_value(value)))
        offset = 0
        for tensor in tensors:
            shape = tensor.weights.shape[::-1]
            file.write(
                _string(tensor.name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, tensor.kind, offset)
            )
            offset += -(-tensor.size // _ALIGNMENT) * _ALIGNMENT
        _align(file)
        for tensor in tensors:
            file.write(tensor.data())
            _align(file)
    part.rename(path)


def _align(file: BinaryIO) -> None:
    file.write(bytes(-file.tell() % _ALIGNMENT))


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def _value(value: Value) -> Iterator[bytes]:
    """A metadata value with its type before it."""
    if isinstance(value, bool):
        yield struct.pack("<I?", 7, value)
    elif isinstance(value, int):
        yield struct.pack("<II", 4, value)
    elif isinstance(value, float):
        yield struct.pack("<If", 6, value)
    elif isinstance(value, str):
        yield struct.pack("<I", 8) + _string(value)
    elif isinstance(value[0], str):
        yield struct.pack("<IIQ", 9, 8, len(value))
        yield from (_string(str(item)) for item in value)
    elif isinstance(value[0], float):
        yield struct.pack(f"<IIQ{len(value)}f", 9, 6, len(value), *value)
    else:
        yield struct.pack(f"<IIQ{len(value)}i", 9, 5, len(value), *value)
