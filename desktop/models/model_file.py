"""What a model file says of the model in it, as far as anybody decides by it: read from the checked head alone.

`fit` computes memory from these facts, the models page shows them, and the keeper reads them before each load.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from desktop.models.gguf import TENSOR_TYPES, Array, GgufRefused, Header, Tensor, Value, ValueKind, read_header

MAX_LAYERS: Final = 512
"""llama.cpp has room for so many."""

_MOST: Final = 2**31 - 1

_QUANTISATIONS: Final = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M",
    13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS",
    21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S",
    29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4", 39: "NVFP4",
    40: "Q1_0", 41: "Q2_0",
}  # fmt: skip
"""`general.file_type`, as `enum llama_ftype` numbers them."""

_WINDOWED: Final = {
    "gemma2": 2, "gemma3": 6, "gemma3n": 5, "gpt-oss": 2, "cohere2": 4, "llama4": 4, "exaone4": 4, "exaone-moe": 4,
    "olmo2": 4, "afmoe": 4,
}  # fmt: skip
"""Every so-manieth layer sees the whole context, the others a window of it, where the file itself does not say which:
llama.cpp's `load_swa_pattern` of each architecture. Others count as seeing everything, which errs on the safe side."""

_GROUPS: Final = {"token_embd.weight": "embedding", "output.weight": "output"}
_LAYER: Final = re.compile(r"blk\.(\d+)\.")


@dataclass(frozen=True, slots=True)
class TensorBytes:
    """Bytes of the weights by where they are computed; `layers` in order, `rest` is small."""

    layers: tuple[int, ...]
    embedding: int
    output: int
    rest: int

    @property
    def total(self) -> int:
        return sum(self.layers) + self.embedding + self.output + self.rest


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A model as its file describes it.

    `kv_heads` and `windowed` have one item per layer; a layer without heads keeps a state of fixed size instead, and
    `state_bytes` is what all of those keep per sequence. `key_length` and `value_length` are floats per head and token.
    `window` is the reach of windowed layers in tokens, `feed_forward` what one token has inside a layer.
    `template_sha256` is empty where there is no chat template.
    """

    architecture: str
    name: str
    context: int
    layers: int
    width: int
    feed_forward: int
    heads: int
    kv_heads: tuple[int, ...]
    key_length: int
    value_length: int
    window: int
    windowed: tuple[bool, ...]
    state_bytes: int
    vocabulary: int
    experts: int
    parameters: int
    quantisation: str
    template_sha256: str
    weights: TensorBytes
    file_size: int

    @property
    def has_template(self) -> bool:
        return bool(self.template_sha256)


def read_model_file(path: Path) -> ModelFile:
    """Raises GgufRefused, and OSError if the file cannot be read at all. Takes some 100 ms for large vocabularies."""
    return describe(read_header(path))


def describe(header: Header) -> ModelFile:
    """Raises GgufRefused if the head holds together but describes no language model that is whole."""
    said = _Said(header.metadata)
    if said.number("split.count", default=1) > 1:
        raise GgufRefused("it is one of several parts; join them into one file first")
    layers = said.own("block_count", most=MAX_LAYERS)
    heads = said.per_layer("attention.head_count", layers, default=0)
    key, value = _head_lengths(said, max(heads))
    kv_heads = said.per_layer("attention.head_count_kv", layers, default=max(heads))
    window = said.own("attention.sliding_window", default=0)
    template = said.text("tokenizer.chat_template")
    _check_vocabulary(header.metadata)
    _check_epsilons(header.metadata)
    return ModelFile(
        architecture=said.architecture,
        name=said.text("general.name"),
        context=said.own("context_length", least=1),
        layers=layers,
        width=said.own("embedding_length", least=1),
        feed_forward=_feed_forward(said, layers),
        heads=max(heads),
        kv_heads=kv_heads,
        key_length=key,
        value_length=value,
        window=window,
        windowed=_windowed(said, layers, window),
        state_bytes=_state_bytes(said, layers, kv_heads),
        vocabulary=_vocabulary(header.metadata, said),
        experts=said.own("expert_count", default=0),
        parameters=sum(math.prod(tensor.shape) for tensor in header.tensors),
        quantisation=_quantisation(said, header.tensors),
        template_sha256=hashlib.sha256(template.encode()).hexdigest() if template else "",
        weights=_weights(header.tensors, layers),
        file_size=header.file_size,
    )


class _Said:
    """Typed access to the metadata; what has another type than the format gives it is refused."""

    def __init__(self, metadata: dict[str, Value]) -> None:
        self._metadata = metadata
        self.architecture = self.text("general.architecture")
        if not re.fullmatch(r"[a-z0-9_.-]{1,64}", self.architecture):
            raise GgufRefused("it does not say which architecture its model has")

    def text(self, key: str) -> str:
        value = self._metadata.get(key, "")
        if not isinstance(value, str):
            raise GgufRefused(f"{key} is no text")
        return value

    def number(self, key: str, *, default: int | None = None, least: int = 0, most: int = _MOST) -> int:
        value = self._metadata.get(key, default)
        if type(value) is not int:
            raise GgufRefused(f"{key} is missing" if value is None else f"{key} is no whole number")
        if not least <= value <= most:
            raise GgufRefused(f"{key} is {value}, which cannot be")
        return value

    def own(self, key: str, *, default: int | None = None, least: int = 0, most: int = _MOST) -> int:
        """A key under the name of the architecture."""
        return self.number(f"{self.architecture}.{key}", default=default, least=least, most=most)

    def per_layer(self, key: str, layers: int, *, default: int) -> tuple[int, ...]:
        """One number for each layer; the file may give a single one for all."""
        if not layers:
            raise GgufRefused("its model has no layers")
        name = f"{self.architecture}.{key}"
        value = self._metadata.get(name)
        if not isinstance(value, Array):
            return (self.number(name, default=default),) * layers
        if len(value.values) < layers or value.kind in {ValueKind.F32, ValueKind.F64}:
            raise GgufRefused(f"{name} does not have a whole number for each layer")
        numbers = tuple(int(number) for number in value.values[:layers])
        if min(numbers) < 0 or max(numbers) > _MOST:
            raise GgufRefused(f"{name} has a number that cannot be")
        return numbers


def _head_lengths(said: _Said, heads: int) -> tuple[int, int]:
    """Floats of one head's key and value. Latent attention (DeepSeek) keeps one small vector for all heads instead."""
    even = said.own("embedding_length", least=1) // max(heads, 1)
    return said.own("attention.key_length", default=even), said.own("attention.value_length", default=even)


def _feed_forward(said: _Said, layers: int) -> int:
    """The widest vector inside a layer, per token; of experts, those used at once lie side by side."""
    used = said.own("expert_used_count", default=0) * said.own("expert_feed_forward_length", default=0)
    return max(used, *said.per_layer("feed_forward_length", layers, default=0))


def _windowed(said: _Said, layers: int, window: int) -> tuple[bool, ...]:
    nowhere = (False,) * layers
    if not window or said.architecture == "phi3":  # llama.cpp ignores the window there
        return nowhere
    key = "attention.sliding_window_pattern"
    default = _WINDOWED.get(said.architecture, 1)
    pattern = said.per_layer(key, layers, default=default)
    if set(pattern) <= {0, 1} and len(set(pattern)) == 2:
        return tuple(bool(layer) for layer in pattern)
    every = pattern[0]
    return tuple(layer % every < every - 1 for layer in range(layers)) if every else nowhere


def _state_bytes(said: _Said, layers: int, kv_heads: Sequence[int]) -> int:
    """Of one sequence in the recurrent layers, 32-bit floats: the last inputs of the convolution, and the state."""
    inner = said.own("ssm.inner_size", default=0)
    state = said.own("ssm.state_size", default=0)
    kernel = said.own("ssm.conv_kernel", default=0)
    groups = said.own("ssm.group_count", default=0)
    recurrent = sum(not heads for heads in kv_heads) or layers
    return 4 * recurrent * (max(kernel - 1, 0) * (inner + 2 * groups * state) + state * inner)


def _check_vocabulary(metadata: dict[str, Value]) -> None:
    """Arrays that run beside the tokens are read by the number of tokens."""
    tokens = metadata.get("tokenizer.ggml.tokens")
    if tokens is None:
        return
    if not isinstance(tokens, Array) or tokens.kind is not ValueKind.TEXT:
        raise GgufRefused("its tokens are no texts")
    for key, kinds in (
        ("tokenizer.ggml.scores", {ValueKind.F32, ValueKind.I32}),
        ("tokenizer.ggml.token_type", {ValueKind.I32}),
    ):
        beside = metadata.get(key)
        if beside is None:
            continue
        if not isinstance(beside, Array) or beside.kind not in kinds or beside.items != tokens.items:
            raise GgufRefused(f"{key} does not have one number for each token")


def _check_epsilons(metadata: dict[str, Value]) -> None:
    """Small numbers that keep a division from going wrong; llama.cpp ends the process over a negative one."""
    for key, value in metadata.items():
        if key.endswith("epsilon") and not (isinstance(value, float) and 0 <= value <= 1):
            raise GgufRefused(f"{key} is {value}, which cannot be")


def _vocabulary(metadata: dict[str, Value], said: _Said) -> int:
    tokens = metadata.get("tokenizer.ggml.tokens")
    return tokens.items if isinstance(tokens, Array) else said.own("vocab_size", default=0)


def _quantisation(said: _Said, tensors: Sequence[Tensor]) -> str:
    """As the file says, or else the type that most of its bytes have."""
    named = _QUANTISATIONS.get(said.number("general.file_type", default=_MOST))
    if named is not None:
        return named
    by_type: Counter[int] = Counter()
    for tensor in tensors:
        by_type[tensor.type] += tensor.size
    return TENSOR_TYPES[by_type.most_common(1)[0][0]].name if by_type else ""


def _weights(tensors: Sequence[Tensor], layers: int) -> TensorBytes:
    inside, outside = [0] * layers, Counter[str]()
    for tensor in tensors:
        found = _LAYER.match(tensor.name)
        layer = int(found[1]) if found else layers
        if layer < layers:
            inside[layer] += tensor.size
        else:
            outside[_GROUPS.get(tensor.name, "rest")] += tensor.size
    return TensorBytes(tuple(inside), outside["embedding"], outside["output"], outside["rest"])
