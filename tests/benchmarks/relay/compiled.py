"""The relay as it ships: its hot path compiled, once per version of its source."""

import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from tests.benchmarks import cache
from tests.benchmarks.processes import Unmeasurable

ROOT = Path(__file__).parents[3]
_SCRIPT = ROOT / "packaging" / "compile_relay.py"


def compiled_relay() -> Path:
    """The folder to put in front of Python's path. Raises Unmeasurable if it does not compile."""
    inside = (ROOT / "relay").rglob("*")  # pages and styles too: the copy has them as they were
    sources = [_SCRIPT, *sorted(path for path in inside if path.is_file() and "__pycache__" not in path.parts)]
    content = [part for path in sources for part in (str(path.relative_to(ROOT)).encode(), path.read_bytes())]
    name = cache.fingerprint(sys.version.encode(), version("mypy").encode(), *content)
    made = cache.folder("relay") / name
    if not made.exists():
        print("compiling the relay's hot path (about a minute)", file=sys.stderr)
        part = made.with_suffix(".part")
        shutil.rmtree(part, ignore_errors=True)
        done = subprocess.run([sys.executable, str(_SCRIPT), str(part)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Unmeasurable(f"the relay does not compile: {done.stderr[-2000:]}")
        part.rename(made)
    return made
