"""The benchmark's own GGUF files are what llama.cpp reads."""

from __future__ import annotations

from pathlib import Path

import llama_cpp
import numpy as np

from tests.benchmarks.engine.gguf_file import Tensor, Value, quantised, write


def test_eight_bits_keep_a_weight_within_half_a_level() -> None:
    weights = np.random.default_rng(1).standard_normal((4, 64), dtype=np.float32)
    blocks = np.frombuffer(quantised(weights), np.uint8).reshape(-1, 34)
    scales = blocks[:, :2].copy().view(np.float16).astype(np.float32)
    back = (blocks[:, 2:].copy().view(np.int8) * scales).reshape(weights.shape)
    assert np.abs(back - weights).max() <= scales.max() * 0.51


def test_a_written_file_loads_with_its_metadata_and_tokens(tmp_path: Path) -> None:
    file = tmp_path / "vocabulary.gguf"
    pieces = ["<|end|>", *(chr(code) for code in range(97, 123)), "ab"]
    metadata: dict[str, Value] = {
        "general.architecture": "llama",
        "general.name": "letters",
        "llama.context_length": 64,
        "llama.embedding_length": 32,
        "llama.block_count": 0,
        "llama.feed_forward_length": 32,
        "llama.attention.head_count": 1,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.tokens": pieces,
        "tokenizer.ggml.token_type": [3, *[1] * (len(pieces) - 1)],
        "tokenizer.ggml.merges": ["a b"],
        "tokenizer.ggml.eos_token_id": 0,
        "tokenizer.ggml.add_bos_token": False,
    }
    embedding = np.zeros((len(pieces), 32), np.float32)
    write(file, metadata, [Tensor("token_embd.weight", embedding), Tensor("output_norm.weight", embedding[0] + 1)])
    model = llama_cpp.Llama(str(file), vocab_only=True, verbose=False)
    assert model.metadata["general.name"] == "letters"
    assert model.tokenize(b"abc", add_bos=False) == [pieces.index("ab"), pieces.index("c")]
    model.close()
