"""Picture parts of random weights for the demo model, and two random models whose pictures are of another kind.

One per way in which pictures enter a prompt: in a row like tokens (LLaVA), with positions in two dimensions (Qwen2-VL),
and looking at each other in both directions (Gemma 3). What they see means nothing, but it differs from picture to
picture, and llama-server has to see the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.engine.gguf_file import Tensor, Value, write

_EYE, _EYE_LAYERS, _EYE_FORWARD, _PATCH = 64, 2, 128, 16
_WIDTH, _HEADS, _HEAD, _LAYERS, _FORWARD = 128, 2, 64, 3, 256
_DEMO_WIDTH: Final = 256
_CONTROL: Final = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
_TEMPLATE: Final = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


class _Chance:
    """Tensors of random numbers."""

    def __init__(self, seed: int) -> None:
        self._numbers = np.random.default_rng(seed)
        self.made: list[Tensor] = []

    def draw(self, name: str, *shape: int, scale: float = 1.0) -> None:
        fan_in = float(np.prod(shape[1:])) if len(shape) > 1 else 400.0
        self._add(name, self._numbers.standard_normal(shape, dtype=np.float32) * np.float32(scale / fan_in**0.5))

    def ones(self, name: str, size: int) -> None:
        self._add(name, np.ones(size, np.float32))

    def _add(self, name: str, weights: NDArray[np.float32]) -> None:
        self.made.append(Tensor(name, weights, exact=True))


def llava(path: Path) -> Path:
    """For the demo model: 16 tokens a picture."""
    chance = _Chance(3)
    _eye(chance, places=17)
    chance.draw("v.class_embd", _EYE)
    for norm in ("v.pre_ln", "v.post_ln"):
        _norm(chance, norm)
    for layer, shape in ((0, (_DEMO_WIDTH, _EYE)), (2, (_DEMO_WIDTH, _DEMO_WIDTH))):
        chance.draw(f"mm.{layer}.weight", *shape)
        chance.draw(f"mm.{layer}.bias", _DEMO_WIDTH)
    write(path, _projector("mlp", _DEMO_WIDTH, image_size=64), chance.made)
    return path


def qwen2vl(model: Path, projector: Path) -> None:
    """Positions in two dimensions; the number of tokens depends on the picture."""
    _language_model(model, "qwen2vl", {"qwen2vl.rope.dimension_sections": [8, 12, 12, 0]})
    chance = _Chance(5)
    _eye(chance, places=0)
    chance.draw("v.patch_embd.weight.1", _EYE, 3, _PATCH, _PATCH)
    _norm(chance, "v.post_ln")
    for layer, rows in ((0, 4 * _EYE), (2, _WIDTH)):
        chance.draw(f"mm.{layer}.weight", rows, 4 * _EYE)
        chance.draw(f"mm.{layer}.bias", rows)
    write(projector, _projector("qwen2vl_merger", _WIDTH, image_size=64), chance.made)


def gemma3(model: Path, projector: Path) -> None:
    """16 tokens a picture, each of which sees all of them."""
    _language_model(model, "gemma3", {"gemma3.attention.key_length": _HEAD, "gemma3.attention.value_length": _HEAD})
    chance = _Chance(7)
    _eye(chance, places=256)
    chance.draw("v.patch_embd.bias", _EYE)
    _norm(chance, "v.post_ln")
    chance.draw("mm.input_projection.weight", _EYE, _WIDTH)
    chance.ones("mm.soft_emb_norm.weight", _EYE)
    write(projector, _projector("gemma3", _WIDTH, image_size=16 * _PATCH), chance.made)


def _projector(kind: str, width: int, *, image_size: int) -> dict[str, Value]:
    own: dict[str, Value] = {
        "embedding_length": _EYE,
        "feed_forward_length": _EYE_FORWARD,
        "block_count": _EYE_LAYERS,
        "projection_dim": width,
        "attention.head_count": 4,
        "image_size": image_size,
        "patch_size": _PATCH,
        "attention.layer_norm_epsilon": 1e-5,
        "image_mean": [0.48, 0.46, 0.41],
        "image_std": [0.27, 0.26, 0.28],
    }
    metadata: dict[str, Value] = {
        "general.architecture": "clip",
        "general.file_type": 0,
        "clip.has_vision_encoder": True,
        "clip.projector_type": kind,
        "clip.use_gelu": True,
    }
    return metadata | {f"clip.vision.{key}": value for key, value in own.items()}


def _eye(chance: _Chance, *, places: int) -> None:
    """A vision transformer; `places` it knows by heart, one for each patch and one for the class."""
    chance.draw("v.patch_embd.weight", _EYE, 3, _PATCH, _PATCH)
    if places:
        chance.draw("v.position_embd.weight", places, _EYE)
    for layer in range(_EYE_LAYERS):
        block = f"v.blk.{layer}."
        for name in ("attn_q", "attn_k", "attn_v", "attn_out"):
            chance.draw(f"{block}{name}.weight", _EYE, _EYE)
            chance.draw(f"{block}{name}.bias", _EYE)
        for name in ("ln1", "ln2"):
            _norm(chance, block + name)
        chance.draw(f"{block}ffn_up.weight", _EYE_FORWARD, _EYE)
        chance.draw(f"{block}ffn_up.bias", _EYE_FORWARD)
        chance.draw(f"{block}ffn_down.weight", _EYE, _EYE_FORWARD)
        chance.draw(f"{block}ffn_down.bias", _EYE)


def _norm(chance: _Chance, name: str) -> None:
    chance.ones(f"{name}.weight", _EYE)
    chance.draw(f"{name}.bias", _EYE)


def _language_model(path: Path, architecture: str, more: Mapping[str, Value]) -> None:
    """Reads and writes letter by letter."""
    pieces = [*_CONTROL, *_letters()]
    own: dict[str, Value] = {
        "context_length": 2048,
        "embedding_length": _WIDTH,
        "block_count": _LAYERS,
        "feed_forward_length": _FORWARD,
        "attention.head_count": _HEADS,
        "attention.head_count_kv": 1,
        "attention.layer_norm_rms_epsilon": 1e-5,
        "rope.dimension_count": _HEAD,
        "rope.freq_base": 10_000.0,
        "vocab_size": len(pieces),
    }
    metadata: dict[str, Value] = {
        "general.architecture": architecture,
        "general.name": f"random {architecture}",
        "general.file_type": 0,
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.tokens": pieces,
        "tokenizer.ggml.token_type": [3 if piece in _CONTROL else 1 for piece in pieces],
        "tokenizer.ggml.merges": ["t h"],
        "tokenizer.ggml.bos_token_id": 0,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.padding_token_id": 0,
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.chat_template": _TEMPLATE,
    }
    chance = _Chance(11)
    chance.draw("token_embd.weight", len(pieces), _WIDTH)
    chance.draw("output.weight", len(pieces), _WIDTH, scale=4)
    chance.ones("output_norm.weight", _WIDTH)
    for layer in range(_LAYERS):
        _block(chance, f"blk.{layer}.", architecture)
    write(path, metadata | {f"{architecture}.{key}": value for key, value in own.items()} | dict(more), chance.made)


def _block(chance: _Chance, block: str, architecture: str) -> None:
    for name, rows in (("attn_q", _HEADS * _HEAD), ("attn_k", _HEAD), ("attn_v", _HEAD)):
        chance.draw(f"{block}{name}.weight", rows, _WIDTH)
        if architecture == "qwen2vl":
            chance.draw(f"{block}{name}.bias", rows)
    chance.draw(f"{block}attn_output.weight", _WIDTH, _HEADS * _HEAD)
    chance.draw(f"{block}ffn_gate.weight", _FORWARD, _WIDTH)
    chance.draw(f"{block}ffn_up.weight", _FORWARD, _WIDTH)
    chance.draw(f"{block}ffn_down.weight", _WIDTH, _FORWARD)
    for name in ("attn_norm", "ffn_norm"):
        chance.ones(f"{block}{name}.weight", _WIDTH)
    if architecture == "gemma3":
        for name, size in (
            ("post_attention_norm", _WIDTH),
            ("post_ffw_norm", _WIDTH),
            ("attn_q_norm", _HEAD),
            ("attn_k_norm", _HEAD),
        ):
            chance.ones(f"{block}{name}.weight", size)


def _letters() -> list[str]:
    """What is printed, as GPT-2 spells it: with signs for the space and the line's end."""
    return ["\u0120", "\u010a", *map(chr, range(33, 127)), "th"]
