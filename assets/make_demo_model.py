"""Trains the demo model from nothing and writes it: `python assets/make_demo_model.py --out assets/nightjar-demo.gguf`.

Needs torch, tokenizers, gguf and numpy, none of which Nightjar itself needs: use a virtual environment of its own
(README.md beside this file says how). One thread, no downloads, a fixed seed: the same versions on the same
kind of processor give the same file. Ends by asking the model what it must know and exits 1 if it forgot anything.
"""

import argparse
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import demo_gguf
import torch
from demo_corpus import GREETINGS
from demo_dialogues import SPECIAL, TURN, TURN_END, spoken
from demo_exam import questions
from demo_network import Muon, Network, Shape
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor
from torch.nn import functional

SHORT_ROWS, LONG_ROWS = (8, 384), (3, 1024)
"""A training step's rows and their length. A short row holds the longest story that ends; the last steps have long
ones, where the network gets used to looking for the few tokens that matter among a thousand."""
LONG_SHARE = 0.12
GAP_CHANCE = 0.1
"""How often a turn is placed far behind the one before it. A row is short and a conversation may be long: gaps show
the network distances up to its whole context (positional skip-wise training, Zhu et al. 2023)."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One step's rows, each (rows, length): ids seen, ids wanted, what each counts, its position and its dialogue."""

    seen: Tensor
    wanted: Tensor
    weights: Tensor
    positions: Tensor
    dialogues: Tensor

    def mask(self) -> Tensor:
        """Who sees whom: what came before, in the same dialogue."""
        same = self.dialogues.unsqueeze(1) == self.dialogues.unsqueeze(2)
        return torch.tril(same).unsqueeze(1)


def train_tokenizer(chance: Random, size: int) -> Tokenizer:
    """A byte-level BPE of the corpus' words; greetings in other languages are kept from it and stay split in bytes."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    texts = []
    for _ in range(20_000):
        whole = "".join(
            segment.text for segment in spoken(chance) if segment.text[: -len(TURN_END)] not in GREETINGS.values()
        )
        texts += [part for part in whole.replace(TURN, TURN_END).split(TURN_END) if part]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=size, special_tokens=list(SPECIAL), initial_alphabet=alphabet, show_progress=False
        ),
    )
    return tokenizer


def row(chance: Random, tokenizer: Tokenizer, length: int, context: int) -> Iterator[tuple[int, float, int, int]]:
    """`length` tokens of dialogues end to end: (id, weight, position in its dialogue, number of its dialogue)."""
    made, dialogue = 0, 0
    while True:
        position, spare = 0, context - length
        for segment in spoken(chance):
            if position and segment.movable and chance.random() < GAP_CHANCE:
                gap = chance.randrange(spare + 1)
                position, spare = position + gap, spare - gap
            for token in tokenizer.encode(segment.text, add_special_tokens=False).ids:
                yield token, segment.weight, position, dialogue
                position, made = position + 1, made + 1
                if made == length:
                    return
        dialogue += 1


def batch(chance: Random, tokenizer: Tokenizer, *, rows: int, length: int, context: int) -> Batch:
    made = [list(zip(*row(chance, tokenizer, length + 1, context), strict=True)) for _ in range(rows)]
    ids, weights, positions, dialogues = (torch.tensor([columns[n] for columns in made]) for n in range(4))
    # The first token of a dialogue is not to be guessed from the dialogue before it.
    joined = dialogues[:, 1:] == dialogues[:, :-1]
    return Batch(ids[:, :-1], ids[:, 1:], weights[:, 1:] * joined, positions[:, :-1], dialogues[:, :-1])


def rate(step: int, steps: int) -> float:
    """Warm up, hold, and fall to nothing over the last 60 %."""
    return min(1.0, (step + 1) / 20, (steps - step) / (0.6 * steps))


def train(network: Network, tokenizer: Tokenizer, *, steps: int, seed: int) -> None:
    chance = Random(seed)
    matrices = [weight for weight in network.blk.parameters() if weight.dim() == 2]
    others = [weight for weight in network.parameters() if weight.dim() != 2 or weight is network.token_embd.weight]
    muon, adam = Muon(matrices), torch.optim.AdamW(others, betas=(0.9, 0.95), weight_decay=0.0)
    smooth, started = math.nan, time.process_time()
    for step in range(steps):
        rows, length = SHORT_ROWS if step < (1 - LONG_SHARE) * steps else LONG_ROWS
        made = batch(chance, tokenizer, rows=rows, length=length, context=network.shape.context)
        logits = network(made.seen, made.positions, made.mask())
        losses = functional.cross_entropy(logits.flatten(0, 1), made.wanted.flatten(), reduction="none")
        loss = (losses * made.weights.flatten()).sum() / made.weights.sum()
        loss.backward()
        for group in adam.param_groups:
            group["lr"] = 6e-3 * rate(step, steps)
        adam.step()
        adam.zero_grad()
        muon.step(0.03 * rate(step, steps))
        smooth = loss.item() if math.isnan(smooth) else 0.95 * smooth + 0.05 * loss.item()
        if step % 20 == 0 or step == steps - 1:
            print(f"{time.process_time() - started:5.0f} s  step {step:4d}  loss {smooth:.4f}", flush=True)


@torch.no_grad()
def answer(network: Network, tokenizer: Tokenizer, prompt: str, limit: int = 400) -> str:
    """The greedy continuation of `prompt` up to the end of the turn."""
    ids = tokenizer.encode(prompt, add_special_tokens=False).ids
    start, end = len(ids), tokenizer.token_to_id(TURN_END)
    while len(ids) - start < limit:
        seen = torch.tensor([ids])
        mask = torch.ones(1, 1, len(ids), len(ids)).tril().bool()
        following = int(network(seen, torch.arange(len(ids)).unsqueeze(0), mask)[0, -1].argmax())
        if following == end:
            break
        ids.append(following)
    return str(tokenizer.decode(ids[start:], skip_special_tokens=False))


def examine(network: Network, tokenizer: Tokenizer) -> int:
    """Asks every question of the exam and prints what came out wrong; the number of wrong answers."""
    wrong = total = 0
    for prompt, wanted in questions():
        said = answer(network, tokenizer, prompt, limit=2 * len(wanted) + 8)
        total += 1
        if said != wanted:
            wrong += 1
            print(f"wrong: {prompt!r}\n  said   {said!r}\n  wanted {wanted!r}")
    print(f"{total - wrong} of {total} answers right, word for word")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="the GGUF file to write")
    parser.add_argument("--steps", type=int, default=700, help="training steps (about 1.3 s of CPU each)")
    parser.add_argument("--seed", type=int, default=20)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True)
    shape = Shape()
    tokenizer = train_tokenizer(Random(options.seed), shape.vocabulary)
    network = Network(shape)
    print(f"{sum(weight.numel() for weight in network.parameters()):,} parameters")
    train(network, tokenizer, steps=options.steps, seed=options.seed + 1)
    demo_gguf.round_to_file(network)
    demo_gguf.write(options.out, network, tokenizer)
    print(f"{options.out}: {options.out.stat().st_size:,} bytes")
    return 1 if examine(network, tokenizer) else 0


if __name__ == "__main__":
    sys.exit(main())
