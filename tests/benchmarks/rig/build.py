"""Compiles the rig's tools, each once per version of its source."""

import subprocess
from pathlib import Path

from tests.benchmarks import cache
from tests.benchmarks.processes import Unmeasurable


def tool(name: str) -> Path:
    """The compiled `name`.c of this folder. Raises Unmeasurable without a compiler."""
    source = Path(__file__).with_name(f"{name}.c")
    built = cache.folder("rig") / f"{name}-{cache.fingerprint(source.read_bytes())}"
    if built.exists():
        return built
    part = built.with_suffix(".part")
    try:
        subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", part, source], check=True)
    except FileNotFoundError as error:
        raise Unmeasurable("no C compiler: apt-get install build-essential") from error
    part.rename(built)
    return built
