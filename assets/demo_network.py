"""The demo model's network in torch, in exactly the form llama.cpp calls "llama", and the optimiser that trains it.

The rotary embedding turns interleaved pairs (llama.cpp's NORM form), so weights go into the file unpermuted; the
output matrix is the embedding itself. Knows nothing of dialogues, tokens' meaning or files.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of the network; every one goes into the model file's metadata."""

    vocabulary: int = 1024
    width: int = 256
    layers: int = 4
    heads: int = 4
    key_heads: int = 2
    head_width: int = 64
    feed_forward: int = 640
    context: int = 2048
    """Positions the rotary embedding is trained to tell apart; training rows are shorter and leave gaps."""
    epsilon: float = 1e-5
    rope_base: float = 10_000.0


def rotated(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """`x` (batch, heads, positions, head width) turned by its position, pair by interleaved pair."""
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cosine - odd * sine, even * sine + odd * cosine), -1).flatten(-2)


class Block(nn.Module):
    """One transformer layer: grouped-query attention and a gated feed-forward, each on a normalised input."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        inner, keys = shape.heads * shape.head_width, shape.key_heads * shape.head_width
        self.attn_norm = nn.RMSNorm(shape.width, shape.epsilon)
        self.attn_q = nn.Linear(shape.width, inner, bias=False)
        self.attn_k = nn.Linear(shape.width, keys, bias=False)
        self.attn_v = nn.Linear(shape.width, keys, bias=False)
        self.attn_output = nn.Linear(inner, shape.width, bias=False)
        self.ffn_norm = nn.RMSNorm(shape.width, shape.epsilon)
        self.ffn_gate = nn.Linear(shape.width, shape.feed_forward, bias=False)
        self.ffn_up = nn.Linear(shape.width, shape.feed_forward, bias=False)
        self.ffn_down = nn.Linear(shape.feed_forward, shape.width, bias=False)

    def forward(self, x: Tensor, cosine: Tensor, sine: Tensor, mask: Tensor) -> Tensor:
        x = x + self.attend(self.attn_norm(x), cosine, sine, mask)
        h = self.ffn_norm(x)
        return x + self.ffn_down(functional.silu(self.ffn_gate(h)) * self.ffn_up(h))

    def attend(self, h: Tensor, cosine: Tensor, sine: Tensor, mask: Tensor) -> Tensor:
        batch, length, _ = h.shape
        shape = self.shape

        def by_head(flat: Tensor, heads: int) -> Tensor:
            return flat.view(batch, length, heads, shape.head_width).transpose(1, 2)

        repeats = shape.heads // shape.key_heads
        query = rotated(by_head(self.attn_q(h), shape.heads), cosine, sine)
        key = rotated(by_head(self.attn_k(h), shape.key_heads), cosine, sine).repeat_interleave(repeats, 1)
        value = by_head(self.attn_v(h), shape.key_heads).repeat_interleave(repeats, 1)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self.attn_output(mixed.transpose(1, 2).reshape(batch, length, -1))


class Network(nn.Module):
    """The whole model: token ids in, logits out; `positions` and `mask` say who sees whom, and from how far."""

    cosine: Tensor
    sine: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.token_embd = nn.Embedding(shape.vocabulary, shape.width)
        self.blk = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.output_norm = nn.RMSNorm(shape.width, shape.epsilon)
        for weight in self.parameters():
            if weight.dim() == 2:
                own = weight is self.token_embd.weight
                nn.init.normal_(weight, std=0.02 if own else 0.7 / math.sqrt(weight.shape[1]))
        for block in self.blk:
            nn.init.zeros_(block.attn_output.weight)
            nn.init.zeros_(block.ffn_down.weight)
        rates = 1.0 / shape.rope_base ** (torch.arange(0, shape.head_width, 2) / shape.head_width)
        angles = torch.outer(torch.arange(shape.context).float(), rates)
        self.register_buffer("cosine", angles.cos(), persistent=False)
        self.register_buffer("sine", angles.sin(), persistent=False)

    def forward(self, ids: Tensor, positions: Tensor, mask: Tensor) -> Tensor:
        """Logits of every position.

        `ids` and `positions` are (batch, length); `mask` is (batch, 1, length, length), true where seen.
        """
        cosine, sine = self.cosine[positions].unsqueeze(1), self.sine[positions].unsqueeze(1)
        x = self.token_embd(ids)
        for block in self.blk:
            x = block(x, cosine, sine, mask)
        return functional.linear(self.output_norm(x), self.token_embd.weight)


class Muon:
    """Momentum made orthogonal (Jordan, 2024): a small network learns its facts in about half of AdamW's steps.

    Five Newton-Schulz rounds with Jordan's coefficients; the step is scaled as in his reference.
    """

    def __init__(self, weights: Iterable[nn.Parameter], *, momentum: float = 0.95) -> None:
        self._weights = list(weights)
        self._momentum = momentum
        self._velocities = [torch.zeros_like(weight) for weight in self._weights]

    @torch.no_grad()
    def step(self, rate: float) -> None:
        for weight, velocity in zip(self._weights, self._velocities, strict=True):
            gradient = weight.grad
            if gradient is None:
                continue
            velocity.lerp_(gradient, 1 - self._momentum)
            ahead = gradient.lerp(velocity, self._momentum)
            scale = max(1.0, weight.shape[0] / weight.shape[1]) ** 0.5
            weight.mul_(1 - 0.02 * rate).add_(orthogonal(ahead), alpha=-rate * scale)
            weight.grad = None


def orthogonal(matrix: Tensor, rounds: int = 5) -> Tensor:
    """The nearest matrix with all singular values about 1."""
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(rounds):
        square = x @ x.T
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    return x.T if tall else x
