"""Loads each model file that is named on stdin, uses it a little, and says on stdout whether llama.cpp took it."""

from __future__ import annotations

import sys

from desktop.errors import DesktopError
from desktop.inference.engine import Chunk, LlamaModel


def use(path: str) -> None:
    model = LlamaModel(path, context=64, slots=1, pool=0, threads=1, gpu_layers=0)
    ids = model.tokenize("Hello, world") or [0]
    model.decode([Chunk(0, 0, ids[:32], wanted=True)])
    for token in range(min(model.n_vocab, 50)):
        model.piece(token)
    assert isinstance(model.bos + model.eos + model.template + model.name, str)
    model.close()


for line in sys.stdin:
    try:
        use(line.strip())
    except DesktopError:
        sys.stdout.write("refused\n")
    else:
        sys.stdout.write("used\n")
    sys.stdout.flush()
