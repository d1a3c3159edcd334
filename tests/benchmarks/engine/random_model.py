"""A model of 100 million random weights: the work of a real small model, without downloading one.

Every token it generates is a printable word, and it never ends a turn: the rows of the control tokens are zero, so
their score is never among the best forty. Text is read letter by letter, so a prompt of n letters has n tokens.
"""

import itertools
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks import cache
from tests.benchmarks.engine.gguf_file import Tensor, Value, write

VOCABULARY, WIDTH, LAYERS, HEADS, KEY_HEADS, HEAD_WIDTH, FEED_FORWARD = 32_768, 768, 12, 12, 4, 64, 2048
_CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def path() -> Path:
    """The model's file, made if it is not there yet."""
    file = cache.folder("models") / f"random-100m-q8_0-{cache.fingerprint(Path(__file__).read_bytes())}.gguf"
    if not file.exists():
        print(f"making a random model, {file}", file=sys.stderr)
        write(file, _metadata(), _tensors())
    return file


def _metadata() -> dict[str, Value]:
    pieces = _pieces()
    return {
        "general.architecture": "llama",
        "general.name": "random 100M",
        "general.file_type": 7,
        "general.quantization_version": 2,
        "llama.context_length": 8192,
        "llama.embedding_length": WIDTH,
        "llama.block_count": LAYERS,
        "llama.feed_forward_length": FEED_FORWARD,
        "llama.attention.head_count": HEADS,
        "llama.attention.head_count_kv": KEY_HEADS,
        "llama.attention.key_length": HEAD_WIDTH,
        "llama.attention.value_length": HEAD_WIDTH,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "llama.rope.dimension_count": HEAD_WIDTH,
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


def _tensors() -> list[Tensor]:
    chance = np.random.default_rng(7)

    def matrix(rows: int, columns: int) -> NDArray[np.float32]:
        return chance.standard_normal((rows, columns), dtype=np.float32) / np.float32(columns**0.5)

    def ones() -> NDArray[np.float32]:
        return np.ones(WIDTH, np.float32)

    embedding = matrix(VOCABULARY, WIDTH)
    embedding[: len(_CONTROL)] = 0
    tensors = [Tensor("token_embd.weight", embedding), Tensor("output_norm.weight", ones())]
    for layer in range(LAYERS):
        parts = {
            "attn_norm": ones(),
            "attn_q": matrix(HEADS * HEAD_WIDTH, WIDTH),
            "attn_k": matrix(KEY_HEADS * HEAD_WIDTH, WIDTH),
            "attn_v": matrix(KEY_HEADS * HEAD_WIDTH, WIDTH),
            "attn_output": matrix(WIDTH, HEADS * HEAD_WIDTH),
            "ffn_norm": ones(),
            "ffn_gate": matrix(FEED_FORWARD, WIDTH),
            "ffn_up": matrix(FEED_FORWARD, WIDTH),
            "ffn_down": matrix(WIDTH, FEED_FORWARD),
        }
        tensors += [Tensor(f"blk.{layer}.{name}.weight", weights) for name, weights in parts.items()]
    return tensors
