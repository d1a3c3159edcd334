"""GGUF files made for tests, and a second, naive reading of them to hold ours against."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from desktop.models.gguf import TENSOR_TYPES
from desktop.models.model_file import ModelFile

DEMO_MODEL = Path(__file__).parents[3] / "assets" / "nightjar-demo.gguf"

U8, I8, U16, I16, U32, I32, F32, BOOL, TEXT, ARRAY, U64, I64, F64 = range(13)
LETTERS = {U8: "B", I8: "b", U16: "H", I16: "h", U32: "I", I32: "i", F32: "f", BOOL: "B", U64: "Q", I64: "q", F64: "d"}

Entry = tuple[str, int, Any]
"""Key, type, value; the value of an ARRAY is a pair of type and list."""

Line = tuple[str, Sequence[int], int]
"""Name, shape and type of a tensor."""

ENTRIES: tuple[Entry, ...] = (
    ("general.architecture", TEXT, "llama"),
    ("general.name", TEXT, "Tiny"),
    ("general.file_type", U32, 7),
    ("llama.context_length", U32, 4096),
    ("llama.embedding_length", U32, 256),
    ("llama.block_count", U32, 2),
    ("llama.feed_forward_length", U32, 512),
    ("llama.attention.head_count", U32, 4),
    ("llama.attention.head_count_kv", U32, 2),
    ("tokenizer.ggml.tokens", ARRAY, (TEXT, ["a", "b", "<end>"])),
    ("tokenizer.ggml.token_type", ARRAY, (I32, [1, 1, 3])),
    ("tokenizer.ggml.scores", ARRAY, (F32, [0.0, -1.0, -2.0])),
    ("tokenizer.chat_template", TEXT, "{{ messages }}"),
)
LINES: tuple[Line, ...] = (
    ("token_embd.weight", (256, 3), 8),
    ("blk.0.attn_q.weight", (256, 256), 8),
    ("blk.1.attn_q.weight", (256, 256), 8),
    ("blk.1.attn_norm.weight", (256,), 0),
    ("output.weight", (256, 3), 8),
)


def text(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(raw)) + raw


def packed(kind: int, value: Any) -> bytes:
    if kind == TEXT:
        return text(value)
    if kind == ARRAY:
        inner, items = value
        return struct.pack("<IQ", inner, len(items)) + b"".join(packed(inner, item) for item in items)
    return struct.pack("<" + LETTERS[kind], value)


def entries_with(**changed: Any) -> tuple[Entry, ...]:
    """ENTRIES, some of them with another value (a pair also changes the type), or left out if None. `__` is a dot."""
    values: dict[str, Entry] = {entry[0]: entry for entry in ENTRIES}
    for name, value in changed.items():
        key = name.replace("__", ".")
        if value is None:
            values.pop(key, None)
        else:
            kind, new = value if isinstance(value, tuple) else (values[key][1], value)
            values[key] = (key, kind, new)
    return tuple(values.values())


def size_of(line: Line) -> int:
    _, shape, kind = line
    weights, size = TENSOR_TYPES[kind][1:] if kind in TENSOR_TYPES else (1, 4)
    elements = 1
    for length in shape:
        elements *= length
    return elements // weights * size


def a_gguf(
    entries: Sequence[Entry] = ENTRIES,
    lines: Sequence[Line] = LINES,
    *,
    alignment: int = 32,
    version: int = 3,
    offsets: dict[str, int] | None = None,
) -> bytes:
    """A whole file; the data are zeros. `offsets` are lies about where tensors are."""
    head = b"GGUF" + struct.pack("<IQQ", version, len(lines), len(entries))
    head += b"".join(text(key) + struct.pack("<I", kind) + packed(kind, value) for key, kind, value in entries)
    at, data = 0, b""
    for line in lines:
        name, shape, kind = line
        offset = (offsets or {}).get(name, at)
        head += text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)
        size = size_of(line) if size_of(line) < 10_000_000 else 0
        data += bytes(-(-size // alignment) * alignment)
        at = len(data)
    return head + bytes(-len(head) % alignment) + data


def naive_facts(content: bytes) -> dict[str, Any]:
    """What an accepted file says, read without a single check."""
    at = 4

    def take(letter: str) -> Any:
        nonlocal at
        (value,) = struct.unpack_from("<" + letter, content, at)
        at += struct.calcsize(letter)
        return value

    def take_text() -> str:
        nonlocal at
        length = take("Q")
        at += length
        return content[at - length : at].decode(errors="replace")

    def take_value(kind: int) -> Any:
        if kind == TEXT:
            return take_text()
        if kind == ARRAY:
            inner, count = take("I"), take("Q")
            return [take_value(inner) for _ in range(count)]
        return take(LETTERS[kind])

    take("I")
    tensors, entries = take("Q"), take("Q")
    said = {take_text(): take_value(take("I")) for _ in range(entries)}
    sizes = {}
    for _ in range(tensors):
        name = take_text()
        shape = [take("Q") for _ in range(take("I"))]
        sizes[name] = size_of((name, shape, take("I")))
        take("Q")
    own = said["general.architecture"]
    template = said.get("tokenizer.chat_template", "")
    return {
        "architecture": own,
        "name": said.get("general.name", ""),
        "context": said[f"{own}.context_length"],
        "layers": said[f"{own}.block_count"],
        "width": said[f"{own}.embedding_length"],
        "template_sha256": hashlib.sha256(template.encode()).hexdigest() if template else "",
        "vocabulary": len(said.get("tokenizer.ggml.tokens", [])) or said.get(f"{own}.vocab_size", 0),
        "weights": sum(sizes.values()),
        "file_size": len(content),
    }


def facts_of(model: ModelFile) -> dict[str, Any]:
    """Ours, of the same names."""
    names = ("architecture", "name", "context", "layers", "width", "template_sha256", "vocabulary", "file_size")
    return {name: getattr(model, name) for name in names} | {"weights": model.weights.total}
