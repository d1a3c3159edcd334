"""The benchmarks work: each runs as short as it can, and no test looks at a time."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.engine import llama_server
from tests.benchmarks.goals import goals_of
from tests.benchmarks.processes import Cores, Unmeasurable
from tests.benchmarks.relay.gateways import nginx_program
from tests.benchmarks.rig.build import tool

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def last_line(name: str) -> Any:
    command = [sys.executable, "-m", "tests.benchmarks", name, "--short", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def require_cores() -> None:
    try:
        Cores.of_this_machine()
    except Unmeasurable as problem:
        pytest.skip(str(problem))


def test_the_relay_is_measured_against_nginx() -> None:
    require_cores()
    try:
        nginx_program()
        tool("load")
    except Unmeasurable as problem:
        pytest.skip(str(problem))
    result = last_line("relay")
    assert set(result) == {"figures", "goals", "pass"}
    assert set(result["goals"]) == set(goals_of("relay")) <= set(result["figures"])


def test_the_engine_is_measured_against_llama_server() -> None:
    require_cores()
    try:
        built = llama_server.find()
    except Unmeasurable as problem:
        pytest.skip(str(problem))
    if built is None:
        pytest.skip("llama-server is not built: ./dev bench engine builds it")
    result = last_line("engine")
    assert set(result) == {"figures", "goals", "pass"}
    assert set(result["goals"]) == set(goals_of("engine")) <= set(result["figures"])


def test_the_hand_over_is_measured() -> None:
    result = last_line("handover")
    assert set(result["goals"]) == set(goals_of("handover")) <= set(result["figures"])


@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="draws on an X server of its own")
def test_the_window_is_measured() -> None:
    result = last_line("window")
    assert set(result["goals"]) == set(goals_of("window")) <= set(result["figures"])
