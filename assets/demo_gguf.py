"""Writes the trained network and its tokeniser as one GGUF file that llama.cpp loads as architecture "llama".

Matrices become Q8_0 (blocks of 32 weights, 8 bits each and a scale), vectors stay in 32 bits. Holds every name and
number of the file's metadata, so that what the file says of itself is found in one place.
"""

import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from demo_dialogues import SPECIAL, TEMPLATE
from demo_network import Network, Shape
from tokenizers import Tokenizer

_Q8_0 = gguf.GGMLQuantizationType.Q8_0


def quantised(weight: torch.Tensor) -> np.ndarray[Any, Any]:
    return gguf.quants.quantize(weight.detach().float().numpy(), _Q8_0)


@torch.no_grad()
def round_to_file(network: Network) -> None:
    """Replaces the network's weights by what the file will hold, so that a check in torch is a check of the file."""
    for weight in network.parameters():
        if weight.dim() == 2:
            weight.copy_(torch.from_numpy(gguf.quants.dequantize(quantised(weight), _Q8_0)))


def write(path: Path, network: Network, tokenizer: Tokenizer) -> None:
    writer = gguf.GGUFWriter(path, "llama")
    _describe(writer)
    _shape(writer, network.shape)
    _vocabulary(writer, network.shape, tokenizer)
    for name, weight in network.state_dict().items():
        if weight.dim() == 2:
            writer.add_tensor(name, quantised(weight), raw_dtype=_Q8_0)
        else:
            writer.add_tensor(name, weight.detach().float().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _describe(writer: gguf.GGUFWriter) -> None:
    writer.add_name("Nightjar Demo")
    writer.add_basename("nightjar-demo")
    writer.add_author("The Nightjar authors")
    writer.add_organization("Nightjar")
    writer.add_version("1")
    writer.add_size_label("3M")
    writer.add_description(
        "A very small chat model that shows Nightjar at work. Trained from nothing on made-up dialogues."
    )
    writer.add_license("apache-2.0")
    writer.add_license_name("Apache License 2.0")
    writer.add_languages(["en"])
    writer.add_tags(["text-generation", "demo"])


def _shape(writer: gguf.GGUFWriter, shape: Shape) -> None:
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.key_heads)
    writer.add_key_length(shape.head_width)
    writer.add_value_length(shape.head_width)
    writer.add_rope_dimension_count(shape.head_width)
    writer.add_rope_freq_base(shape.rope_base)
    writer.add_layer_norm_rms_eps(shape.epsilon)
    writer.add_vocab_size(shape.vocabulary)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)


def _vocabulary(writer: gguf.GGUFWriter, shape: Shape, tokenizer: Tokenizer) -> None:
    """The byte-level BPE as llama.cpp's "gpt-2" pre-tokeniser reads it: pieces in id order, merges in rank order."""
    model = json.loads(tokenizer.to_str())["model"]
    pieces = sorted(model["vocab"], key=model["vocab"].__getitem__)
    pieces += [f"<|unused{number}|>" for number in range(shape.vocabulary - len(pieces))]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(pieces)
    writer.add_token_types([_kind(piece) for piece in pieces])
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]])
    end_of_text, _, turn_end = (tokenizer.token_to_id(piece) for piece in SPECIAL)
    writer.add_bos_token_id(end_of_text)
    writer.add_pad_token_id(end_of_text)
    writer.add_eos_token_id(turn_end)
    writer.add_eot_token_id(turn_end)
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)


def _kind(piece: str) -> gguf.TokenType:
    if piece in SPECIAL:
        return gguf.TokenType.CONTROL
    return gguf.TokenType.UNUSED if piece.startswith("<|unused") else gguf.TokenType.NORMAL
