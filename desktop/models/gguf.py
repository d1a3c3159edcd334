"""The head of a GGUF file, checked number by number before llama.cpp sees the file.

llama.cpp trusts much of what a model file says of itself, and a model file comes from a stranger. Here every count,
length, type, offset and name is held against the format and against the size of the file first. Nothing is believed: a
length is compared with what the file still holds before anything is read, values that nobody needs are passed over, and
no tensor data is read at all, so a hostile file costs neither memory nor much time.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, versions 2 and 3, little-endian.
"""

from __future__ import annotations

import enum
import math
import os
import stat
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from desktop.errors import DesktopError

MAX_HEAD_BYTES: Final = 64 * 1024 * 1024
"""Metadata and tensor table together. The largest vocabularies in use take 20 MiB."""

MAX_ENTRIES: Final = 4096
MAX_TENSORS: Final = 65_536
MAX_KEY_BYTES: Final = 256
MAX_TEXT_BYTES: Final = 32 * 1024 * 1024
"""Of one text; some files hold a whole description of their tokeniser in one, of up to 20 MiB."""

MAX_WORD_BYTES: Final = 1024 * 1024
"""Of one text in an array, such as a token."""

MAX_ITEMS: Final = 2 * 1024 * 1024
"""Of one array. The largest vocabularies have 300,000 tokens and 600,000 merges."""

KEPT_ITEMS: Final = 1024
"""Arrays of numbers up to this length are kept: they describe layers. Longer ones describe a vocabulary."""

_MAX_NAME_BYTES: Final = 63
_MAX_DIMENSIONS: Final = 4
_MAX_ALIGNMENT: Final = 1024 * 1024
_MAX_ELEMENTS: Final = 2**63 - 1
_BLOCK: Final = 1024 * 1024


class GgufRefused(DesktopError):
    """This file is not a model that may be given to llama.cpp, as a sentence says."""

    remedy = "Download the model again, or choose another."

    def __init__(self, why: str) -> None:
        super().__init__(f"The model file is damaged or no GGUF file: {why}.")
        self.why = why


class ValueKind(enum.IntEnum):
    """Type of a value, as numbered in the file."""

    U8 = 0
    I8 = 1
    U16 = 2
    I16 = 3
    U32 = 4
    I32 = 5
    F32 = 6
    BOOL = 7
    TEXT = 8
    ARRAY = 9
    U64 = 10
    I64 = 11
    F64 = 12


_DISTINCT: Final = "tokenizer.ggml.tokens"

_LETTERS: Final = {
    ValueKind.U8: "B", ValueKind.I8: "b", ValueKind.U16: "H", ValueKind.I16: "h", ValueKind.U32: "I",
    ValueKind.I32: "i", ValueKind.F32: "f", ValueKind.BOOL: "B", ValueKind.U64: "Q", ValueKind.I64: "q",
    ValueKind.F64: "d",
}  # fmt: skip


class Blocks(NamedTuple):
    """How a tensor type is stored: so many weights in so many bytes."""

    name: str
    weights: int
    size: int


TENSOR_TYPES: Final = {
    0: Blocks("F32", 1, 4), 1: Blocks("F16", 1, 2), 2: Blocks("Q4_0", 32, 18), 3: Blocks("Q4_1", 32, 20),
    6: Blocks("Q5_0", 32, 22), 7: Blocks("Q5_1", 32, 24), 8: Blocks("Q8_0", 32, 34), 9: Blocks("Q8_1", 32, 36),
    10: Blocks("Q2_K", 256, 84), 11: Blocks("Q3_K", 256, 110), 12: Blocks("Q4_K", 256, 144),
    13: Blocks("Q5_K", 256, 176), 14: Blocks("Q6_K", 256, 210), 15: Blocks("Q8_K", 256, 292),
    16: Blocks("IQ2_XXS", 256, 66), 17: Blocks("IQ2_XS", 256, 74), 18: Blocks("IQ3_XXS", 256, 98),
    19: Blocks("IQ1_S", 256, 50), 20: Blocks("IQ4_NL", 32, 18), 21: Blocks("IQ3_S", 256, 110),
    22: Blocks("IQ2_S", 256, 82), 23: Blocks("IQ4_XS", 256, 136), 24: Blocks("I8", 1, 1), 25: Blocks("I16", 1, 2),
    26: Blocks("I32", 1, 4), 27: Blocks("I64", 1, 8), 28: Blocks("F64", 1, 8), 29: Blocks("IQ1_M", 256, 56),
    30: Blocks("BF16", 1, 2), 34: Blocks("TQ1_0", 256, 54), 35: Blocks("TQ2_0", 256, 66), 39: Blocks("MXFP4", 32, 17),
    40: Blocks("NVFP4", 64, 36), 41: Blocks("Q1_0", 128, 18), 42: Blocks("Q2_0", 64, 18),
}  # fmt: skip
"""What the pinned llama.cpp knows; the numbers in between were given up."""


class Array(NamedTuple):
    """An array of the metadata. `values` is empty for texts, and for more than KEPT_ITEMS numbers."""

    kind: ValueKind
    items: int
    values: tuple[int | float, ...]


Value = int | float | bool | str | Array


class Tensor(NamedTuple):
    """One line of the tensor table. `offset` counts from where the data begins; both are in bytes."""

    name: str
    shape: tuple[int, ...]
    type: int
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Header:
    """A head that holds together with its file. `data_at` is where the tensor data begins."""

    version: int
    metadata: dict[str, Value]
    tensors: tuple[Tensor, ...]
    data_at: int
    file_size: int


def read_header(path: Path) -> Header:
    """Raises GgufRefused, and OSError if the file cannot be read at all."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise GgufRefused("it is not a regular file")
    with path.open("rb", buffering=0) as file:
        return parse_header(file, os.fstat(file.fileno()).st_size)


def parse_header(file: BinaryIO, size: int) -> Header:
    """Of `size` bytes that begin where `file` stands. Raises GgufRefused."""
    reader = _Reader(file, size)
    if reader.take(4) != b"GGUF":
        raise GgufRefused("it does not begin with the letters GGUF")
    version = reader.whole("I")
    if version not in {2, 3}:
        raise GgufRefused(f"it says it has version {version}, and only 2 and 3 are known")
    tensors = _limited(reader.whole("Q"), MAX_TENSORS, "tensors")
    entries = _limited(reader.whole("Q"), MAX_ENTRIES, "entries")
    metadata = _metadata(reader, entries)
    alignment = _alignment(metadata)
    table = _tensors(reader, tensors)
    data_at = -(-reader.at // alignment) * alignment
    _check_places(table, data_at, alignment, size)
    return Header(version, metadata, table, data_at, size)


# --- metadata ---


def _metadata(reader: _Reader, entries: int) -> dict[str, Value]:
    metadata: dict[str, Value] = {}
    for _ in range(entries):
        key = reader.word(MAX_KEY_BYTES, "a key")
        if key in metadata:
            raise GgufRefused(f"it has the key {key} twice")
        metadata[key] = _value(reader, _kind(reader, key), key)
    return metadata


def _kind(reader: _Reader, key: str) -> ValueKind:
    number = reader.whole("I")
    try:
        return ValueKind(number)
    except ValueError:
        raise GgufRefused(f"{key} has the unknown type {number}") from None


def _value(reader: _Reader, kind: ValueKind, key: str) -> Value:
    if kind is ValueKind.TEXT:
        return reader.text(key)
    if kind is ValueKind.ARRAY:
        return _array(reader, key)
    (value,) = reader.numbers(_LETTERS[kind], 1)
    if kind is ValueKind.BOOL:
        _check_truths((value,), key)
        return bool(value)
    return value


def _array(reader: _Reader, key: str) -> Array:
    kind = _kind(reader, key)
    count = _limited(reader.whole("Q"), MAX_ITEMS, f"items in {key}")
    if kind is ValueKind.ARRAY:
        raise GgufRefused(f"{key} is an array of arrays")
    if kind is ValueKind.TEXT:
        if key == _DISTINCT:
            _check_distinct(reader, count)
        else:
            reader.pass_texts(count, key)
        return Array(kind, count, ())
    letter = _LETTERS[kind]
    if count > KEPT_ITEMS and kind is not ValueKind.BOOL:
        reader.skip(count * struct.calcsize(letter))
        return Array(kind, count, ())
    values = reader.numbers(letter, _limited(count, KEPT_ITEMS, f"truth values in {key}"))
    if kind is ValueKind.BOOL:
        _check_truths(values, key)
    return Array(kind, count, values)


def _check_distinct(reader: _Reader, count: int) -> None:
    """llama.cpp ends the process if two tokens are the same to it; it reads each up to its first zero byte."""
    seen: set[bytes] = set()
    for _ in range(count):
        word = reader.raw(_DISTINCT, MAX_WORD_BYTES).partition(b"\0")[0]
        if word in seen:
            raise GgufRefused("it has the same token twice")
        if word:
            seen.add(word)


def _check_truths(values: tuple[int | float, ...], key: str) -> None:
    """C++ reads them as `bool`, for which any other byte is undefined behaviour."""
    if not set(values) <= {0, 1}:
        raise GgufRefused(f"{key} is neither true nor false")


def _alignment(metadata: dict[str, Value]) -> int:
    alignment = metadata.get("general.alignment", 32)
    if type(alignment) is not int or not 1 <= alignment <= _MAX_ALIGNMENT or alignment & (alignment - 1):
        raise GgufRefused("its alignment is not a sensible power of two")
    return alignment


# --- tensors ---


def _tensors(reader: _Reader, count: int) -> tuple[Tensor, ...]:
    tensors = tuple(_tensor(reader) for _ in range(count))
    if len({tensor.name for tensor in tensors}) != count:
        raise GgufRefused("it has two tensors of the same name")
    return tensors


def _tensor(reader: _Reader) -> Tensor:
    name = reader.word(_MAX_NAME_BYTES, "a tensor's name")
    dimensions = reader.whole("I")
    if not 1 <= dimensions <= _MAX_DIMENSIONS:
        raise GgufRefused(f"the tensor {name} has {dimensions} dimensions")
    shape = tuple(int(length) for length in reader.numbers("Q", dimensions))
    number = reader.whole("I")
    blocks = TENSOR_TYPES.get(number)
    if blocks is None:
        raise GgufRefused(f"the tensor {name} has the unknown type {number}")
    if not all(shape) or shape[0] % blocks.weights or math.prod(shape) * blocks.size > _MAX_ELEMENTS:
        raise GgufRefused(f"the tensor {name} has a shape that cannot be")
    size = math.prod(shape) // blocks.weights * blocks.size
    return Tensor(name, shape, number, reader.whole("Q"), size)


def _check_places(tensors: tuple[Tensor, ...], data_at: int, alignment: int, size: int) -> None:
    """Each tensor follows the one before it, padded, as the format wants it, and the last ends within the file."""
    expected = 0
    for tensor in tensors:
        if tensor.offset != expected:
            raise GgufRefused(f"the tensor {tensor.name} is not where it should be")
        if data_at + expected + tensor.size > size:
            raise GgufRefused(f"the tensor {tensor.name} goes on behind the end of the file")
        expected += -(-tensor.size // alignment) * alignment


def _limited(number: int, most: int, what: str) -> int:
    if number > most:
        raise GgufRefused(f"it says it has {number} {what}, and {most} is the most that is believed")
    return number


# --- bytes ---


class _Reader:
    """Goes through a file once, a block at a time, and believes no length before it has seen that the file has it."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._end = min(size, MAX_HEAD_BYTES)
        self._buffer = b""
        self._next = 0
        """Of the buffer: the first byte that was not taken."""
        self._read = 0
        """Bytes of the file that were read or passed over."""

    @property
    def at(self) -> int:
        return self._read - len(self._buffer) + self._next

    def take(self, length: int) -> bytes:
        self._require(length)
        start, self._next = self._next, self._next + length
        return self._buffer[start : self._next]

    def skip(self, length: int) -> None:
        self._check(length)
        inside = min(length, len(self._buffer) - self._next)
        self._next += inside
        if length > inside:
            self._file.seek(length - inside, os.SEEK_CUR)
            self._read += length - inside
            self._buffer, self._next = b"", 0

    def whole(self, letter: str) -> int:
        return int(self.numbers(letter, 1)[0])

    def numbers(self, letter: str, count: int) -> tuple[int | float, ...]:
        return struct.unpack(f"<{count}{letter}", self.take(count * struct.calcsize(letter)))

    def raw(self, what: str, most: int) -> bytes:
        """A text as its bytes."""
        length = self.whole("Q")
        if length > most:
            raise GgufRefused(f"{what} has a text of {length} bytes")
        return self.take(length)

    def text(self, what: str) -> str:
        raw = self.raw(what, MAX_TEXT_BYTES)
        if b"\0" in raw:
            raise GgufRefused(f"{what} has a zero byte in its text")
        try:
            return raw.decode()
        except UnicodeDecodeError:
            raise GgufRefused(f"{what} is not UTF-8") from None

    def word(self, most: int, what: str) -> str:
        """A text that is a name: printable ASCII."""
        length = self.whole("Q")
        if not 1 <= length <= most:
            raise GgufRefused(f"{what} has a length of {length}")
        raw = self.take(length)
        if not (raw.isascii() and raw.decode("ascii").isprintable()):
            raise GgufRefused(f"{what} is not printable")
        return raw.decode("ascii")

    def pass_texts(self, count: int, what: str) -> None:
        """Half a million of them in some files: this loop is what takes time."""
        unpack = struct.Struct("<Q").unpack_from
        while count:
            self._require(8)
            buffer, at, last = self._buffer, self._next, len(self._buffer) - 8
            while count and at <= last:
                (length,) = unpack(buffer, at)
                if length > MAX_WORD_BYTES:
                    raise GgufRefused(f"{what} has a text of {length} bytes")
                count -= 1
                at += 8 + length
            beyond = at - len(buffer)
            self._next = min(at, len(buffer))
            if beyond > 0:
                self.skip(beyond)

    def _check(self, length: int) -> None:
        if length > self._end - self.at:
            raise GgufRefused("it ends in the middle of its description")

    def _require(self, length: int) -> None:
        """Sees to it that the buffer holds `length` bytes from here."""
        missing = length - (len(self._buffer) - self._next)
        if missing <= 0:
            return
        self._check(length)
        parts = [self._buffer[self._next :]]
        while missing > 0:
            part = self._file.read(min(max(missing, _BLOCK), self._end - self._read))
            if not part:
                raise GgufRefused("it ends in the middle of its description")
            parts.append(part)
            self._read += len(part)
            missing -= len(part)
        self._buffer, self._next = b"".join(parts), 0
