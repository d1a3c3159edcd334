"""The relay as it ships keeps to the tests of its sources."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.relay.compiled import ROOT, compiled_relay


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_every_test_of_the_relay_holds_for_the_compiled_one(tmp_path: Path) -> None:
    tree = tmp_path / "compiled"
    shutil.copytree(compiled_relay(), tree)
    for name in ("tests", "assets", "pyproject.toml"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tree / name)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2", "tests/relay"]
    command.append("--ignore=tests/relay/simulation")  # its providers are played; compiled code takes real ones only
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    loaded = subprocess.run(
        [sys.executable, "-c", "import relay.completions.call as call; print(call.__file__)"],
        cwd=tree, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip

    done = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)

    assert not loaded.stdout.strip().endswith(".py")
    assert done.returncode == 0, done.stdout[-4000:]
