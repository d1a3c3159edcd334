"""`python -m tests.benchmarks.engine.divergence`: how often a resumed answer leaves the unbroken one, and why.

A resumed answer computes in parts what the unbroken one computed token by token. If llama.cpp sums in another order
then, the other of two tokens that are nearly as likely may win. So our scheduler keeps the parts below a block; both is
measured here, with such parts and with everything computed as one prompt. Every divergence is printed with its margin:
in log-probability between the two tokens (greedy), or in probability between the draw and the border it crossed
(seeded), beside how far the logits themselves moved. Nothing is filtered. No timing: the machine may be busy.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from desktop.inference.engine import BATCH, Chunk, LlamaModel
from desktop.inference.logprobs import measure
from desktop.inference.sampling import Draws, Sampler, SamplingParameters, candidates
from desktop.inference.scheduler import BLOCK
from tests.benchmarks.engine import random_model
from tests.benchmarks.engine.questions import Questioner

TOKENS, STEP, TOP_K = 64, 4, 40
SEEDED = SamplingParameters(temperature=0.8, top_k=TOP_K)
GREEDY = SamplingParameters(temperature=0.0)

Row = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first token of a resumed answer that is not the unbroken one's."""

    cut: int
    at: int
    margin: float
    moved: float


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="divergence", description=__doc__)
    parser.add_argument("--prompts", type=int, default=4)
    parser.add_argument("--model", type=Path, help="another GGUF than the random one of 100 million parameters")
    options = parser.parse_args(arguments)
    model = LlamaModel(str(options.model or random_model.path()), context=512, slots=1, pool=0, threads=1, gpu_layers=0)
    for name, parameters, part in (
        ("greedy, as the scheduler does it", GREEDY, BLOCK - 1),
        ("seeded, as the scheduler does it", SEEDED, BLOCK - 1),
        ("greedy, as one prompt", GREEDY, BATCH),
        ("seeded, as one prompt", SEEDED, BATCH),
    ):
        found, tried = [], 0
        for number in range(options.prompts):
            prompt = model.tokenize(Questioner(seed=number).prompt(48 + 40 * number)) or []
            ids, rows = _write(model, prompt, parameters, seed=number)
            for cut in range(0, TOKENS, STEP):
                tried += 1
                divergence = _resumed(model, prompt, ids, rows, parameters, cut=cut, seed=number, part=part)
                found += [divergence] if divergence else []
        print(f"{name}: {len(found)} of {tried} resumed answers diverged within {TOKENS} tokens")
        for low in range(0, TOKENS, 16):
            here = [each for each in found if low <= each.cut < low + 16]
            print(f"  cut at {low:2}-{low + 15}: {len(here)} of {tried * 16 // TOKENS}")
        for each in sorted(found, key=lambda each: (each.cut, each.at)):
            print(f"  cut {each.cut:2}, token {each.at:2}: margin {each.margin:.2e}, logits moved {each.moved:.2e}")
    return 0


def _write(
    model: LlamaModel, prompt: list[int], parameters: SamplingParameters, *, seed: int
) -> tuple[list[int], list[Row]]:
    """The unbroken answer, and the logits each token was chosen from."""
    sampler = Sampler(parameters, seed, 0)
    row = _computed(model, prompt, 0)
    ids: list[int] = []
    rows: list[Row] = []
    while len(ids) < TOKENS:
        rows.append(row)
        ids.append(sampler.sample(row, len(ids)))
        row = _computed(model, ids[-1:], len(prompt) + len(ids) - 1)
    return ids, rows


def _resumed(
    model: LlamaModel,
    prompt: list[int],
    ids: list[int],
    rows: list[Row],
    parameters: SamplingParameters,
    *,
    cut: int,
    seed: int,
    part: int,
) -> Divergence | None:
    sampler = Sampler(parameters, seed, 0)
    if part == BATCH:
        row = _computed(model, prompt + ids[:cut], 0)
    else:
        row = _computed(model, prompt, 0)
        for at in range(0, cut, part):
            row = _computed(model, ids[at : min(at + part, cut)], len(prompt) + at)
    for at in range(cut, TOKENS):
        token = sampler.sample(row, at)
        if token != ids[at]:
            margin = _margin(rows[at], ids[at], token, parameters, Draws(seed, 0).u(at))
            return Divergence(cut, at, margin, float(np.abs(row - rows[at]).max()))
        row = _computed(model, [token], len(prompt) + at)
    return None


def _computed(model: LlamaModel, ids: list[int], start: int) -> Row:
    if start == 0:
        model.truncate(0, 0)
    model.decode([Chunk(0, start, ids, wanted=True)])
    row: Row = model.logits(1)[0].copy()
    return row


def _margin(row: Row, token: int, other: int, parameters: SamplingParameters, u: float) -> float:
    if parameters.temperature == 0:
        return measure(row, token, 0).logprob - measure(row, other, 0).logprob
    ids, values = candidates(row, parameters.top_k)
    weights = np.exp((values.astype(np.float64) - float(values[0])) / parameters.temperature)
    borders = weights.cumsum() / weights.sum()
    at = ids.tolist().index(token)
    return float(min(abs(borders[at] - u), abs(u - (borders[at - 1] if at else 0.0))))


if __name__ == "__main__":
    sys.exit(main())
