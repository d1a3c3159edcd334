"""A model that recites one text, whatever it is asked: every family's answers without every family's model.

It is a real GGUF of architecture "llama" whose layer does nothing. A token's embedding says which piece of the text it
is, the output matrix says which piece follows. Prompts are read byte by byte, and every byte leads to the first piece.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from tests.desktop.models.gguf_files import ARRAY, BOOL, F32, I32, TEXT, U32, Entry, packed, text

_NORMAL, _CONTROL = 1, 3
_PIECE_BYTES = 3
_ALIGNMENT = 32
_FEED_FORWARD = 32


def write_reciter(path: Path, recited: str, template: str, *, control: tuple[str, ...] = ()) -> Path:
    """`control` are the marks that are control tokens; each may come once in the text. It must not be empty."""
    pieces = _pieces(recited, control)
    following = [piece for piece in pieces if piece.decode(errors="replace") not in control]
    tokens = [_spelled(bytes([byte])) for byte in range(256)] + ["<eos>", *control] + list(map(_spelled, following))
    ids = {name.encode(): 257 + at for at, name in enumerate(control)}
    ids |= {piece: 257 + len(control) + at for at, piece in enumerate(following)}
    script = [ids[piece] for piece in pieces]

    width = -(-(len(script) + 1) // 64) * 64
    embedding = np.zeros((len(tokens), width), np.float32)
    embedding[:, 0] = 1
    output = np.zeros((len(tokens), width), np.float32)
    for state, token in enumerate([*script, 256]):
        output[token, state] = 40 / np.sqrt(width)
        if token != 256:
            embedding[token] = 0
            embedding[token, state + 1] = 1
    square, wide = np.zeros((width, width), np.float32), np.zeros((_FEED_FORWARD, width), np.float32)
    ones = np.ones(width, np.float32)
    tensors = {
        "token_embd.weight": embedding,
        "output_norm.weight": ones,
        "output.weight": output,
        "blk.0.attn_norm.weight": ones,
        **{f"blk.0.attn_{name}.weight": square for name in ("q", "k", "v", "output")},
        "blk.0.ffn_norm.weight": ones,
        "blk.0.ffn_gate.weight": wide,
        "blk.0.ffn_up.weight": wide,
        "blk.0.ffn_down.weight": np.zeros((width, _FEED_FORWARD), np.float32),
    }
    path.write_bytes(_file(_entries(width, tokens, len(control), template), tensors))
    return path


def _pieces(recited: str, control: tuple[str, ...]) -> list[bytes]:
    """The text in pieces no two of which are alike, none a single byte; the marks are pieces of their own."""
    found: list[bytes] = []
    rest = recited
    while rest:
        at, mark = min(((rest.find(mark), mark) for mark in control if mark in rest), default=(len(rest), ""))
        found += _cut(rest[:at].encode(), set(found))
        if mark:
            found.append(mark.encode())
        rest = rest[at + len(mark) :]
    assert len(set(found)) == len(found), "a mark comes twice, or a text between two marks"
    return found


def _cut(raw: bytes, taken: set[bytes]) -> list[bytes]:
    found: list[bytes] = []
    at = 0
    while at < len(raw):
        end = at + _PIECE_BYTES
        while end < len(raw) and raw[at:end] in taken:
            end += 1
        end = len(raw) if len(raw) - end < 2 else end
        piece = raw[at:end]
        while piece in taken or len(piece) < 2:
            piece = found.pop() + piece
        taken.add(piece)
        found.append(piece)
        at = end
    return found


def _spelled(raw: bytes) -> str:
    """Bytes in the letters that GPT-2's vocabulary writes them with."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    return "".join(chr(byte if byte in plain else 256 + others.index(byte)) for byte in raw)


def _entries(width: int, tokens: list[str], controls: int, template: str) -> list[Entry]:
    kinds = [_NORMAL] * 256 + [_CONTROL] * (1 + controls)
    return [
        ("general.architecture", TEXT, "llama"),
        ("general.name", TEXT, "Reciter"),
        ("general.file_type", U32, 0),
        ("llama.context_length", U32, 8192),
        ("llama.embedding_length", U32, width),
        ("llama.block_count", U32, 1),
        ("llama.feed_forward_length", U32, _FEED_FORWARD),
        ("llama.attention.head_count", U32, width // 64),
        ("llama.attention.head_count_kv", U32, width // 64),
        ("llama.rope.dimension_count", U32, 64),
        ("llama.attention.layer_norm_rms_epsilon", F32, 1e-6),
        ("llama.vocab_size", U32, len(tokens)),
        ("tokenizer.ggml.model", TEXT, "gpt2"),
        ("tokenizer.ggml.pre", TEXT, "gpt-2"),
        ("tokenizer.ggml.tokens", ARRAY, (TEXT, tokens)),
        ("tokenizer.ggml.token_type", ARRAY, (I32, kinds + [_NORMAL] * (len(tokens) - len(kinds)))),
        ("tokenizer.ggml.merges", ARRAY, (TEXT, [])),
        ("tokenizer.ggml.bos_token_id", U32, 256),
        ("tokenizer.ggml.eos_token_id", U32, 256),
        ("tokenizer.ggml.add_bos_token", BOOL, False),
        ("tokenizer.chat_template", TEXT, template),
    ]


def _file(entries: list[Entry], tensors: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float32]]]) -> bytes:
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(entries))
    head += b"".join(text(key) + struct.pack("<I", kind) + packed(kind, value) for key, kind, value in entries)
    data = b""
    for name, values in tensors.items():
        shape = values.shape[::-1]
        head += text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, len(data))
        data += values.tobytes()
        data += bytes(-len(data) % _ALIGNMENT)
    return head + bytes(-len(head) % _ALIGNMENT) + data
