"""What our own reading of a model file lets through does not end llama.cpp's process: mutants of the demo model."""

from __future__ import annotations

import io
import os
import random
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.inference import process
from desktop.models.gguf import GgufRefused, parse_header, read_header
from desktop.models.model_file import describe
from tests.desktop.models.gguf_files import DEMO_MODEL

NUMBERS = [0, 1, 2, 3, 5, 7, 255, 256, 65535, 2**31 - 1, 2**31, 2**32 - 1]


def mutants(count: int, seed: int) -> Iterator[tuple[dict[int, int], bytes]]:
    """Where bytes were changed to what, and the file. Most hit what describes the model rather than its vocabulary."""
    chance, content = random.Random(seed), DEMO_MODEL.read_bytes()
    end = read_header(DEMO_MODEL).data_at
    words = range(content.index(b"tokenizer.ggml.tokens") + 60, content.index(b"tokenizer.ggml.bos_token_id"))
    described = [at for at in range(end) if at not in words]
    for _ in range(count):
        mutant = bytearray(content)
        for _ in range(chance.choice([1, 1, 2])):
            at = chance.choice(described) if chance.random() < 0.9 else chance.randrange(end)
            match chance.randrange(3):
                case 0:
                    mutant[at] ^= 1 << chance.randrange(8)
                case 1:
                    mutant[at] = chance.choice([0, 1, 127, 128, 255])
                case _:
                    mutant[at : at + 4] = struct.pack("<I", chance.choice(NUMBERS))
        yield {at: mutant[at] for at in range(end) if mutant[at] != content[at]}, bytes(mutant)


def accepted(content: bytes) -> bool:
    try:
        describe(parse_header(io.BytesIO(content), len(content)))
    except GgufRefused:
        return False
    return True


def check(count: int, folder: Path) -> None:
    path, used = folder / "mutant.gguf", 0
    with subprocess.Popen(
        [sys.executable, "-m", "tests.desktop.inference.loading_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=process.environment() | {"GGML_NO_BACKTRACE": "1"},
    ) as loader:
        assert loader.stdin is not None
        assert loader.stdout is not None
        for changed, content in mutants(count, int(os.environ.get("MUTANT_SEED", "20"))):
            if not accepted(content):
                continue
            path.write_bytes(content)
            loader.stdin.write(f"{path}\n")
            loader.stdin.flush()
            word = loader.stdout.readline().strip()
            assert word, f"llama.cpp ended the process with {loader.wait()} over {changed}"
            used += word == "used"
        loader.stdin.close()
    assert used > 0


def test_mutants_that_pass_our_reading_do_not_end_the_process(tmp_path: Path) -> None:
    check(120, tmp_path)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_many_mutants_that_pass_our_reading_do_not_end_the_process(tmp_path: Path) -> None:
    check(8000, tmp_path)
