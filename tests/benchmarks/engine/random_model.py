"""Models of random weights: the work and the memory of real ones, without downloading any.

Every token it generates is a printable word, and it never ends a turn: the rows of the control tokens are zero, so
their score is never among the best forty. Text is read letter by letter, so a prompt of n letters has n tokens.
"""

import itertools
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks import cache
from tests.benchmarks.engine.gguf_file import Tensor, Value, write

VOCABULARY, KEY_HEADS = 32_768, 4


@dataclass(frozen=True, slots=True)
class Shape:
    """`layers_drawn`: after so many the same weights come again, which makes a large file soon."""

    name: str
    width: int
    layers: int
    layers_drawn: int
    heads: int
    head_width: int
    feed_forward: int


SMALL = Shape("100m", width=768, layers=12, layers_drawn=12, heads=12, head_width=64, feed_forward=2048)
LARGE = Shape("4gb", width=4096, layers=20, layers_drawn=1, heads=32, head_width=128, feed_forward=14_336)

_CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def path(shape: Shape = SMALL) -> Path:
    """The model's file, made if it is not there yet."""
    file = cache.folder("models") / f"random-{shape.name}-q8_0-{cache.fingerprint(Path(__file__).read_bytes())}.gguf"
    if not file.exists():
        print(f"making a random model, {file}", file=sys.stderr)
        write(file, _metadata(shape), _tensors(shape))
    return file


def _metadata(shape: Shape) -> dict[str, Value]:
    pieces = _pieces()
    return {
        "general.architecture": "llama",
        "general.name": f"random {shape.name}",
        "general.file_type": 7,
        "general.quantization_version": 2,
        "llama.context_length": 8192,
        "llama.embedding_length": shape.width,
        "llama.block_count": shape.layers,
        "llama.feed_forward_length": shape.feed_forward,
        "llama.attention.head_count": shape.heads,
        "llama.attention.head_count_kv": KEY_HEADS,
        "llama.attention.key_length": shape.head_width,
        "llama.attention.value_length": shape.head_width,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "llama.rope.dimension_count": shape.head_width,
        "llama.rope.freq_base": 10_000.0,
        "llama.vocab_size": VOCABULARY,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.tokens": pieces,
        "tokenizer.ggml.token_type": [3 if piece in _CONTROL else 1 for piece in pieces],
        "tokenizer.ggml.merges": ["t h"],
        "tokenizer.ggml.bos_token_id": 0,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.eot_token_id": 2,
        "tokenizer.ggml.padding_token_id": 0,
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.chat_template": _TEMPLATE,
    }


def _pieces() -> list[str]:
    """Control tokens, the 256 bytes as GPT-2 spells them, and made-up words with a space before them."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = iter(range(256, 512))
    letters = [chr(byte) if byte in printable else chr(next(hidden)) for byte in range(256)]
    syllables = itertools.product("bdfgklmnprstvz", "aeiou", "bdfgklmnprstvz", "aeiou", "bdfgklmnprst")
    words = ("\u0120" + "".join(parts) for parts in syllables)
    fixed = [*_CONTROL, *letters, "th"]
    return [*fixed, *itertools.islice(words, VOCABULARY - len(fixed))]


def _tensors(shape: Shape) -> list[Tensor]:
    chance = np.random.default_rng(7)

    def matrix(rows: int, columns: int) -> NDArray[np.float32]:
        return chance.standard_normal((rows, columns), dtype=np.float32) / np.float32(columns**0.5)

    def ones() -> NDArray[np.float32]:
        return np.ones(shape.width, np.float32)

    def layer() -> dict[str, NDArray[np.float32]]:
        return {
            "attn_norm": ones(),
            "attn_q": matrix(shape.heads * shape.head_width, shape.width),
            "attn_k": matrix(KEY_HEADS * shape.head_width, shape.width),
            "attn_v": matrix(KEY_HEADS * shape.head_width, shape.width),
            "attn_output": matrix(shape.width, shape.heads * shape.head_width),
            "ffn_norm": ones(),
            "ffn_gate": matrix(shape.feed_forward, shape.width),
            "ffn_up": matrix(shape.feed_forward, shape.width),
            "ffn_down": matrix(shape.width, shape.feed_forward),
        }

    embedding = matrix(VOCABULARY, shape.width)
    embedding[: len(_CONTROL)] = 0
    tensors = [Tensor("token_embd.weight", embedding), Tensor("output_norm.weight", ones())]
    drawn = [layer() for _ in range(shape.layers_drawn)]
    for number in range(shape.layers):
        parts = drawn[number % shape.layers_drawn]
        tensors += [Tensor(f"blk.{number}.{name}.weight", weights) for name, weights in parts.items()]
    return tensors
