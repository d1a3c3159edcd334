"""`python packaging/compile_relay.py FOLDER`: puts a copy of the relay into FOLDER, its hot path compiled by mypyc.

The sources stay the only ones: they run as they are in a checkout, and compiled where the relay is measured and
shipped, in about two thirds of the time per call. Needs mypy, setuptools and a C compiler; takes about a minute.

Not compiled are msgspec's structs and uvicorn's subclasses, whose classes are made at run time, and what is rare.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

from mypyc.build import mypycify
from setuptools import setup

ROOT = Path(__file__).resolve().parents[1]
HOT = (
    "clock", "faults", "accounts/identity", "accounts/keys", "api/exchange", "api/heads", "api/hot",
    "completions/call", "completions/continuation", "completions/explained", "completions/guard",
    "completions/headers", "completions/ids", "completions/metering", "completions/passthrough",
    "completions/rejoined", "completions/repeats/payers", "completions/reply", "completions/request",
    "completions/running", "completions/service", "completions/services", "completions/targets",
    "completions/timers", "completions/usage", "completions/waiting", "completions/watch", "ledger/batch",
    "ledger/books", "ledger/credit", "ledger/earnings", "ledger/entries", "ledger/journal", "ledger/rows",
    "ledger/service", "ledger/settlement", "ledger/shared_credit", "routing/affinity", "routing/breaker",
    "routing/health", "routing/retries", "routing/windows", "upstreams/http", "upstreams/keys", "upstreams/node",
    "upstreams/port", "upstreams/provider", "upstreams/target",
)  # fmt: skip
"""Modules of the relay that every call passes through."""


def compile_into(folder: Path) -> None:
    """Makes `folder`/relay. Raises SystemExit, as compilers do, when something does not compile."""
    folder.mkdir(parents=True)
    shutil.copytree(ROOT / "relay", folder / "relay", ignore=shutil.ignore_patterns("__pycache__"))
    os.chdir(folder)
    modules = mypycify([f"relay/{name}.py" for name in HOT], opt_level="3", debug_level="0")
    build = ["--quiet", "build_ext", "--inplace", f"--parallel={os.cpu_count()}"]
    setup(name="nightjar-relay", ext_modules=modules, script_args=build)
    shutil.rmtree("build")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path, help="a folder that does not exist yet")
    target = parser.parse_args().folder.resolve()
    if target.exists():
        sys.exit(f"{target} exists already: name a new folder.")
    compile_into(target)
    print(f"done: cd {target} && python -m relay serve")
